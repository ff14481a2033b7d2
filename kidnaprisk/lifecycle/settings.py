"""What can be set for re-training: one declaration a key, with unit, default, meaning and example.

The reader of the file and its errors (`config`), the commented template and the table in the
documentation (`template`) all come from these declarations.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.incidents.coverage import Coverage, read_coverage

FILE, ACLED, UCDP, GDELT = KINDS_OF_FEED = ("file", "acled", "ucdp", "gdelt")
NEEDED = dataclasses.MISSING
_SERVERS = (ACLED, UCDP, GDELT)


@dataclass(frozen=True)
class Key:
    """What is said of one key.

    Parameters
    ----------
    kind : str
        ``text``, ``file`` (one that is there), ``path``, ``pattern`` (of paths), ``number``,
        ``whole``, ``flag``, ``words`` or ``one of`` (``choices``).
    meaning, unit : str
    example : object
        As TOML has it.
    least, most : float, optional
        Both allowed.
    choices : tuple of str
    of : tuple of str
        Kinds of feed that it says something to; all, if empty.
    """

    kind: str
    meaning: str
    unit: str = ""
    example: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    of: tuple[str, ...] = ()

    def may_be(self) -> str:
        """What may be given, beyond its kind: choices, or a range with its unit.

        Examples
        --------
        >>> Key("whole", "length", unit="days", least=1, most=36_500).may_be()
        '1 to 36,500 days'
        """
        if self.choices:
            return either(self.choices)
        return "" if self.least is None else f"{self.least:,} to {self.most:,} {self.unit}".strip()


def either(words: Sequence[str]) -> str:
    """Words of which one is to be chosen.

    Examples
    --------
    >>> either(["file"]), either(["file", "acled", "ucdp"])
    ('file', 'file, acled or ucdp')
    """
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def key(kind: str, meaning: str, default: Any = NEEDED, **told: Any) -> Any:
    """A field with what is said of it."""
    return field(default=default, metadata={"key": Key(kind, meaning, **told)})


@dataclass(frozen=True)
class StoreSettings:
    """[store]: where incidents are kept."""

    url: str = key(
        "text", "address of the store; a password of PostgreSQL comes from ~/.pgpass",
        "sqlite:///incidents.db", example="postgresql+psycopg://risk@db.local/risk",
    )  # fmt: skip
    merge: bool = key("flag", "link the same event in several sources before fitting", True)
    newest_days: float = key(
        "number", "where no feed is given: the newest record may be no older", 30.0, unit="days",
        least=1, most=36_500,
    )  # fmt: skip


@dataclass(frozen=True)
class ModelSettings:
    """[model]: what is fitted, and where it is published."""

    folder: Path = key("path", "folder of models; load_model(folder) reads from it", Path("models"))
    name: str = key("text", "name of the model", "default", example="sahel")
    coverage: Path | None = key(
        "file", "TOML of what the records cover, in place of what they say themselves", None,
        example="coverage.toml",
    )  # fmt: skip
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def stated_coverage(self) -> tuple[Coverage, ...] | None:
        """What is stated of the coverage in place of what the records say."""
        return None if self.coverage is None else tuple(read_coverage(self.coverage))


@dataclass(frozen=True)
class FeedSettings:
    """[[feeds]]: where records come from, one table a feed."""

    name: str = key("text", "a name of its own; it stands in records of runs", example="acled")
    kind: str = key("one of", "files, or a source's own servers", FILE, choices=KINDS_OF_FEED)
    path: str = key(
        "pattern", "file of incidents, or pattern of files", "",
        of=(FILE,), example="inbox/acled_*.csv",
    )  # fmt: skip
    pick: str = key(
        "one of", "of several files: the one written last, or all by name", "newest",
        of=(FILE,), choices=("newest", "all"),
    )  # fmt: skip
    source: str = key(
        "text", "format of the files, where their columns do not tell it", "",
        of=(FILE,), example="acled",
    )  # fmt: skip
    mapping: Path | None = key(
        "file", "TOML of what the columns of a file mean", None,
        of=(FILE,), example="our_log.toml",
    )  # fmt: skip
    coverage: Path | None = key(
        "file", "TOML of what the feed covers", None, example="acled.coverage.toml"
    )
    kind_from_text: bool | None = key(
        "flag", "tell kidnappings from the notes, where the source codes them as something else",
        None, example=True,
    )  # fmt: skip
    complete: bool = key("flag", "a file holds all there is: rows it lacks are withdrawn", False)
    part: bool = key("flag", "a file holds a part: it says nothing of what is covered", False)
    countries: tuple[str, ...] = key(
        "words", "names of countries (ACLED), or numbers in quotes (UCDP); all if none", (),
        of=(ACLED, UCDP), example=["Niger", "Mali"],
    )  # fmt: skip
    since_days: int | None = key(
        "whole", "fetch what was changed (ACLED) or happened (UCDP, GDELT) since", None,
        unit="days", of=_SERVERS, least=1, most=36_500, example=30,
    )  # fmt: skip
    version: str = key(
        "text", "release of UCDP; 1 or 2 of GDELT", "", of=(UCDP, GDELT), example="25.1"
    )
    base_url: str = key(
        "text", "another address of the same service", "",
        of=_SERVERS, example="https://proxy.local/acled",
    )  # fmt: skip
    newest_days: float = key(
        "number", "the newest record may be no older", 30.0, unit="days", least=1, most=36_500
    )
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BacktestSettings:
    """[backtest]: the past windows that champion and challenger are put to."""

    windows: int = key("whole", "past windows", 12, least=2, most=240)
    horizon_days: int = key("whole", "length of a window", 30, unit="days", least=1, most=366)
    embargo_days: int = key(
        "whole", "days between what is known and a window", 0, unit="days", least=0, most=366
    )
    reporting_delay_days: int | None = key(
        "whole", "take records as known so long after their day, where known_on is an upload's",
        None, unit="days", least=0, most=366, example=14,
    )  # fmt: skip
    cell_degrees: float = key("number", "side of a cell", 0.2, unit="degrees", least=0.01, most=5)
    trips: int = key("whole", "virtual trips a window", 200, least=0, most=100_000)
    seed: int = key("whole", "of resampling and virtual trips", 0, least=0, most=1_000_000_000)
    n_jobs: int = key("whole", "windows at once; -1 for all cores", 1, least=-1, most=1024)


@dataclass(frozen=True)
class GateSettings:
    """[gate]: what a challenger, and the records it is made of, must hold to be published."""

    least_gain: float = key(
        "number", "lower end of the 95 % interval of the gain over the champion", -0.05,
        unit="nats per incident", least=-10, most=10,
    )  # fmt: skip
    least_gain_over_even: float = key(
        "number", "gain over an even rate", 0.0, unit="nats per incident", least=-10, most=10
    )
    most_miscount: float = key(
        "number", "factor between incidents expected and met", 1.5, least=1, most=1000
    )
    least_probability: float = key(
        "number", "a miscount or an interval coverage beyond its limit passes where chance alone "
        "makes it at least so probable", 0.01,
        least=0, most=1,
    )  # fmt: skip
    slope_low: float = key("number", "calibration slope, at least", 0.5, least=-10, most=1)
    slope_high: float = key("number", "calibration slope, at most", 1.6, least=1, most=100)
    interval_low: float = key(
        "number", "share of counts that 90 % intervals hold, at least", 0.8, least=0, most=1
    )
    interval_high: float = key(
        "number", "share of counts that 90 % intervals hold, at most", 0.99, least=0, most=1
    )
    trip_slope_low: float = key(
        "number", "calibration slope of virtual trips, at least", 0.4, least=-10, most=1
    )
    trip_slope_high: float = key(
        "number", "calibration slope of virtual trips, at most", 2.5, least=1, most=100
    )
    least_trip_incidents: float = key(
        "number", "fewest incidents met by virtual trips to judge their slope by", 5.0,
        unit="incidents", least=1, most=1_000_000,
    )  # fmt: skip
    least_incidents: int = key(
        "whole", "fewest incidents in the windows to judge a model by", 10,
        unit="incidents", least=1, most=1_000_000,
    )  # fmt: skip
    unknown: str = key(
        "one of", "what to do where the backtest cannot tell", "pass", choices=("pass", "refuse")
    )
    most_rejects: float = key(
        "number", "share of a feed's rows rejected, or lying outside the country they name", 0.1,
        least=0, most=1,
    )  # fmt: skip
    most_gone: float = key(
        "number", "share of held rows, of what a file covers, that it lacks", 0.05, least=0, most=1
    )
    most_revised: float = key("number", "share of held rows told otherwise", 0.25, least=0, most=1)
    most_backfill: float = key(
        "number", "new rows of over 90 days ago, as a share of those held", 0.25, least=0, most=100
    )
    most_duplicates: float = key(
        "number", "rows alike in day, place and kind, as a share beyond what was held", 0.1,
        least=0, most=1,
    )  # fmt: skip
    most_fall: float = key(
        "number", "factor by which a country's last 90 days fall below the year before", 5.0,
        least=1, most=1_000_000,
    )  # fmt: skip
    most_rise: float = key(
        "number", "factor by which a country's last 90 days rise above the year before", 5.0,
        least=1, most=1_000_000,
    )  # fmt: skip
    new_columns: str = key(
        "one of", "what to do with a column that was not there before", "note",
        choices=("note", "refuse"),
    )  # fmt: skip


@dataclass(frozen=True)
class MonitorSettings:
    """[monitor]: how published forecasts are judged."""

    horizon_days: int = key("whole", "length of a window", 30, unit="days", least=1, most=366)
    settle_days: int = key(
        "whole", "how long late reports are waited for", 14, unit="days", least=0, most=366
    )
    windows: int = key("whole", "windows that the alarm looks at together", 12, least=1, most=240)
    alarm_probability: float = key(
        "number", "alarm where chance alone makes the count less probable", 0.01, least=0, most=1
    )


@dataclass(frozen=True)
class KeepSettings:
    """[keep]: how long old versions and fetched files stay."""

    versions: int = key("whole", "newest versions, kept in any case", 10, least=1, most=100_000)
    days: int = key(
        "whole", "how long older versions stay after their last use, and fetched files", 90,
        unit="days", least=0, most=36_500,
    )  # fmt: skip


@dataclass(frozen=True)
class RunSettings:
    """[run]: what a run leaves behind."""

    folder: Path = key("path", "lock, records of runs, fetched files", Path("retrain"))
    prometheus: Path | None = key(
        "path", "textfile for Prometheus' node exporter", None,
        example="/var/lib/node_exporter/kidnaprisk.prom",
    )  # fmt: skip


@dataclass(frozen=True)
class RetrainConfig:
    """Everything that decides a run.

    Parameters
    ----------
    feeds : tuple of FeedSettings
        None where others fill the store.
    path : Path, optional
        Where it was read from.
    """

    store: StoreSettings = field(default_factory=StoreSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    feeds: tuple[FeedSettings, ...] = ()
    backtest: BacktestSettings = field(default_factory=BacktestSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    keep: KeepSettings = field(default_factory=KeepSettings)
    run: RunSettings = field(default_factory=RunSettings)
    path: Path | None = None

    def limits_of(self, feed: FeedSettings) -> GateSettings:
        """The limits a feed is held to: those of the gate, and its own in their place."""
        return dataclasses.replace(self.gate, **feed.limits)


# Limits of [gate] that a feed may set for itself.
OF_A_FEED = (
    "most_rejects", "most_gone", "most_revised", "most_backfill", "most_duplicates", "most_fall",
    "most_rise", "new_columns",
)  # fmt: skip
FEEDS = "feeds"
SECTIONS: dict[str, type[Any]] = {
    "store": StoreSettings,
    "model": ModelSettings,
    FEEDS: FeedSettings,
    "backtest": BacktestSettings,
    "gate": GateSettings,
    "monitor": MonitorSettings,
    "keep": KeepSettings,
    "run": RunSettings,
}


def declared(section: type[Any]) -> Iterator[tuple[str, Key, Any]]:
    """Keys of a section: name, what is said of it, default (``NEEDED`` if there is none).

    Examples
    --------
    >>> [name for name, _, _ in declared(KeepSettings)]
    ['versions', 'days']
    """
    for one in dataclasses.fields(section):
        if "key" in one.metadata:
            yield one.name, one.metadata["key"], one.default


def model_parameters() -> Iterator[tuple[str, str, Any]]:
    """Parameters of the model that can be set: name, meaning, default, as the model has them.

    Examples
    --------
    >>> next(model_parameters())
    ('scales_km', 'Standard deviations (an axis) of the kernels, ascending.', (3.0, 12.0, 50.0))
    """
    # Without docstrings (python -OO) there is no meaning to tell.
    told = inspect.getdoc(KernelMixture) or ""
    for name, one in inspect.signature(KernelMixture.__init__).parameters.items():
        if name not in ("self", "coverage"):
            meaning = re.search(rf"(?m)^{name} : .*\n((?:    .*\n?)+)", told)
            yield name, " ".join(meaning[1].split()) if meaning else "", one.default
