"""A fetch killed at any instant is gone on with: no record is lost, none comes twice."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kidnaprisk.incidents.feeds import Credentials, Limits, fetch_acled
from tests.incidents.feeds.server import PASSWORD, USERNAME, Acled, Reply, Request, running

pytestmark = pytest.mark.slow

FETCH = """
import sys
from kidnaprisk.incidents.feeds import Limits, fetch_acled
fetch_acled(
    sys.argv[1], base_url=sys.argv[2],
    limits=Limits(requests_per_minute=600_000, timeout_seconds=5, page_rows=10),
)
"""
PAGES = 60


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_in_the_middle_and_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    chance = random.Random(7)

    def slow(request: Request, reply: Reply) -> Reply:
        return Reply(reply.status, reply.body, delay_seconds=0.01)

    with running(Acled(rows=10 * PAGES)) as server:
        server.trouble("/api/acled/read", *[slow] * 1000)
        environment = {
            **os.environ,
            "NO_PROXY": "*",
            "KIDNAPRISK_ACLED_USERNAME": USERNAME,
            "KIDNAPRISK_ACLED_PASSWORD": PASSWORD,
        }
        progress = []
        for _ in range(3):
            asked = len(server.log)
            run = subprocess.Popen(
                [sys.executable, "-c", FETCH, str(folder), server.url], env=environment
            )
            # Wherever it is a moment after it has begun to read: asking, writing, renaming.
            while run.poll() is None and len(server.log) < asked + 3:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.15))
            run.kill()
            assert run.wait(10) == -signal.SIGKILL
            record = (folder / "acled.fetch.jsonl").read_bytes().split(b"\n")[:-1]
            head, *pages = [json.loads(line) for line in record]
            progress.append(len(pages))
            assert not head["finished"]
            for name, rows, *_ in (line["page"] for line in pages):
                with (folder / name).open(newline="") as stream:
                    assert sum(1 for _ in csv.DictReader(stream)) == rows
        assert progress == sorted(progress)
        assert progress[-1] > 0

        fetched = fetch_acled(
            folder, base_url=server.url, credentials=Credentials(PASSWORD, username=USERNAME),
            limits=Limits(requests_per_minute=600_000, page_rows=10),
        )  # fmt: skip
        assert fetched.complete
        ids = []
        for path in fetched.files:
            with path.open(newline="") as stream:
                ids += [row["event_id_cnty"] for row in csv.DictReader(stream)]
        assert ids == [str(row["event_id_cnty"]) for row in server.records]
        assert sorted(folder.iterdir()) == [*fetched.files, folder / "acled.fetch.jsonl"]

        # A page is asked for twice only if the kill fell between its answer and its record.
        times = Counter(request.query["page"] for request in server.asked("/api/acled/read"))
        assert set(times) == {str(page) for page in range(1, PAGES + 1)}
        assert sum(times.values()) <= PAGES + 3
