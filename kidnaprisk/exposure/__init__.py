"""How exposed a trip is: the itinerary, the score, and what lies near a route."""
