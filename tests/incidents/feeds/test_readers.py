"""What is fetched is what the readers read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.incidents.feeds import Credentials, Limits, fetch_acled, fetch_gdelt, fetch_ucdp
from kidnaprisk.incidents.formats.acled import AcledFormat
from tests.incidents.feeds.server import Acled, Gdelt, Ucdp, running


def test_acled(acled: Acled, account: Credentials, limits: Limits, tmp_path: Path) -> None:
    fetched = fetch_acled(tmp_path, credentials=account, base_url=acled.url, limits=limits)
    cells = pd.read_csv(fetched.files[0], dtype="object", keep_default_na=False)
    assert AcledFormat().recognises(list(cells.columns))
    table = AcledFormat().to_table(cells.replace("", None))
    assert table.frame["kind"].tolist() == ["kidnapping"] * 10
    assert table.frame["incident_id"].tolist() == [f"XXX{number}" for number in range(10)]
    assert not any(fault.rows.any() for fault in table.faults)


def test_ucdp(ucdp: Ucdp, ucdp_account: Credentials, limits: Limits, tmp_path: Path) -> None:
    fetched = fetch_ucdp(
        tmp_path, version="25.1", credentials=ucdp_account, base_url=ucdp.url, limits=limits
    )
    incidents, rejects = kr.read_incidents(fetched.files[0], source="ucdp", return_rejects=True)
    assert len(rejects) == 0
    assert incidents["incident_id"].tolist() == [f"UCDP-{900000 + n}" for n in range(10)]
    assert incidents["date_end"].eq(pd.Timestamp(2024, 3, 2)).all()


@pytest.mark.parametrize(("version", "stamp"), [(1, "20240101"), (2, "20240101000000")])
def test_gdelt(version: int, stamp: str, limits: Limits, tmp_path: Path) -> None:
    with running(Gdelt(version, [stamp])) as server:
        fetched = fetch_gdelt(
            tmp_path, since="2024-01-01", until="2024-01-01", version=version,
            base_url=server.url, limits=limits,
        )  # fmt: skip
    incidents, rejects = kr.read_incidents(fetched.files[0], source="gdelt", return_rejects=True)
    assert len(incidents) + len(rejects) == fetched.rows == 3
    assert incidents["kind"].tolist() == ["kidnapping"] * 3
