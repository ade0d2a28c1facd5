"""The commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors are words, never tracebacks."""
    from rich.console import Console

    from riskkit.cli.app import app
    from riskkit.errors import RiskkitError

    try:
        app()
    except RiskkitError as error:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print("error:", style="bold red", end=" ")
        console.print(str(error), markup=False)
        sys.exit(2)
