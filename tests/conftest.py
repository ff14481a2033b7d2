"""Settings shared by every test.

Property tests run the same examples every time, here and in CI, so that a red run can be repeated.
To look for new failures: ``pytest --hypothesis-profile=explore``.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline and no too_slow check: on a busy two-core machine both measure the neighbours.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")
