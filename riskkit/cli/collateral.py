"""`riskkit collateral`: haircuts, joint with the positions and by schedule."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, PanelArgument, ThreadsOption, asks
from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 131_072


@asks(PanelArgument, prices=False)
def collateral(
    asking: AskedAbout,
    accounts: Annotated[
        Path | None,
        typer.Option(help="CSV, a row for each position: account,asset,quantity,equity."),
    ] = None,
    venue: Annotated[
        str | None,
        typer.Option(help="Write the section of a venue: aave-v3, aave-v4, compound-v3, derive."),
    ] = None,
    live: Annotated[
        Path | None,
        typer.Option(help="A section that runs today: what would change, and who is asked more."),
    ] = None,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Haircuts of accepted collateral: jointly with the position, and by a published schedule.

    For a study of several assets with [collateral]. Prints the schedule, and for each leg (and
    each account) what it needs in each collateral: in money, jointly, by the schedule, and whether
    the collateral falls with the position (wrong-way) or gains as it loses (right-way).
    With --live a section of before is read, checked and compared. Writes into OUT/NAME:
    collateral-schedule.csv, collateral-legs.csv, collateral-accounts.csv, and with --venue
    collateral-VENUE.json.

    Example:

        riskkit collateral studies/btc-eth-collateral-daily.toml
    """
    from riskkit.calibration.collateral import answer_collateral
    from riskkit.calibration.portfolio import answer_panel
    from riskkit.cli.dates import now
    from riskkit.cli.progress_bar import progress_of
    from riskkit.formats.haircut_sections import (
        check_venue,
        compare_sections,
        read_section,
        section_of,
        venue_of_section,
    )
    from riskkit.parameters.write import write_atomically
    from riskkit.portfolio.accounts import Accounts
    from riskkit.reading import read_text
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    if venue is not None:
        check_venue(venue)
    today = None if live is None else read_text(live, "--live", most=MOST_BYTES)
    if today is not None:
        before, venue = read_section(today), venue or venue_of_section(today)
    began = time.perf_counter()
    name = study_name(asking.file)
    case = PanelCase.read(asking.file, now=now())
    book = None if accounts is None else Accounts.read(accounts, case.panel.last_closes)
    with progress_of("fitting and simulating") as tell:
        answer = answer_panel(case, threads=threads, progress=tell)
    found = answer_collateral(answer, threads=threads)
    console = Console(soft_wrap=False)
    console.print(answer.statement, markup=False)
    console.print(_schedule(found.schedule))
    console.print(_needs(found.legs, ("asset", "side"), share=True))
    files = {"schedule": found.schedule, "legs": found.legs}
    if book is not None:
        files["accounts"] = found.accounts(book)
        console.print(_needs(files["accounts"], ("account",), share=False))
    folder = out / name
    for what, rows in files.items():
        text = rows.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(folder / f"collateral-{what}.csv", text))
    if venue is not None:
        text = section_of(found.schedule, case.study, venue)
        print_path(console, "section:", write_atomically(folder / f"collateral-{venue}.json", text))
        if today is not None:
            console.print(_changes(compare_sections(before, read_section(text))))
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _changes(rows: pd.DataFrame) -> Table:
    table = Table(title="Against what runs today", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("collateral", "value", "today", "here", ""):
        table.add_column(head, justify="right" if head in ("today", "here") else "left")
    for _, r in rows.iterrows():
        cells = ["" if r[name] is None else f"{r[name]:.2%}" for name in ("today", "here")]
        table.add_row(r["collateral"], r["value"], *cells, r["says"])
    return table


def _schedule(rows: pd.DataFrame) -> Table:
    table = Table(title="Schedule", title_justify="left", box=box.SIMPLE_HEAD)
    heads = ("", "sold in", "tail", "haircut", "MM", "IM", "LT", "LTV", "at most, m")
    for head in heads:
        table.add_column(head, justify="left" if head == "" else "right")
    for _, r in rows.iterrows():
        sold = f"{r['hours']:g} h" if r["hours"] else ""
        shares = (f"{r['tail']:.2%}", f"{r['haircut']:.2%}")
        terms = [f"{r[n]:.1%}" for n in ("published", "initial", "threshold", "max_ltv")]
        most = "" if r["largest"] == float("inf") else f"{r['largest'] / 1e6:,.1f}"
        table.add_row(r["collateral"], sold, *shares, *terms, most)
    return table


def _needs(rows: pd.DataFrame, who: tuple[str, ...], *, share: bool) -> Table:
    table = Table(title="Maintenance margin", title_justify="left", box=box.SIMPLE_HEAD)
    heads = (*who, "in", "money", "joint", "schedule", "diff.", "way")
    for head in heads:
        left = head in (*who, "in", "way")
        table.add_column(head, justify="left" if left else "right")
    spec = ".2%" if share else ",.0f"
    for _, r in rows.iterrows():
        numbers = (format(r[name], spec) for name in ("money", "joint", "separate"))
        named = [r[name] for name in (*who, "collateral")]
        table.add_row(*named, *numbers, f"{r['difference']:+.1%}", r["way"])
    return table
