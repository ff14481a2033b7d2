"""``python -m kidnaprisk``: the command."""

from __future__ import annotations

import sys

from kidnaprisk.cli import main

if __name__ == "__main__":
    sys.exit(main())
