"""Fetch a source's records into a folder of raw files, for the readers and the store.

Three sources: ACLED's API, UCDP's API, GDELT's files. A fetch that breaks off goes on where it
stopped; it calls itself complete only where the source said so. Nothing here is imported, and
nothing touches the network, until a ``fetch_`` function is called; they need the extra
``kidnaprisk[feeds]``.

A licence or an account is the user's to get: see docs/sources/feeds.md.
"""

from __future__ import annotations

from kidnaprisk.errors import FeedError
from kidnaprisk.incidents.feeds.acled import AcledAddresses, fetch_acled
from kidnaprisk.incidents.feeds.credentials import Credentials
from kidnaprisk.incidents.feeds.gdelt import fetch_gdelt
from kidnaprisk.incidents.feeds.pages import Fetched
from kidnaprisk.incidents.feeds.session import Limits
from kidnaprisk.incidents.feeds.ucdp import fetch_ucdp

__all__ = [
    "AcledAddresses",
    "Credentials",
    "FeedError",
    "Fetched",
    "Limits",
    "fetch_acled",
    "fetch_gdelt",
    "fetch_ucdp",
]
