"""`riskkit attack`: what it costs to make a venue believe a wrong price, and what that brings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, VenueArgument, asks


@asks(VenueArgument, prices=False)
def attack(
    asking: AskedAbout,
    parameters: Annotated[
        Path | None,
        typer.Option(help="A parameter file of this study: written anew with the caps in it."),
    ] = None,
    out: OutOption = Path("out"),
) -> None:
    """Find the attacks on a venue's price that pay, and the open interest with which none does.

    Writes OUT/NAME/attack.json and OUT/NAME/attack.html. What each key of the study's [attack]
    table holds: docs/attack.md.

    Example:

        riskkit attack studies/btc-venue-hourly.toml
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from riskkit.attack.answer import attack_venue
    from riskkit.attack.words import attack_words
    from riskkit.cli.terminal import print_path
    from riskkit.lab.attack_page import render_attack_page
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import canonical_json, write_atomically

    console = Console(soft_wrap=False)
    asked = asking.read()
    file = None if parameters is None else read_parameter_file(parameters)
    with Console(stderr=True).status("looking for attacks"):
        found = attack_venue(asked.case, asked.folder)
    console.print(f"[bold]{escape(asked.study.title)}[/]: attacks on its price")
    frame = found.table().reset_index().drop(columns=["held", "limited by", "of"])
    table = Table(box=box.SIMPLE_HEAD)
    for name in frame.columns:
        left = name == "attack"
        table.add_column(str(name), justify="left" if left else "right", no_wrap=True)
    for row in frame.itertuples(index=False):
        cells = zip(frame.columns, row, strict=True)
        table.add_row(*(escape(_cell(str(k), v)) for k, v in cells))
    console.print(table)
    guards = Table(box=box.SIMPLE_HEAD, title="guards, on this history", title_justify="left")
    for head in ("guard", "setting"):
        guards.add_column(head, no_wrap=True)
    for head in ("halts/year", "cost/year", "what passes", "pays from"):
        guards.add_column(head, justify="right", no_wrap=True)
    for one in found.guards:
        numbers = (one.halts_per_year, one.cost_per_year, one.print_loss, one.pays_from)
        guards.add_row(escape(one.name), escape(one.setting), *(_cell("", v) for v in numbers))
    console.print(guards)
    if found.owners:
        rows = found.owners_table().drop(columns="stopped by").reset_index()
        title = "owners who act one bar late, in the run of the whole book; of open interest"
        owners = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        for head in rows.columns:
            left = head == "they"
            owners.add_column(head, justify="left" if left else "right", overflow="fold")
        for row in rows.itertuples(index=False):
            name, count, fund, worst, more = row
            shares = (f"{fund:+.3%}", f"{worst:+.2%}", f"{more:+,.1f}")
            owners.add_row(escape(str(name)), f"{count:,}", *shares)
        console.print(owners)
    for line in attack_words(found):
        console.print(escape(line), soft_wrap=True, highlight=False)
    folder = out / asked.name
    page = write_atomically(folder / "attack.html", render_attack_page(found))
    print_path(console, "page:", page)
    answer = write_atomically(folder / "attack.json", canonical_json(found.to_dict()))
    print_path(console, "answer:", answer)
    if file is not None:
        from riskkit.parameters.behind import with_attacks

        place = with_attacks(file, found).write(folder / "parameters-with-caps.json")
        print_path(console, "parameter file:", place)


def _cell(column: str, value: object) -> str:
    """A cell that is narrow enough for eighty columns."""
    from riskkit.units import money

    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "-"
    if value == float("inf"):
        return "any"
    return f"{value:+.1%}" if column == "mark" else money(value, 3)
