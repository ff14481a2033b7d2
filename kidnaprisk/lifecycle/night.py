"""The stages of one night's run, in order, up to the first that refuses.

Read the feeds, look at what came before the store is touched, take it in, fit a challenger as of
the day, put it to the test beside the champion, publish or refuse, and judge what was published
before. Each step is a module of its own; here is what they hand to one another.

Not here: the lock and the record of the run (`retrain`).
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

from kidnaprisk.errors import (
    CoverageError,
    FeedError,
    IncidentError,
    ModelError,
)
from kidnaprisk.evaluation.result import BacktestResult
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.incidents.store import IncidentStore
from kidnaprisk.incidents.store.address import SQLITE, address_of
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle.artifact import read_manifest
from kidnaprisk.lifecycle.checks import FAILED, Check
from kidnaprisk.lifecycle.config import RetrainConfig
from kidnaprisk.lifecycle.contest import CHALLENGER, contest, figures_of, windows_of
from kidnaprisk.lifecycle.drift import intake_checks
from kidnaprisk.lifecycle.gate import (
    blind,
    freshness,
    gate,
    no_earlier,
    reach,
    rolled_back,
    settled,
)
from kidnaprisk.lifecycle.intake import Incoming, last_taken_in, read_feed, sweep_fetched
from kidnaprisk.lifecycle.monitor import alarm, judge_published
from kidnaprisk.lifecycle.rebuild import recipe_of, table_for
from kidnaprisk.lifecycle.record import Record
from kidnaprisk.lifecycle.registry import Registry
from kidnaprisk.lifecycle.settings import ACLED
from kidnaprisk.lifecycle.succession import moves

RUNS, SERIES, FETCHED = "runs.jsonl", "monitor.jsonl", "fetched"
# Checks that cannot be forced: without records there is nothing to take in, and what is gone from
# a file of all there is has to be known, or rows of the store would be withdrawn on a guess.
_IN_VAIN = ("feed", "complete")


class Champion(NamedTuple):
    """The version in use, and what its manifest says."""

    version: str
    model: KernelMixture
    manifest: dict[str, Any]


class Night:
    """One run: what its stages hand to each other."""

    def __init__(
        self,
        settings: RetrainConfig,
        day: dt.date,
        today: dt.date,
        record: Record,
        dry_run: bool,
        force: str | None,
    ) -> None:
        self.settings, self.day, self.today, self.record = settings, day, today, record
        self.dry_run, self.force = dry_run, force
        self.registry = Registry(settings.model.folder)
        self.name = settings.model.name
        self.changed = 0
        self.past = False

    def work(self, aside: Path | None = None) -> None:
        """All stages, in order, up to the first that refuses.

        Parameters
        ----------
        aside : Path, optional
            Where a rehearsal has a copy of the store, and what is done is done to that.
        """
        with self.record.stage("champion"):
            champion = self.champion()
        with self.store(aside) as store:
            incoming = self.feeds(store)
            if incoming is None:
                self.monitor(self.as_it_is(store))
                self.sweep()
                return
            self.take_in(store, incoming)
            table, recipe = self.known(store)
        if champion is not None and self.same(champion, recipe):
            self.record.decide("unchanged", f"{champion.version} is made of the same already")
        else:
            self.compete(champion, table, recipe)
        self.monitor(table)
        self.prune()
        self.sweep()

    def store(self, aside: Path | None) -> IncidentStore:
        """The store; in a rehearsal a copy of it, or an empty one if there is none yet."""
        url = self.settings.store.url
        if aside is None:
            return IncidentStore(url)
        copy = aside / "incidents.db"
        if address_of(url).drivername != SQLITE or _holds_something(Path(url)):
            with self.record.stage("copy"), IncidentStore(url) as held:
                self.record.say("Copying the store")
                held.copy_to(copy)
        return IncidentStore(copy)

    def champion(self) -> Champion | None:
        """The model in use, verified."""
        version = self.registry.current(self.name)
        if version is None:
            return None
        model = self.registry.load(version, self.name)
        self.record.champion = version
        return Champion(version, model, read_manifest(self.registry.path(version, self.name)))

    def feeds(self, store: IncidentStore) -> list[Incoming] | None:
        """What the feeds bring, if all of it is sound; None if the run is refused."""
        imports = store.status().imports
        if len(imports) and pd.Timestamp(self.day) < imports["day"].max():
            self.record.note("the store holds later days: it is read as it was, and no feed is")
            self.past = True
            return []
        incoming: list[Incoming] = []
        runs = self.ours(RUNS)
        last: dict[str, dict[str, Any]] = {}
        with self.record.stage("feeds") as counts:
            for feed in self.settings.feeds:
                self.record.say(f"Reading {feed.name}")
                last[feed.name] = last_taken_in(runs, feed.name, before=self.day)
                try:
                    came = read_feed(
                        feed, as_of=self.day, folder=self.settings.run.folder / FETCHED,
                        replay=self.day < self.today, last=last[feed.name].get("as_of"),
                    )  # fmt: skip
                except (FeedError, IncidentError, CoverageError) as error:
                    self.record.check(Check("feed", feed.name, FAILED, None, None, str(error)))
                    continue
                incoming.append(came)
                self.record.feed(came)
                for note in came.notes:
                    self.record.note(f"{feed.name}: {note}")
            counts["rows"] = sum(one.rows_in for one in incoming)
        with self.record.stage("intake checks"):
            feeds = {feed.name: feed for feed in self.settings.feeds}
            for came in incoming:
                feed = feeds[came.feed]
                # What tells only of changes names no source where nothing changed.
                sources = came.sources or ([ACLED] if came.part and feed.kind == ACLED else [])
                held = self.held(store, sources) if sources else None
                limits = self.settings.limits_of(feed)
                self.record.check(
                    *intake_checks(came, held, last[came.feed], feed, limits, self.day)
                )
        return incoming if self.may_go_on() else None

    def may_go_on(self) -> bool:
        """Whether no check has failed so far, or whoever runs it insists."""
        failed = self.record.failed
        if failed and (self.force is None or any(one.name in _IN_VAIN for one in failed)):
            self.record.decide("refused", *(f"{c.name} ({c.subject}): {c.text}" for c in failed))
            return False
        return True

    def held(
        self, store: IncidentStore, sources: list[str] | None = None
    ) -> gpd.GeoDataFrame | None:
        """What the store holds of some sources, or of all; None where that is nothing."""
        there = set(store.status().sources["source"])
        asked = there if sources is None else there & set(sources)
        return store.as_of(self.day, sources=sorted(asked)) if asked else None

    def as_it_is(self, store: IncidentStore) -> gpd.GeoDataFrame | None:
        """What the store holds without tonight's feeds, one row an event if they were linked."""
        status = store.status()
        if not len(status.sources):
            return None
        linked = status.last_merge is not None and pd.Timestamp(status.last_merge) <= pd.Timestamp(
            self.day
        )
        return store.as_of(self.day, merged=self.merged(store) and linked)

    def take_in(self, store: IncidentStore, incoming: list[Incoming]) -> None:
        """Bring what came into the store, and link what is told twice."""
        with self.record.stage("store") as counts:
            for came in incoming:
                self.record.say(f"Taking in {came.feed}")
                # What was deleted and came back is among the records.
                gone = sorted(set(came.deleted_ids) - set(came.table["incident_id"]))
                deleted = 0
                if gone and self.held(store, [ACLED]) is not None:
                    deleted = store.delete(ACLED, gone, on=self.day)
                    counts["deleted"] = counts.get("deleted", 0) + deleted
                if not came.rows_in:
                    self.record.taken_in(came.feed, None, deleted)
                    continue
                summary = store.upsert(
                    came.batches, on=self.day, coverage=came.coverage, complete=came.complete,
                    file=came.files[-1] if came.files else None, sha256=came.sha256,
                    format=came.format,
                )  # fmt: skip
                self.record.taken_in(came.feed, summary, deleted)
            if self.merged(store) and not self.past:
                self.record.say("Merging sources")
                counts["linked"] = store.merge(on=self.day).linked

    def merged(self, store: IncidentStore) -> bool:
        """Whether one event may stand in several rows, and is to be read as one."""
        return self.settings.store.merge and len(store.status().sources) > 1

    def known(self, store: IncidentStore) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
        """All that is known on the day, and where it can be had again."""
        with self.record.stage("records") as counts:
            recipe = recipe_of(
                store, self.day, merged=self.merged(store),
                coverage_stated=self.settings.model.coverage is not None,
            )  # fmt: skip
            table = table_for(store, recipe)
            self.changed = store.last_change()
            counts["rows"] = len(table)
            counts["kidnappings"] = int((table["kind"] == "kidnapping").sum())
        return table, recipe

    def same(self, champion: Champion, recipe: dict[str, Any]) -> bool:
        """Whether the challenger would be the champion over again."""
        facts, made_of = champion.manifest["facts"], champion.manifest["recipe"]
        if made_of.keys() != recipe.keys() or self.settings.model.coverage is not None:
            return False
        asked = self.challenger().get_params(deep=False)
        told = json.loads(json.dumps({k: v for k, v in asked.items() if k != "coverage"}))
        return bool(
            # Imports that brought nothing new have numbers of their own.
            self.changed <= made_of["store_import"]
            and {**recipe, "store_import": 0} == {**made_of, "store_import": 0}
            and facts["as_of"] == self.day.isoformat()
            and facts["parameters"] == told
        )

    def challenger(self) -> KernelMixture:
        """The model asked for, not fitted yet."""
        return KernelMixture(
            **self.settings.model.parameters, coverage=self.settings.model.stated_coverage()
        )

    def compete(
        self, champion: Champion | None, table: gpd.GeoDataFrame, recipe: dict[str, Any]
    ) -> None:
        """Fit the challenger, put it to the test, and publish it if it may be."""
        record = self.record
        with record.stage("fit"):
            record.say("Fitting the challenger")
            fitted = self.challenger().fit(table, as_of=self.day)
        with record.stage("backtest"):
            found = self.tested(champion, table)
        record.check(
            reach(fitted, None if champion is None else champion.model),
            no_earlier(self.day, None if champion is None else champion.model),
            rolled_back(moves(self.registry.root / self.name)),
        )
        if not self.settings.feeds:
            record.check(freshness(table, self.day, self.settings.store.newest_days))
        metrics = {} if champion is None else champion.manifest["metrics"]
        limits = self.settings.gate
        checks = blind(found, metrics) if isinstance(found, str) else gate(found, limits)
        unasked = {"information gain"} if champion is None else set()
        if not self.settings.backtest.trips:
            unasked.add("virtual trips")
        record.check(*settled(checks, limits.unknown, unasked))
        if not isinstance(found, str):
            record.figures = figures_of(found)
        if not self.may_go_on():
            return
        self.publish(fitted, recipe)

    def tested(self, champion: Champion | None, table: gpd.GeoDataFrame) -> BacktestResult | str:
        """The backtest; or why there can be none."""
        try:
            if champion is None:
                return self.contested(None, table)
            beside, why = None, "too few windows are left"
            try:
                beside = self.contested(champion, table)
                if windows_of(beside) * 2 >= self.settings.backtest.windows:
                    return beside
            except ModelError as error:
                why = error.message
            # As old as it is, the champion may reach back to before there was enough to go by. It
            # would then be kept for ever: nothing made today could be held against it.
            alone = self.contested(None, table)
            if beside is not None and windows_of(beside) * 2 >= windows_of(alone):
                return beside
        except (CoverageError, ModelError) as error:
            return f"no backtest could be made: {error.message}"
        self.record.note(f"the champion is left out of the backtest, old as it is: {why}")
        return alone

    def contested(self, champion: Champion | None, table: gpd.GeoDataFrame) -> BacktestResult:
        """Challenger, champion if there is one, and an even rate on the past windows."""
        say = self.record.say
        return contest(
            self.challenger(), None if champion is None else champion.model, table, self.day,
            self.settings.backtest, self.settings.monitor.settle_days,
            on_window=lambda done, of: say(f"Backtest: window {done} of {of}"),
        )  # fmt: skip

    def publish(self, fitted: KernelMixture, recipe: dict[str, Any]) -> None:
        """Store the challenger and move the pointer to it."""
        record = self.record
        failed = [f"{one.name} ({one.subject}): {one.text}" for one in record.failed]
        if self.dry_run:
            record.decide("rehearsed", *(failed or [record.passed()]))
            return
        with record.stage("publish"):
            record.say("Publishing")
            metrics = {
                "checks": {c.name: c.status for c in record.checks if c.subject == CHALLENGER}
            }
            record.challenger = self.registry.publish(
                fitted, self.name, metrics=metrics | {"figures": record.figures}, recipe=recipe,
                reason=self.force or "passed the gate", forced=bool(failed), on=self.day,
            )  # fmt: skip
        if failed:
            record.decide("forced", str(self.force), *failed)
        else:
            if self.force is not None:
                record.note(f"no check had failed that had to be forced: {self.force}")
            record.decide("published", record.passed())

    def monitor(self, table: gpd.GeoDataFrame | None) -> None:
        """Judge what was published before, as far as records reach by now."""
        if table is None or self.registry.current(self.name) is None:
            return
        with self.record.stage("monitor") as counts:
            self.record.say("Judging published forecasts")
            path, series = self.settings.run.folder / SERIES, self.ours(SERIES)
            try:
                judged = judge_published(
                    self.registry, self.name, table, self.day, self.settings.monitor,
                    self.settings.backtest.cell_degrees, series, self.record.note,
                )  # fmt: skip
            except CoverageError as error:
                self.record.note(f"published forecasts were not judged: {error.message}")
                return
            counts["windows"] = len(judged)
            if not self.dry_run:
                for row in judged:
                    journal.append(path, {"model": self.name, **row})
            self.record.monitor = alarm([*series, *judged], self.settings.monitor)

    def ours(self, name: str) -> list[dict[str, Any]]:
        """The lines of a journal that are of this model; others may share the folder."""
        lines = journal.read(self.settings.run.folder / name)
        return [line for line in lines if line.get("model") == self.name]

    def prune(self) -> None:
        """Remove old versions, but for those that are still to be judged."""
        if self.dry_run or self.registry.current(self.name) is None:
            return
        keep = self.settings.keep
        with self.record.stage("prune"):
            self.record.pruned = self.registry.prune(
                self.name, keep=keep.versions, keep_days=keep.days,
                since=_judged_through(self.ours(SERIES)),
            )  # fmt: skip

    def sweep(self) -> None:
        """Remove old fetched files."""
        if self.dry_run:
            return
        sweep_fetched(self.settings.run.folder / FETCHED, self.day, self.settings.keep.days)


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _judged_through(series: list[dict[str, Any]]) -> dt.date:
    """Versions that were current after this day are still to be judged."""
    return dt.date.fromisoformat(series[-1]["window_end"]) if series else dt.date.min
