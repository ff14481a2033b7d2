"""How exposed a planned road trip is to kidnapping, region by region, and why.

>>> import kidnaprisk as kr
>>> trip = kr.Trip([(-0.03, 14.03), (0.75, 14.01)], departure="2025-01-18T06:00Z")
>>> risk = kr.score(trip, kr.load_model())
>>> risk.regions["name"].tolist()
['Sahel', 'Tillabéri']

Everything public is named in ``__all__``. Parts are imported when first asked for, so that
importing the package costs next to nothing, writes nothing and touches no network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kidnaprisk.errors import (
        ArtifactError,
        ConfigError,
        CoverageError,
        FeedError,
        IncidentError,
        KidnapRiskError,
        ModelError,
        RouteError,
        StoreError,
        TripError,
    )
    from kidnaprisk.evaluation.backtest import backtest
    from kidnaprisk.evaluation.result import BacktestResult
    from kidnaprisk.exposure.join import join_incidents
    from kidnaprisk.exposure.risk import TripRisk
    from kidnaprisk.exposure.score import score
    from kidnaprisk.hazard.boosted import BoostedHazard
    from kidnaprisk.hazard.ensemble import Ensemble
    from kidnaprisk.hazard.mixture import KernelMixture
    from kidnaprisk.incidents.coverage import Coverage
    from kidnaprisk.incidents.merge import merge_incidents
    from kidnaprisk.incidents.read import load_catalogue, read_incidents
    from kidnaprisk.incidents.store import IncidentStore
    from kidnaprisk.incidents.table import validate_incidents
    from kidnaprisk.lifecycle.artifact import load_model, save_model
    from kidnaprisk.lifecycle.record import RetrainRun
    from kidnaprisk.lifecycle.registry import Registry
    from kidnaprisk.lifecycle.retrain import retrain
    from kidnaprisk.routes.crew import Crew
    from kidnaprisk.routes.read import read_route
    from kidnaprisk.routes.regions import load_regions
    from kidnaprisk.routes.route import Route
    from kidnaprisk.routes.stops import Stop
    from kidnaprisk.routes.towns import load_towns
    from kidnaprisk.routes.trip import Trip

__version__ = "0.1.0"

_HOME = {
    "ArtifactError": "errors",
    "BacktestResult": "evaluation.result",
    "BoostedHazard": "hazard.boosted",
    "ConfigError": "errors",
    "Coverage": "incidents.coverage",
    "CoverageError": "errors",
    "Crew": "routes.crew",
    "Ensemble": "hazard.ensemble",
    "FeedError": "errors",
    "IncidentError": "errors",
    "IncidentStore": "incidents.store",
    "KernelMixture": "hazard.mixture",
    "KidnapRiskError": "errors",
    "ModelError": "errors",
    "Registry": "lifecycle.registry",
    "RetrainRun": "lifecycle.record",
    "Route": "routes.route",
    "RouteError": "errors",
    "Stop": "routes.stops",
    "StoreError": "errors",
    "Trip": "routes.trip",
    "TripError": "errors",
    "TripRisk": "exposure.risk",
    "backtest": "evaluation.backtest",
    "join_incidents": "exposure.join",
    "load_catalogue": "incidents.read",
    "load_model": "lifecycle.artifact",
    "load_regions": "routes.regions",
    "load_towns": "routes.towns",
    "merge_incidents": "incidents.merge",
    "read_incidents": "incidents.read",
    "read_route": "routes.read",
    "retrain": "lifecycle.retrain",
    "save_model": "lifecycle.artifact",
    "score": "exposure.score",
    "validate_incidents": "incidents.table",
}

__all__ = [
    "ArtifactError",
    "BacktestResult",
    "BoostedHazard",
    "ConfigError",
    "Coverage",
    "CoverageError",
    "Crew",
    "Ensemble",
    "FeedError",
    "IncidentError",
    "IncidentStore",
    "KernelMixture",
    "KidnapRiskError",
    "ModelError",
    "Registry",
    "RetrainRun",
    "Route",
    "RouteError",
    "Stop",
    "StoreError",
    "Trip",
    "TripError",
    "TripRisk",
    "backtest",
    "join_incidents",
    "load_catalogue",
    "load_model",
    "load_regions",
    "load_towns",
    "merge_incidents",
    "read_incidents",
    "read_route",
    "retrain",
    "save_model",
    "score",
    "validate_incidents",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kidnaprisk' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kidnaprisk.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
