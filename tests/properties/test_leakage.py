"""Nothing known after the as-of day changes a bit of what a model says, whatever it is.

Every incident here is SYNTHETIC: random, and stands for nothing that happened.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any, ClassVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.evaluation.backtest import backtest
from kidnaprisk.evaluation.result import BacktestResult
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.pieces import Pieces
from kidnaprisk.hazard.state import to_state

pytestmark = pytest.mark.slow

# A fit costs a tenth of a second: looking for the smallest table that fails would cost minutes.
FEW = settings(max_examples=12, phases=(Phase.explicit, Phase.generate))
KINDS = ("kidnapping", "kidnapping", "attack", "battle", "explosion", "unrest")
COVER = [
    kr.Coverage("daily", ("NE", "ML"), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True),
    kr.Coverage("ended", ("NE", "ML", "BF"), dt.date(2017, 1, 1), dt.date(2020, 6, 30), True),
]
NIGER = [kr.Coverage("daily", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True)]
FIRST, DAYS = pd.Timestamp("2018-01-01"), 2000
AT = gpd.GeoSeries(
    gpd.points_from_xy([2.0, 4.2, 8.1, -3.0], [14.0, 14.6, 14.1, 15.0]), crs="EPSG:4326"
)
MOMENTS = ("2019-08-01T05:00Z", "2021-07-02T00:00Z", "2030-01-01T00:00Z")


def rows(seed: int, n: int, first: pd.Timestamp, days: int, name: str) -> gpd.GeoDataFrame:
    """SYNTHETIC incidents of every kind, with and without what is told of people."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 3, n)
    lon = np.array([2.0, 4.0, 8.0])[centre] + rng.normal(0.0, 0.2, n).round(1)
    lat = np.array([14.0, 14.5, 14.2])[centre] + rng.normal(0.0, 0.2, n).round(1)
    date = first + pd.to_timedelta(rng.integers(0, days, n), unit="D")
    end = date + pd.to_timedelta(rng.choice([0, 0, 9], n), unit="D")
    return gpd.GeoDataFrame(
        {
            "incident_id": [f"{name}-{i}" for i in range(n)],
            "source": rng.choice(["daily", "ended"], n),
            "kind": rng.choice(KINDS, n),
            "date": date,
            "date_end": end,
            "known_on": end + pd.to_timedelta(rng.choice([0, 2, 40], n), unit="D"),
            "location_error_km": rng.choice([1.0, 5.0, 25.0], n),
            "country": rng.choice(["NE", "ML"], n),
            "victims": rng.integers(1, 9, n),
            "sector": rng.choice(["aid", "mining"], n),
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )


@functools.cache
def _known_table() -> gpd.GeoDataFrame:
    return kr.validate_incidents(rows(1, 260, FIRST, DAYS, "made"))


def table() -> gpd.GeoDataFrame:
    return _known_table().copy()


def changed(given: gpd.GeoDataFrame, after: pd.Timestamp, data: Any) -> gpd.GeoDataFrame:
    """The table with the rows known after a day dropped, moved, backdated, renamed, made up."""
    later = (given["known_on"] > after).to_numpy()
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    known, late = given[~later], given[later].copy()
    late = late[rng.random(len(late)) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))]
    n = len(late)
    if data.draw(st.booleans()):
        late["geometry"] = gpd.points_from_xy(rng.uniform(-8, 15, n), rng.uniform(10, 20, n))
        late["kind"] = rng.choice(KINDS, n)
        late["country"] = rng.choice(["NG", "BF", "ML"], n)
        late["location_error_km"] = rng.uniform(0.0, 300.0, n)
    if data.draw(st.booleans()):
        # It happened long before, but nobody could read of it.
        late["date"] = late["date_end"] = pd.Timestamp("2016-02-29")
    if data.draw(st.booleans()):
        late["source"] = "another"
    made = rows(
        data.draw(st.integers(2, 10**6)), data.draw(st.sampled_from([0, 1, 300])),
        after + pd.Timedelta(days=1), 900, "made-up",
    )  # fmt: skip
    # Older pandas warns of empty tables.
    both = pd.concat([part for part in (known, late, made) if len(part)], ignore_index=True)
    both = both.sample(frac=1.0, random_state=data.draw(st.integers(0, 10**6)))
    return kr.validate_incidents(gpd.GeoDataFrame(both, crs="EPSG:4326"))


