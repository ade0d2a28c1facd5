"""Paths and files, as the terminal shows them."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from riskkit.errors import visible


def echo_file(text: str) -> None:
    """Print a file's text as its bytes in UTF-8: a file is not shortened for a terminal."""
    typer.echo(text.encode("utf-8"), nl=False)


def print_path(console: Console, label: str, path: str | Path) -> None:
    """Print a label and a path as it is: brackets in it are no markup, and colons no pictures."""
    console.print(Text(visible(f"{label} {path}".strip())), soft_wrap=True)
