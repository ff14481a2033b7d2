"""Re-train every night, as an Airflow DAG (3, or 2 from 2.6.2).

Exit code 3 (refused, nothing new, another run at work) skips the task; any other but 0 fails it.
The environment of the workers has KIDNAPRISK_ACLED_USERNAME and _PASSWORD, where a feed needs them.
"""

from __future__ import annotations

import datetime as dt

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

with DAG(
    "kidnaprisk_retrain",
    schedule="17 2 * * *",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    # Nights that were missed are nothing to make up for: the next run reads all that is known.
    catchup=False,
    max_active_runs=1,
) as dag:
    BashOperator(
        task_id="retrain",
        bash_command="cd /srv/kidnaprisk && venv/bin/kidnaprisk retrain retrain.toml",
        skip_on_exit_code=3,
        execution_timeout=dt.timedelta(hours=6),
    )
