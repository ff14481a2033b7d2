"""Whether what a feed brought may be taken in, held against its own past.

A model cannot tell a quiet month from a broken export. So what came is compared with what is held:
rows gone, told otherwise or come late in numbers, a country fallen silent, days that moved. Each
check names the country and the figures; where there is nothing to compare with, it is unknown.

Not here: rows that cannot be read at all (the readers reject them, `rejects` counts them).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, poisson

from kidnaprisk.lifecycle.checks import FAILED, PASSED, UNKNOWN, Check

if TYPE_CHECKING:
    from kidnaprisk.incidents.coverage import Coverage
    from kidnaprisk.lifecycle.config import FeedSettings, GateSettings
    from kidnaprisk.lifecycle.intake import Incoming

Mask = npt.NDArray[np.bool_]

_KEY = ["source", "incident_id"]
_SAID = ["kind", "date", "date_end", "country", "location_error_km", "victims"]
RECENT_DAYS, YEAR_DAYS = 90, 365
# Below this a country's count tells nothing of drift; and how improbable one must be by chance.
_FEWEST_EXPECTED, _IMPROBABLE = 10.0, 1e-4
# A country whose held rows are mostly gone is gone, whatever the total says.
_FEWEST_HELD, _MOSTLY = 10, 0.5
# Rows alike in a first file, where there is nothing to compare with.
_MOST_ALIKE = 0.5
_COUNTRIES_NAMED = 3


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
    if not len(incoming.table) and incoming.deleted_ids and not incoming.rows_in:
        return [ask.gone()]
    if not len(incoming.table):
        text = f"none of {incoming.rows_in} rows can be taken in"
        if incoming.not_yet_known:
            text += f", {incoming.not_yet_known} more are known only later"
        return [ask.check("empty", FAILED, 0.0, 1.0, text), ask.rejects()]
    return [
        ask.check("empty", PASSED, float(len(incoming.table)), 1.0, f"{len(incoming.table)} rows"),
        ask.rejects(),
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
        newest = self.came["date_end"].max()
        if self.incoming.part and len(self.kept):
            # What was changed may well be old; it is the source that must not be.
            newest = max(newest, self.kept["date_end"].max())
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
        text = f"{len(missing)} of {len(expected)} held rows are not in it"
        if len(lost):
            named = ", ".join(f"{country} {part:.0%}" for country, part in lost.items())
            text += f"; mostly gone: {named}"
            if share <= limit:
                return self.check("gone", FAILED, float(lost.max()), _MOSTLY, text)
        return self.most("gone", share, limit, text)

    def spanned(self) -> Mask:
        """Which held rows the files should hold: those of days that they reach over."""
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
        spanned: Mask = inside.to_numpy(dtype=np.bool_)
        return spanned

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
        text = f"{(~same).sum()} of {len(self.kept)} held rows are told otherwise"
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
        alike = int(_alike(self.would_be())[-n:].sum())
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
        if beyond > limit and binom.sf(alike - 1, n, min(1.0, before + limit)) >= _IMPROBABLE:
            # One in a week of eight rows is no drift.
            return self.check("duplicates", PASSED, beyond, limit, f"{text}: too few to tell")
        return self.most("duplicates", beyond, limit, text)

    def volume(self) -> Check:
        """Each country's last days against the year before them, as the store would hold them."""
        would_be = self.would_be()
        newest = self.came["date_end"].max()
        recent = newest - pd.Timedelta(days=RECENT_DAYS)
        before = recent - pd.Timedelta(days=YEAR_DAYS)
        day = would_be["date_end"]
        year = would_be[(day > before) & (day <= recent)].groupby("country").size()
        now = would_be[(day > recent) & (day <= newest)].groupby("country").size()
        expected = year * (RECENT_DAYS / YEAR_DAYS)
        limits = self.limits
        worst, limit, told, moved = 1.0, limits.most_fall, 0, []
        for country in sorted(set(year.index) | set(now.index)):
            mean, count = float(expected.get(country, 0.0)), int(now.get(country, 0))
            if max(mean, count) < _FEWEST_EXPECTED or mean <= 0.0:
                continue
            told += 1
            fell, rose = mean / max(count, 0.5), count / mean
            few = fell > limits.most_fall and poisson.cdf(count, mean) < _IMPROBABLE
            many = rose > limits.most_rise and poisson.sf(count - 1, mean) < _IMPROBABLE
            most = limits.most_fall if fell > rose else limits.most_rise
            if max(fell, rose) > worst:
                worst, limit = max(fell, rose), most
            if few or many:
                moved.append(f"{country} {count} instead of {mean:.0f}, a factor of over {most:g}")
        if not told:
            return self.check("volume", UNKNOWN, None, limit, "too few rows in any country to tell")
        text = (
            f"{RECENT_DAYS} days up to {newest:%Y-%m-%d} against the year before, {told} countries"
        )
        if moved:
            text += f": {'; '.join(moved)}"
        return self.check("volume", FAILED if moved else PASSED, worst, limit, text)

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
