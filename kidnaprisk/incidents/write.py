"""Write an incident table as a file that `read_incidents` gives back unchanged.

The library's own CSV columns, in UTF-8 with LF line ends, and beside it the coverage the table
carries. The same table always gives the same bytes. Parquet and GeoJSON are geopandas' own affair:
``to_parquet`` and ``to_file`` of a validated table are read back as well.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path

import geopandas as gpd
import pandas as pd

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, Coverage, coverage_path, coverages_from
from kidnaprisk.incidents.formats.own import FILE_COLUMNS
from kidnaprisk.incidents.parse import encodable, texts_of
from kidnaprisk.incidents.table import COLUMNS, FLAGS, validate_incidents


def write_incidents(incidents: gpd.GeoDataFrame, path: str | PathLike[str]) -> None:
    """Write incidents as the library's own CSV, and their coverage beside it.

    Parameters
    ----------
    incidents : GeoDataFrame
        Checked by `validate_incidents` first.
    path : path
        Ends in ``.csv`` or ``.csv.gz``. The coverage, where ``attrs`` carries one, goes to
        ``<stem>.coverage.toml``. Files there are overwritten.

    Raises
    ------
    IncidentError
        If the table is not valid.
    StoreError
        If the name has another ending, or a file cannot be written.
    """
    path = Path(fspath(path))
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        raise StoreError(
            "incidents are written as CSV", file=path.name, remedy="name it .csv or .csv.gz"
        )
    checked = validate_incidents(incidents)
    content = own_cells(checked).to_csv(index=False, lineterminator="\n").encode()
    if path.name.lower().endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    carried = checked.attrs.get(COVERAGE_ATTR)
    try:
        path.write_bytes(content)
        if carried is not None:
            coverage_path(path).write_bytes(coverage_toml(coverages_from(carried)).encode())
    except OSError as error:
        raise StoreError(
            f"the file cannot be written: {error.strerror or error}",
            file=path.name,
            remedy="check the folder and its rights",
        ) from error


def own_cells(incidents: gpd.GeoDataFrame) -> pd.DataFrame:
    """A validated table as text cells of the library's own columns, n rows, None where empty."""
    given = {
        **{name: incidents[name] for name in COLUMNS[:-1]},
        "longitude": incidents.geometry.x,
        "latitude": incidents.geometry.y,
        **{name: incidents[name].map({True: "true"}) for name in FLAGS},
    }
    return pd.DataFrame(
        {name: pd.Series(texts_of(given[name]), dtype="object") for name in FILE_COLUMNS}
    )


def coverage_toml(coverages: Sequence[Coverage]) -> str:
    """Coverages as the TOML that `read_coverage` reads.

    Examples
    --------
    >>> import datetime as dt
    >>> day = dt.date(2020, 1, 1)
    >>> print(coverage_toml([Coverage("mine", ("NE",), day, day, True)]))
    [[coverage]]
    source = "mine"
    areas = ["NE"]
    start = 2020-01-01
    end = 2020-01-01
    systematic = true
    note = ""
    kinds = ["attack", "battle", "explosion", "kidnapping", "other", "unrest"]
    <BLANKLINE>
    """
    return "\n".join(
        f"[[coverage]]\n"
        f"source = {quoted(each.source)}\n"
        f"areas = [{', '.join(quoted(area) for area in each.areas)}]\n"
        f"start = {each.start.isoformat()}\n"
        f"end = {each.end.isoformat()}\n"
        f"systematic = {str(each.systematic).lower()}\n"
        f"note = {quoted(each.note)}\n"
        f"kinds = [{', '.join(quoted(kind) for kind in each.kinds)}]\n"
        for each in coverages
    )


def quoted(text: str) -> str:
    r"""A text as TOML writes it.

    Examples
    --------
    >>> print(quoted('a "b"'))
    "a \"b\""
    """
    # A JSON string is a TOML basic string, but for the one control character JSON lets through.
    return json.dumps(encodable(text), ensure_ascii=False).replace("\x7f", "\\u007f")
