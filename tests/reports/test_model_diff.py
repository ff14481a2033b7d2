"""The report of two versions: numbers beside ratios, silence shown as silence, text escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from kidnaprisk.reports.hazard_map import hazard_map
from kidnaprisk.reports.model_diff import model_diff_html, model_diff_report
from kidnaprisk.reports.text import to_text

HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m"


def region(region_id, name, country, a, b):
    ratio = None if a is None or b is None else b / a
    return {"region_id": region_id, "name": name, "country": country, "a": a, "b": b,
            "ratio": ratio}  # fmt: skip


@pytest.fixture
def facts():
    """Made up: three regions of Niger and two of Burkina Faso."""
    return {
        "name": "default", "a": "2021-01-01-aaaaaaaa", "b": "2021-02-01-bbbbbbbb",
        "day": "2021-02-02", "days": 30,
        "figures": [
            {"what": "as of", "a": "2021-01-01", "b": "2021-02-01"},
            {"what": "kidnappings", "a": 1200, "b": 1250},
            {"what": "dispersion of past forecasts", "a": 0.3, "b": 0.3},
            {"what": "metric: gain", "a": None, "b": 0.123456},
        ],
        "regions": [
            region("NE-tillaberi", "Tillabéri", "NE", 1.0, 3.0),
            region("NE-dosso", "Dosso", "NE", 0.4, 0.2),
            region("NE-zinder", "Zinder", "NE", 0.0001, 0.0001),
            region("BF-sahel", "Sahel", "BF", None, 0.7),
            region("BF-centre", "Centre", "BF", 0.1, None),
        ],
    }  # fmt: skip


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_says_first_what_both_expect_where_both_speak(facts):
    page = Page(model_diff_html(facts))
    text = "".join(page.text)
    # 1.0 + 0.4 + 0.0001 and 3.0 + 0.2 + 0.0001, to two digits; what one is silent of is left out.
    assert "expects 3.2 incidents in 30 days, 2021-01-01-aaaaaaaa 1.4: ×2.3." in text
    assert "In 2 regions only one of them speaks." in text
    below = text[text.index("Where it moved most") :]
    assert below.index("Tillabéri") < below.index("Dosso") < below.index("Zinder")
    for told in ("+2.0", "×3", "−0.20", "×0.5", "1,200", "0.1235", "–"):
        assert told in text
    assert "only 2021-02-01-bbbbbbbb" in text


def fills(svg):
    return {
        re.match("[^,]+", title.text)[0]: path.attrib["fill"]
        for path in ElementTree.fromstring(svg).iter("path")
        for title in path
    }


def test_the_map_colours_by_ratio_and_hatches_silence(facts):
    svg = hazard_map(facts)
    found = fills(svg)
    assert found["Tillabéri"] == "#ef8a62"  # three times: 2 to 4
    assert found["Dosso"] == "#d1e5f0"  # half: ½ to 0.8
    assert found["Zinder"] == "#f7f7f7"
    assert found["Sahel"] == "url(#only-b)"
    assert found["Centre"] == "url(#only-a)"
    text = "".join(ElementTree.fromstring(svg).itertext())
    assert "only 2021-02-01-bbbbbbbb speaks" in text
    assert "about the same" in text


def test_the_legend_names_no_hatch_that_is_not_there(facts):
    facts["regions"] = facts["regions"][:3]
    assert "speaks" not in "".join(ElementTree.fromstring(hazard_map(facts)).itertext())


def test_the_map_lies_as_the_earth_does(facts):
    """Zinder lies east of Tillabéri; nothing is drawn outside the frame."""
    root = ElementTree.fromstring(hazard_map(facts))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    middle = {}
    for path in root.iter("path"):
        points = [
            tuple(map(float, pair.split(",")))
            for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path.attrib["d"])
        ]
        assert all(-0.1 <= x <= width + 0.1 and -0.1 <= y <= height for x, y in points)
        middle[path[0].text.split(",")[0]] = sum(x for x, _ in points) / len(points)
    assert middle["Zinder"] > middle["Dosso"] > middle["Sahel"]


def test_names_from_files_are_text_and_nothing_else(facts):
    facts["name"] = facts["a"] = HOSTILE
    for row in facts["regions"]:
        row["name"] = HOSTILE
    for row in facts["figures"]:
        row["what"] = HOSTILE
    facts["figures"][0]["a"] = HOSTILE
    page = Page(model_diff_html(facts))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "a", "link", "iframe")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "\x1b" not in model_diff_html(facts)
    assert "default-src 'none'" in model_diff_html(facts)
    assert "\x1b" not in to_text(model_diff_report(facts))


def test_where_nowhere_both_speak_nothing_is_compared(facts):
    facts["regions"] = facts["regions"][3:]
    text = "".join(Page(model_diff_html(facts)).text)
    assert "Nowhere do both speak" in text
    assert "Nowhere do both speak" in to_text(model_diff_report(facts))


def test_the_text_fits_a_terminal_and_groups_the_silent(facts):
    text = to_text(model_diff_report(facts))
    assert max(map(len, text.splitlines())) <= 100
    assert "only 2021-02-01-bbbbbbbb: Sahel" in text
    assert "dispersion" not in text
