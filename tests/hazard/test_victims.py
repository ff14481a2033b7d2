"""What records tell of victims: by hand. Every table here is SYNTHETIC."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.victims import (
    Likeness,
    alike,
    kidnappings_known,
    origin_of,
    origins,
    telling,
)

NAN = float("nan")


def table(**columns):
    """SYNTHETIC rows in Mali of one source, unknown but for what is given."""
    n = len(next(iter(columns.values())))
    unknown = dict.fromkeys(("victims", "foreign_victims", "nationalities", "sector"), [pd.NA] * n)
    return pd.DataFrame({**unknown, "country": ["ML"] * n, "source": ["synthetic"] * n, **columns})


def test_unknown_origin_is_neither_foreign_nor_local():
    rows = table(
        victims=[4, 4, 4, pd.NA, pd.NA, 3],
        foreign_victims=[4, 1, 0, 0, 2, pd.NA],
    )
    foreign, local = origins(rows)
    np.testing.assert_array_equal(foreign, [1, 1, 0, 0, 1, NAN])
    np.testing.assert_array_equal(local, [0, 1, 1, 1, NAN, NAN])


def test_nationalities_speak_where_counts_do_not():
    rows = table(nationalities=["FR", "ML", "FR;ML", pd.NA])
    foreign, local = origins(rows)
    np.testing.assert_array_equal(foreign, [1, 0, 1, NAN])
    np.testing.assert_array_equal(local, [0, 1, 1, NAN])


def test_both_must_be_told_where_two_things_are_asked():
    """The second row is surely unlike, but its silent twin of the sector would be left out."""
    rows = table(foreign_victims=[1, pd.NA, 0, 1], sector=["transport", "aid", "transport", "aid"])
    both = alike(rows, Likeness("foreign", "transport"))
    np.testing.assert_array_equal(both, [1, NAN, 0, 0])


def test_a_source_of_one_sector_says_nothing_of_sectors():
    rows = table(sector=["aid", "aid", "transport", "aid"], source=["a", "a", "b", "b"])
    np.testing.assert_array_equal(alike(rows, Likeness(sector="transport")), [NAN, NAN, 1, 0])


def test_any_of_several_nationalities():
    rows = table(nationalities=["FR;MA", "ML", pd.NA, "DE"])
    named = alike(rows, Likeness(nationality="MA;ML"))
    np.testing.assert_array_equal(named, [1, 1, NAN, 0])


def test_a_source_that_rarely_tells_is_silenced_in_that_country():
    """One Nigerian row of three tells, and both Malian: only Mali speaks."""
    rows = table(sector=["aid"] * 5, country=["NG", "NG", "NG", "ML", "ML"])
    answer = np.array([1.0, NAN, NAN, 1.0, 0.0])
    np.testing.assert_array_equal(telling(rows, answer, 0.5), [NAN, NAN, NAN, 1, 0])
    np.testing.assert_array_equal(telling(rows, answer, 0.3), answer)


def test_a_mixed_crew_is_both():
    assert origin_of(("MA",), "ML") == "foreign"
    assert origin_of(("ML",), "ML") == "local"
    assert origin_of(("ML", "MA"), "ML") == "any"
    rows = table(victims=[1, 1, 1], foreign_victims=[1, 0, pd.NA])
    np.testing.assert_array_equal(alike(rows, Likeness("any")), [1, 1, NAN])


@pytest.mark.parametrize("day", ["soon", pd.NaT, [1]])
def test_a_day_that_is_none_is_refused(make_table, day):
    with pytest.raises(ModelError, match="as_of is"):
        kidnappings_known(make_table(5), day)


def test_only_what_was_known_is_seen(make_table):
    incidents = make_table(50)
    day = incidents["known_on"].sort_values().iloc[20]
    known, read = kidnappings_known(incidents, day)
    assert read == day
    assert set(known["incident_id"]) == set(
        incidents.loc[incidents["known_on"] <= day, "incident_id"]
    )
    with pytest.raises(ModelError, match="no kidnapping was known"):
        kidnappings_known(incidents, "2001-01-01")
