"""Whether what a feed brought may be taken in, held against its own past.

A model cannot tell a quiet month from a broken export. So what came is compared with what is held:
rows gone, told otherwise or come late in numbers, a country fallen silent, days that moved. Each
check names the country and the figures; where there is nothing to compare with, it is unknown.

Not here: rows that cannot be read at all (the readers reject them, `rejects` counts them).
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from kidnaprisk.incidents.cells import WRONG_WIDTH
from kidnaprisk.incidents.placing import TOLERANCE_KM, placing
from kidnaprisk.incidents.vocabulary import COUNTRIES
from kidnaprisk.lifecycle.checks import FAILED, PASSED, UNKNOWN, Check
from kidnaprisk.lifecycle.volume import IMPROBABLE, RECENT_DAYS, accepted, changes

if TYPE_CHECKING:
    from kidnaprisk.incidents.coverage import Coverage
    from kidnaprisk.lifecycle.config import FeedSettings, GateSettings
    from kidnaprisk.lifecycle.intake import Incoming

Mask = npt.NDArray[np.bool_]

_KEY = ["source", "incident_id"]
_SAID = ["kind", "date", "date_end", "country", "location_error_km", "victims"]
# A country whose held rows are mostly gone is gone, whatever the total says.
_FEWEST_HELD, _MOSTLY = 10, 0.5
# Rows alike in a first file, where there is nothing to compare with.
_MOST_ALIKE = 0.5
_COUNTRIES_NAMED = 3
# So many rows tell a share well enough, and no more of them take a few seconds at most.
_MOST_PLACED = 50_000
_EXAMPLES = 2


def intake_checks(
    incoming: Incoming,
    held: gpd.GeoDataFrame | None,
    last: Mapping[str, Any] | None,
    feed: FeedSettings,
    limits: GateSettings,
    as_of: dt.date,
) -> list[Check]:
    """What speaks for and against taking a feed in.

    Parameters
    ----------
    incoming : Incoming
    held : GeoDataFrame, optional
        What the store holds of the feed's sources; None if it holds nothing.
    last : mapping, optional
        What was written down of the feed when it was last taken in.
    feed : FeedSettings
    limits : GateSettings
        Those of the gate with the feed's own in their place.
    as_of : date

    Returns
    -------
    list of Check
    """
    ask = _Asked(incoming, held, last, limits)
    if incoming.part and not incoming.rows_in and len(ask.kept):
        # Asked for changes, a source may well have none. That it is alive, the newest row tells.
        checks = [ask.freshness(as_of, feed.newest_days)]
        return [*checks, ask.gone()] if incoming.deleted_ids else checks
    if not len(incoming.table):
        text = f"none of {incoming.rows_in} rows can be taken in"
        if incoming.not_yet_known:
            text += f", {incoming.not_yet_known} more are known only later"
        return [ask.check("empty", FAILED, 0.0, 1.0, text), ask.rejects()]
    return [
        ask.check("empty", PASSED, float(len(incoming.table)), 1.0, f"{len(incoming.table)} rows"),
        ask.rejects(),
        *([ask.whole()] if incoming.complete else []),
        ask.placing(),
        ask.schema(last),
        ask.freshness(as_of, feed.newest_days),
        ask.gone(),
        ask.revised(),
        ask.backfill(),
        ask.duplicates(),
        ask.volume(),
    ]


class _Asked:
    """The questions, with what they are asked of."""

    def __init__(
        self,
        incoming: Incoming,
        held: gpd.GeoDataFrame | None,
        last: Mapping[str, Any] | None,
        limits: GateSettings,
    ) -> None:
        self.incoming, self.limits = incoming, limits
        self.held = held
        self.came = _said(incoming.table)
        self.kept = _said(held) if held is not None else self.came.iloc[:0]
        self.again = self.kept.index.isin(self.came.index)
        self.countries = set(self.kept["country"])
        if last is not None and "countries" in last:
            self.countries = set(self.came["country"]) | set(last["countries"])

    def check(
        self, name: str, status: str, value: float | None, limit: float | None, text: str
    ) -> Check:
        return Check(name, self.incoming.feed, status, value, limit, text)

    def most(self, name: str, share: float, limit: float, text: str) -> Check:
        """A share that may not be above a limit."""
        if share <= limit:
            return self.check(name, PASSED, share, limit, text)
        over = f"{text}; the limit of {limit:.1%} is missed by {share - limit:.1%}"
        return self.check(name, FAILED, share, limit, over)

    def nothing_held(self, name: str, limit: float) -> Check:
        return self.check(name, UNKNOWN, None, limit, "nothing is held of it yet to compare with")

    def rejects(self) -> Check:
        # Nobody knows the day of a rejected row: it is one of all that the file holds.
        n = self.incoming.rows_in + self.incoming.not_yet_known
        rejected = len(self.incoming.rejects)
        text = f"{rejected} of {n} rows were rejected"
        if rejected:
            reasons = self.incoming.rejects["reason"].astype(str).str.split(":").str[0]
            named = reasons.value_counts().head(_COUNTRIES_NAMED)
            text += ": " + ", ".join(f"{count} for {what}" for what, count in named.items())
        return self.most("rejects", rejected / n if n else 0.0, self.limits.most_rejects, text)

    def whole(self) -> Check:
        """Whether it can be told what a file of all there is has no longer, as the store asks."""
        rejects = self.incoming.rejects
        cut = rejects["reason"].astype(str).str.contains(WRONG_WIDTH, regex=False)
        nameless = int((cut | rejects["incident_id"].isna()).sum()) if len(rejects) else 0
        areas = [area for one in self.incoming.covered for area in one.areas]
        parts = [area for area in areas if area not in COUNTRIES]
        if nameless:
            text = f"rejected rows cut off or without an id: {nameless}; what is gone is not known"
        elif parts:
            text = f"all there is must be of whole countries, and {parts[0]} is a part of one"
        elif not self.incoming.covered:
            text = "it is said to be all there is, but not of what: state its coverage"
        else:
            return self.check("complete", PASSED, 0.0, 0.0, "all there is of what it covers")
        return self.check("complete", FAILED, float(nameless), 0.0, text)

    def placing(self) -> Check:
        """Rows held against the country they name: to tell exchanged coordinates needs no past."""
        limit, looked = self.limits.most_rejects, self.came
        if len(looked) > _MOST_PLACED:
            looked = looked.sample(_MOST_PLACED, random_state=0)
        error_km, lon, lat = (
            looked[name].to_numpy(dtype=np.float64, na_value=np.nan)
            for name in ("location_error_km", "longitude", "latitude")
        )
        found = placing(lon, lat, looked["country"].to_numpy(dtype=np.object_), error_km)
        judged = int((~np.isnan(found.away_km)).sum())
        if not judged:
            return self.check(
                "placing", UNKNOWN, None, limit, "no row can be held against a country"
            )
        outside: Mask = found.away_km > TOLERANCE_KM + np.nan_to_num(error_km)
        n, turned = int(outside.sum()), int(found.turned.sum())
        text = f"{n} of {judged} rows lie outside the country they name"
        text += "" if looked is self.came else " (drawn by lot)"
        if n:
            ids = looked.index.get_level_values("incident_id")
            named = ids[found.turned if turned else outside][:_EXAMPLES]
            text += f", {turned} of them in it with latitude and longitude exchanged"
            text += f": such as {' and '.join(named)}"
        share = n / judged
        if found.columns_exchanged or turned == judged:
            # Where most rows lie in their country either way, few tell of it.
            text += "; the columns look exchanged"
            return self.check("placing", FAILED, share, limit, text)
        if share > limit and binom.sf(n - 1, judged, limit) >= IMPROBABLE:
            return self.check("placing", PASSED, share, limit, f"{text}; too few to tell")
        return self.most("placing", share, limit, text)

    def schema(self, last: Mapping[str, Any] | None) -> Check:
        if last is None or not last.get("columns"):
            return self.check("schema", UNKNOWN, None, 0.0, "no columns are on record yet")
        before, now = list(last["columns"]), list(self.incoming.columns)
        lost = [one for one in before if one not in now]
        new = [one for one in now if one not in before]
        text = f"{len(now)} columns"
        text += f"; new: {', '.join(new)}" if new else ""
        text += f"; lost: {', '.join(lost)}" if lost else ""
        bad = bool(lost) or (bool(new) and self.limits.new_columns == "refuse")
        return self.check("schema", FAILED if bad else PASSED, float(len(lost)), 0.0, text)

    def freshness(self, as_of: dt.date, newest_days: float) -> Check:
        newest = self.newest()
        age = (pd.Timestamp(as_of) - newest).days
        text = f"the newest record is of {newest:%Y-%m-%d}, {age} days old"
        if age < 0:
            return self.check(
                "freshness", FAILED, float(age), 0.0, f"{text}: it lies in the future"
            )
        if age > newest_days:
            text += f"; the limit of {newest_days:g} is missed by {age - newest_days:g}"
        status = FAILED if age > newest_days else PASSED
        return self.check("freshness", status, float(age), newest_days, text)

    def newest(self) -> pd.Timestamp:
        newest: pd.Timestamp = self.came["date_end"].max()
        if self.incoming.part and len(self.kept):
            # What was changed may well be old; it is the source that must not be.
            held = self.kept["date_end"].max()
            newest = held if pd.isna(newest) else max(newest, held)
        return newest

    def gone(self) -> Check:
        limit = self.limits.most_gone
        deleted = self.incoming.deleted_ids
        if self.incoming.part and not deleted:
            return self.check(
                "gone", UNKNOWN, None, limit, "the feed is a part: nothing can be gone"
            )
        if not len(self.kept):
            return self.nothing_held("gone", limit)
        expected, missing = self.kept[self.spanned()], self.kept[self.spanned() & ~self.again]
        if self.incoming.part:
            withdrawn = self.kept.index.get_level_values("incident_id").isin(deleted)
            expected, missing = self.kept, self.kept[withdrawn & ~self.again]
        by_country = missing.groupby("country").size() / expected.groupby("country").size()
        many = expected.groupby("country").size() >= _FEWEST_HELD
        lost = by_country[many & (by_country > max(_MOSTLY, limit))]
        share = len(missing) / max(1, len(expected))
        text = f"{len(missing):,} of {len(expected):,} held rows are not in it"
        if len(lost):
            named = ", ".join(f"{country} {part:.0%}" for country, part in lost.items())
            text += f"; mostly gone: {named}"
            if share <= limit:
                return self.check("gone", FAILED, float(lost.max()), _MOSTLY, text)
        return self.most("gone", share, limit, text)

    def spanned(self) -> Mask:
        """Which held rows the files should hold: those of days that they reach over.

        But those that they have as it became known later: what is held of them stands.
        """
        later = self.kept.index.get_level_values("incident_id").isin(self.incoming.later_ids)
        spanned: Mask = self.reached_over() & ~later
        return spanned

    def reached_over(self) -> Mask:
        """Which held rows are of the places and days that the files tell of."""
        # A file that lost a country tells of a coverage without it.
        stated = self.incoming.coverage if self.incoming.stated else None
        first, last = self.came["date"].min(), self.came["date_end"].max()
        if stated:
            inside = np.zeros(len(self.kept), dtype=np.bool_)
            for one in stated:
                inside |= _covered(self.kept, one)
            return inside
        if not self.incoming.complete:
            # What a file begins with may move from export to export; held days are not to shrink.
            last = max(last, self.kept["date_end"].max())
        inside = (self.kept["date_end"] >= first) & (self.kept["date"] <= last)
        # Another feed may bring the same source's rows of other countries.
        inside &= self.kept["country"].isin(self.countries)
        reached: Mask = inside.to_numpy(dtype=np.bool_)
        return reached

    def revised(self) -> Check:
        limit = self.limits.most_revised
        if not len(self.kept):
            return self.nothing_held("revised", limit)
        before = self.kept[self.again]
        now = self.came.loc[before.index]
        same = np.ones(len(before), dtype=np.bool_)
        for name in before.columns:
            a, b = before[name].to_numpy(dtype=object), now[name].to_numpy(dtype=object)
            both_missing = pd.isna(a) & pd.isna(b)
            equal = np.array([x is not pd.NA and y is not pd.NA and bool(x == y)
                              for x, y in zip(a, b, strict=True)], dtype=np.bool_)  # fmt: skip
            same &= equal | both_missing
        share = float((~same).sum()) / max(1, len(self.kept))
        text = f"{(~same).sum():,} of {len(self.kept):,} held rows are told otherwise"
        return self.most("revised", share, limit, text)

    def backfill(self) -> Check:
        limit = self.limits.most_backfill
        if not len(self.kept):
            return self.nothing_held("backfill", limit)
        new = self.came[~self.came.index.isin(self.kept.index)]
        since = self.kept["date_end"].max() - pd.Timedelta(days=RECENT_DAYS)
        late = int((new["date_end"] < since).sum())
        text = f"{late} new rows are of before {since:%Y-%m-%d}, beside {len(self.kept)} held"
        return self.most("backfill", late / len(self.kept), limit, text)

    def duplicates(self) -> Check:
        n, limit = len(self.came), self.limits.most_duplicates
        # Beside what stays: a feed may tell of it again under other ids.
        alike = int(_alike(self.would_be)[-n:].sum())
        now = alike / n
        text = f"{now:.1%} of rows are like another in day, place and kind"
        if not len(self.kept):
            if now > _MOST_ALIKE:
                return self.most("duplicates", now, _MOST_ALIKE, text)
            return self.check(
                "duplicates", UNKNOWN, now, _MOST_ALIKE, f"{text}; nothing is held yet"
            )
        before = float(_alike(self.kept).mean())
        beyond = max(0.0, now - before)
        text = f"{text}, of those held {before:.1%}"
        if beyond > limit and binom.sf(alike - 1, n, min(1.0, before + limit)) >= IMPROBABLE:
            # One in a week of eight rows is no drift.
            return self.check("duplicates", PASSED, beyond, limit, f"{text}: too few to tell")
        return self.most("duplicates", beyond, limit, text)

    def volume(self) -> Check:
        """Each country's last days against those before, as the store would hold them."""
        stated = self.incoming.coverage if self.incoming.stated else None
        newest = self.newest()
        told = changes(self.would_be, newest, stated, self.limits)
        if not told:
            text = "too few rows in any country to tell, or too few days before"
            return self.check("volume", UNKNOWN, None, self.limits.most_fall, text)
        kept = self.kept["date_end"].max()
        before = changes(self.kept, kept, stated, self.limits) if len(self.kept) else {}
        moved: list[str] = []
        known: list[str] = []
        for country, change in told.items():
            if change.beyond:
                again = accepted(change, before.get(country), self.limits)
                (known if again else moved).append(
                    f"{country} {change.count} instead of {change.expected:.0f}, "
                    f"a factor of over {change.limit:g}"
                )
        text = f"{RECENT_DAYS} days up to {newest:%Y-%m-%d} against the year before as far as it "
        text += f"is covered, {len(told)} countries"
        text += f": {'; '.join(moved)}" if moved else ""
        text += f"; already held: {'; '.join(known)}" if known else ""
        worst = max(told.values(), key=lambda change: change.factor)
        status = FAILED if moved else PASSED
        return self.check("volume", status, worst.factor, worst.limit, text)

    @functools.cached_property
    def would_be(self) -> pd.DataFrame:
        """What the store would hold: rows that stay as they are, and then those that came."""
        ids = self.kept.index.get_level_values("incident_id")
        leaves: Mask = self.again | ids.isin(self.incoming.deleted_ids)
        if self.incoming.complete:
            leaves |= self.spanned()
        return pd.concat([part for part in (self.kept[~leaves], self.came) if len(part)])


def _covered(rows: pd.DataFrame, one: Coverage) -> Mask:
    """Which rows a coverage speaks of: of its days, kinds and countries."""
    start, end = pd.Timestamp(one.start), pd.Timestamp(one.end)
    # A part of a country is named by a region, and a row's region is not told here.
    countries = {area.split("-")[0] for area in one.areas}
    inside = (
        (rows["date_end"] >= start)
        & (rows["date"] <= end)
        & rows["kind"].isin(one.kinds)
        & rows["country"].isin(countries)
    )
    covered: Mask = inside.to_numpy(dtype=np.bool_)
    return covered


def _said(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """What is compared of rows, by source and id; the first of rows of one id."""
    told = pd.DataFrame(table[[*_KEY, *_SAID]])
    told["longitude"], told["latitude"] = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    told = told.astype(dict.fromkeys((*_KEY, "kind"), "str"))
    told["country"] = told["country"].astype("object").where(told["country"].notna(), "none")
    return told.drop_duplicates(_KEY).set_index(_KEY)


def _alike(rows: pd.DataFrame) -> Mask:
    """Which rows are like an earlier one in day, place and kind."""
    same: Mask = rows.duplicated(["date", "date_end", "longitude", "latitude", "kind"]).to_numpy()
    return same
