"""Columns of text cells as formats want them: tidy, and None where nothing is said.

Each distinct cell is read once: in most columns of most sources a few words stand many times.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from kidnaprisk.incidents.parse import cell_text


def tidied(
    cells: pd.DataFrame, name: str | None, read: Callable[[object], str | None] = cell_text
) -> pd.Series:
    """A column as tidy text, None where it is empty or not there.

    Parameters
    ----------
    cells : DataFrame (n rows)
    name : str or None
        None for a column that is not there.
    read : callable
        What a cell says.

    Returns
    -------
    Series (n,) of object
        Index 0 to n - 1.

    Examples
    --------
    >>> cells = pd.DataFrame({"city": [" Dori ", None]})
    >>> tidied(cells, "city").tolist(), tidied(cells, "town").tolist()
    (['Dori', None], [None, None])
    """
    given = cells[name].tolist() if name in cells.columns else [None] * len(cells)
    known = {value: read(value) for value in set(given)}
    return pd.Series([known[value] for value in given], dtype="object")


def first_given(*columns: pd.Series) -> pd.Series:
    """The first cell of each row that is not None.

    Examples
    --------
    >>> cells = pd.DataFrame({"city": [None, "Sebba"], "region": ["Sahel", "Sahel"]})
    >>> first_given(tidied(cells, "city"), tidied(cells, "region")).tolist()
    ['Sahel', 'Sebba']
    """
    rows = zip(*(column.tolist() for column in columns), strict=True)
    given = [next((cell for cell in row if cell is not None), None) for row in rows]
    return pd.Series(given, dtype="object")
