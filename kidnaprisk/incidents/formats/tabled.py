"""What a format hands back: the rows of a file under the incident table's column names."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from kidnaprisk.incidents.parse import Fault


class Tabled(NamedTuple):
    """The rows of a file as columns of the incident table.

    ``frame`` n rows, as many as the file has, cells as text or typed, with ``longitude`` and
    ``latitude``; ``faults`` rows the format cannot make sense of; ``notes`` what a reader should
    know was done.
    """

    frame: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
