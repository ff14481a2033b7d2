"""The errors of kidnaprisk: one base, one child for each kind of input.

Every error says what was wrong, where (file, row, column, value) and what to do about it.
Children also inherit the built-in a caller would expect (``ValueError`` for bad values,
``OSError`` for stores and files), so ``except ValueError`` in existing code keeps working.
"""

from __future__ import annotations

_LONGEST_VALUE = 80


class KidnapRiskError(Exception):
    """Base of every error raised on purpose by kidnaprisk.

    Parameters
    ----------
    message : str
        What was wrong, one sentence without a full stop.
    remedy : str, optional
        What the reader can do about it.
    file, row, column, value : optional
        Where it was: file name, row number as a spreadsheet shows it (header is row 1),
        column name and the offending value.

    Examples
    --------
    >>> print(KidnapRiskError("not a date", remedy="write YYYY-MM-DD", row=7, value="x"))
    not a date (row 7, value 'x'): write YYYY-MM-DD
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        file: object | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object | None = None,
    ) -> None:
        self.message = message
        self.remedy = remedy
        self.file = None if file is None else str(file)
        self.row = row
        self.column = column
        self.value = value
        super().__init__(self._text())

    def _text(self) -> str:
        where = []
        if self.file is not None:
            where.append(f"file {self.file}")
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.column is not None:
            where.append(f"column {self.column!r}")
        if self.value is not None:
            shown = repr(self.value)
            if len(shown) > _LONGEST_VALUE:
                shown = shown[: _LONGEST_VALUE - 1] + "…"
            where.append(f"value {shown}")
        text = self.message
        if where:
            text += f" ({', '.join(where)})"
        if self.remedy:
            text += f": {self.remedy}"
        return text


class IncidentError(KidnapRiskError, ValueError):
    """An incident table or file cannot be used."""


class RouteError(KidnapRiskError, ValueError):
    """A route file or geometry cannot be used."""


class TripError(KidnapRiskError, ValueError):
    """A trip's departure, pace, stops or crew cannot be used."""


class CoverageError(KidnapRiskError, ValueError):
    """A question falls where, or when, the records have nothing to say."""


class ModelError(KidnapRiskError, ValueError):
    """A hazard model is not fitted, or cannot be fitted or asked as wished."""


class ArtifactError(KidnapRiskError, OSError):
    """A stored model is missing, changed, or not of this library's making."""


class StoreError(KidnapRiskError, OSError):
    """A store of incidents, or a file to be written, cannot be used."""


class FeedError(KidnapRiskError, OSError):
    """A source's records cannot be fetched, or what came is not sound."""


class ConfigError(KidnapRiskError, ValueError):
    """A setting, option or optional package is wrong or missing."""
