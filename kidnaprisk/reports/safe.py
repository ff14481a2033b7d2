"""Text from files and users, safe to print: it neither steers a terminal nor breaks a line."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    r"""Text on one line, without characters that steer a terminal or reorder what is read.

    Examples
    --------
    >>> one_line("Dori\x1b[31m\nroad\u202e")
    'Dori[31m road'
    """
    words = " ".join(text.split())
    # C: controls, formatting marks, surrogates, private and unassigned.
    return "".join(letter for letter in words if not unicodedata.category(letter).startswith("C"))
