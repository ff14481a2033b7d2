"""Merging real exports of two sources: what must hold for any, and how many events they share."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kidnaprisk.incidents.merge import merge_incidents
from kidnaprisk.incidents.read import read_incidents


@pytest.mark.slow
def test_acled_and_awsd_share_events_and_no_record_is_lost(shared_dir: Path) -> None:
    folder = shared_dir / "incidents"
    files = (
        folder / "acled" / "acled_KEN_ddmmyy.csv",
        folder / "awsd" / "awsd_security_incidents_2025-04.csv",
    )
    acled, awsd = (read_incidents(path, return_rejects=True)[0] for path in files)
    merged = merge_incidents(acled, awsd)
    joined = [json.loads(text) for text in merged["provenance"].dropna()]
    assert len(merged) + len(joined) == len(acled) + len(awsd)
    assert all({key.partition(":")[0] for key in keys} == {"acled", "awsd"} for keys in joined)
    assert 25 <= len(joined) <= 50
    again = merge_incidents(merged, awsd.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(merged))
