"""The command's entry: its subcommands, its exit codes, and errors as one line each.

Exit codes: 0 done; 2 bad input; 3 nothing to do, or a gate not passed; 1 a bug, with its traceback;
130 interrupted; 141 the reader of the output went away (what a shell reports for SIGINT and
SIGPIPE).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import kidnaprisk
from kidnaprisk.cli import backtest, incidents, join, models, retrain, score, train
from kidnaprisk.cli.wording import error_line
from kidnaprisk.errors import ConfigError, KidnapRiskError

DONE, BAD_INPUT, INTERRUPTED, READER_GONE = 0, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """A parser whose errors are the library's own."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing a usage text and leaving."""
        raise ConfigError(message, remedy=f"see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The command's parser."""
    top = Parser(
        prog="kidnaprisk",
        description="How exposed a planned road trip is to kidnapping, region by region, and why.",
        epilog="Give any command --help for its units and an example.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"kidnaprisk {kidnaprisk.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (score, join, incidents, train, retrain, models, backtest):
        command.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["--version"])
    kidnaprisk ...
    0
    """
    try:
        arguments = parser().parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
    except KidnapRiskError as error:
        sys.stderr.write(error_line(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would be tried again, and fail again, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except SystemExit as left:
        # --help and --version leave by themselves.
        return left.code if isinstance(left.code, int) else DONE
    return DONE if code is None else int(code)
