"""A command as a user types it, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

from riskkit.cli import main


def riskkit(*words: str | Path) -> int:
    """Run ``riskkit WORDS``; returns its exit code."""
    sys.argv = ["riskkit", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
