"""The backtest against a plain one in loops, on SYNTHETIC incidents and models of known λ."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom, poisson
from sklearn.base import BaseEstimator

import kidnaprisk as kr
from kidnaprisk.errors import ConfigError, CoverageError, IncidentError, KidnapRiskError, ModelError
from kidnaprisk.evaluation.backtest import backtest
from kidnaprisk.evaluation.baselines import EvenRate
from kidnaprisk.evaluation.result import TABLES, BacktestResult
from kidnaprisk.hazard.network import gabriel_edges, reference_network
from kidnaprisk.routes.regions import areas_km2, load_regions
from kidnaprisk.routes.towns import load_towns
from tests.evaluation.invented import (
    COVERAGE,
    DEGREES,
    END,
    SLIVER,
    START,
    TOLD,
    Known,
    Sure,
    flat,
    growing,
    made_events,
    made_table,
    quiet,
    table_of,
)
from tests.evaluation.plain_backtest import Plain

EVENTS = made_events()
TABLE = made_table(EVENTS)
RATES = {"sure": growing, "quiet": quiet, "even": flat}
MODELS = {"sure": Sure(), "quiet": Known(quiet), "even": Known(flat)}
# Horizon, step, embargo, reporting delay.
PLANS = {
    "months": (30, None, 0, None),
    "late": (30, None, 21, 14),
    "overlap": (30, 10, 0, None),
    "quarters": (90, None, 5, 0),
    "gaps": (20, 45, 0, None),
}


@pytest.fixture(scope="module")
def plain() -> Plain:
    regions = load_regions()
    regions = regions[regions["country"].isin(["TG", "BJ"])].reset_index(drop=True)
    regions["km2"] = areas_km2(regions)
    towns = load_towns()
    towns = towns[(towns["population"] >= 5000) & towns["country"].isin(["TG", "BJ"])]
    lon, lat = towns["lon"].to_numpy(), towns["lat"].to_numpy()
    found = Plain(EVENTS, regions, TOLD, RATES, [], DEGREES)
    inside = [found.region_at(x, y) is not None for x, y in zip(lon, lat, strict=True)]
    lon, lat = lon[inside], lat[inside]
    road = reference_network(lon, lat, gabriel_edges(lon, lat))
    roads = [
        (x, y, km, name)
        for x, y, km in zip(*road, strict=True)
        if (name := found.region_at(x, y)) is not None
    ]
    found.roads = roads
    return found


def run(plan="months", models=None, table=TABLE, **options) -> BacktestResult:
    horizon, step, embargo, delay = PLANS[plan]
    given = {
        "start": START, "end": END, "horizon_days": horizon, "step_days": step,
        "embargo_days": embargo, "reporting_delay_days": delay, "cell_degrees": DEGREES,
        "baselines": False,
    } | options  # fmt: skip
    return backtest(MODELS if models is None else models, table, **given)


@pytest.fixture(scope="module", params=PLANS)
def pair(request, plain):
    """A backtest, and the windows that the plain one found."""
    horizon, step, embargo, delay = PLANS[request.param]
    windows = plain.run(START, END, horizon, step or horizon, embargo, delay)
    return run(request.param), windows


@pytest.fixture(scope="module")
def months() -> BacktestResult:
    return run()


# Against the plain twin.


def test_windows_are_those_of_the_plain_twin(pair, plain):
    found, windows = pair
    assert len(windows) >= 5
    for model in RATES:
        rows = found.windows[found.windows["model"] == model]
        assert len(rows) == len(windows)
        gains, n = plain.gains(windows, model, "even")
        for row, window, gain, count in zip(rows.itertuples(), windows, gains, n, strict=True):
            assert (row.start, row.end) == (str(window["first"]), str(window["last"]))
            assert row.as_of == str(window["as_of"])
            assert row.known == window["known"]
            assert row.expected == pytest.approx(sum(window["expected"][model].values()))
            assert row.observed == len(window["inside"])
            assert row.gain_over_even == pytest.approx(
                gain / count if count else np.nan, nan_ok=True, abs=1e-9
            )


def test_scores_are_those_of_the_plain_twin(pair, plain):
    found, windows = pair
    for row in found.scores.to_dict("records"):
        for name, value in plain.scores(windows, row["model"]).items():
            assert row[name] == pytest.approx(value, abs=1e-12), name
        for share in (1, 5, 10):
            for prefix, by in (("", "area"), ("road_", "road")):
                hit = plain.hits(windows, row["model"], share / 100, by)
                assert row[f"{prefix}hit_{share}"] == pytest.approx(hit, nan_ok=True)
                assert row[f"{prefix}pai_{share}"] == pytest.approx(100 * hit / share, nan_ok=True)


def test_the_twin_meets_every_case(plain):
    """The oracle has teeth: silence, late coverage, a gap, spans of days and a sliver all occur."""
    windows = plain.run(START, END, 30, 30, 0)
    opened = [len(window["open"]) for window in windows]
    assert min(opened) < 12 < max(opened)
    assert any("TG-kara" not in window["open"] for window in windows)
    assert any("BJ-zou" in w["open"] and "BJ-alibori" not in w["open"] for w in windows)
    counted = [event for window in windows for event in window["inside"]]
    assert any(event.first < w["first"] for w in windows for event in w["inside"])
    assert any((event.lon, event.lat) == SLIVER for event in counted)
    assert len(counted) < len(EVENTS)
    assert None in [road for window in windows for road in window["roads"]]


def test_regions_are_those_of_the_plain_twin(pair, plain):
    found, windows = pair
    for model in RATES:
        rows = found.regions[found.regions["model"] == model].set_index("region_id")
        assert set(rows.index) == set().union(*(window["open"] for window in windows))
        for name, row in rows.iterrows():
            by_window = [
                sum(v for c, v in window["expected"][model].items() if c[0] == name)
                for window in windows
            ]
            assert row["expected"] == pytest.approx(sum(by_window))
            happened = sum(cell[0] == name for window in windows for cell in window["cells"])
            assert row["observed"] == happened
            assert row["country"] == name[:2]
            if model == "sure":
                mean = sum(by_window)
                # Errors of one region's level go together from window to window.
                extra = Sure.spread * mean**2
                chances = nbinom.ppf([0.05, 0.95], mean**2 / extra, mean / (mean + extra))
                assert [row["low"], row["high"]] == chances.tolist()
            else:
                assert np.isnan([row["low"], row["high"]]).all()


def test_number_tests_and_crps_are_those_of_the_counts_by_region(pair):
    found, windows = pair
    row = found.scores.set_index("model").loc["sure"]
    by_region = found.regions[found.regions["model"] == "sure"]["expected"].to_numpy()
    mean, extra = by_region.sum(), Sure.spread * (by_region**2).sum()
    wide = nbinom(mean**2 / extra, mean / (mean + extra))
    assert row["nb_low"] == pytest.approx(wide.sf(row["observed"] - 1))
    assert row["nb_high"] == pytest.approx(wide.cdf(row["observed"]))
    assert np.isnan(
        found.scores.set_index("model").loc["even", ["nb_low", "nb_high"]].astype(float)
    ).all()
    k = np.arange(400)
    for model in ("sure", "even"):
        crps = []
        for window in windows:
            for name in window["open"]:
                mean = sum(v for c, v in window["expected"][model].items() if c[0] == name)
                count = sum(cell[0] == name for cell in window["cells"])
                law = poisson(mean)
                if model == "sure":
                    law = nbinom(1.0 / Sure.spread, 1.0 / (1.0 + mean * Sure.spread))
                crps.append(((law.cdf(k) - (k >= count)) ** 2).sum())
        value = found.scores.set_index("model").loc[model, "crps"]
        assert value == pytest.approx(np.mean(crps), rel=1e-6)


def test_comparisons_are_gains_by_window_resampled(pair, plain):
    found, windows = pair
    pairs = [(r.model, r.reference) for r in found.comparisons.itertuples()]
    assert pairs == [(a, b) for a in RATES for b in RATES if a != b]
    distinct = len({event for window in windows for event in window["inside"]})
    for row in found.comparisons.itertuples():
        gains, n = plain.gains(windows, row.model, row.reference)
        assert row.gain == pytest.approx(sum(gains) / sum(n))
        assert row.n == distinct
        assert row.low < row.gain < row.high
    there = found.comparisons.set_index(["model", "reference"])
    back = there.loc[("even", "sure")]
    assert there.loc[("sure", "even"), "gain"] == pytest.approx(-back["gain"])
    assert there.loc[("sure", "even"), "low"] == pytest.approx(-back["high"])


def test_intervals_held_what_the_plain_twin_counted(pair):
    found, windows = pair
    assert set(found.coverage["model"]) == {"sure"}
    for row in found.coverage.itertuples():
        held = []
        for window in windows:
            for name in window["open"]:
                mean = sum(v for c, v in window["expected"]["sure"].items() if c[0] == name)
                count = sum(cell[0] == name for cell in window["cells"])
                law = nbinom(1.0 / Sure.spread, 1.0 / (1.0 + mean * Sure.spread))
                tail = (1.0 - row.level) / 2
                if mean >= row.least_expected:
                    held.append(law.ppf(tail) <= count <= law.ppf(1.0 - tail))
        assert row.n == len(held)
        assert row.held == pytest.approx(np.mean(held))
        assert abs(row.held_randomised - row.held) < 0.5


def test_reliability_and_gains_add_up(pair, plain):
    found, windows = pair
    scores = found.scores.set_index("model")
    for model, rows in found.reliability.groupby("model"):
        for column in ("cells", "expected", "observed"):
            assert rows[column].sum() == pytest.approx(scores.loc[model, column])
        assert (rows["low"] <= rows["observed"]).all()
        assert (rows["observed"] <= rows["high"]).all()
        each = (rows["expected"] / rows["cells"]).to_numpy()
        assert (np.diff(each) > 0.0).all()
    for (model, where), rows in found.gains.groupby(["model", "where"]):
        for share in (0.0, 0.05, 0.5, 1.0):
            hit = rows.loc[rows["share"] == share, "hit"].item()
            assert hit == pytest.approx(plain.hits(windows, model, share, where), nan_ok=True)


# What a model is handed.


class Spy(BaseEstimator):
    """SYNTHETIC: remembers what it was given."""

    seen: list

    def __init__(self, seen):
        self.seen = seen

    def __sklearn_clone__(self):
        return Spy(self.seen)

    def fit(self, incidents, as_of=None):
        self.seen.append((as_of, incidents))
        return self

    def intensity(self, points, when):
        self.seen.append((when, points))
        return np.full(len(points), 1e-6)


@pytest.mark.parametrize("plan", ["months", "late"])
def test_a_model_is_handed_what_was_known_and_nothing_else(plan):
    seen: list = []
    run(plan, {"spy": Spy(seen)})
    horizon, _, embargo, delay = PLANS[plan]
    fits = seen[::2]
    assert len(fits) == 18
    for w, (as_of, table) in enumerate(fits):
        begin = pd.Timestamp(START) + pd.Timedelta(days=w * horizon)
        assert as_of == begin - pd.Timedelta(days=1 + embargo)
        day = [
            e.known if delay is None else e.last + dt.timedelta(days=delay)
            for e in (*EVENTS, *made_events(60, seed=9))
        ]
        expected = TABLE["incident_id"][[one <= as_of.date() for one in day]]
        assert table["incident_id"].tolist() == expected.tolist()
        # The next thing asked is λ, in the middle of the window.
        when, points = seen[2 * w + 1]
        assert when == (begin + pd.Timedelta(days=15)).tz_localize("UTC")
        assert points.crs.to_epsg() == 4326


def test_the_coverage_given_is_the_one_that_models_see():
    seen: list = []
    mine = [kr.Coverage("made", ("BJ",), dt.date(2020, 1, 1), dt.date(2020, 12, 31), False)]
    found = run(models={"spy": Spy(seen)}, coverage=mine)
    assert seen[0][1].attrs["coverage"] == [one.to_dict() for one in mine]
    assert set(found.regions["country"]) == {"BJ"}
    assert found.parameters["coverage"] == [one.to_dict() for one in mine]
    assert found.windows["end"].max() <= "2020-12-31"


def test_a_model_that_changes_its_table_harms_no_other():
    class Vandal(Known):
        def fit(self, incidents, as_of=None):
            super().fit(incidents, as_of)
            incidents["kind"] = "attack"
            incidents.attrs.clear()
            incidents.geometry.array[:] = incidents.geometry.iloc[0]
            return self

        def intensity(self, points, when):
            rate = super().intensity(points, when)
            points.iloc[:] = points.iloc[0]
            return rate

    before = TABLE.copy()
    both = run(models={"vandal": Vandal(growing), "sure": Sure()})
    alone = run(models={"sure": Sure()})
    pd.testing.assert_frame_equal(
        both.regions[both.regions["model"] == "sure"].reset_index(drop=True), alone.regions
    )
    pd.testing.assert_frame_equal(TABLE, before)


@pytest.mark.slow
def test_the_order_of_rows_is_irrelevant():
    shuffled = TABLE.iloc[np.random.default_rng(0).permutation(len(TABLE))]
    options = {"models": {"mixture": kr.KernelMixture(), "even": EvenRate(), "sure": Sure()},
               "start": "2021-05-01"}  # fmt: skip
    one, other = (run(table=t, **options).to_dict() for t in (TABLE, shuffled))
    assert one["parameters"] == other["parameters"]
    for name in TABLES:
        for row, twin in zip(one[name], other[name], strict=True):
            assert row == pytest.approx(twin, nan_ok=True), name


def test_what_became_known_later_changes_no_forecast():
    """Of the window, all that differs is what happened."""
    models = {"mixture": kr.KernelMixture(), "even": EvenRate()}
    options = {"start": "2021-03-01", "end": "2021-03-30"}
    early = [e for e in EVENTS if e.known <= dt.date(2021, 2, 28)]
    whole, part = (run(models=models, table=t, **options) for t in (TABLE, table_of(early)))
    late = pd.concat([TABLE, table_of(made_events(80, seed=5), name="late")], ignore_index=True)
    late.loc[len(TABLE) :, "known_on"] = pd.Timestamp("2022-06-01")
    more = run(models=models, table=late, **options)
    assert more.scores["observed"].iloc[0] != whole.scores["observed"].iloc[0]
    for one in (whole.windows, whole.regions):
        twin = more.windows if one is whole.windows else more.regions
        np.testing.assert_allclose(one["expected"], twin["expected"], rtol=1e-12)
    assert part.windows["known"].tolist() == whole.windows["known"].tolist()


# Repeatable, and plain values.


def test_the_same_seed_gives_the_same_result_on_one_core_or_two(months):
    again, two = run().to_dict(), run(n_jobs=2).to_dict()
    assert months.to_dict() == again == two
    other = run(seed=1)
    assert other.windows.equals(months.windows)
    assert not other.comparisons["low"].equals(months.comparisons["low"])


def test_a_result_is_plain_json_and_comes_back(months, tmp_path):
    text = months.to_json(tmp_path / "found.json")
    assert json.loads(text) == months.to_dict()
    assert (tmp_path / "found.json").read_text(encoding="utf-8") == f"{text}\n"
    back = BacktestResult.from_json(text)
    assert back.to_dict() == months.to_dict()
    assert "NaN" not in text


def test_progress_is_told_window_by_window():
    told = []
    run(on_window=lambda done, total: told.append((done, total)))
    assert told == [(k, 18) for k in range(1, 19)]


def test_overlapping_windows_are_resampled_in_blocks():
    """Three windows of thirty days every ten hold the same incidents: no sharper than months."""
    apart, overlap = run("months"), run("overlap")
    assert overlap.scores["observed"][0] > 2.5 * overlap.scores["n"][0]
    assert any("Windows overlap" in note for note in overlap.parameters["notes"])
    width = [(one.comparisons["high"] - one.comparisons["low"]).iloc[0] for one in (apart, overlap)]
    assert width[1] > 0.7 * width[0]
    slope = [(one.scores["slope_high"] - one.scores["slope_low"])[0] for one in (apart, overlap)]
    assert slope[1] > 0.7 * slope[0]


# Models that fail, are silent, or answer nonsense.


def test_windows_in_which_a_model_fails_are_left_out_and_told_of(months):
    found = run(models={"late": Known(growing, least=60), "even": Known(flat)})
    assert found.scores["windows"][0] < months.scores["windows"][0]
    assert any("late: too few" in note for note in found.parameters["notes"])
    assert any("incidents of these days are not counted" in n for n in found.parameters["notes"])
    with pytest.raises(ModelError, match="no window could be forecast: never: too few"):
        run(models={"never": Known(growing, least=10**6)})


def test_silence_is_told_of_and_a_wholly_silent_model_is_refused(months):
    assert any("quiet was silent in 1 regions" in note for note in months.parameters["notes"])
    with pytest.raises(CoverageError, match="no window is left in which every model speaks"):
        run(models={"mute": Known(lambda *_: None), "even": Known(flat)})


def test_a_window_in_which_one_model_is_wholly_silent_is_no_window(months):
    found = run(models={"mute": Known(hesitant), "even": Known(flat)})
    assert 0 < found.scores["windows"][0] < months.scores["windows"][0]
    assert found.windows["known"].min() >= 60
    assert any("mute was silent in 17 regions" in note for note in found.parameters["notes"])


def hesitant(lon, lat, day, as_of, known):
    return None if known < 60 else 1e-6


class Answering(Known):
    """SYNTHETIC: answers with whatever it is told to."""

    def __init__(self, answer=None):
        self.answer = answer

    def fit(self, incidents, as_of=None):
        return self

    def intensity(self, points, when):
        return self.answer(points)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda points: np.full(len(points), -1e-6), "negative or infinite"),
        (lambda points: np.full(len(points), np.inf), "negative or infinite"),
        (lambda _: np.ones(3), "returned shape"),
        (lambda _: 1e-6, "returned shape"),
        (lambda points: ["x"] * len(points), "not numbers"),
        (
            lambda points: np.zeros(len(points)),
            "expects nothing at all in 40 of 40 cells, as of 2019-12-31",
        ),
        (lambda points: np.where(points.x > 2.0, 1e-6, 0.0), "expects nothing at all in"),
    ],
)
def test_answers_that_are_no_rate_are_refused(answer, said):
    with pytest.raises(ModelError, match=said):
        run(models={"bad": Answering(answer)})


def test_a_model_may_be_any_object_with_the_two_methods():
    class Bare:
        """SYNTHETIC: no scikit-learn habits at all."""

        def fit(self, incidents, as_of):
            return Sure().fit(incidents, as_of)

    class Whole(Bare):
        def intensity(self, points, when):
            raise AssertionError("fit returned another model")

    found = run(models={"bare": Whole()})
    assert found.parameters["models"]["bare"] == {"class": "Whole", "parameters": {}}
    assert found.windows.drop(columns="model").equals(
        run(models={"sure": Sure()}).windows.drop(columns="model")
    )
    with pytest.raises(ModelError, match="has no intensity"):
        run(models={"half": Bare()})


def test_a_fit_that_returns_nothing_says_so():
    class Forgetful(Known):
        def fit(self, incidents, as_of=None):
            super().fit(incidents, as_of)

    with pytest.raises(ModelError, match="returned NoneType: return the fitted model"):
        run(models={"forgetful": Forgetful()})


def test_a_constructor_that_changes_its_parameters_is_refused_at_the_door():
    class Busy(Known):
        def __init__(self, rate=(1,)):
            self.rate = list(rate)

    with pytest.raises(ModelError, match="cannot be copied"):
        run(models={"busy": Busy()})


def test_parameters_of_models_are_told_in_plain_values():
    class Many(Known):
        def __init__(self, far=np.inf, n=3, day=START, inner=None, shares=None):
            self.far, self.n, self.day, self.inner, self.shares = far, n, day, inner, shares
            self.rate, self.least = growing, 0

    given = Many(n=np.int64(3), inner=Known(least=3), shares={"a": np.float64(0.5)})
    found = run(models={"many": given})
    assert json.loads(found.to_json())["parameters"]["models"]["many"]["parameters"] == {
        "far": "inf", "n": 3, "day": "date", "shares": {"a": 0.5},
        "inner": {"class": "Known", "parameters": {"rate": "function", "least": 3}},
    }  # fmt: skip


# Options.


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"start": "some day"}, ConfigError, "start is not a day"),
        ({"start": None}, ConfigError, "start is not a day"),
        ({"start": 20200101}, ConfigError, "start is not a day"),
        ({"start": pd.NaT}, ConfigError, "start is not a day"),
        ({"end": True}, ConfigError, "end is not a day"),
        ({"end": "2019-01-01"}, ConfigError, "no window of 30 days"),
        ({"horizon_days": 0}, ConfigError, "horizon_days"),
        ({"horizon_days": 30.0}, ConfigError, "horizon_days"),
        ({"horizon_days": 10**6}, ConfigError, "no window of"),
        ({"horizon_days": 10**20}, ConfigError, "horizon_days"),
        ({"embargo_days": 10**20}, ConfigError, "embargo_days"),
        ({"step_days": 0}, ConfigError, "step_days"),
        ({"step_days": True}, ConfigError, "step_days"),
        ({"embargo_days": -1}, ConfigError, "embargo_days"),
        (
            {"embargo_days": 10**5, "models": {"even": EvenRate()}},
            ModelError,
            "no window could be forecast",
        ),
        ({"reporting_delay_days": -1}, ConfigError, "reporting_delay_days"),
        ({"reporting_delay_days": "14"}, ConfigError, "reporting_delay_days"),
        ({"cell_degrees": 0}, ConfigError, "cell_degrees"),
        ({"cell_degrees": np.nan}, ConfigError, "cell_degrees"),
        ({"cell_degrees": 30.0}, ConfigError, "cell_degrees"),
        ({"cell_degrees": "0.2"}, ConfigError, "cell_degrees"),
        ({"radius_km": 0.0}, ConfigError, "radius_km"),
        ({"radius_km": np.inf}, ConfigError, "radius_km"),
        ({"radius_km": True}, ConfigError, "radius_km"),
        ({"trips": True}, ConfigError, "trips"),
        ({"trips": -5}, ConfigError, "trips"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"n_jobs": 0}, ConfigError, "n_jobs"),
        ({"n_jobs": "2"}, ConfigError, "n_jobs"),
        ({"coverage": []}, ConfigError, "no sequence of Coverage"),
        ({"coverage": [{"source": "made"}]}, ConfigError, "no sequence of Coverage"),
        ({"coverage": COVERAGE[0]}, ConfigError, "no sequence of Coverage"),
        ({"start": "2023-01-01", "end": "2023-12-31"}, CoverageError, "cover no region"),
        ({"start": "1700-01-01", "end": "1702-12-31"}, CoverageError, "cover no region"),
        ({"models": {}}, ModelError, "takes models by name"),
        ({"models": [Sure()]}, ModelError, "takes models by name"),
        ({"models": {"": Sure()}}, ModelError, "has no name"),
        ({"models": {3: Sure()}}, ModelError, "has no name"),
        ({"models": {"class": Sure}}, ModelError, "is a class"),
        ({"models": {"text": "mixture"}}, ModelError, "has no fit and no intensity"),
        ({"models": {"none": None}}, ModelError, "has no fit and no intensity"),
        ({"table": pd.DataFrame()}, IncidentError, "must be a GeoDataFrame"),
        ({"table": TABLE[TABLE["kind"] == "attack"], "baselines": True}, ModelError, "no window"),
    ],
)
def test_bad_options_are_refused_with_a_remedy(change, error, said):
    models = change.pop("models", MODELS)
    with pytest.raises(error, match=said) as caught:
        run(models=models, **change)
    assert isinstance(caught.value, KidnapRiskError)
    assert caught.value.remedy


def test_records_that_tell_of_no_kidnappings_are_refused():
    kinds = ("attack", "battle")
    blind = [kr.Coverage("made", ("TG",), START, END, True, kinds=kinds)]
    with pytest.raises(CoverageError, match="no source of these records tells of kidnappings"):
        run(coverage=blind)


def test_days_may_be_told_in_many_ways(months):
    for start, end in (
        (START.isoformat(), END.isoformat()),
        (pd.Timestamp(START), np.datetime64(END)),
        ("2019-12-31T22:00-05:00", dt.datetime(2021, 6, 30, 12, tzinfo=dt.UTC)),
    ):
        assert run(start=start, end=end).parameters["start"] == months.parameters["start"]


# Where figures are not defined.


def test_where_nothing_happened_nothing_is_claimed():
    none = table_of([e for e in EVENTS if e.last < START])
    found = run(table=none)
    row = found.scores.iloc[0]
    assert (row["n"], row["observed"]) == (0, 0)
    undefined = ["log_score", "gain_over_even", "spatial", "slope", "hit_5", "road_pai_10"]
    assert row[undefined].isna().all()
    assert row["number_low"] == 1.0
    assert found.comparisons[["gain", "low", "high"]].isna().all(axis=None)
    assert found.to_dict()["scores"][0]["log_score"] is None


def test_one_window_gives_no_interval():
    found = run(end=START + dt.timedelta(days=29))
    assert len(found.windows) == len(MODELS)
    assert found.comparisons[["low", "high"]].isna().all(axis=None)
    assert found.scores[["slope_low", "slope_high"]].isna().all(axis=None)


def test_without_an_even_rate_there_is_no_gain_over_it():
    found = run(models={"sure": Sure()})
    assert found.comparisons.empty
    assert found.scores["gain_over_even"].isna().all()
    assert BacktestResult.from_json(found.to_json()).to_dict() == found.to_dict()


def test_cells_wider_than_regions_leave_no_region_out(plain):
    found = run(models={"sure": Sure()}, cell_degrees=5.0)
    assert set(found.regions["region_id"]) == set(plain.names)
    assert (found.regions["expected"] > 0.0).all()


def test_an_even_hazard_hits_its_share(months):
    even = months.scores.set_index("model").loc["even"]
    for share in (1, 5, 10):
        assert even[f"hit_{share}"] == pytest.approx(share / 100)
        assert even[f"road_hit_{share}"] == pytest.approx(share / 100)
        assert even[f"pai_{share}"] == pytest.approx(1.0)


def test_the_baselines_run_beside_the_models():
    found = run(models={"sure": Sure(), "kde": Known(flat)}, baselines=True, start="2021-04-01")
    names = found.scores["model"].tolist()
    assert names[:2] == ["sure", "kde"]
    assert set(found.parameters["baselines"]) == set(names) - {"sure", "kde"}
    assert found.parameters["models"]["kde"]["class"] == "Known"
    against = found.comparisons.groupby("model")["reference"].apply(set)
    assert against["sure"] == set(names) - {"sure"}
    assert against["last value"] == {"even"}
