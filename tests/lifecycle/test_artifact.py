"""Models on disk: the same bytes from the same inputs, and every tampering refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle  # noqa: TID251 to plant one and see it refused
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ArtifactError, ModelError
from kidnaprisk.hazard.pieces import Pieces
from kidnaprisk.lifecycle import artifact, aside
from kidnaprisk.lifecycle.manifest import seal_of
from tests.lifecycle.small_models import invented

ROOT = Path(kr.__file__).resolve().parents[1]
SMALL = {"scales_km": (20.0, 80.0), "memories_days": (180.0,)}


@pytest.fixture(scope="module")
def model():
    return kr.KernelMixture(**SMALL).fit(invented())


@pytest.fixture(scope="module")
def published(model, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return kr.save_model(model, root)


@pytest.fixture
def version(published, tmp_path):
    """A copy of a published version, in a folder of models, to be spoiled."""
    home = tmp_path / "models" / "default"
    shutil.copytree(published.parent, home)
    return home / published.name


def refused(path, match=None):
    with pytest.raises(ArtifactError, match=match) as caught:
        kr.load_model(path)
    assert caught.value.remedy
    return str(caught.value)


def hashes(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def reseal(folder, change):
    """Change the manifest and seal it again, as someone who knows the code could."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    for name in manifest["files"] if isinstance(manifest.get("files"), dict) else ():
        if (folder / name).is_file():
            manifest["files"][name] = artifact._fingerprint(folder / name)
    manifest["seal"] = seal_of(manifest)
    path.write_text(json.dumps(manifest))


# the round trip


def test_a_loaded_model_answers_bit_for_bit(model, published):
    rng = np.random.default_rng(0)
    at = gpd.GeoSeries(
        gpd.points_from_xy(rng.uniform(0, 5, 99), rng.uniform(12, 16, 99)), crs="EPSG:4326"
    )
    trip = kr.Trip(kr.read_route([(0.0, 14.0), (3.0, 14.2)]), departure="2021-06-01T06:00Z")
    wanted = kr.score(trip, model)
    for path in (published, published.parent, published.parent.parent):
        loaded = kr.load_model(path)
        for when in ("2019-01-01T00:00Z", "2030-01-01T00:00Z"):
            assert loaded.intensity(at, when).tobytes() == model.intensity(at, when).tobytes()
        assert kr.score(trip, loaded).to_dict() == wanted.to_dict()


