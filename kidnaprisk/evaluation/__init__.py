"""Is the hazard any good? Forecasts of past days, made from what was known before, and judged."""
