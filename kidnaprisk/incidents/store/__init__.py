"""Incidents kept for good: every source, every version of every row, as of any day."""

from kidnaprisk.incidents.store.incident_store import IncidentStore
from kidnaprisk.incidents.store.summaries import ImportSummary, MergeSummary, StoreStatus

__all__ = ["ImportSummary", "IncidentStore", "MergeSummary", "StoreStatus"]
