"""The command: its answers, its exit codes, and what it says of bad input."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.bundled import data_path, models_path
from kidnaprisk.cli import main

ROOT = Path(__file__).resolve().parents[1]
DEPART = ["--depart", "2025-01-18T06:00Z"]
COMMANDS = [["score"], ["join"], ["train"], ["models", "show"]]

# For a fresh interpreter: what the command writes, and whether it reaches for the network.
WATCHED = """
import json, os, sys
wrote, reached = [], []
def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if (mode and set("wax+") & set(mode)) or flags & (os.O_WRONLY | os.O_RDWR):
            wrote.append(str(path))
    elif event.startswith(("socket.", "urllib.", "http.")):
        reached.append(event)
from kidnaprisk.cli import main
# Once before, so that compiled code, which knows no trip, is in its caches.
main(sys.argv[1:])
sys.addaudithook(watch)
code = main(sys.argv[1:])
print(json.dumps({"code": code, "wrote": wrote, "reached": reached}))
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def once(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return once


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Routes and incidents as users have them, good and bad."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "road.wkt").write_text("LINESTRING (-0.03 14.03, 0.75 14.01)")
    (folder / "sea.wkt").write_text("LINESTRING (-30 0, -29 0)")
    (folder / "metres.wkt").write_text("LINESTRING (-3340 1576000, 83490 1573700)")
    (folder / "text.wkt").write_text("LINESTRING (a b)")
    (folder / "points.csv").write_text("lon,lat\n-0.03,14.03\n0.75,14.01\n")
    (folder / "gone.geojson").write_text("{")
    (folder / "road.txt2").write_text("by the N15")
    (folder / "empty.csv").write_text("")
    (folder / "wrong.csv").write_text("a,b\n1,2\n")
    two = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": name},
                "geometry": {"type": "LineString", "coordinates": [[lon, 14.0], [lon + 0.5, 14.0]]},
            }
            for name, lon in (("Dori", 0.0), ("Far", 9.0))
        ],
    }
    (folder / "two.geojson").write_text(json.dumps(two))
    gpx = "".join(
        f'<trkpt lat="14.0" lon="{lon}"><time>2025-01-18T{hour:02}:00:00Z</time></trkpt>'
        for lon, hour in ((0.0, 6), (0.4, 7), (0.8, 9))
    )
    (folder / "timed.gpx").write_text(
        '<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><name>Recorded</name><trkseg>{gpx}</trkseg></trk></gpx>"
    )
    with data_path("incidents.csv").open(encoding="utf-8") as file:
        lines = list(csv.reader(file))
    lines[5][lines[0].index("date")] = "some day"
    with gzip.open(folder / "some.csv.gz", "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> kr.TripRisk:
    trip = kr.Trip(kr.read_route(folder / "road.wkt"), departure="2025-01-18T06:00Z")
    return kr.score(trip, kr.load_model())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_units_and_an_example(command: list[str], run: Run) -> None:
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "")
    assert "units:" in out
    assert f"example:\n  kidnaprisk {' '.join(command)}" in out


def test_top_help_and_version(run: Run) -> None:
    assert all(word in run("--help")[1] for word in ("score", "join", "train", "models"))
    assert run("--version") == (0, f"kidnaprisk {kr.__version__}\n", "")


