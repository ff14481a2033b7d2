"""A backtest in plain loops: days, cells, incidents and sums, as the definitions say.

It shares no code with :mod:`kidnaprisk.evaluation.frame`, ``forecast`` or ``summary``; positions
are looked up with shapely one by one, days are days of the calendar.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely
from scipy.special import gammaln
from scipy.stats import poisson

from kidnaprisk.geodesy import inverse

# λ(lon, lat, instant in days since 1970, as-of day, rows known) or None where silent.
Rate = Callable[[float, float, float, dt.date, int], float | None]
EPOCH = dt.date(1970, 1, 1)


class Told(NamedTuple):
    """One source: the countries it covers, from a day to a day."""

    countries: tuple[str, ...]
    start: dt.date
    end: dt.date


class Event(NamedTuple):
    lon: float
    lat: float
    first: dt.date
    last: dt.date
    known: dt.date


class Plain:
    """Every figure by window, cell and region, in dicts; roads are given as middles and km."""

    def __init__(self, events, regions, told, rates, roads, degrees, radius_km=10.0):
        self.events, self.told, self.rates = events, told, rates
        self.names = [f"{r.region_id}" for r in regions.itertuples()]
        self.country = dict(zip(self.names, regions["country"], strict=True))
        self.shape = dict(zip(self.names, regions.geometry, strict=True))
        self.km2 = dict(zip(self.names, regions["km2"], strict=True))
        self.degrees, self.radius_km = degrees, radius_km
        self.points = self._points()
        self.roads = [(x, y, km, self.region_at(x, y)) for x, y, km in roads]

    def region_at(self, lon, lat):
        for name in self.names:
            if self.shape[name].intersects(shapely.Point(lon, lat)):
                return name
        return None

    def _points(self):
        """(lon, lat, km², cell) by region: nine to a cell, those of the region's own."""
        step = self.degrees / 3
        found = {name: [] for name in self.names}
        for name, shape in self.shape.items():
            west, south, east, north = shape.bounds
            for i in range(math.floor(west / step) - 1, math.ceil(east / step) + 1):
                for j in range(math.floor(south / step) - 1, math.ceil(north / step) + 1):
                    lon, lat = (i + 0.5) * step, (j + 0.5) * step
                    if shape.intersects(shapely.Point(lon, lat)):
                        found[name].append((lon, lat, (i // 3, j // 3)))
        areas = {}
        for name, points in found.items():
            if not points:
                inner = self.shape[name].representative_point()
                points.append((inner.x, inner.y, self.cell_of(inner.x, inner.y)))
            whole = sum(math.cos(math.radians(lat)) for _, lat, _ in points)
            areas[name] = [
                (lon, lat, self.km2[name] * math.cos(math.radians(lat)) / whole, (name, *cell))
                for lon, lat, cell in points
            ]
        return areas

    def cell_of(self, lon, lat):
        return math.floor(lon / self.degrees), math.floor(lat / self.degrees)

    def event_cell(self, event):
        """The cell of its position, or where that cell has no point, of its region's nearest."""
        name = self.region_at(event.lon, event.lat)
        own = (name, *self.cell_of(event.lon, event.lat))
        points = self.points[name]
        if own in {cell for *_, cell in points}:
            return own
        x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
        here = np.ones(len(points))
        _, away = inverse(event.lon * here, event.lat * here, x, y)
        return points[int(np.argmin(away))][3]

    def event_road(self, event):
        x, y, km = (np.array([road[k] for road in self.roads]) for k in range(3))
        here = np.ones(len(x))
        _, away = inverse(event.lon * here, event.lat * here, x, y)
        near = int(np.argmin(away))
        return near if away[near] <= math.hypot(self.radius_km, km[near] / 2) else None

    def covers(self, name, first, last):
        day = first
        while day <= last:
            if not any(
                self.country[name] in one.countries and one.start <= day <= one.end
                for one in self.told
            ):
                return False
            day += dt.timedelta(days=1)
        return True

    def run(self, start, end, horizon, step, embargo, delay=None):
        """Windows that were forecast, each with its counts by model."""
        windows = []
        first = start
        while first + dt.timedelta(days=horizon - 1) <= end:
            last = first + dt.timedelta(days=horizon - 1)
            as_of = first - dt.timedelta(days=1 + embargo)
            window = self._window(first, last, as_of, horizon, delay)
            if window is not None:
                windows.append(window)
            first += dt.timedelta(days=step)
        return windows

    def _window(self, first, last, as_of, horizon, delay):
        known = sum(
            (e.known if delay is None else e.last + dt.timedelta(days=delay)) <= as_of
            for e in self.events
        )
        open_ = {name for name in self.names if self.covers(name, first, last)}
        parts = max(1, round(horizon / 30))
        begin = (first - EPOCH).days
        middles = [begin + horizon * (part + 0.5) / parts for part in range(parts)]
        rate = {}
        for model, asked in self.rates.items():
            for name in sorted(open_):
                values = [
                    [asked(p[0], p[1], day, as_of, known) for day in middles]
                    for p in self.points[name]
                ]
                if any(one is None for row in values for one in row):
                    open_.discard(name)
                rate[model, name] = values
        if not open_:
            return None
        expected, road_rate = {}, {}
        for model, asked in self.rates.items():
            cells = {}
            for name in open_:
                for (*_, km2, cell), values in zip(
                    self.points[name], rate[model, name], strict=True
                ):
                    each = sum(value * km2 * horizon / parts for value in values)
                    cells[cell] = cells.get(cell, 0.0) + each
            expected[model] = cells
            road_rate[model] = [
                sum(asked(x, y, day, as_of, known) for day in middles) / parts
                if name in open_
                else None
                for x, y, _, name in self.roads
            ]
        area = {}
        for name in open_:
            for *_, km2, cell in self.points[name]:
                area[cell] = area.get(cell, 0.0) + km2
        inside = []
        for event in self.events:
            middle = event.first + dt.timedelta(days=(event.last - event.first).days // 2)
            if first <= middle <= last and self.region_at(event.lon, event.lat) in open_:
                inside.append(event)
        return {
            "first": first, "last": last, "as_of": as_of, "known": known, "open": open_,
            "expected": expected, "road_rate": road_rate, "area": area, "inside": inside,
            "cells": [self.event_cell(event) for event in inside],
            "roads": [self.event_road(event) for event in inside],
        }  # fmt: skip

    def scores(self, windows, model):
        """The plain columns of a row of scores."""
        expected = observed = cells = log = 0.0
        distinct = set()
        for window in windows:
            for cell, mean in window["expected"][model].items():
                count = window["cells"].count(cell)
                expected += mean
                observed += count
                cells += 1
                log += count * math.log(mean) - mean - gammaln(count + 1.0)
            distinct |= set(window["inside"])
        return {
            "n": len(distinct), "windows": len(windows), "cells": cells, "expected": expected,
            "observed": observed, "log_score": log / observed,
            "number_low": poisson.sf(observed - 1, expected),
            "number_high": poisson.cdf(observed, expected),
        }  # fmt: skip

    def gains(self, windows, model, reference):
        """Nats by which a model is better than another, and incidents, by window."""
        over, under = [], []
        for window in windows:
            mine, other = window["expected"][model], window["expected"][reference]
            gain = 0.0
            for cell in mine:
                count = window["cells"].count(cell)
                gain += count * math.log(mine[cell] / other[cell]) - mine[cell] + other[cell]
            over.append(gain)
            under.append(float(len(window["cells"])))
        return over, under

    def hits(self, windows, model, share, by):
        """Share of incidents in the top share of every window's own ranking."""
        caught = n = 0.0
        for window in windows:
            if by == "area":
                size, hit = window["area"], window["cells"]
                rate = {c: window["expected"][model][c] / size[c] for c in size}
            else:
                rate = {
                    m: one for m, one in enumerate(window["road_rate"][model]) if one is not None
                }
                size = {m: self.roads[m][2] for m in rate}
                hit = [m for m in window["roads"] if m in rate]
            # Sums that are equal but for rounding are a tie.
            rate = {one: float(f"{value:.9e}") for one, value in rate.items()}
            left = share * sum(size.values())
            n += len(hit)
            for value in sorted(set(rate.values()), reverse=True):
                tied = [one for one in rate if rate[one] == value]
                km = sum(size[one] for one in tied)
                taken = min(1.0, left / km) if km > 0.0 else 0.0
                caught += taken * sum(hit.count(one) for one in tied)
                left -= taken * km
                if left <= 1e-12:
                    break
        return caught / n if n else math.nan
