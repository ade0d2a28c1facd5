"""`riskkit reproduce`: run a parameter file's study again, and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.options import ThreadsOption


def reproduce(
    file: Annotated[Path, typer.Argument(help="A parameter file.")],
    prices: Annotated[
        Path | None, typer.Option(help="Its price file (default: of that name, here).")
    ] = None,
    threads: ThreadsOption = 2,
) -> None:
    """Calibrate the study that a parameter file carries again, and say whether the numbers agree.

    Numbers agree within 1e-9: on the same versions and processor the bytes are the same. Ends with
    code 1 if any number differs.

    Example:

        riskkit reproduce out/eth-perpetual-daily/parameters.json --prices data/eth_usd_daily.csv
    """
    from riskkit.fleet.reproduce import AGREES
    from riskkit.fleet.reproduce import reproduce as run_again
    from riskkit.parameters.file import read_parameter_file

    console = Console(soft_wrap=True, highlight=False)
    with Console(stderr=True).status("calibrating again"):
        found = run_again(read_parameter_file(file), prices, threads=threads)
    if found.same_bytes:
        console.print("reproduced: the same digest")
        return
    if found.agrees:
        console.print(f"reproduced: every number agrees within {AGREES:g}, relatively")
        return
    console.print(f"[bold red]not reproduced[/]: {len(found.changes)} values differ")
    for change in found.changes[:20]:
        console.print(f"  {escape(change.key)}: {change.old} -> {change.new}")
    raise typer.Exit(1)