def test_json_is_to_dict(folder: Path, expected: kr.TripRisk, run: Run) -> None:
    code, out, err = run("score", folder / "road.wkt", *DEPART, "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out) == expected.to_dict()


def test_table_csv_and_geojson(folder: Path, expected: kr.TripRisk, run: Run) -> None:
    code, out, _ = run("score", folder / "road.wkt", *DEPART)
    assert code == 0
    assert "Sahel, BF" in out
    assert "\x1b" not in out
    code, out, _ = run("score", folder / "road.wkt", *DEPART, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["name"] for row in rows] == expected.regions["name"].tolist()
    assert sum(float(row["expected_incidents"]) for row in rows) == pytest.approx(
        expected.expected_incidents, rel=1e-12
    )
    code, out, _ = run("score", folder / "road.wkt", *DEPART, "--format", "geojson")
    assert json.loads(out)["type"] == "FeatureCollection"


def test_out_tells_the_form_by_its_ending(folder: Path, tmp_path: Path, run: Run) -> None:
    for name, start in (("a.json", "{"), ("a.csv", "region_id"), ("a.geojson", "{"), ("a.txt", "")):
        code, out, err = run("score", folder / "road.wkt", *DEPART, "--out", tmp_path / name)
        assert (code, out, err) == (0, "", "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "a.csv",
        "a.geojson",
        "a.json",
        "a.txt",
    ]


def test_trip_options_reach_the_trip(folder: Path, run: Run) -> None:
    code, out, err = run(
        "score", folder / "road.wkt", *DEPART, "--speed", "BF=40,default=20", "--hours", "6-18",
        "--stop", "Dori, BF:24", "--stop", "km50:2", "--crew", "MA,transport", "--road-km", "100",
        "--radius", "5", "--format", "json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    trip = kr.Trip(
        kr.read_route(folder / "road.wkt"), departure="2025-01-18T06:00Z",
        speed_kmh={"BF": 40, "default": 20}, driving_hours=(6, 18), road_km=100,
        stops=[kr.Stop(near="Dori, BF", hours=24), kr.Stop(km=50, hours=2)],
        crew=kr.Crew(nationality="MA", sector="transport"),
    )  # fmt: skip
    assert json.loads(out) == kr.score(trip, kr.load_model(), radius_km=5).to_dict()


def test_route_options_reach_the_reader(folder: Path, run: Run) -> None:
    _, out, _ = run("join", folder / "two.geojson", "--route-name", "far", "--format", "json")
    assert json.loads(out)["route"] == "Far"
    code, out, _ = run("join", folder / "metres.wkt", "--crs", "EPSG:3857", "--format", "json")
    assert code == 0
    assert json.loads(out)["km"] == pytest.approx(84, abs=1)


def test_without_departure_the_trip_follows_its_times(folder: Path, run: Run) -> None:
    code, out, _ = run("score", folder / "timed.gpx", "--format", "json")
    assert code == 0
    answer = json.loads(out)
    assert (answer["departure"], answer["hours"]) == ("2025-01-18T06:00:00Z", 3.0)


def test_as_of_sees_nothing_later(folder: Path, run: Run) -> None:
    code, out, err = run(
        "score", folder / "road.wkt", *DEPART, "--as-of", "2025-01-17", "--format", "json"
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["model"]["as_of"] == "2025-01-17"
    known = kr.load_catalogue()
    later = known.loc[known["known_on"] > "2025-01-17", "incident_id"]
    used = [row["incident_id"] for row in answer["incidents"]]
    assert used
    assert not set(used) & set(later)


def test_incidents_of_a_file_and_rows_left_out_are_told(folder: Path, run: Run) -> None:
    file = folder / "some.csv.gz"
    code, out, err = run("join", folder / "road.wkt", "--incidents", file, "--format", "json")
    assert code == 0
    assert json.loads(out)["incidents_known"] == 718
    assert err.startswith(
        "kidnaprisk: warning: some.csv.gz: 1 of 719 rows were left out: row 6, date"
    )
    assert len(err.splitlines()) == 1


def test_join_is_join_incidents(folder: Path, run: Run) -> None:
    _, out, _ = run("join", folder / "road.wkt", "--within", "60", "--format", "csv")
    near = kr.join_incidents(kr.read_route(folder / "road.wkt"), kr.load_catalogue(), within_km=60)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [float(row["distance_km"]) for row in rows] == near["distance_km"].tolist()
    _, out, _ = run("join", folder / "road.wkt", "--within", "60", "--format", "geojson")
    features = json.loads(out)["features"]
    assert [one["properties"]["incident_id"] for one in features] == near["incident_id"].tolist()
    _, out, _ = run("join", folder / "road.wkt", "--within", "60")
    assert all(one in out for one in near["incident_id"])


def test_train_stores_what_models_show_verifies_and_score_uses(
    folder: Path, tmp_path: Path, run: Run
) -> None:
    models = tmp_path / "models"
    code, out, _ = run("train", "--as-of", "2020-06-30", "--out", models, "--name", "old")
    assert code == 0
    assert re.search(r"Written to .*old/2020-06-30-[0-9a-f]{8}", out)
    code, out, _ = run("models", "show", models, "--name", "old", "--format", "json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["name"], facts["as_of"], facts["kind"]) == ("old", "2020-06-30", "KernelMixture")
    assert sum(facts["sources"].values()) == facts["incidents"]
    assert facts["parameters"]["scales_km"] == list(kr.KernelMixture().scales_km)
    _, out, _ = run(
        "score", folder / "road.wkt", *DEPART, "--model", models / "old", "--format", "json"
    )
    assert json.loads(out)["model"]["as_of"] == "2020-06-30"
    array = next(models.rglob("weights.npy"))
    array.write_bytes(array.read_bytes()[:-1] + b"\0")
    code, out, err = run("models", "show", models / "old")
    assert (code, out) == (2, "")
    assert "does not match its manifest" in err


def test_models_show_tells_of_the_bundled_one(run: Run) -> None:
    code, out, err = run("models", "show")
    assert (code, err) == (0, "")
    version = (models_path() / "default" / "current").read_text().strip()
    assert version in out
    for word in ("catalogue", "scale", "730 days", "Parameters", "Verified", "sample"):
        assert word in out


BAD: list[tuple[list[str], str]] = [
    ([], "see kidnaprisk --help"),
    (["fly"], "see kidnaprisk --help"),
    (["score"], "see kidnaprisk score --help"),
    (["score", "road.wkt", "--format", "html"], "see kidnaprisk score --help"),
    (["score", "road.wkt"], "add --depart"),
    (["score", "road.wkt", "--depart", "2025-01-18T06:00"], "no time zone"),
    (["score", "road.wkt", "--depart", "tomorrow"], "2024-12-28T06:00Z"),
    (["score", "timed.gpx", "--speed", "50"], "--speed"),
    (["score", "road.wkt", *DEPART, "--speed", "fast"], "--speed MA=70,default=45"),
    (["score", "road.wkt", *DEPART, "--speed", "-5"], "in km/h"),
    (["score", "road.wkt", *DEPART, "--speed", "MA=70,MA=60"], "keep one"),
    (["score", "road.wkt", *DEPART, "--speed", "MA=70,45"], "--speed MA=70,default=45"),
    (["score", "road.wkt", *DEPART, "--speed", "XX=70"], "unknown country"),
    (["score", "road.wkt", *DEPART, "--hours", "6"], "--hours 6-18"),
    (["score", "road.wkt", *DEPART, "--hours", "6-25"], "0 to 24"),
    (["score", "road.wkt", *DEPART, "--stop", "Dori"], "--stop Dori:168"),
    (["score", "road.wkt", *DEPART, "--stop", "Dori:long"], "--stop Dori:168"),
    (["score", "road.wkt", *DEPART, "--stop", "Dorri, BF:1"], "did you mean"),
    (["score", "road.wkt", *DEPART, "--stop", "Paris, FR:1"], "within 50 km"),
    (["score", "road.wkt", *DEPART, "--stop", "km900:1"], "beyond the end"),
    (["score", "road.wkt", *DEPART, "--crew", "MA,transport,aid"], "--crew MA,transport"),
    (["score", "road.wkt", *DEPART, "--crew", "transprt"], "did you mean 'transport'"),
    (["score", "road.wkt", *DEPART, "--road-km", "10"], "shorter than the drawn line"),
    (["score", "road.wkt", *DEPART, "--radius", "0"], "leave it at 10 km"),
    (["score", "road.wkt", *DEPART, "--radius", "nan"], "--radius 10"),
    (["score", "road.wkt", *DEPART, "--as-of", "17/01/2025"], "write --as-of 2025-01-17"),
    (["score", "road.wkt", *DEPART, "--as-of", "1990-01-01"], "later --as-of"),
    (["score", "road.wkt", *DEPART, "--model", "models", "--as-of", "2025-01-17"], "leave one"),
    (["score", "road.wkt", *DEPART, "--model", "models", "--incidents", "x.csv"], "leave one"),
    (["score", "road.wkt", *DEPART, "--model", "nowhere"], "kidnaprisk train"),
    (["score", "road.wkt", *DEPART, "--incidents", "nowhere.csv"], "check the path"),
    (["score", "road.wkt", *DEPART, "--incidents", "wrong.csv"], "rename them"),
    (["score", "road.wkt", *DEPART, "--incidents", "empty.csv"], "empty.csv"),
    (["score", "road.wkt", *DEPART, "--out", "road.wkt", "--format", "json"], "another file"),
    (["score", "road.wkt", *DEPART, "--out", "trip.html"], "add --format"),
    (["score", "road.wkt", *DEPART, "--out", "nowhere/a.json"], "folder that exists"),
    (["score", "nowhere.geojson", *DEPART], "nowhere.geojson"),
    (["score", "gone.geojson", *DEPART], "gone.geojson"),
    (["score", "text.wkt", *DEPART], "text.wkt"),
    (["score", "metres.wkt", *DEPART], "with --crs"),
    (["score", "two.geojson", *DEPART], "--route-name"),
    (["score", "road.txt2", *DEPART], "--route-format"),
    (["score", "two.geojson", *DEPART, "--route-name", "Nowhere"], "Choose from"),
    (["score", "sea.wkt", *DEPART], "unknown, not low"),
    (["score", "road.wkt", "--depart", "1950-01-18T06:00Z"], "later day"),
    (["join", "road.wkt", "--within", "0"], "--within must lie"),
    (["join", "road.wkt", "--within", "near"], "--within 50"),
    (["train", "nowhere.csv"], "check the path"),
    (["train", "--name", "../up"], "letters, digits"),
    (["models", "show", "nowhere"], "kidnaprisk train"),
    (["models", "show", "--out", "model.csv"], "add --format"),
]


@pytest.mark.parametrize(
    ("arguments", "remedy"), BAD, ids=lambda v: v if isinstance(v, str) else " ".join(v)
)
def test_bad_input_is_one_line_that_says_what_to_do(
    arguments: list[str],
    remedy: str,
    folder: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("kidnaprisk: ")
    assert len(err.splitlines()) == 1
    assert remedy in err
    # Parameters of Python are no use to who typed options.
    assert not re.search(
        r"\b(departure|speed_kmh|road_km|crs|name|waypoints|format|as_of)=|_km\b", err
    )
    assert sorted(folder.rglob("*")) == before


def test_interrupt_is_130(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kidnaprisk.cli.inputs.route", interrupted)
    assert run("score", folder / "road.wkt", *DEPART) == (130, "", "")


def test_a_bug_is_not_hidden(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("kidnaprisk.cli.inputs.route", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run("score", folder / "road.wkt", *DEPART)


class Terminal(io.StringIO):
    """A screen that can show colours."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", [False, True])
def test_colours_only_on_a_terminal_that_wants_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["score", str(folder / "road.wkt"), *DEPART]) == 0
    shown = screen.getvalue()
    assert bool(re.search(r"\x1b\[[\d;]*3\d", shown)) is not no_color
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    assert re.search(r"(low|moderate|high|severe|extreme) \d", plain)
    assert max(len(line) for line in plain.splitlines()) <= 80


def test_letters_the_screen_lacks_do_not_break_the_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding="ascii"))
    assert main(["score", str(folder / "road.wkt"), *DEPART]) == 0
    assert b"Sahel, BF" in screen.getvalue()
    assert b"\x1b" not in screen.getvalue()


def test_json_is_utf8_on_any_screen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding="ascii"))
    assert main(["score", str(folder / "road.wkt"), *DEPART, "--format", "json"]) == 0
    names = [row["name"] for row in json.loads(screen.getvalue().decode("utf-8"))["regions"]]
    assert names == ["Sahel", "Tillabéri"]


def test_nothing_of_the_trip_is_written_but_where_asked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "trip.json"
    arguments = ["score", str(folder / "road.wkt"), *DEPART, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    watched = json.loads(done.stdout)
    assert (watched["code"], watched["reached"]) == (0, [])
    # A number is a file that was opened by its name before.
    named = [one for one in watched["wrote"] if not one.isdigit()]
    assert {str(Path(one).parent) for one in named} == {str(tmp_path)}
    assert [one.name for one in tmp_path.iterdir()] == ["trip.json"]


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    command = [sys.executable, "-m", "kidnaprisk", "join", str(folder / "road.wkt")]
    process = subprocess.Popen(
        [*command, "--within", "2000", "--format", "csv"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), message) == (141, b"")


def test_bad_options_are_told_without_loading_the_library() -> None:
    code = (
        "import sys; from kidnaprisk.cli import main; code = main(['score', 'x', '--hours']);"
        "print(code, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "2 False\n"
    assert done.stderr.startswith("kidnaprisk: argument --hours")