def told(model: kr.KernelMixture) -> dict[str, Any]:
    """Everything a model says of itself, of a few places and of a few pieces, to the bit."""
    arrays, facts = to_state(model)
    said: dict[str, Any] = {name: (str(a.dtype), a.tobytes()) for name, a in arrays.items()}
    said |= {"facts": facts, "described": model.describe(), "dispersion": model.dispersion_}
    at = np.stack([AT.x, AT.y], axis=1)
    for when in MOMENTS:
        said[f"intensity {when}"] = model.intensity(AT, when).tobytes()
        day = np.repeat(np.datetime64(when[:10], "ns"), len(at))
        pieces = Pieces(at, at + np.array([0.04, 0.0]), np.ones(len(at)), day, 10.0)
        evidence = model.evidence(pieces, np.array([0, 1, 1, 2]), 3)
        assert evidence.from_records is not None
        said[f"evidence {when}"] = [np.asarray(part).tobytes() for part in evidence]
        said[f"explain {when}"] = model.explain(AT.iloc[[0]], when).to_csv()
    said["parts"] = model.explain().to_csv()
    standing = model.standing(pd.Timestamp("2021-07-02", tz="UTC"), 10.0)
    said["standing"] = standing._intensity.tobytes()
    return said


@FEW
@given(st.data(), st.sampled_from(["2019-11-11", "2021-06-30"]), st.booleans())
def test_what_is_known_later_changes_nothing(data: Any, as_of: str, declared: bool) -> None:
    """Kidnappings and context alike, with a coverage stated and one that the rows tell."""
    first, second = table(), changed(table(), pd.Timestamp(as_of), data)
    for one in (first, second):
        one.attrs = {"coverage": [c.to_dict() for c in COVER]} if declared else {}
    want, got = (told(kr.KernelMixture().fit(one, as_of=as_of)) for one in (first, second))
    assert got == want


def test_there_is_something_later_to_be_seen() -> None:
    """The test above has teeth: of what is known a day later it would see every bit change."""
    early, late = (
        told(kr.KernelMixture().fit(table(), as_of=day)) for day in ("2021-06-30", "2021-08-30")
    )
    same = {name for name in early if early[name] == late[name]}
    assert not {"weights", "facts", "parts", "standing"} & same
    assert not {name for name in same if name.startswith(("explain 2030", "evidence 2030"))}


# ------- a backtest -------


class Heard(kr.KernelMixture):
    """A mixture that writes down every answer it gives, under the day it was fitted as of."""

    heard: ClassVar[dict[tuple[Any, str], bytes]] = {}

    def intensity(self, points: gpd.GeoSeries, when: object, radius_km: float = 0.0) -> Floats:
        answer = super().intensity(points, when, radius_km)
        self.heard[self.as_of_, str(when)] = answer.tobytes()
        return answer


def backtested(given: gpd.GeoDataFrame) -> tuple[BacktestResult, dict[tuple[Any, str], bytes]]:
    Heard.heard.clear()
    model = Heard(scales_km=(10.0, 40.0), memories_days=(60.0, 730.0))
    result = backtest(
        {"mixture": model}, given, start="2021-01-01", end="2021-06-30", horizon_days=60,
        cell_degrees=1.0, coverage=NIGER,
    )  # fmt: skip
    return result, dict(Heard.heard)


@functools.cache
def _backtested() -> tuple[BacktestResult, dict[tuple[Any, str], bytes]]:
    return backtested(table())


@settings(max_examples=2, phases=(Phase.explicit, Phase.generate), deadline=None)
@given(st.data())
def test_a_backtest_forecasts_a_window_from_what_was_known_before_it(data: Any) -> None:
    """Rows known after the as-of day of the second window change no bit of the first two."""
    result, heard = _backtested()
    days = sorted({day for day, _ in heard})
    assert len(days) == 3
    again, said = backtested(changed(table(), days[1], data))
    for key, answer in heard.items():
        assert key[0] > days[1] or said[key] == answer
    columns = ["model", "start", "end", "as_of", "known", "expected"]
    before, after = (
        one.windows.loc[pd.to_datetime(one.windows["as_of"]) <= days[1], columns].reset_index(
            drop=True
        )
        for one in (result, again)
    )
    assert set(before["model"]) >= {"mixture", "even", "kde decayed", "region rate"}
    pd.testing.assert_frame_equal(after, before, check_exact=True)


def test_a_backtest_does_not_know_the_order_of_rows() -> None:
    result, heard = _backtested()
    again, said = backtested(table().sample(frac=1.0, random_state=1))
    assert said == heard
    assert again.to_dict() == result.to_dict()
