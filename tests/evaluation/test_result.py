"""A result as plain values: what is missing is null, what is no result is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.errors import ConfigError, StoreError
from kidnaprisk.evaluation.result import TABLES, BacktestResult


def made(**tables):
    """SYNTHETIC: a result of empty tables but those given."""
    return BacktestResult(
        {"seed": 0}, **{name: tables.get(name, pd.DataFrame()) for name in TABLES}
    )


def test_missing_figures_are_null_and_numbers_are_plain():
    scores = pd.DataFrame({"model": ["a"], "n": [np.int64(3)], "gain": [np.nan], "slope": [0.5]})
    found = made(scores=scores)
    row = found.to_dict()["scores"][0]
    assert row == {"model": "a", "n": 3, "gain": None, "slope": 0.5}
    assert [type(value) for value in row.values()] == [str, int, type(None), float]
    assert BacktestResult.from_json(found.to_json()).to_dict() == found.to_dict()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"parameters": {}}', '{"parameters": 3, "scores": []}']
)
def test_what_is_no_result_is_refused(text):
    with pytest.raises(ConfigError, match="not the result of a backtest"):
        BacktestResult.from_json(text)


def test_a_result_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        made().to_json(tmp_path / "missing" / "found.json")
    with pytest.raises(StoreError, match="cannot be written"):
        made().to_json(tmp_path)
