"""The commands."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main() -> None:
    """Run the command line; errors are words, never tracebacks."""
    if sys.argv[1:] == ["--version"]:  # asked by scripts: not worth loading the commands
        from riskkit import __version__

        print(f"riskkit {__version__}")
        sys.exit(0)
    # A command makes a million objects that live as long as it does, most of them on import:
    # looking through them for rubbish each seven hundred takes a twentieth of its time.
    gc.set_threshold(50_000, 20, 100)
    from riskkit.cli.app import app
    from riskkit.cli.streams import print_anywhere
    from riskkit.errors import RiskkitError

    print_anywhere()

    try:
        app()
    except RiskkitError as error:
        _end(error)
    except ModuleNotFoundError as error:
        from riskkit.cli.extras import explain_missing

        known = explain_missing(error)
        if known is None:
            raise
        _end(known)


def _end(error: Exception) -> NoReturn:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    console.print("error:", style="bold red", end=" ")
    console.print(str(error), markup=False)
    sys.exit(2)