def invented_people(n=160, seed=8):
    """SYNTHETIC: every third row an attack; of some of those taken it is told who they were, who
    took them and what became of them."""
    table = invented(n, seed)
    rng = np.random.default_rng(seed)
    table["kind"] = np.where(np.arange(n) % 3 == 2, "attack", "kidnapping")
    told = rng.random(n) < 0.6

    def some(words):
        return pd.array(np.where(told, rng.choice(words, n), None), dtype="string")

    table["nationalities"], table["sector"] = some(["FR", "DE;NE"]), some(["aid", "mining"])
    table["perpetrator"] = some(["Made Up Group", "Ünbekannt"])
    table["outcome"] = some(["released", "killed", "held"])
    over = pd.Series(told & (table["outcome"] != "held").fillna(False).to_numpy())
    table["outcome_date"] = (table["date"] + pd.Timedelta(days=20)).where(over)
    counts = rng.integers(1, 9, n).astype(float)
    table["victims"] = pd.array(np.where(told, counts, np.nan), dtype="Int64")
    table["foreign_victims"] = pd.array(np.where(told, counts // 2, np.nan), dtype="Int64")
    return kr.validate_incidents(table)


def test_a_loaded_model_knows_as_much_of_people_and_explains_itself_alike(tmp_path):
    model = kr.KernelMixture().fit(invented_people())
    loaded = kr.load_model(kr.save_model(model, tmp_path))
    assert set(model.records_["kind"]) == {"kidnapping", "attack"}
    assert model.records_["victims"].notna().any()
    pd.testing.assert_frame_equal(loaded.records_, model.records_, check_like=True)
    at = np.array([[2.5, 14.0], [2.0, 13.8]])
    when = np.array(["2021-06-01", "2030-01-01"], "datetime64[ns]")
    pieces = Pieces(at, at + 0.02, np.ones(2), when, 10.0)
    for one, other in zip(
        model.evidence(pieces, np.array([0, 1]), 2),
        loaded.evidence(pieces, np.array([0, 1]), 2),
        strict=True,
    ):
        assert one.tobytes() == other.tobytes()
    assert loaded.unit_expected_.tobytes() == model.unit_expected_.tobytes()
    pd.testing.assert_frame_equal(loaded.explain(), model.explain(), check_exact=True)
    place = gpd.GeoSeries(gpd.points_from_xy([2.5], [14.0]), crs="EPSG:4326")
    told = [one.explain(place, "2021-06-01T00:00Z") for one in (model, loaded)]
    pd.testing.assert_frame_equal(told[1], told[0], check_exact=True)
    crew = kr.Crew(nationality=("FR",), sector="aid")
    trip = kr.Trip([(2.0, 14.0), (3.0, 14.2)], departure="2021-06-01T06:00Z", crew=crew)
    first, again = (kr.score(trip, one).to_dict() for one in (model, loaded))
    assert first["crew"] is not None
    assert first["consequence"] is not None
    assert again == first


def test_what_lies_in_a_version(published):
    names = {path.name for path in published.iterdir()}
    assert {"manifest.json", "card.md", "weights.npy"} <= names
    assert {Path(name).suffix for name in names} == {".json", ".md", ".npy"}
    assert (published.parent / "current").read_text() == f"{published.name}\n"
    manifest = json.loads((published / "manifest.json").read_text())
    assert set(manifest["files"]) == names - {"manifest.json"}
    for name, told in manifest["files"].items():
        content = (published / name).read_bytes()
        assert told == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["sources"] == {"synthetic": 120}
    assert manifest["facts"]["as_of"] == published.name[:10]
    assert "/" not in json.dumps(manifest["facts"]["parameters"])
    for path in published.glob("*.npy"):
        assert not np.load(path, allow_pickle=False).dtype.hasobject
    assert not list(published.parent.glob(".aside-*"))


def test_saving_again_changes_nothing(model, version):
    before = hashes(version)
    assert kr.save_model(model, version.parent.parent) == version
    assert hashes(version) == before


def test_a_version_may_be_kept_without_being_current(model, published, tmp_path):
    first = kr.save_model(model, tmp_path)
    other = kr.KernelMixture(**SMALL).fit(invented(), as_of="2021-01-01")
    second = kr.save_model(other, tmp_path, current=False)
    assert second != first
    assert kr.load_model(tmp_path).as_of_ == model.as_of_
    assert kr.load_model(second).as_of_ == pd.Timestamp("2021-01-01")


def test_how_it_did_changes_no_name_but_is_guarded_and_what_it_was_made_of_does(model, tmp_path):
    told = {"gain": {"low": -0.01, "n": 12}, "checks": ["passed", None]}
    first = kr.save_model(model, tmp_path / "one", metrics=told, recipe={"store_import": 7})
    manifest = artifact.read_manifest(first)
    assert (manifest["metrics"], manifest["recipe"]) == (told, {"store_import": 7})
    other = kr.save_model(model, tmp_path / "two", metrics={}, recipe={"store_import": 7})
    assert other.name == first.name
    assert kr.save_model(model, tmp_path / "two", recipe={"store_import": 8}).name != first.name
    # The first one stays.
    before = hashes(first)
    assert kr.save_model(model, tmp_path / "one", recipe={"store_import": 7}) == first
    assert hashes(first) == before


def test_another_library_gives_the_same_name(model, published, tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "__version__", "9.9")
    again = kr.save_model(model, tmp_path)
    assert again.name == published.name
    assert artifact.read_manifest(again)["library"]["kidnaprisk"] == "9.9"
    assert artifact.label_of(artifact.read_manifest(again)) == again.name


@pytest.mark.parametrize(
    "told", [{"gain": float("nan")}, {"gain": np.float64}, {"gain": {1, 2}}, {"gain": object()}]
)
def test_what_json_cannot_hold_is_no_metric(model, tmp_path, told):
    for what in ("metrics", "recipe"):
        with pytest.raises(ModelError, match=what) as caught:
            kr.save_model(model, tmp_path, **{what: told})
        assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_version_is_made_anew_by_saving_it_again(model, version):
    good = hashes(version)
    (version / "weights.npy").write_bytes(b"damaged")
    assert kr.save_model(model, version.parent.parent) == version
    assert hashes(version) == good


def test_counts_stand_in_the_manifest(published):
    assert artifact.read_manifest(published)["counts"] == {"incidents": 120, "context_events": 0}


TRAIN = """
    import sys; sys.path[:0] = [{root!r}, {here!r}]
    import geopandas as gpd, pandas as pd, kidnaprisk as kr
    table = pd.read_pickle({table!r}).sample(frac=1.0, random_state={seed})
    table.attrs["coverage"] = {coverage!r}
    model = kr.KernelMixture(scales_km=(20.0, 80.0), memories_days=(180.0,)).fit(table)
    print(kr.save_model(model, {out!r}))
"""


def in_another_process(code, **environment):
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )


@pytest.mark.slow
def test_two_processes_and_another_order_of_rows_give_the_same_bytes(published, tmp_path):
    """The other process has one thread and hashes text otherwise, and multiplies matrices as a
    processor of 2004 would: their last digits differ, and must not be asked."""
    table = invented()
    table.to_pickle(tmp_path / "table.pkl")
    done = in_another_process(
        TRAIN.format(root=str(ROOT), here=str(tmp_path), table=str(tmp_path / "table.pkl"),
                     coverage=table.attrs["coverage"], seed=1, out=str(tmp_path / "other")),
        OPENBLAS_NUM_THREADS="1", OPENBLAS_CORETYPE="Prescott", PYTHONHASHSEED="7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.strip())
    assert made.name == published.name
    assert hashes(made) == hashes(published)


def test_records_alike_but_for_their_names_give_the_same_version_in_any_order(tmp_path):
    table = invented()
    twin = table.iloc[::3].copy()
    twin["incident_id"] = "twin-" + twin["incident_id"]
    both = gpd.GeoDataFrame(pd.concat([table, twin], ignore_index=True), crs=table.crs)
    versions = []
    for given in (both, both.iloc[::-1]):
        frame = given.copy()
        frame.attrs = dict(table.attrs)
        versions.append(kr.save_model(kr.KernelMixture(**SMALL).fit(frame), tmp_path).name)
    assert versions[0] == versions[1]


def test_numpy_parameters_can_be_stored(tmp_path):
    model = kr.KernelMixture(
        scales_km=np.array([20, 80]), memories_days=np.array([180]), window_days=np.int64(30)
    ).fit(invented())
    assert (
        kr.load_model(kr.save_model(model, tmp_path)).weights_.tolist() == model.weights_.tolist()
    )


# tampering


def test_a_flipped_byte_in_any_file_is_refused(version):
    for path in sorted(version.iterdir()):
        good = path.read_bytes()
        for at in {0, len(good) // 2, len(good) - 2}:
            bad = bytearray(good)
            bad[at] ^= 0x01
            path.write_bytes(bytes(bad))
            refused(version)
        path.write_bytes(good[: len(good) // 2])
        refused(version)
        path.write_bytes(b"")
        refused(version)
        path.write_bytes(good + b"\x00")
        refused(version)
        path.write_bytes(good)
    kr.load_model(version)


def test_a_missing_file_is_refused(version):
    for path in sorted(version.iterdir()):
        away = version.parent / "away"
        path.rename(away)
        refused(version)
        away.rename(path)
    kr.load_model(version)


@pytest.mark.parametrize("name", ["extra.npy", "extra.pkl", ".hidden", "conftest.py", "sub/x.npy"])
def test_an_added_file_is_refused(version, name):
    (version / name).parent.mkdir(exist_ok=True)
    (version / name).write_bytes(b"x")
    refused(version, "added")


class Canary:
    def __reduce__(self):
        return (os.system, (f"touch {Canary.target}",))


@pytest.mark.parametrize("kind", ["raw pickle", "object array", "npz"])
def test_a_planted_pickle_never_runs_even_under_a_true_seal(version, tmp_path, kind):
    Canary.target = tmp_path / "ran"
    stream = io.BytesIO()
    if kind == "raw pickle":
        stream.write(pickle.dumps(Canary()))
    elif kind == "object array":
        np.save(stream, np.array([Canary()], dtype=object), allow_pickle=True)
    else:
        np.savez(stream, a=np.array([Canary()], dtype=object))
    (version / "weights.npy").write_bytes(stream.getvalue())
    refused(version, "does not match")
    reseal(version, lambda _: None)
    refused(version)
    assert not (tmp_path / "ran").exists()


EDITS = {
    "a fact": lambda m: m["facts"].update(floor_weight_=m["facts"]["floor_weight_"] * 2),
    "the as-of day": lambda m: m["facts"].update(as_of="2030-01-01"),
    "the sources": lambda m: m.update(sources={"better": 120}),
    "the metrics": lambda m: m.update(metrics={"gain": 9.9}),
    "the recipe": lambda m: m.update(recipe={"store_import": 1}),
    "another scikit-learn": lambda m: m["library"].update({"scikit-learn": "0.1.0"}),
    "the seal": lambda m: m.update(seal="0" * 64),
    "no seal": lambda m: m.pop("seal"),
    "a past schema": lambda m: m.update(schema=2),
    "a future schema": lambda m: m.update(schema=4),
    "schema as text": lambda m: m.update(schema="3"),
    "no schema": lambda m: m.pop("schema"),
    "an unknown kind": lambda m: m.update(kind="pickle.Unpickler"),
    "kind a list": lambda m: m.update(kind=["KernelMixture"]),
    "an added key": lambda m: m.update(run="rm -rf /"),
    "a missing key": lambda m: m.pop("data_sha256"),
    "facts a list": lambda m: m.update(facts=[]),
    "files a list": lambda m: m.update(files=list(m["files"])),
    "library a list": lambda m: m.update(library=[]),
    "library missing": lambda m: m.update(library=None),
    "sources a list": lambda m: m.update(sources=["synthetic"]),
    "sources missing": lambda m: m.update(sources=None),
    "metrics a list": lambda m: m.update(metrics=[]),
    "recipe missing": lambda m: m.pop("recipe"),
    "a scikit-learn that is not here": lambda m: m.update(needs={"scikit-learn": "0.1"}),
    "a library that is not known": lambda m: m.update(needs={"sekrit": "1.0"}),
    "needs in words": lambda m: m.update(needs="scikit-learn"),
    "sources in words": lambda m: m.update(sources="synthetic"),
    "a file by ../": lambda m: m["files"].update({"../current": m["files"]["weights.npy"]}),
    "a file by its full path": lambda m: m["files"].update(
        {"/etc/hostname": m["files"]["card.md"]}
    ),
    "a file in a folder": lambda m: m["files"].update({"a/b.npy": m["files"]["card.md"]}),
    "a file with no name": lambda m: m["files"].update({"": m["files"]["card.md"]}),
    "the folder itself": lambda m: m["files"].update({".": m["files"]["card.md"]}),
    "the manifest in itself": lambda m: m["files"].update({"manifest.json": m["files"]["card.md"]}),
    "a fingerprint of words": lambda m: m["files"].update({"weights.npy": "abc"}),
}


# A model sealed by its maker is a model: the seal is no signature.
UNSEALED = (
    "a fact",
    "the as-of day",
    "the sources",
    "the metrics",
    "the recipe",
    "another scikit-learn",
    "the seal",
    "no seal",
    "a fingerprint of words",
)


@pytest.mark.parametrize(
    ("edit", "sealed"),
    [(edit, False) for edit in EDITS] + [(edit, True) for edit in EDITS if edit not in UNSEALED],
)
def test_an_edited_manifest_is_refused(version, edit, sealed):
    path = version / "manifest.json"
    if sealed:
        reseal(version, EDITS[edit])
    else:
        manifest = json.loads(path.read_text())
        EDITS[edit](manifest)
        path.write_text(json.dumps(manifest))
    refused(version)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 200_000, '{"schema": ' + "9" * 100_000 + "}", '{"schema": NaN}',
     "\ufeff{}", '{"schema": 3, "schema": 3}', '{"a":' * 100_000],
    ids=["empty", "cut", "list", "null", "deep lists", "long number", "nan", "bom", "twice",
         "deep objects"],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(version, text):
    (version / "manifest.json").write_text(text, encoding="utf-8")
    refused(version)


def test_a_manifest_in_another_encoding_is_refused(version):
    (version / "manifest.json").write_bytes('{"schema": "é"}'.encode("latin-1"))
    refused(version, "not text")


def test_a_huge_manifest_is_refused_before_it_is_read(version):
    with (version / "manifest.json").open("wb") as stream:
        stream.truncate(20_000_000_000)  # sparse
    begin = time.perf_counter()
    refused(version, "too large")
    assert time.perf_counter() - begin < 5.0


def test_a_link_in_place_of_a_file_is_refused(version, tmp_path):
    target = tmp_path / "elsewhere.npy"
    (version / "weights.npy").rename(target)
    (version / "weights.npy").symlink_to(target)
    refused(version)


def test_a_linked_manifest_is_refused(version, tmp_path):
    target = tmp_path / "elsewhere.json"
    (version / "manifest.json").rename(target)
    (version / "manifest.json").symlink_to(target)
    refused(version, "link")


BOMBS = {
    "a header of many terabytes": lambda: {
        "descr": "<f8",
        "fortran_order": False,
        "shape": (2**44,),
    },
    "a negative shape": lambda: {"descr": "<f8", "fortran_order": False, "shape": (-1,)},
    "a header that is code": None,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_array_with_a_false_header_is_refused(version, bomb):
    path = version / "weights.npy"
    stream = io.BytesIO()
    if BOMBS[bomb] is None:
        text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }"
        text = text + b" " * (118 - len(text) - 1) + b"\n"
        stream.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x00" * 64)
    else:
        np.lib.format.write_array_header_1_0(stream, BOMBS[bomb]())
        stream.write(b"\x00" * 64)
    path.write_bytes(stream.getvalue())
    reseal(version, lambda _: None)
    refused(version)


def archive(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_an_archive_posing_as_an_array_is_refused(version):
    """numpy opens one by its first bytes, whatever its name, and asked for an array gives names."""
    for path in sorted(version.glob("*.npy")):
        good = path.read_bytes()
        path.write_bytes(archive(**{path.stem: np.load(path)}))
        reseal(version, lambda _: None)
        refused(version)
        path.write_bytes(good)
    reseal(version, lambda _: None)
    kr.load_model(version)


@pytest.mark.parametrize("kind", ["archive", "nothing", "words"])
def test_a_file_that_no_model_has_is_no_array_either(version, kind):
    """Named in the manifest under a true seal, yet not an array: it is not opened as another."""
    content = {"archive": archive(a=np.ones(3)), "nothing": b"", "words": b"import os\n"}[kind]
    (version / "extra.npy").write_bytes(content)
    reseal(version, lambda m: m["files"].update({"extra.npy": {}}))
    refused(version)


CUT = {
    "a record more": ("record_lon", lambda a: np.append(a, a[-1])),
    "a record less": ("record_lat", lambda a: a[:-1]),
    "ages of years": ("record_known_on", lambda a: a[::2]),
    "a scale more": ("weights", lambda a: np.concatenate([a, a])),
    "a town less": ("town_population", lambda a: a[:-1]),
    "a region less": ("covered_until", lambda a: a[:-1]),
    "a stretch less": ("network_km", lambda a: a[:-1]),
}


def test_arrays_of_unlike_lengths_never_reach_compiled_code(version):
    """In another process, for it could end with a signal: bounds are not checked in there."""
    for number, (name, change) in enumerate(CUT.values()):
        copy = version.parent / f"copy-{number}"
        shutil.copytree(version, copy)
        np.save(copy / f"{name}.npy", change(np.load(version / f"{name}.npy")))
        reseal(copy, lambda _: None)
    done = in_another_process(
        f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        import kidnaprisk as kr
        for number in range({len(CUT)}):
            try:
                model = kr.load_model({str(version.parent)!r} + f"/copy-{{number}}")
            except kr.ArtifactError:
                print("refused")
        """
    )
    assert (done.returncode, done.stdout.split()) == (0, ["refused"] * len(CUT)), done.stderr[-300:]


def test_places_are_folded_anew_and_not_read_from_the_disk(version):
    """What would point past its records is not stored at all."""
    assert not list(version.glob("place*"))
    loaded = kr.load_model(version)
    assert loaded.places_.start[-1] == len(loaded.records_)


def test_a_model_that_needs_the_library_that_is_here_is_loaded(version):
    import sklearn

    reseal(version, lambda m: m.update(needs={"scikit-learn": sklearn.__version__}))
    kr.load_model(version)


# names and pointers


@pytest.mark.parametrize(
    "name", ["../default", "/etc", "a/b", "", ".", "..", ".hidden", "a\n", "x" * 200, 7]
)
def test_a_name_that_leaves_the_folder_is_refused(model, version, name, tmp_path):
    with pytest.raises(ArtifactError, match="name"):
        kr.load_model(version.parent.parent, name=name)
    with pytest.raises(ArtifactError, match="name"):
        kr.save_model(model, tmp_path / "new", name=name)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "text",
    ["", "../../elsewhere", "/etc", "nowhere-12345678", "a\nb", "\x00", ".", "..", "x" * 10_000],
)
def test_a_pointer_to_nothing_or_elsewhere_is_refused(version, text):
    (version.parent / "current").write_text(text)
    refused(version.parent.parent)


def test_a_pointer_that_is_no_text_is_refused(version):
    (version.parent / "current").write_bytes(b"\xff\xfe\x00")
    refused(version.parent)


def test_no_model_is_told(tmp_path):
    assert "train" in refused(tmp_path)
    assert "train" in refused(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file")


@pytest.mark.parametrize(
    "path", [7, b"models", ["models"], object()], ids=["number", "bytes", "list", "object"]
)
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(kr.KidnapRiskError):
        kr.load_model(path)


# writing under adversity


@pytest.mark.parametrize(
    "thing", [None, "model", kr.KernelMixture, object()], ids=["none", "text", "class", "object"]
)
def test_only_a_mixture_can_be_stored(tmp_path, thing):
    with pytest.raises(ModelError, match="stored") as caught:
        kr.save_model(thing, tmp_path)
    assert caught.value.remedy


def test_an_unfitted_model_cannot_be_stored(tmp_path):
    with pytest.raises(ModelError, match="not fitted"):
        kr.save_model(kr.KernelMixture(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told(model, tmp_path):
    if os.geteuid() == 0:
        # Root writes everywhere but under a file.
        (tmp_path / "file").write_text("x")
        with pytest.raises(ArtifactError) as caught:
            kr.save_model(model, tmp_path / "file")
    else:
        tmp_path.chmod(0o500)
        with pytest.raises(ArtifactError) as caught:
            kr.save_model(model, tmp_path)
        tmp_path.chmod(0o700)
    assert caught.value.remedy


def test_a_model_in_a_read_only_folder_can_be_loaded(version):
    for path in [*version.iterdir(), version, version.parent]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    kr.load_model(version.parent.parent)
    for path in (version.parent, version):
        path.chmod(0o755)


def test_a_full_disk_is_told_and_leaves_the_old_model(model, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here (not root, or no right to mount)")
    try:
        with pytest.raises(ArtifactError, match="written") as caught:
            kr.save_model(model, disk)
        assert caught.value.remedy
        assert not list((disk / "default").glob("*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "fails", ["replace of the version", "replace of the pointer", "sync", "write"]
)
def test_a_failure_at_any_step_leaves_the_old_model_current(version, monkeypatch, fails):
    root = version.parent.parent
    newer = kr.KernelMixture(**SMALL).fit(invented(), as_of="2021-03-01")
    wanted = kr.load_model(root).as_of_
    calls = {"replace": 0, "sync": 0}
    true_replace, true_sync = os.replace, os.fsync

    def replace(source, target):
        calls["replace"] += 1
        if calls["replace"] == {"replace of the version": 1, "replace of the pointer": 2}.get(
            fails, 0
        ):
            raise OSError(28, "No space left on device")
        return true_replace(source, target)

    def sync(descriptor):
        calls["sync"] += 1
        if (fails, calls["sync"]) in {("sync", 3), ("write", 1)}:
            raise OSError(5, "Input/output error")
        return true_sync(descriptor)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(ArtifactError, match="written"):
        kr.save_model(newer, root)
    monkeypatch.undo()
    assert kr.load_model(root).as_of_ == wanted
    assert not list(root.glob("*/.aside-*"))
    assert kr.load_model(kr.save_model(newer, root)).as_of_ == newer.as_of_


KILLED = """
    import os, signal, sys; sys.path.insert(0, {root!r})
    import kidnaprisk as kr
    from kidnaprisk.hazard.state import to_state
    model = kr.load_model({version!r})
    model.floor_weight_ *= 2.0
    os.{victim} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
    kr.save_model(model, {models!r})
"""


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["replace", "fsync"])
def test_killed_between_write_and_rename_leaves_the_old_model_current(version, victim):
    root = version.parent.parent
    before = hashes(version)
    done = in_another_process(
        KILLED.format(root=str(ROOT), version=str(version), models=str(root), victim=victim)
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-300:]
    assert (root / "default" / "current").read_text().strip() == version.name
    assert hashes(version) == before
    kr.load_model(root)
    # What it left aside does not stand in the way of the next.
    model = kr.load_model(root)
    model.floor_weight_ *= 2.0
    assert kr.save_model(model, root).name != version.name


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_dead_writers_left_is_swept_and_nothing_else(model, version):
    home, host = version.parent, aside._host()
    old = time.time() - 100_000
    gone = {
        "dead": f".aside-{host}-{ended_process()}-x",
        "dead pointer": f".current-{host}-{ended_process()}-x",
        "dead prune": f".gone-{host}-{ended_process()}-x",
        "old, elsewhere": ".aside-00000000-1-x",
        "old, of a schema before": ".aside-k2j3h4",
        "old, of a living process": f".aside-{host}-{os.getpid()}-x",
    }
    kept = {
        "living": f".aside-{host}-{os.getpid()}-y",
        "young, elsewhere": ".aside-00000000-1-y",
        "young, of a schema before": ".aside-abcdef",
        "another's": ".lock",
        "another's folder": ".snapshot",
    }
    for what, name in (gone | kept).items():
        if "pointer" in what or name == ".lock":
            (home / name).write_text("x")
        else:
            (home / name).mkdir()
            (home / name / "weights.npy").write_bytes(b"x")
        if what.startswith("old"):
            os.utime(home / name, (old, old))
    kr.save_model(model, home.parent)
    left = {path.name for path in home.iterdir()}
    assert left == {version.name, "current", *kept.values()}


@pytest.mark.slow
def test_writers_killed_again_and_again_leave_at_most_the_last_ones_remains(version):
    root = version.parent.parent
    code = KILLED.format(root=str(ROOT), version=str(version), models=str(root), victim="fsync")
    for _ in range(2):
        assert in_another_process(code).returncode == -signal.SIGKILL
        assert len(list(version.parent.glob(".aside-*"))) == 1
    kr.save_model(kr.load_model(root), root)
    assert not list(version.parent.glob(".*"))


def test_a_version_pruned_while_it_is_read_is_an_error_or_the_next_one(version, monkeypatch):
    """The folder goes just when its first array has been looked at."""
    root, true = version.parent.parent, artifact._fingerprint
    model = kr.load_model(root)
    model.floor_weight_ *= 2.0
    newer = kr.save_model(model, root, current=False)
    away = version.parent / ".gone"

    def pruned(path):
        found = true(path)
        if version.exists():
            version.rename(away)
        return found

    monkeypatch.setattr(artifact, "_fingerprint", pruned)
    refused(version)
    away.rename(version)
    refused(root)
    away.rename(version)

    def pruned_and_moved(path):
        found = pruned(path)
        (version.parent / "current").write_text(newer.name)
        return found

    monkeypatch.setattr(artifact, "_fingerprint", pruned_and_moved)
    assert kr.load_model(root).floor_weight_ == model.floor_weight_


@pytest.mark.slow
def test_readers_during_publishing_always_get_a_whole_model(version):
    root = version.parent.parent
    model = kr.load_model(root)
    first = model.floor_weight_
    done, wrong, read = threading.Event(), [], []

    def reader():
        while not done.is_set():
            try:
                read.append(round(kr.load_model(root).floor_weight_ / first, 6))
            except Exception as error:  # noqa: BLE001 the test tells of any
                wrong.append(error)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(1, 9):
        model.floor_weight_ = first * (1 + step)
        kr.save_model(model, root)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert read
    assert set(read) <= {float(step) for step in range(1, 10)}
    assert kr.load_model(root).floor_weight_ == first * 9


def test_two_writers_of_the_same_model_do_not_hurt_one_another(model, tmp_path, monkeypatch):
    """Threads, held up just before they name their version current so that they meet there."""
    wrong, together, true_replace = [], threading.Barrier(4), os.replace

    def replace(source, target):
        if Path(target).name == "current":
            together.wait(timeout=60)
        return true_replace(source, target)

    monkeypatch.setattr(os, "replace", replace)

    def writer():
        try:
            kr.save_model(model, tmp_path)
        except Exception as error:  # noqa: BLE001 the test tells of any
            wrong.append(error)

    threads = [threading.Thread(target=writer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert kr.load_model(tmp_path).as_of_ == model.as_of_
    assert not list(tmp_path.glob("default/.*"))


@pytest.mark.slow
def test_two_processes_may_write_the_same_model(model, published, tmp_path):
    code = f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        import kidnaprisk as kr
        model = kr.load_model({str(published)!r})
        for _ in range(5):
            print(kr.save_model(model, {str(tmp_path)!r}).name)
    """
    done = []
    threads = [
        threading.Thread(target=lambda: done.append(in_another_process(code))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.returncode for one in done] == [0, 0], done[0].stderr[-300:] + done[1].stderr[-300:]
    assert {name for one in done for name in one.stdout.split()} == {published.name}
    assert kr.load_model(tmp_path).as_of_ == model.as_of_
