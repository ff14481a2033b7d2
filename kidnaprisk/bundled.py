"""Where the bundled data and models lie: at the top of a checkout, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

from kidnaprisk.errors import ArtifactError

_PACKAGE = Path(__file__).resolve().parent


def _root() -> Path:
    # A wheel carries data/ and models/ inside the package; a checkout keeps them above it.
    return _PACKAGE if (_PACKAGE / "data").is_dir() else _PACKAGE.parent


def data_path(name: str) -> Path:
    """Path of a bundled data file.

    Raises
    ------
    ArtifactError
        If the file is not there: the installation is incomplete.

    Examples
    --------
    >>> data_path("incidents.csv").name
    'incidents.csv'
    """
    path = _root() / "data" / name
    if not path.exists():
        raise ArtifactError(
            "a bundled data file is missing", file=path, remedy="re-install kidnaprisk"
        )
    return path


def models_path() -> Path:
    """Folder of the bundled models.

    Examples
    --------
    >>> models_path().name
    'models'
    """
    return _root() / "models"
