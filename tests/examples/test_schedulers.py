"""The examples of schedulers: each runs the one command, and none takes a refusal for a failure.

The command is the real one, in the folder that the examples name moved to one of the test. What it
ends with is real too: 2 without a configuration, 3 where a feed has no file, 0 where it publishes.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.lifecycle import nights

SCHEDULERS = Path(__file__).resolve().parents[2] / "examples" / "schedulers"
COMMAND = Path(sys.executable).with_name("kidnaprisk")
HOME = "/srv/kidnaprisk"
ENDS = pytest.mark.parametrize("code", [2, 3])

pytestmark = pytest.mark.skipif(
    not COMMAND.is_file() or os.name == "nt", reason="the command is not installed beside Python"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that the examples name: the command in its environment, and no configuration."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "kidnaprisk").symlink_to(COMMAND)
    return tmp_path


def prepare(home: Path, code: int) -> None:
    """See to it that the command ends with this code."""
    if code != 2:
        nights.put_config(home)
    if code == 0:
        nights.put_feed(home, nights.made_up())


def example(name: str, home: Path) -> str:
    text = (SCHEDULERS / name).read_text(encoding="utf-8")
    return text.replace(HOME, str(home))


def settings(unit: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^(\w+)=(.*)$", unit))


def sh(text: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", text], cwd=home, capture_output=True, text=True, check=False, timeout=120
    )


@ENDS
def test_the_line_of_cron(home, code):
    prepare(home, code)
    (line,) = re.findall(r"(?m)^(?!#).+$", example("crontab", home))
    *when, command = line.split(maxsplit=5)
    assert when == ["17", "2", "*", "*", "*"]
    # cron would take it for the end of the line.
    assert "%" not in command
    done = sh(command, home)
    log = (home / "retrain.log").read_text(encoding="utf-8")
    # Cron mails what is printed: an error is, a refusal is not.
    if code == 3:
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert "made-up has no file" in log
    else:
        assert done.returncode != 0
        assert "the configuration cannot be read" in done.stderr


@pytest.mark.slow
def test_a_night_of_cron_that_publishes(home):
    prepare(home, 0)
    day = "2023-06-05"
    line = (
        example("crontab", home)
        .splitlines()[-1]
        .replace("retrain.toml", f"retrain.toml --as-of {day}")
    )
    done = sh(line.split(maxsplit=5)[5], home)
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "retrain.log").read_text(encoding="utf-8").startswith(f"Published {day}-")
    assert (home / "models" / "default" / "current").read_text().startswith(day)


def test_what_the_service_starts(home):
    prepare(home, 3)
    unit = settings(example("kidnaprisk-retrain.service", home))
    done = subprocess.run(
        shlex.split(unit["ExecStart"]), cwd=unit["WorkingDirectory"], capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3
    assert unit["Type"] == "oneshot"
    assert unit["SuccessExitStatus"].split() == ["3"]
    assert unit["ReadWritePaths"] == str(home)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_fault_in_the_units(home):
    units = ["kidnaprisk-retrain.service", "kidnaprisk-retrain.timer"]
    for name in units:
        text = example(name, home).replace("User=kidnaprisk\n", "")
        (home / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(home / name) for name in units)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    when = settings(example(units[1], home))["OnCalendar"]
    told = subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=False)
    assert told.returncode == 0


def test_the_step_of_the_workflow(home):
    prepare(home, 3)
    text = example("github_actions.yml", home)
    (step,) = re.findall(r"(?m)^ +run: \|\n((?: {10}.*\n)+)", text)
    (folder,) = re.findall(r"(?m)^ +working-directory: (.+)$", text)
    assert folder == str(home)
    # As the runner starts it.
    done = subprocess.run(
        ["bash", "-e", "-c", step], cwd=folder, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0
    assert "made-up has no file" in done.stdout
    assert "::warning::" in done.stdout
    # Any other end is its own: here there is no command at all.
    shutil.rmtree(home / "venv")
    gone = subprocess.run(["bash", "-e", "-c", step], cwd=folder, capture_output=True, check=False)
    assert gone.returncode == 127


def load(name: str, home: Path) -> ModuleType:
    path = home / name
    path.write_text(example(name, home), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_of_the_airflow_dag(home):
    prepare(home, 3)
    text = example("airflow_dag.py", home)
    compile(text, "airflow_dag.py", "exec")
    (command,) = re.findall(r'bash_command="([^"]+)"', text)
    assert sh(command, home).returncode == 3
    assert re.findall(r"skip_on_exit_code=(\d+)", text) == ["3"]


def test_the_airflow_dag(home):
    pytest.importorskip("airflow", reason="airflow is not installed: too large for these tests")
    dag = load("airflow_dag.py", home).dag
    (task,) = dag.tasks
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert task.bash_command.endswith("kidnaprisk retrain retrain.toml")


def test_the_prefect_flow_names_the_command(home):
    text = example("prefect_flow.py", home)
    compile(text, "prefect_flow.py", "exec")
    # It is run in the test below, where prefect is.
    assert 'COMMAND = ["venv/bin/kidnaprisk", "retrain", "retrain.toml"]' in text
    assert f'cwd="{home}"' in text


@ENDS
def test_the_prefect_flow(home, code):
    pytest.importorskip("prefect", reason="prefect is not installed: too large for these tests")
    prepare(home, code)
    state = load("prefect_flow.py", home).retrain(return_state=True)
    assert state.is_completed() == (code == 3)
    assert state.name == ("NotPublished" if code == 3 else "Failed")
