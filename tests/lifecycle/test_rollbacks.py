"""Nights after somebody went back to an earlier version: it stays until they are done with it.

Every record is synthetic. What a rollback does by itself is held in test_registry.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle import registry
from tests.lifecycle import nights
from tests.lifecycle.nights import DAY, WEEK

pytestmark = pytest.mark.slow


def cut_short(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def rolled_back(folder: Path) -> tuple[Path, str, str]:
    """A folder, the version somebody went back to, and the one they went back from."""
    last = nights.night(folder / "retrain.toml", DAY + WEEK).facts["challenger"]
    back = kr.Registry(folder / "models").rollback(reason="too low", on=DAY + WEEK)
    return folder, back, last


def test_what_somebody_went_back_from_is_not_published_the_next_night(folder: Path) -> None:
    config = folder / "retrain.toml"
    assert nights.night(config, DAY + WEEK).decision == "published"
    registry = kr.Registry(folder / "models")
    back = registry.rollback(reason="Dori looks too low", on=DAY + WEEK)
    for week in (2, 3):
        run = nights.night(config, DAY + week * WEEK)
        assert (run.decision, registry.current()) == ("refused", back)
        assert "Dori looks too low" in run.reasons[0]
    # Promoted, it is the champion like any other.
    registry.promote(back, reason="looked into", on=DAY + 3 * WEEK)
    assert nights.night(config, DAY + 4 * WEEK).decision == "published"
    actions = [line["action"] for line in registry.history()]
    assert actions == ["promote", "promote", "rollback", "promote", "promote"]


def test_whoever_insists_ends_a_rollback(folder: Path) -> None:
    config = folder / "retrain.toml"
    assert nights.night(config, DAY + WEEK).decision == "published"
    registry = kr.Registry(folder / "models")
    registry.rollback(reason="Dori looks too low", on=DAY + WEEK)
    forced = kr.retrain(config, as_of=DAY + 2 * WEEK, force="looked into")
    assert (forced.decision, registry.current()) == ("forced", forced.facts["challenger"])
    assert nights.night(config, DAY + 3 * WEEK).decision == "published"


def test_promoted_where_it_was_gone_back_to_it_can_be_gone_back_from(
    rolled_back: tuple[Path, str, str],
) -> None:
    folder, back, last = rolled_back
    models = kr.Registry(folder / "models")
    models.promote(back, reason="looked into", on=DAY + WEEK)
    # It is the first of its line again: nothing is before it.
    with pytest.raises(kr.ArtifactError, match="no earlier version"):
        models.rollback(reason="too high", on=DAY + WEEK)
    assert models.published_on(DAY + WEEK) == back
    after = nights.night(folder / "retrain.toml", DAY + 2 * WEEK).facts["challenger"]
    assert after not in (None, last)
    assert models.rollback(reason="too high", on=DAY + 2 * WEEK) == back
    assert nights.night(folder / "retrain.toml", DAY + 3 * WEEK).decision == "refused"


def test_a_promotion_that_was_killed_does_not_end_a_rollback(
    rolled_back: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, back, last = rolled_back
    models = kr.Registry(folder / "models")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "replace_line", cut_short)
        with pytest.raises(KeyboardInterrupt):
            models.promote(last, reason="looked into", on=DAY + WEEK)
    assert models.current() == back
    assert nights.night(folder / "retrain.toml", DAY + 2 * WEEK).decision == "refused"


def test_a_rollback_that_was_killed_holds_nothing_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = nights.night(folder / "retrain.toml", DAY + WEEK).facts["challenger"]
    models = kr.Registry(folder / "models")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "replace_line", cut_short)
        with pytest.raises(KeyboardInterrupt):
            models.rollback(reason="too low", on=DAY + WEEK)
    assert models.current() == last
    # Else every night is refused, and says that somebody went back to what is not in use.
    assert nights.night(folder / "retrain.toml", DAY + 2 * WEEK).decision == "published"
