"""One question asked before a model is published, and its answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PASSED, FAILED, UNKNOWN = "passed", "failed", "unknown"


@dataclass(frozen=True)
class Check:
    """What was looked at, and what was found.

    Parameters
    ----------
    name : str
        What was looked at, such as ``rejects`` or ``information gain``.
    subject : str
        Of what: a feed, or ``challenger``.
    status : str
        ``passed``, ``failed``, or ``unknown`` where there is nothing to tell by.
    value, limit : float, optional
        The figure, and the threshold that it was held against.
    text : str
        One sentence with the figures and, where it failed, by how much.

    Examples
    --------
    >>> Check("rejects", "acled", PASSED, 0.01, 0.1, "1 of 100 rows was rejected").failed
    False
    """

    name: str
    subject: str
    status: str
    value: float | None
    limit: float | None
    text: str

    @property
    def failed(self) -> bool:
        """Whether it speaks against publishing."""
        return self.status == FAILED

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON-able values."""
        return asdict(self)
