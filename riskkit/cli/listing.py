"""`riskkit listing`: whether an asset may be listed, and at what size."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, VenueArgument, asks


@asks(VenueArgument, prices=False)
def listing(
    asking: AskedAbout,
    out: OutOption = Path("out"),
) -> None:
    """Ask what a venue should ask before it lists an asset: one page, pass or fail with reasons.

    The study has [depth], [book] (of the interest that is wanted), [attack] and [listing]:
    docs/attack.md. Writes OUT/NAME/listing.json and OUT/NAME/listing.html. Ends with 1 if a
    question is failed.

    Example:

        riskkit listing studies/thin-listing-hourly.toml
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from riskkit.attack.gate import listing_gate
    from riskkit.cli.dates import now
    from riskkit.cli.terminal import print_path
    from riskkit.lab.listing_page import render_listing_page
    from riskkit.parameters.write import canonical_json, write_atomically

    console = Console(soft_wrap=False)
    asked = asking.read()
    with Console(stderr=True).status("asking the gate's questions"):
        found = listing_gate(asked.case, asked.folder, now=now())
    failed = sum(not check.passed for check in found.checks)
    verdict = "[green]may be listed[/]" if found.passed else f"[red]not yet: {failed} failed[/]"
    console.print(f"[bold]{escape(asked.study.title)}[/]: {verdict}")
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("question", no_wrap=True)
    table.add_column("")
    table.add_column("asked")
    table.add_column("found")
    for check in found.checks:
        word = "[green]pass[/]" if check.passed else "[red]FAIL[/]"
        table.add_row(escape(check.name), word, escape(check.asked), escape(check.found))
    console.print(table)
    folder = out / asked.name
    page = write_atomically(folder / "listing.html", render_listing_page(found))
    print_path(console, "page:", page)
    answer = write_atomically(folder / "listing.json", canonical_json(found.to_dict()))
    print_path(console, "answer:", answer)
    if not found.passed:
        raise typer.Exit(1)
