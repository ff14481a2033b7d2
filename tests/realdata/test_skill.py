"""Skill on a real file, on days before its last year: held so that a change cannot lose it unseen.

Not a validation: docs/method.md has that, on whole files and against every baseline.
"""

import pytest

import kidnaprisk as kr
from kidnaprisk.evaluation.baselines import KernelDensity

BURKINA = "incidents/acled/acled_BFA_1997-2020-12-10_export.csv"


@pytest.fixture(scope="module")
def found(shared_dir):
    """Months of 2018-02 to 2019-12; known_on of this file is but the day of an upload."""
    return kr.backtest(
        {"mixture": kr.KernelMixture(), "kernel": KernelDensity()},
        kr.read_incidents(shared_dir / BURKINA),
        start="2018-02-10", end="2019-12-03", reporting_delay_days=14, baselines=False,
    )  # fmt: skip


def test_the_default_beats_the_best_single_kernel(found):
    row = found.comparisons.query("model == 'mixture' and reference == 'kernel'").iloc[0]
    assert row["n"] > 70
    assert row["low"] > 0.0


def test_its_total_and_its_intervals_hold(found):
    scores = found.scores.set_index("model").loc["mixture"]
    assert min(scores["nb_low"], scores["nb_high"]) > 0.05
    held = found.coverage.query("what == 'region month' and least_expected == 0.0")
    for level, share in zip(held["level"], held["held_randomised"], strict=True):
        assert level - 0.05 <= share <= level + 0.05
