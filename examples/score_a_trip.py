"""Score the haul from Casablanca to Niamey, and say where its risk lies and why.

Run as ``python examples/score_a_trip.py [FILE]``; with a file, the stretches and the incidents that
contribute are written to it as GeoJSON. Nothing else is written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import kidnaprisk as kr

HERE = Path(__file__).resolve().parent


def main(out: str | None = None) -> kr.TripRisk:
    """Score the trip, print what matters, and write a map if asked to."""
    route = kr.read_route(HERE / "casablanca_niamey.geojson")
    trip = kr.Trip(
        route,
        departure="2024-12-28T06:00+00:00",
        speed_kmh={"MA": 70, "default": 45},
        driving_hours=(6, 18),  # local daylight; None drives round the clock
        stops=[kr.Stop(near="Dori", hours=168)],
        crew=kr.Crew(nationality="MA", sector="transport"),
    )
    model = kr.load_model()  # or kr.KernelMixture().fit(incidents, as_of="2024-12-27")
    risk = kr.score(trip, model, radius_km=10)

    print(risk)
    low, high = risk.interval
    at_least = "" if risk.systematic else "at least "
    print(f"{at_least}{risk.expected_incidents:.2g} incidents met, 90 % in {low:.2g} to {high:.2g}")
    print(f"band {risk.band} of 5; {risk.uncovered_km:.1f} of {risk.km:.0f} km are not scored")

    regions = risk.regions.nlargest(5, "share")
    print(regions[["name", "country", "km", "hours", "share", "band", "status"]].to_string())
    stretches = risk.stretches.nlargest(5, "expected_incidents")
    print(stretches[["km_from", "km_to", "enter", "expected_incidents", "band"]].to_string())
    incidents = risk.incidents.head(5)
    print(incidents[["incident_id", "date", "place", "distance_km", "share"]].to_string())

    near = kr.join_incidents(route, kr.load_catalogue(), within_km=25)
    print(f"{len(near)} recorded incidents lie within 25 km of the route")
    print(f"as JSON: {len(json.dumps(risk.to_dict())):,} characters")
    for note in risk.notes:
        print("-", note)
    if out is not None:
        risk.to_geojson(out)
    return risk


if __name__ == "__main__":
    main(*sys.argv[1:2])
