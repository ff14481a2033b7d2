"""Words for numbers keep the number's meaning: nothing rounds to zero, certainty or safety."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.reports import words

POSITIVE = st.floats(1e-300, 1.0 - 1e-8)


@given(POSITIVE)
def test_a_chance_is_never_printed_as_none_or_as_certain(probability: float) -> None:
    shown = words.percent(probability)
    assert shown not in {"0 %", "100 %", "0.0 %", "100.0 %"}
    assert words.share_text(probability) not in {"0 %", "100 %"}


@given(st.floats(1e-300, 1e9))
def test_an_amount_is_never_printed_as_nothing(value: float) -> None:
    shown = words.amount(value)
    assert shown not in {"0", "0.0", "0.00"}
    if not shown.startswith("<"):
        assert float(shown.replace(",", "")) == pytest.approx(value, rel=0.051, abs=0.0051)


@given(st.floats(0, 1e4))
def test_unit_gives_three_digits_or_counts_a_million_trips(expected: float) -> None:
    unit = words.trips_unit(expected)
    assert unit in {10**n for n in range(7)}
    assert expected * unit >= 100.0 or unit == 1_000_000
    assert unit == 1 or expected * unit < 1000.0 * (1 + 1e-9)


@given(st.floats(0, 5000))
def test_duration_is_within_half_an_hour(hours: float) -> None:
    shown = words.duration(hours)
    if " d" in shown:
        days, _, rest = shown.partition(" d")
        told = 24 * int(days) + int(rest.removesuffix(" h") or 0)
        assert abs(told - hours) <= 0.5
        assert hours >= 47.9
    elif not shown.startswith("<"):
        assert float(shown.removesuffix(" h")) == pytest.approx(hours, abs=0.051)


@given(st.text())
def test_clean_text_is_one_line_without_controls(text: str) -> None:
    shown = words.clean(text)
    assert not any(unicodedata.category(letter).startswith("C") for letter in shown)
    assert len(shown.splitlines()) <= 1


@given(st.floats(0, 1))
def test_bar_grows_with_the_share_and_fits_its_column(share: float) -> None:
    assert len(words.bar(share)) <= len(words.bar(1.0)) == 6
    assert (words.bar(share) == "") == (round(share * 48) == 0)
