"""Re-train every night, as a Prefect flow (3): ``python prefect_flow.py`` serves it.

Exit code 3 (refused, nothing new, another run at work) completes the run under a name of its own;
any other but 0 fails it. Where a feed needs KIDNAPRISK_ACLED_USERNAME and _PASSWORD, they come from
the environment that serves it.
"""

from __future__ import annotations

import subprocess

from prefect import flow
from prefect.states import Completed, State

COMMAND = ["venv/bin/kidnaprisk", "retrain", "retrain.toml"]
NOT_PUBLISHED = 3


@flow(name="kidnaprisk-retrain", log_prints=True, timeout_seconds=6 * 3600)
def retrain() -> State:
    """One night's work."""
    done = subprocess.run(  # noqa: S603 - the command is the one above, whole
        COMMAND, cwd="/srv/kidnaprisk", stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout)
    if done.returncode == NOT_PUBLISHED:
        return Completed(name="NotPublished", message=done.stdout.partition("\n")[0])
    done.check_returncode()
    return Completed(message="Published")


if __name__ == "__main__":
    retrain.serve(name="nightly", cron="17 2 * * *", limit=1)
