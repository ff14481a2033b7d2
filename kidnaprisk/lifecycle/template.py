"""The configuration of re-training in words: a commented file to begin with, a table to look up.

Both are written from the declarations (`settings`), and so say what the reader (`config`) does.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from kidnaprisk.lifecycle.settings import (
    FEEDS,
    NEEDED,
    OF_A_FEED,
    SECTIONS,
    FeedSettings,
    GateSettings,
    Key,
    declared,
    either,
    model_parameters,
)

_LEAD = """\
# What `kidnaprisk retrain` does, and what it holds a new model to. Values are the defaults, but for
# the feed's name and path. A line that begins with "# key =" is not set: it shows an example, or,
# for the model's parameters and a feed's own limits, the default.
# Paths are relative to this file. Passwords and tokens have no place in it: they come from the
# environment, the keyring or ~/.pgpass.
"""
_UNSET: tuple[object, ...] = (NEEDED, None, "", ())
# Without these two a feed is none.
_ALIVE = ("name", "path")
_WIDTH = 100


def template() -> str:
    r"""A commented configuration: every key with its meaning, unit, range and default or example.

    Examples
    --------
    >>> print("\n".join(template().splitlines()[-3:]))
    folder = "retrain"
    # Textfile for Prometheus' node exporter; not set by default.
    # prometheus = "/var/lib/node_exporter/kidnaprisk.prom"
    """
    parts = [_LEAD]
    for name, section in SECTIONS.items():
        lines = [_lead_of(section), f"[[{name}]]" if name == FEEDS else f"[{name}]"]
        for key_name, key, default in declared(section):
            lines += _entry(key_name, key, default, alive=name == FEEDS and key_name in _ALIVE)
        if section is FeedSettings:
            lines.append("# A feed's own limits, in place of those of [gate]:")
            limits = {one: value for one, _, value in declared(GateSettings)}
            lines += [f"# {one} = {toml(limits[one])}" for one in OF_A_FEED]
        if name == "model":
            lines += [
                "",
                "# Parameters of KernelMixture, all as it has them.",
                "[model.parameters]",
            ]
            for one, meaning, value in model_parameters():
                lines += [*_comment(meaning), f"# {one} = {toml(value)}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def settings_table() -> str:
    """Every key as a table of markdown, for the documentation.

    Examples
    --------
    >>> print(settings_table().splitlines()[-2])
    | `run.folder` | `"retrain"` |  | lock, records of runs, fetched files |
    """
    lines = ["| key | default | may be | meaning |", "|---|---|---|---|"]
    for name, section in SECTIONS.items():
        for key_name, key, default in declared(section):
            usual = "" if default in _UNSET else f"`{toml(default)}`"
            meaning = key.meaning + (f" (kind {either(key.of)})" if key.of else "")
            if key.example is not None:
                meaning += f"; for example `{toml(key.example)}`"
            usual = "needed" if default is NEEDED else usual
            lines.append(f"| `{name}.{key_name}` | {usual} | {key.may_be()} | {meaning} |")
        if name == "model":
            lines += list(_parameter_rows())
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    r"""A value as TOML has it.

    Examples
    --------
    >>> print(toml('a "b"'), toml(True), toml((1.0, 2)))
    "a \"b\"" true [1.0, 2]
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _lead_of(section: type[Any]) -> str:
    """What a section is for, by the first line of its docstring."""
    meaning = str(section.__doc__).splitlines()[0].split(": ", 1)[-1]
    return f"# {_capital(meaning)}"


def _entry(name: str, key: Key, default: Any, *, alive: bool) -> Iterator[str]:
    unset = default in _UNSET
    told = [
        key.meaning,
        f"kind {either(key.of)}" if key.of else "",
        key.may_be(),
        "not set by default" if unset and not alive else "",
    ]
    yield from _comment(f"{_capital('; '.join(filter(None, told)))}.")
    yield f"{'# ' if unset and not alive else ''}{name} = {toml(key.example if unset else default)}"


def _comment(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ") or ["#"]


def _parameter_rows() -> Iterator[str]:
    for name, meaning, default in model_parameters():
        yield f"| `model.parameters.{name}` | `{toml(default)}` |  | {meaning} |"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
