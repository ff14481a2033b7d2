"""The rule for notes and the rule for merging, against what a reader judged of real rows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest

from kidnaprisk.incidents.cells import Cells
from kidnaprisk.incidents.files import open_csv
from kidnaprisk.incidents.formats.acled import AcledFormat
from kidnaprisk.incidents.merge import link_incidents
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.wording import speaks_of_kidnapping
from kidnaprisk.incidents.workbooks import open_excel

LABELS = Path(__file__).with_name("labels")
MERGED = (
    "awsd/awsd_security_incidents_2025-04.csv",
    "kika/2020-2023-aid-worker-kika-incident-data.xlsx",
    "acled/acled_BFA_1997-2020-12-10_export.csv",
    "acled/acled_CMR_xlsx_2020.xlsx",
    "acled/acled_MLI_2017-2019-02-27_export.csv",
    "acled/acled_GHA_1980-2021-11-13_export.csv",
    "acled/acled_KEN_ddmmyy.csv",
)


class Told(NamedTuple):
    """How many were told rightly, told wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)


def counted(labels: pd.Series, told: pd.Series, yes: str, no: str) -> Told:
    return Told(
        int((labels.eq(yes) & told).sum()),
        int((labels.eq(no) & told).sum()),
        int((labels.eq(yes) & ~told).sum()),
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def notes_of(path: Path) -> dict[str, str]:
    """The notes of a file by the hash of the row's id, read apart from the rule under test."""
    if path.name.startswith("cfr_nst"):
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        header, *rows = book["NST Main Dataset"].iter_rows(values_only=True)
        columns = [header.index(name) for name in ("Title", "Notes")]
        return {
            sha256(f"nst-row-{number}"): ". ".join(str(row[at]) for at in columns if row[at])
            for number, row in enumerate(rows, 2)
        }
    form = AcledFormat()
    opened = open_excel if path.suffix == ".xlsx" else open_csv
    batches: list[Cells] = list(opened(path, (form,), named=True, rows=10_000).batches)
    return {
        sha256(str(row["event_id_cnty"])): row["notes"]
        for cells in batches
        for _, row in cells.frame().iterrows()
    }


@pytest.mark.parametrize("half", ["dev", "test"])
@pytest.mark.filterwarnings("ignore:Data Validation extension")
def test_what_notes_tell_is_what_a_reader_found_in_them(shared_dir: Path, half: str) -> None:
    labels = pd.read_csv(LABELS / "kind_from_text.csv", dtype=str).query("half == @half")
    notes: dict[str, str] = {}
    for name in labels["file"].unique():
        notes |= notes_of(next((shared_dir / "incidents").glob(f"*/{name}")))
    texts = labels["row_sha256"].map(notes)
    assert texts.notna().all()
    told = pd.Series(speaks_of_kidnapping(texts.reset_index(drop=True)), index=labels.index)
    found = counted(labels["label"], told, "yes", "no")
    print(f"kind_from_text, {half} half: {found}")
    assert found.precision >= 0.95
    assert found.recall >= 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Data Validation extension")
def test_what_merging_joins_is_what_a_reader_found_to_be_one_event(shared_dir: Path) -> None:
    tables = [
        read_incidents(shared_dir / "incidents" / name, return_rejects=True)[0] for name in MERGED
    ]
    for table in tables:
        table.attrs.clear()
    rows = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326")
    event = link_incidents(rows).to_numpy()
    at = {
        sha256(f"{source}:{name}"): position
        for position, (source, name) in enumerate(
            zip(rows["source"], rows["incident_id"], strict=True)
        )
    }
    pairs = pd.read_csv(LABELS / "pairs.csv", dtype=str)
    placed = pairs[pairs["a_sha256"].isin(at) & pairs["b_sha256"].isin(at)]
    assert len(placed) >= 150
    joined = pd.Series(
        event[placed["a_sha256"].map(at)] == event[placed["b_sha256"].map(at)], index=placed.index
    )
    for half in ("dev", "test"):
        of_half = placed["half"] == half
        found = counted(placed["label"][of_half], joined[of_half], "same", "different")
        print(f"merging, {half} half, both rows placed: {found}")
        assert found.precision >= 0.95
        # A source may tell an event twice, and only one of the two is joined: see docs/merging.md.
        assert found.recall >= 0.85
