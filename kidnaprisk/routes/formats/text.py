"""Bytes of a text file as text, and numbers as files write them."""

from __future__ import annotations

import codecs
import re

from kidnaprisk.errors import RouteError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def decoded(data: bytes) -> str:
    """Text as its byte-order mark says, else UTF-8, else Windows-1252.

    Positions are ASCII in every text format read here, so a wrong guess could harm a name only.

    Raises
    ------
    RouteError
        If the bytes are no text.

    Examples
    --------
    >>> decoded("Téra".encode("cp1252"))
    'Téra'
    """
    encodings = [encoding for mark, encoding in _MARKS if data.startswith(mark)][:1]
    for encoding in encodings or ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise RouteError("this is not a text file", remedy="check that it is a route file, whole")


def as_number(text: str | None) -> float | None:
    """A finite decimal number, or None if the text is not one.

    Stricter than ``float``, which also takes ``1_0``, ``nan`` and ``infinity``.

    Examples
    --------
    >>> as_number(" -7.6 "), as_number("1_0"), as_number("nan")
    (-7.6, None, None)
    """
    stripped = (text or "").strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else None
