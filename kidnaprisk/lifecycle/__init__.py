"""Keeping models fresh, safe and reversible."""
