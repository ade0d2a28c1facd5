"""`riskkit fund`: what stands behind a venue's accounts, and how large its fund must be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, ThreadsOption, VenueArgument, asks

if TYPE_CHECKING:
    from riskkit.stress.open import PosedVenue

#: Years from which the time of all of them is told.
PILOT = 4


@asks(VenueArgument, prices=False)
def fund(
    asking: AskedAbout,
    forms: Annotated[
        bool, typer.Option(help="Also the fund, bonus and auction in the parameters of venues.")
    ] = False,
    parameters: Annotated[
        Path | None,
        typer.Option(help="A parameter file of this study: written anew with the fund in it."),
    ] = None,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Size what pays when accounts cannot: the fund, and the layers after it.

    Runs the book of the study through years, with the cascade inside and closed accounts followed
    by others, and writes OUT/NAME/fund.json and OUT/NAME/fund.html. What each key of the study's
    [fund] table holds: docs/fund.md.

    Example:

        riskkit fund studies/btc-venue-hourly.toml

        riskkit fund studies/btc-venue-hourly.toml --forms
    """
    from rich.markup import escape

    from riskkit.cli.stress import show_table
    from riskkit.cli.terminal import print_path
    from riskkit.lab.fund_page import render_fund_page
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.stress.open import pose_venue
    from riskkit.waterfall.answer import answer_fund
    from riskkit.waterfall.words import fund_words, in_words

    console = Console(soft_wrap=False)
    asked = asking.read()
    began = time.perf_counter()
    file = None if parameters is None else read_parameter_file(parameters)
    posed = pose_venue(asked.case, asked.folder, threads=threads)
    said = Console(stderr=True)
    said.print(_time_words(posed), soft_wrap=True, highlight=False)
    with said.status("running years of the book"):
        found = answer_fund(posed)
    console.print(f"[bold]{escape(asked.study.title)}[/]: what stands behind its accounts")
    for note in posed.venue.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True, highlight=False)
    deleveraged = found.deleveraging_table()
    shown = [
        ("Fund by how rarely it is used up", found.sizes(), "years"),
        ("What each layer pays, a year", found.layer_table(), "layer"),
    ]
    if found.leverage is not None:
        shown.append(("What leverage earns and costs, a year", found.leverage, "leverage"))
    if found.lending is not None:
        shown.append(("Keepers by bonus, means over paths", found.lending.table, "bonus"))
    if deleveraged is not None:
        title = f"Whom deleveraging takes from: {deleveraged['scenario'].iloc[0]}"
        shown.insert(2, (title, deleveraged.drop(columns="scenario"), "rule"))
    if found.lending is not None:
        title = "Liquidators at today's bonus, means over paths"
        shown.append((title, found.lending.ways, "liquidators"))
    if found.deleveraged is not None:
        title = f"Whether it steadies the price: {found.deleveraged.scenario}, and along paths"
        shown.append((title, found.deleveraged.by_winners, "winners"))
    if found.walls is not None:
        shown.append(("Other protocols' walls, at crash depth", found.walls, "walls"))
    if found.pools is not None:
        shown.append(("Pools that hold each other's receipts", found.pools, "pool"))
    for title, frame, first in shown:
        show_table(console, title, in_words(frame), (first, "side"))
    for line in fund_words(found):
        console.print(escape(line), soft_wrap=True, highlight=False)
    folder = out / asked.name
    print_path(console, "page:", write_atomically(folder / "fund.html", render_fund_page(found)))
    answer = write_atomically(folder / "fund.json", canonical_json(found.to_dict()))
    print_path(console, "answer:", answer)
    if forms:
        from riskkit.formats.from_fund import fund_forms

        content = {
            "kind": "venue-fund-forms",
            "title": asked.study.title,
            "forms": fund_forms(found),
        }
        place = write_atomically(folder / "fund-forms.json", canonical_json(content))
        print_path(console, "forms:", place)
    if file is not None:
        from riskkit.parameters.behind import with_fund

        place = with_fund(file, found).write(folder / "parameters-with-fund.json")
        print_path(console, "parameter file:", place)
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _time_words(posed: PosedVenue) -> str:
    """How long the answer will take, from a few of its years."""
    from riskkit.study.fund import FundSection
    from riskkit.waterfall.answer import RUNS
    from riskkit.waterfall.year import run_years

    section = posed.study.fund or FundSection()
    run_years(posed, 1)  # what is compiled or sorted once
    began = time.perf_counter()
    years = run_years(posed, PILOT)
    seconds = (time.perf_counter() - began) * section.paths / PILOT * RUNS
    took = f"{seconds:,.0f} s" if seconds < 600.0 else f"{seconds / 60.0:,.0f} minutes"
    return (
        f"up to about {took}: {posed.venue.book.size:,} accounts, "
        f"{float(years.of('closures').mean()):,.0f} closures a year, {section.paths:,} years of "
        f"{years.bars:,} bars, run about {RUNS} times"
    )
