"""The command: parse, call, print. What it answers is worked out in the rooms below."""

from __future__ import annotations

from kidnaprisk.cli.command import main

__all__ = ["main"]
