"""Shares that differ from place to place: by hand, by simulation. All records are SYNTHETIC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard.shares import Learned, Records, learn_share, share_at

SCALES, MEMORIES = np.array([25.0, 75.0, 200.0]), np.array([np.inf, 730.0])
DAY = 3000.0


def records(like, lon, lat, country, day):
    """SYNTHETIC records, known a week after they happened."""
    return Records(
        np.asarray(like, float),
        ecef_km(lon, lat),
        np.asarray(country, dtype=object),
        np.asarray(day, float),
        np.asarray(day, float) + 7.0,
    )


def learned(**changes):
    defaults = {
        "n": 10, "scale_km": 50.0, "memory_days": np.inf, "country_strength": 4.0,
        "place_strength": 2.0, "pooled_memory_days": np.inf, "scored": 10,
        "gain": 0.1, "gain_low": 0.05, "gain_high": 0.2,
    }  # fmt: skip
    return Learned(**{**defaults, **changes})


def cities(n, shares, seed):
    """SYNTHETIC: n records over two far cities of one country, alike with each city's share."""
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 2, n)
    lon = np.array([0.0, 10.0])[city] + rng.normal(0.0, 0.05, n)
    like = rng.random(n) < np.asarray(shares)[city]
    return records(like, lon, np.full(n, 15.0), ["ML"] * n, np.sort(rng.integers(0, 2900, n)))


def test_three_steps_by_hand():
    """Four records at one spot of ML (3 alike), six far off in NE (1 alike), none fading."""
    table = records(
        [1, 1, 1, 0, 1, 0, 0, 0, 0, 0], [0.0] * 4 + [60.0] * 6, [15.0] * 10,
        ["ML"] * 4 + ["NE"] * 6, [100.0] * 10,
    )  # fmt: skip
    mean, variance = share_at(
        table, learned(), DAY, ecef_km([0.0, 30.0], [15.0, 15.0]), np.array(["ML", "TD"], object)
    )
    pooled = 4.5 / 11
    country = (3 + 4 * pooled) / (4 + 4)
    place = (3 + 2 * country) / (4 + 2)
    assert mean == pytest.approx([place, pooled])
    v0 = pooled * (1 - pooled) / 12
    v1 = (country * (1 - country) - v0 / 4) / (4 + 4 + 1) + v0 / 4
    v2 = (place * (1 - place) - v1 / 9) / (4 + 2 + 1) + v1 / 9
    assert variance[0] == pytest.approx(v2)


def test_fading_by_hand():
    """One memory ago counts e⁻¹; the pooled share of one alike now and one unlike then."""
    table = records([1, 0], [0.0, 0.0], [15.0, 15.0], ["ML", "ML"], [DAY, DAY - 730.0])
    never_adds = learned(gain_low=-0.01, pooled_memory_days=730.0)
    mean, variance = share_at(table, never_adds, DAY, ecef_km([0.0], [15.0]), np.array(["ML"]))
    assert mean[0] == pytest.approx(1.5 / (1 + np.exp(-1) + 1))
    assert variance[0] == pytest.approx(mean[0] * (1 - mean[0]) / (1 + np.exp(-1) + 2))


def test_without_records_nothing_is_known():
    none = records([], [], [], [], [])
    taught = learn_share(none, DAY, SCALES, MEMORIES, 0)
    mean, variance = share_at(none, taught, DAY, ecef_km([0.0], [15.0]), np.array(["ML"]))
    assert not taught.adds
    assert taught.scored == 0
    assert np.isnan(mean[0])
    assert np.isnan(variance[0])


def test_places_that_differ_are_told_apart():
    table = cities(400, (0.9, 0.1), 1)
    taught = learn_share(table, DAY, SCALES, MEMORIES, 0)
    assert taught.adds
    # Knowing the city would gain log 2 less the entropy of a 90:10 coin, 0.368 nats an incident.
    assert 0.28 < taught.gain < 0.45
    mean, _ = share_at(
        table, taught, DAY, ecef_km([0.0, 10.0], [15.0, 15.0]), np.array(["ML", "ML"])
    )
    assert mean == pytest.approx([0.9, 0.1], abs=0.08)


def test_places_that_do_not_differ_add_nothing():
    """Of 40 countries of one share, hardly any may look as if the place mattered."""
    taught = [
        learn_share(cities(150, (0.3, 0.3), seed), DAY, SCALES, MEMORIES, 0) for seed in range(40)
    ]
    assert sum(one.adds for one in taught) <= 3
    for one in taught[:5]:
        mean, _ = share_at(
            cities(150, (0.3, 0.3), 0), one, DAY, ecef_km([0.0, 10.0], [15.0, 15.0]),
            np.array(["ML", "ML"]),
        )  # fmt: skip
        assert one.adds or mean[0] == mean[1]


def test_where_all_answer_the_same_the_place_adds_nothing():
    assert not learn_share(cities(200, (1.0, 1.0), 3), DAY, SCALES, MEMORIES, 0).adds


def test_the_interval_holds_the_true_share():
    """The pooled 90 % interval over 200 draws of 60 records; binomial noise of the check ± 5 %."""
    held = 0
    for seed in range(200):
        table = cities(60, (0.3, 0.3), 1000 + seed)
        mean, variance = share_at(
            table, learned(gain_low=-1.0), DAY, ecef_km([0.0], [15.0]), np.array(["ML"])
        )
        worth = mean[0] * (1 - mean[0]) / variance[0] - 1
        low, high = beta(mean[0] * worth, (1 - mean[0]) * worth).ppf([0.05, 0.95])
        held += low <= 0.3 <= high
    assert 0.85 <= held / 200 <= 0.95


def test_what_happens_later_changes_nothing():
    """Records not known by the day leave the forecasts of all months before it as they were."""
    table = cities(300, (0.8, 0.2), 5)
    early = table.take(table.known_day <= 1500.0)
    before = learn_share(early, 1500.0, SCALES, MEMORIES, 0)
    shuffled = table._replace(like=np.where(table.known_day > 1500.0, 1.0 - table.like, table.like))
    assert learn_share(shuffled.take(table.known_day <= 1500.0), 1500.0, SCALES, MEMORIES, 0) == (
        before
    )


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.floats(0.5, 50.0), st.floats(0.5, 50.0))
def test_a_share_is_a_share(like, country_strength, place_strength):
    n = len(like)
    table = records(like, [0.0] * n, [15.0] * n, ["ML"] * n, [10.0] * n)
    taught = learned(country_strength=country_strength, place_strength=place_strength)
    mean, variance = share_at(table, taught, DAY, ecef_km([0.0], [15.0]), np.array(["ML"]))
    assert 0.0 < mean[0] < 1.0
    # What a beta of that mean and variance is worth is positive.
    assert 0.0 < variance[0] < mean[0] * (1.0 - mean[0])
