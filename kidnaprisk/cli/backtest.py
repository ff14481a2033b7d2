"""``kidnaprisk backtest``: how well models would have forecast days they had not seen."""

from __future__ import annotations

import argparse
from typing import Any

from kidnaprisk.cli import inputs, values
from kidnaprisk.cli.output import (
    HTML,
    JSON,
    MARKDOWN,
    TABLE,
    add_output_options,
    check_out,
    chosen_format,
    counting_windows,
    deliver,
)

FORMATS = (TABLE, MARKDOWN, HTML, JSON)
MODELS = ("mixture", "boosted", "ensemble")
EPILOG = """\
units: days in UTC; cells in degrees; gains in nats per incident (0.69 is a factor of two in the
  probability given to what happened); km of road.
Every window is forecast by models fitted to what was known the day before it. The simple baselines
run beside the models asked for.

example:
  kidnaprisk backtest acled.csv --start 2019-01-01 --end 2020-12-31 --delay 14 --out backtest.html
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "backtest", help="forecast past months as they stood, and compare", allow_abbrev=False,
        description="Forecast past months, each from what was known before it, and compare with "
        "what happened and with simple baselines.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.add_argument(
        "incidents", metavar="INCIDENTS", nargs="?",
        help="file of incidents: .csv, .csv.gz, .xlsx, .parquet or .geojson (the bundled ones)",
    )  # fmt: skip
    command.add_argument(
        "--model", action="append", choices=MODELS, help="model to test, repeatable (mixture)"
    )
    days = command.add_argument_group("days")
    days.add_argument("--start", metavar="DAY", required=True, help="first day forecast")
    days.add_argument("--end", metavar="DAY", required=True, help="last day forecast")
    days.add_argument("--horizon", metavar="DAYS", default="30", help="days in a window (30)")
    days.add_argument(
        "--step", metavar="DAYS", help="days from one window to the next (the horizon)"
    )
    days.add_argument(
        "--embargo", metavar="DAYS", default="0",
        help="days between what is known and the window (0)",
    )  # fmt: skip
    days.add_argument(
        "--delay", metavar="DAYS",
        help="take records as known this many days after they happened, where known_on is but the "
        "day of an upload (as recorded)",
    )  # fmt: skip
    grid = command.add_argument_group("where")
    grid.add_argument("--cell", metavar="DEGREES", default="0.2", help="side of a cell (0.2)")
    grid.add_argument(
        "--radius", metavar="KM", default="10", help="encounter radius of virtual trips, km (10)"
    )
    grid.add_argument("--trips", metavar="N", default="100", help="virtual trips per window (100)")
    command.add_argument("--seed", metavar="N", default="0", help="of all random draws (0)")
    command.add_argument("--jobs", metavar="N", default="1", help="windows forecast at once (1)")
    add_output_options(command, FORMATS)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Backtest and tell."""
    form = chosen_format(arguments, FORMATS)
    check_out(arguments, [arguments.incidents])
    whole = {
        name: values.whole(getattr(arguments, name), f"--{name}")
        for name in ("horizon", "embargo", "trips", "seed", "jobs")
    }
    step = None if arguments.step is None else values.whole(arguments.step, "--step")
    delay = None if arguments.delay is None else values.whole(arguments.delay, "--delay")
    start, end = values.day(arguments.start, "--start"), values.day(arguments.end, "--end")
    cell = values.number(arguments.cell, "--cell", "give degrees")
    radius = values.number(arguments.radius, "--radius", "give km")

    from kidnaprisk.evaluation.backtest import backtest
    from kidnaprisk.reports.backtest import backtest_html, backtest_markdown, backtest_report
    from kidnaprisk.reports.backtest_plots import check_plots
    from kidnaprisk.reports.plain import json_text

    if form == HTML:
        check_plots()
    known = inputs.incidents(arguments.incidents)
    with counting_windows("Forecasting") as tell:
        found = backtest(
            _models(arguments.model or ["mixture"]), known,
            start=start, end=end, horizon_days=whole["horizon"], step_days=step,
            embargo_days=whole["embargo"], reporting_delay_days=delay, cell_degrees=cell,
            radius_km=radius, trips=whole["trips"], seed=whole["seed"], n_jobs=whole["jobs"],
            on_window=tell,
        ).to_dict()  # fmt: skip
    deliver(
        form,
        arguments.out,
        lambda _: backtest_report(found),
        {
            JSON: lambda: json_text(found),
            HTML: lambda: backtest_html(found),
            MARKDOWN: lambda: backtest_markdown(found),
        },
    )


def _models(names: list[str]) -> dict[str, Any]:
    from kidnaprisk.hazard.boosted import BoostedHazard
    from kidnaprisk.hazard.ensemble import Ensemble
    from kidnaprisk.hazard.mixture import KernelMixture

    fresh = {
        "mixture": KernelMixture(),
        "boosted": BoostedHazard(),
        "ensemble": Ensemble({"mixture": KernelMixture(), "boosted": BoostedHazard()}),
    }
    return {name: fresh[name] for name in names}
