"""``import kidnaprisk`` beside ``import geopandas``, each in fresh interpreters, taken in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys

import pytest

ROUNDS = 9
ALLOWED_RATIO = 1.3

STATEMENTS = {
    "geopandas": "import geopandas",
    "kidnaprisk": "import kidnaprisk",
    "every public name": "import kidnaprisk; [getattr(kidnaprisk, n) for n in kidnaprisk.__all__]",
}


def seconds_for(statement: str) -> float:
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_import_costs_little_more_than_geopandas(capsys: pytest.CaptureFixture[str]) -> None:
    for statement in STATEMENTS.values():
        seconds_for(statement)  # the first one pays for cold disk caches
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(ROUNDS):
        for name, statement in STATEMENTS.items():
            seconds[name].append(seconds_for(statement))
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    with capsys.disabled():
        print()
        for name, taken in median.items():
            ratio = taken / median["geopandas"]
            print(f"import {name}: {taken:.3f} s, {ratio:.2f} x geopandas (median of {ROUNDS})")
    assert median["kidnaprisk"] <= ALLOWED_RATIO * median["geopandas"]
