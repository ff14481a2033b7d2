"""Incidents told by several sources, brought to one row an event. Method: docs/merging.md."""

from kidnaprisk.incidents.merge.combine import combine_incidents
from kidnaprisk.incidents.merge.groups import link_incidents
from kidnaprisk.incidents.merge.pairs import candidate_pairs
from kidnaprisk.incidents.merge.tables import merge_incidents

__all__ = ["candidate_pairs", "combine_incidents", "link_incidents", "merge_incidents"]
