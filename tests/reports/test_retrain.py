"""What is said of a run and of published forecasts, and what is drawn."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from kidnaprisk.reports.retrain import (
    history_report,
    monitor_html,
    monitor_line,
    monitor_report,
    outcome,
    run_report,
)
from kidnaprisk.reports.series_plot import series_plot, whole_ticks
from kidnaprisk.reports.text import to_text

# Synthetic, in the form of docs/retraining.md.
RUN = {
    "run": "20260105T021700Z-41", "started": "2026-01-05T02:17:00Z", "as_of": "2026-01-05",
    "finished": "2026-01-05T02:19:30Z", "dry_run": False, "decision": "refused",
    "reasons": ["gone (acled): 40 of 100 held rows are not in it"], "notes": [],
    "champion": "2026-01-04-0123abcd", "challenger": None,
    "stages": [{"stage": "feeds", "seconds": 31.0}, {"stage": "fit", "seconds": 6.0}],
    "feeds": [{"name": "acled", "files": ["a.csv"], "rows": 1234, "rejected": 1}],
    "checks": [
        {"name": "rejects", "subject": "acled", "status": "passed", "text": "1 of 1,234"},
        {"name": "volume", "subject": "acled", "status": "unknown", "text": "nothing held"},
        {"name": "gone", "subject": "acled", "status": "failed", "text": "40 of 100"},
    ],
    "figures": {}, "monitor": None, "pruned": [], "library": "0.1.0",
}  # fmt: skip
SCORE = {"n": 40, "expected": 38.5, "gain_over_even": 1.25, "slope": 0.9, "hit_5": 0.5}
TOGETHER = {
    "windows": 2, "expected": 10.0, "observed": 34.0, "low": 5.0, "high": 16.0,
    "probability": 1e-6, "alarm": True,
}  # fmt: skip


def window(number: int, **told: object) -> dict[str, object]:
    """A synthetic window of the series."""
    days = {"window_start": f"2025-{number:02}-01", "window_end": f"2025-{number:02}-28"}
    figures = {"expected": 5.0, "low": 2.0, "high": 9.0, "observed": 4, "probability": 0.8}
    rest = {"version": "v", "gain_over_even": 1.5, "alarm": False, "note": ""}
    return days | figures | rest | told


UNTOLD = dict.fromkeys(("expected", "low", "high", "observed", "probability", "gain_over_even"))


def test_the_decision_comes_first_and_what_failed_before_what_passed():
    lines = to_text(run_report(RUN)).splitlines()
    assert lines[0] == "Refused: 2026-01-04-0123abcd stays"
    assert lines[1] == "as of 2026-01-05; 37 s; run 20260105T021700Z-41"
    assert lines[2] == "• gone (acled): 40 of 100 held rows are not in it"
    checks = [line.split()[0] for line in lines if line.endswith(("1,234", "held", "of 100"))]
    assert checks == ["failed", "unknown", "passed"]


def test_what_is_not_known_of_a_feed_is_a_dash_and_no_0():
    text = to_text(run_report(RUN))
    assert re.search(r"(?m)^acled +a\.csv +1,234 +1 +– +– +– +–$", text)


def test_figures_and_forecasts_are_told_where_there_are_any():
    figures = {"challenger": SCORE, "even": SCORE | {"slope": None}, "start": "2025-01-01"}
    told = RUN | {"figures": figures, "monitor": TOGETHER, "pruned": ["v1"], "dry_run": True}
    text = to_text(run_report(told))
    assert re.search(r"(?m)^challenger +40 +38\.5 +\+1\.250 +0\.90 +50\.0 %$", text)
    assert re.search(r"(?m)^even +40 +38\.5 +\+1\.250 +– +50\.0 %$", text)
    assert "ALARM: the last 2 windows expected 10 incidents" in text
    assert "store and models as they were" in text
    assert "Pruned\nv1" in text


@pytest.mark.parametrize(
    ("decision", "champion", "challenger", "says"),
    [
        ("published", "a", "b", "Published b"),
        ("forced", "a", "b", "Published b, though checks had failed"),
        ("rehearsed", "a", None, "Rehearsed: a new version would be published"),
        ("refused", None, None, "Refused: there is no model yet"),
        ("unchanged", "a", None, "Nothing new: a stays"),
        ("busy", None, None, "Busy: another run is at work"),
        ("error", "a", None, "Broken off: a stays"),
    ],
)
def test_every_decision_has_its_words(decision, champion, challenger, says):
    run = {"decision": decision, "champion": champion, "challenger": challenger}
    assert outcome(run) == says


def test_text_of_a_feed_neither_steers_a_terminal_nor_breaks_a_line():
    feeds = [{"name": "a\x1b[31m\nb", "files": ["x\r.csv"], "rows": 1}]
    text = to_text(run_report(RUN | {"feeds": feeds, "reasons": ["[bold]no[/bold]\x1b"]}))
    assert "\x1b" not in text
    assert "• [bold]no[/bold]\n" in text


def test_history_is_a_line_a_run_newest_first():
    later = RUN | {"decision": "published", "challenger": "2026-01-06-89abcdef",
                   "started": "2026-01-06T02:17:00Z", "monitor": TOGETHER}  # fmt: skip
    long = RUN | {"reasons": ["a reason " * 30]}
    _, first, second = to_text(history_report([long, later])).splitlines()
    assert first.split()[:2] == ["2026-01-06", "02:17"]
    assert first.split()[3:] == ["published", "37", "s", "ALARM", "2026-01-06-89abcdef"]
    assert second.split()[3] == "refused"
    assert second.endswith("…")
    assert len(second) <= 100


def test_the_series_says_what_could_not_be_judged():
    rows = [window(1), window(2, **UNTOLD, alarm=None, note="the version was pruned")]
    text = to_text(monitor_report(rows, TOGETHER))
    assert re.search(r"2025-01-01 to 2025-01-28 +v +5\.0 +2 to 9 +4 +0\.8 +\+1\.50", text)
    assert re.search(r"2025-02-01 to 2025-02-28 +v( +–){5} +the version was pruned", text)
    assert "nan" not in text


def test_one_window_is_one():
    told = monitor_line(TOGETHER | {"windows": 1, "alarm": False})
    assert told.startswith("No alarm: the last 1 window expected 10 incidents (90 % interval 5 to")


def circles(svg: str) -> list[ET.Element]:
    """Dots of the windows: those in a group with a title."""
    groups = ET.fromstring(svg).findall(".//{*}g") or ET.fromstring(svg).findall(".//g")
    return [dot for group in groups for dot in group.findall("circle")]


def test_a_dot_stands_where_its_count_is():
    svg = series_plot([window(1, observed=0), window(2, observed=10, high=10.0), window(3)])
    low, high, middle = (float(dot.attrib["cy"]) for dot in circles(svg))
    # The axis ends at 10; 4 of 10 lies 4 tenths up.
    assert middle == pytest.approx(low + 0.4 * (high - low), abs=0.1)
    first, second, third = (float(dot.attrib["cx"]) for dot in circles(svg))
    assert second - first == pytest.approx(third - second, abs=0.11)


def test_a_dot_outside_its_interval_is_hollow():
    fills = [dot.attrib["fill"] for dot in circles(series_plot([window(1), window(2, observed=1)]))]
    assert fills == ["#d55e00", "#ffffff"]


def test_a_window_without_a_forecast_has_no_dot():
    svg = series_plot([window(1), window(2, **UNTOLD)])
    assert len(circles(svg)) == 1
    assert "2025-02-01 to 2025-02-28: no forecast to judge" in svg
    assert ET.fromstring(series_plot([window(1, **UNTOLD)])) is not None


def test_nothing_is_drawn_of_nothing():
    assert series_plot([]) == ""
    nothing = dict.fromkeys(TOGETHER) | {"windows": 0}
    page = monitor_html([], nothing, "sahel")
    assert "<svg" not in page
    assert "No published forecast could be judged yet." in page


def test_a_page_holds_no_foreign_markup():
    bad = "<script>alert(1)</script>"
    rows = [window(1, version=bad, window_start=bad), window(2, **UNTOLD, note=bad)]
    page = monitor_html(rows, TOGETHER, bad)
    assert bad not in page
    assert page.count("&lt;script&gt;") >= 5
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("most", [0.0, 0.3, 1.0, 4.0, 7.0, 11.0, 99.0, 1234.5])
def test_ticks_are_whole_even_few_and_reach_the_top(most):
    ticks = whole_ticks(most)
    steps = {b - a for a, b in pairwise(ticks)}
    assert ticks[0] == 0
    assert len(steps) == 1
    assert 2 <= len(ticks) <= 7
    assert max(most, 1.0) <= ticks[-1] < max(most, 1.0) + steps.pop()
