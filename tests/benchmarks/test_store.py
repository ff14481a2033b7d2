"""The store of incidents at size: importing, importing again, and asking as of a day.

Run with ``make bench``; ``KIDNAPRISK_BENCH_ROWS=1000000`` for other than 100,000 rows. The file is
SYNTHETIC (`tests.incidents.made_acled`). Each import runs in a process of its own, whose peak
memory is the kernel's figure; `pandas.read_csv` of the same file, all cells as text, stands beside
it. Only counts are asserted, since times depend on the machine.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kidnaprisk.incidents.store import IncidentStore
from tests.incidents.made_acled import write_made_acled
from tests.postgres import postgres_server

ROWS = int(os.environ.get("KIDNAPRISK_BENCH_ROWS", "100000"))
REVISED_EVERY = 100
DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")

READ = """
import pandas as pd
rows = len(pd.read_csv(sys.argv[1], dtype="string"))
"""
IMPORT = """
from kidnaprisk.incidents.store import IncidentStore
told = IncidentStore(sys.argv[2]).import_file(sys.argv[1], on=sys.argv[3]).to_dict()
"""
# Loading the libraries is not timed: it is the same for any number of rows. Their memory is in.
MEASURED = """
import json, resource, sys, time
import kidnaprisk, pandas, geopandas
told = {{}}
begin = time.perf_counter()
{work}
told["seconds"] = time.perf_counter() - begin
told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(told))
"""


def measured(work: str, *arguments: object) -> dict[str, Any]:
    """What a piece of work tells, in a process of its own, with its seconds and peak memory."""
    command = [sys.executable, "-c", MEASURED.format(work=work), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A made-up export, and the same with every hundredth row revised."""
    folder = tmp_path_factory.mktemp("made")
    first, revised = folder / "first.csv", folder / "revised.csv"
    write_made_acled(first, ROWS)
    with (
        first.open(encoding="utf-8", newline="") as stream,
        revised.open("w", encoding="utf-8", newline="") as out,
    ):
        rows, writer = csv.reader(stream), csv.writer(out, lineterminator="\n")
        header = next(rows)
        writer.writerow(header)
        actor, stamp = header.index("actor1"), header.index("timestamp")
        for number, row in enumerate(rows):
            if number % REVISED_EVERY == 0:
                row[actor], row[stamp] = "Revised Group (Made Up)", str(int(row[stamp]) + 86_400)
            writer.writerow(row)
    return first, revised


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    with postgres_server() as server:
        yield server.new_database()


def test_import_and_ask(
    url: str, made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, revised = made
    plain = measured(READ, first)
    runs = [
        measured(IMPORT, file, url, day)
        for file, day in zip((first, first, revised), DAYS, strict=True)
    ]
    held = runs[0]["added"]
    changed = -(-ROWS // REVISED_EVERY)
    assert held + runs[0]["rejected"] == ROWS
    assert (runs[1]["added"], runs[1]["revised"], runs[1]["unchanged"]) == (0, 0, held)
    assert held - changed <= runs[2]["unchanged"] < held
    assert runs[2]["added"] == 0
    lines = [
        f"{url.partition(':')[0]}, {ROWS:,} SYNTHETIC rows of {first.stat().st_size / 1e6:.0f} MB",
        _line("pandas.read_csv", plain, plain),
        *(
            _line(name, run, plain)
            for name, run in zip(("import", "the same again", "1 % revised"), runs, strict=True)
        ),
        *_asked(IncidentStore(url), held),
    ]
    with capsys.disabled():
        print("\n" + "\n".join(lines))


def _line(name: str, run: dict[str, Any], plain: dict[str, Any]) -> str:
    return (
        f"{name:>18}: {run['seconds']:7.2f} s, {ROWS / run['seconds']:9,.0f} rows/s, "
        f"{run['seconds'] / plain['seconds']:5.1f} x read_csv; "
        f"peak {run['peak_mb']:,.0f} MB, {run['peak_mb'] / plain['peak_mb']:.2f} x"
    )


def _asked(store: IncidentStore, held: int) -> Iterator[str]:
    asked: dict[str, Callable[[], Any]] = {
        "all": lambda: store.as_of(DAYS[0]),
        "country, 2 years": lambda: store.as_of(
            DAYS[0], countries=["ML"], since="2020-01-01", until="2021-12-31"
        ),
        "box of 1 degree": lambda: store.as_of(DAYS[0], bbox=(7.0, 9.0, 8.0, 10.0)),
        "kidnappings": lambda: store.as_of(DAYS[2], kinds=["kidnapping"]),
        "status": store.status,
    }
    for name, ask in asked.items():
        begin = time.perf_counter()
        found = ask()
        seconds = time.perf_counter() - begin
        if name == "all":
            assert len(found) == held
        rows = "" if name == "status" else f", {len(found):,} rows"
        yield f"{name:>18}: {seconds:7.2f} s{rows}"
