"""A first draft of a mapping for somebody's own incident log, for that somebody to correct.

It looks at the names of the columns and at what their cells can be read as, never at what a
narrative says, and shows no cell but the words of columns that hold a few words over and over. What
it is not sure of it leaves out as a comment. A draft is a proposal: nothing is read by it until
somebody has saved it as a mapping.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path

import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.batches import named_error, open_sheet
from kidnaprisk.incidents.cells import Cells
from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.coverage import stem_of
from kidnaprisk.incidents.days import Order, day_order, days_of
from kidnaprisk.incidents.formats.mapping import MAPPED, RESERVED_SOURCES, VOCABULARIES, folded
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.formats.written import day_texts
from kidnaprisk.incidents.guessing import Column, Guess, is_word, likely_columns, share
from kidnaprisk.incidents.parse import cell_text, encodable
from kidnaprisk.incidents.synonyms import UNKNOWN_WORDS, likely_word, plain
from kidnaprisk.incidents.table import DAYS
from kidnaprisk.incidents.write import quoted

_ROWS_LOOKED_AT = 5_000
_WORDS_SHOWN = 20
_FEWEST_COLUMNS = 3
_LETTERS = re.compile(r"[^a-z0-9_-]+")


def propose_mapping(path: str | PathLike[str]) -> str:
    r"""Draft the mapping of a file in unknown columns.

    Parameters
    ----------
    path : path
        A ``.csv``, ``.csv.gz``, ``.tsv``, ``.xlsx``, ``.parquet`` or ``.geojson`` file; its first
        5,000 rows are looked at.

    Returns
    -------
    str
        TOML. Saved as ``<stem>.mapping.toml`` beside the file, it is read with it. Where something
        needed was not found, a comment says so, and the draft is no mapping until it is filled in.

    Raises
    ------
    IncidentError
        If the file cannot be read, is empty, or is of another kind.
    ConfigError
        If it needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "log.csv")
    ...     _ = log.write_text("Jour,Pays,GPS,Genre\n2024-01-01,Niger,\"14.1, 0.3\",x\n")
    ...     print(propose_mapping(log).partition("[columns]")[2])
    <BLANKLINE>
    date = "Jour"
    country = "Pays"
    position = "GPS"
    # kind: needed, and no column looks like it. Name one, or give one word under [values]
    # not used: "Genre"
    <BLANKLINE>
    [values]
    # location_error_km = 25  # how far off a position may be, if you can say
    # kind = "kidnapping"
    <BLANKLINE>
    """
    path = Path(fspath(path))
    try:
        any_table = _AnyTable(of_workbook=path.name.lower().endswith(".xlsx"))
        sheet = open_sheet(path, (any_table,), named=True, rows=_ROWS_LOOKED_AT)
        cells = next(sheet.batches, None)
        if cells is None or not cells.rows:
            raise IncidentError("the file has a header and no rows", remedy="get it again")
    except IncidentError as error:
        raise named_error(error, path.name) from error
    columns = _columns(cells)
    return _draft(path, columns, likely_columns(columns), whole=len(cells.rows) < _ROWS_LOOKED_AT)


class _AnyTable(Format):
    """Any file at all: its columns as they are."""

    name = "any"

    def __init__(self, *, of_workbook: bool) -> None:
        self._of_workbook = of_workbook

    def recognises(self, header: Sequence[str]) -> bool:
        """In a workbook a worksheet of some columns; in text none, so that most columns win."""
        return self._of_workbook and sum(bool(name) for name in header) >= _FEWEST_COLUMNS

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells as they are."""
        return Tabled(cells)


def _columns(cells: Cells) -> list[Column]:
    """Their columns, but for those whose name no mapping can tell from another's."""
    frame = cells.frame().head(_ROWS_LOOKED_AT)
    names = [folded(name) for name in cells.header]
    columns = []
    for at, name in enumerate(cells.header):
        if names.count(folded(name)) > 1 or not folded(name) or name != encodable(name):
            continue
        texts = [encodable(text) for cell in frame[name].tolist() if (text := cell_text(cell))]
        columns.append(Column(name, pd.Series(texts, dtype="object"), at))
    return columns


