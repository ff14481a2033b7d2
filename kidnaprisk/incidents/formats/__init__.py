"""The file formats of incident sources: how each is recognised and brought to the table's columns.

A format is one small module with a name, `recognises` and `to_table`. It knows a source's columns
and words and nothing of files: `files` has turned any file into text cells before, and `read` types
and checks the rows after. To add a source, write its module and list it in `FORMATS`.
"""

from __future__ import annotations

from kidnaprisk.incidents.formats.acled import AcledFormat
from kidnaprisk.incidents.formats.awsd import AwsdFormat
from kidnaprisk.incidents.formats.gdelt import GdeltFormat
from kidnaprisk.incidents.formats.gtd import GtdFormat
from kidnaprisk.incidents.formats.kika import KikaFormat
from kidnaprisk.incidents.formats.nst import NstFormat
from kidnaprisk.incidents.formats.own import OwnFormat
from kidnaprisk.incidents.formats.tabled import Format, Repair, Tabled
from kidnaprisk.incidents.formats.ucdp import UcdpFormat

FORMATS: tuple[Format, ...] = (
    OwnFormat(),
    AcledFormat(),
    GtdFormat(),
    UcdpFormat(),
    AwsdFormat(),
    KikaFormat(),
    NstFormat(),
    GdeltFormat(),
)

__all__ = ["FORMATS", "Format", "Repair", "Tabled"]