def _draft(path: Path, columns: Sequence[Column], guesses: dict[str, Guess], *, whole: bool) -> str:
    lines = [
        f"# What the columns of {quoted(path.name)} mean: a draft. Check every line.",
        "" if whole else f"# Only its first {_ROWS_LOOKED_AT:,} rows were looked at.",
        f"source = {quoted(_source(path))}",
        *_order(guesses),
        "",
        "[columns]",
        *(_line(ours, guesses[ours]) for ours in MAPPED if ours in guesses),
        *_needed(guesses),
    ]
    used = {guess.column.at for guess in guesses.values()}
    lines += [f"# not used: {quoted(one.name)}" for one in columns if one.at not in used]
    lines += ["", "[values]"]
    if "location_error_km" not in guesses:
        lines.append("# location_error_km = 25  # how far off a position may be, if you can say")
    for ours, example in (("kind", "kidnapping"), ("country", "NE")):
        if ours not in guesses:
            lines.append(f"# {ours} = {quoted(example)}")
    for ours in ("kind", "country", "location_error_km", "setting", "sector", "demand", "outcome"):
        if ours in guesses:
            lines += _words(ours, guesses[ours].column.texts)
    return "\n".join(line for at, line in enumerate(lines) if line or at > 1) + "\n"


def _source(path: Path) -> str:
    name = _LETTERS.sub("_", plain(stem_of(path)).replace(" ", "_")).strip("_") or "log"
    return f"{name}_log" if name in RESERVED_SOURCES else name


def _order(guesses: dict[str, Guess]) -> list[str]:
    """The order of day and month: told by the cells, or asked for where they leave it open."""
    orders: set[Order | None] = set()
    for name in DAYS:
        if name in guesses:
            days, _ = day_texts(guesses[name].column.texts)
            order = day_order(days)
            # A column that needs no order has none either.
            if (
                order is not None
                or days_of(days).isna().gt(days_of(days, order="DMY").isna()).any()
            ):
                orders.add(order)
    if len(orders) == 1 and None not in orders:
        return [f'date_order = "{orders.pop()}"']
    if orders:
        return ['# date_order = "DMY"  # needed: 3/4/2024 could be in March or in April; or "MDY"']
    return []


def _line(ours: str, guess: Guess) -> str:
    doubt = f"  # told {guess.doubt}: is it?" if guess.doubt else ""
    return f"{ours} = {quoted(guess.column.name)}{doubt}"


def _needed(guesses: dict[str, Guess]) -> list[str]:
    """What the file does not seem to have, and no mapping is without."""
    lines = []
    if "date" not in guesses and "year" not in guesses:
        lines.append("# date: needed, and no column looks like it. Name one (or year, month, day)")
    if "position" not in guesses:
        lines += [
            f"# {axis}: needed, and no column looks like it. Name one (or position, for both)"
            for axis in ("latitude", "longitude")
            if axis not in guesses
        ]
    lines += [
        f"# {ours}: needed, and no column looks like it. Name one, or give one word under [values]"
        for ours in ("country", "kind")
        if ours not in guesses
    ]
    return lines


def _words(ours: str, texts: pd.Series) -> list[str]:
    """The words of a column, with ours where it is likely and a line to fill in where it is not."""
    if ours == "country":
        unknown = texts[country_codes(texts).isna()]
        if unknown.empty:
            return []
        return ["", "[words.country]", f"# {len(unknown)} cells are no country known by that name"]
    if ours == "location_error_km":
        if share(ours, texts) == 1.0 and not _looks_coded(texts):
            return []
        note = '# these are no km: say what each means, as "their word" = km'
        return ["", "[words.location_error_km]", note]
    counts = texts.groupby(texts.map(folded)).agg(["first", "size"])
    counts = counts.sort_values("size", ascending=False, kind="stable")
    words = [word for word in counts["first"].tolist() if is_word(word)]
    lines = ["", f"[words.{ours}]", f"# ours are {', '.join(sorted(VOCABULARIES[ours]))}"]
    for word in words[:_WORDS_SHOWN]:
        meant = likely_word(ours, word, VOCABULARIES[ours])
        if meant is None and ours != "kind" and plain(word) in UNKNOWN_WORDS:
            meant = ""
        fill_in = "# " if meant is None else ""
        lines.append(f"{fill_in}{quoted(word)} = {quoted(meant or '')}")
    if len(counts) > _WORDS_SHOWN or len(words) < len(counts):
        lines.append(f"# and {len(counts) - min(len(words), _WORDS_SHOWN)} more, not shown")
    return lines


def _looks_coded(texts: pd.Series) -> bool:
    """Whether numbers look like classes of precision: a few small whole ones."""
    values = set(texts.unique().tolist())
    return values <= {str(code) for code in range(1, 8)} and len(values) > 1
