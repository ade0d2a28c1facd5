"""`riskkit stress`: a whole venue under stress, and how much open interest its depth can carry."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, ThreadsOption, VenueArgument, asks

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.stress.answer import VenueStress
    from riskkit.stress.hedged import HedgedStress
    from riskkit.stress.open import PosedVenue

#: Paths from which the time of all of them is told.
PILOT = 50


@asks(VenueArgument, prices=False)
def stress(
    asking: AskedAbout,
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="Scenarios of the library, by name (default: all of them)."),
    ] = None,
    forms: Annotated[
        bool,
        typer.Option(help="Also margins by size, and both in the parameters of six venues."),
    ] = False,
    legs: Annotated[
        Path | None,
        typer.Option(
            help="CSV of options that the venue has taken over, and hedges in its market."
        ),
    ] = None,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Stress a venue's book of accounts: who triggers whom, what is lost, what it can carry.

    Runs the book of the study along simulated paths and through scenarios, closes accounts into its
    depth, and writes OUT/NAME/stress.json and OUT/NAME/stress.html. What each table holds:
    docs/venue.md. Of a study of several assets (book.kind = "accounts") it runs perpetual accounts,
    or loans of several collaterals, along joint paths.

    Example:

        riskkit stress studies/btc-venue-hourly.toml

        riskkit stress studies/btc-venue-hourly.toml --scenario jump

        riskkit stress studies/btc-venue-hourly.toml --forms

        riskkit stress studies/btc-venue-hourly.toml --legs data/options_taken_over.csv

        riskkit stress studies/btc-eth-venue-daily.toml
    """
    import pandas as pd

    from riskkit.attack.answer import attack_cap
    from riskkit.errors import InputError
    from riskkit.options.legs import OptionBook
    from riskkit.stress.answer import stress_venue
    from riskkit.stress.hedged import hedged_stress
    from riskkit.stress.open import pose_venue
    from riskkit.stress.scenarios import SCENARIOS, scenario_named

    console = Console(soft_wrap=False)
    if holds_several(asking):
        from riskkit.cli.stress_accounts import stress_accounts

        given = {"--scenario": scenario, "--forms": forms, "--legs": legs}
        if beside := [name for name, value in given.items() if value]:
            raise InputError(
                ", ".join(beside),
                "accounts of several assets",
                "are for a study whose accounts hold one asset",
                "Leave them out",
            )
        stress_accounts(console, asking, show_table, threads=threads, out=out)
        return
    chosen = tuple(scenario_named(name) for name in scenario) if scenario else SCENARIOS
    asked = asking.read()
    began = time.perf_counter()
    history = asked.case.history
    taken = None
    if legs is not None:
        now = pd.DatetimeIndex(history.bars.index)[-1] + history.bar
        taken = OptionBook.read(legs, now, (asked.case.study.data.asset,))
    posed = pose_venue(asked.case, asked.folder, threads=threads)
    said = Console(stderr=True)
    said.print(_time_words(posed), soft_wrap=True, highlight=False)
    safe: float | None = None
    try:
        if not posed.study.is_loan:
            safe = attack_cap(posed.study.attack, posed.study.book, posed.venue)
    except InputError as error:
        said.print(f"attacks are not asked: {escape(str(error))}", soft_wrap=True, highlight=False)
    with said.status("running the book"):
        found = stress_venue(posed, scenarios=chosen, attack_cap=safe)
    print_stress(console, found)
    write_stress(console, found, out / asked.name)
    if forms:
        write_forms(console, found, out / asked.name)
    if taken is not None:
        hedged = hedged_stress(posed, taken, float(history.close.iloc[-1]))
        write_hedged(console, hedged, out / asked.name)
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def holds_several(asking: AskedAbout) -> bool:
    """Whether a study's accounts hold several assets."""
    from riskkit.study.book import AccountsTable
    from riskkit.study.study import read_study

    asking.check()
    return isinstance(read_study(asking.file).book, AccountsTable)


def _time_words(posed: PosedVenue) -> str:
    """How long the answer will take, from a few of its paths."""
    from riskkit.stress.cap import peak_branching

    posed.pilot(1)  # what is compiled or sorted once
    began = time.perf_counter()
    closures = posed.pilot(PILOT)
    seconds = (time.perf_counter() - began) * posed.run.paths / PILOT * posed.runs
    began = time.perf_counter()
    peak_branching(posed.venue, margin=posed.margin)
    seconds += (time.perf_counter() - began) * posed.runs
    took = f"{seconds:,.0f} s" if seconds < 600.0 else f"{seconds / 60.0:,.0f} minutes"
    return (
        f"up to about {took}: {posed.venue.book.size:,} accounts, {closures:,.0f} closures a path, "
        f"{posed.run.paths:,} paths, run about {posed.runs} times to find the cap"
    )


def write_stress(console: Console, found: VenueStress, folder: Path) -> None:
    """Write page and JSON, the page first."""
    from riskkit.cli.terminal import print_path
    from riskkit.lab.stress_page import render_stress_page
    from riskkit.parameters.write import canonical_json, write_atomically

    page = write_atomically(folder / "stress.html", render_stress_page(found))
    written = write_atomically(folder / "stress.json", canonical_json(found.to_dict()))
    print_path(console, "page:", page)
    print_path(console, "answer:", written)


def write_forms(console: Console, found: VenueStress, folder: Path) -> None:
    """Print margins by size, and write them with the venues' forms; refused for a book that runs.

    Raises
    ------
    InputError
    """
    from riskkit.cli.terminal import print_path
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.stress.margins import margins_by_size, venue_forms

    tail = found.study.targets.default_given_liquidation_probability
    margins = margins_by_size(found.venue, found.world, found.run, tail=tail)
    show_table(console, "Maintenance margin by size", margins.table, ())
    content = {
        "kind": "venue-stress-forms",
        "title": found.study.title,
        "tail_probability": tail,
        "margins_by_size": margins.table.to_dict(orient="records"),
        "forms": venue_forms(found, margins),
    }
    print_path(console, "forms:", write_atomically(folder / "forms.json", canonical_json(content)))


def write_hedged(console: Console, found: HedgedStress, folder: Path) -> None:
    """Print what hedging options does to the venue, and write it."""
    from riskkit.cli.terminal import print_path
    from riskkit.parameters.write import write_atomically

    titles = {
        "hedged": ("The book with and without the hedging of options, same paths", found.table),
        "hedge": (f"The hedge, of {found.gross:,.0f} of options", found.hedge),
        "hedge-branching": ("Branching ratio of the hedge alone", found.branching),
    }
    for what, (title, rows) in titles.items():
        show_table(console, title, _told(rows), ())
        text = rows.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(folder / f"stress-{what}.csv", text))


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """Fractions in per cent; closures, deltas and branching ratios as numbers."""
    plain = {"closures_per_path", "delta", "n_calm", "n_crash"}
    told = rows.astype(object)
    for name in rows.columns:
        form = "{:,.3g}" if name in plain else "{:.3%}"
        told[name] = [form.format(v) if isinstance(v, float) else v for v in rows[name].tolist()]
    return told


def print_stress(console: Console, found: VenueStress) -> None:
    """Print book, branching ratio, losses, scenarios and cap."""
    from riskkit.lab.stress_page import cap_words

    def show(title: str, frame: pd.DataFrame, index: tuple[str, ...]) -> None:
        show_table(console, title, frame, index)

    console.print()
    study = found.study
    console.print(f"[bold]{escape(study.title)}[/]  as of {study.as_of}: the venue under stress")
    show("Book", found.venue.book.summary(), ("side",))
    for note in found.venue.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True, highlight=False)
    if found.venue.left_out:
        console.print(
            f"[bold yellow]liquidatable already[/]: {found.venue.left_out} accounts, notional "
            f"{found.venue.left_out_interest:,.0f}, bad debt {found.venue.live_bad_debt:,.0f}; "
            "left out of the run",
            soft_wrap=True,
        )
    show("Branching ratio n", found.criticality_table(), ("side", "move"))
    side = found.run_side()
    if side is not None:
        console.print(
            f"[bold red]run[/]: at crash depth n reaches 1 on the {side.value} side within the "
            f"stress move of {found.venue.move:.0%}: nothing is exported on it",
            soft_wrap=True,
        )
    moving = found.margin_table()
    if moving is not None:
        show("A margin that follows volatility", moving, ("margin",))
    title = f"Losses on {found.paths.paths:,} paths of {found.paths.bars} bars"
    show(title, found.loss_table(), ("loss",))
    show("Scenarios, of open interest", found.scenario_table(), ("scenario",))
    for line in cap_words(found):
        console.print(escape(line), soft_wrap=True, highlight=False)


def show_table(console: Console, title: str, frame: pd.DataFrame, index: tuple[str, ...]) -> None:
    """Print a table; its index as columns, where it has one."""
    from rich import box
    from rich.table import Table

    flat = frame.reset_index() if index else frame
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in flat.columns:
        left = name in index and name != "move"
        head = str(name).replace("_", " ")
        table.add_column(
            head,
            justify="left" if left else "right",
            overflow="fold",
            min_width=max(map(len, head.split()), default=0),  # no word of a header is cut
        )
    for row in flat.itertuples(index=False):
        cells = zip(flat.columns, row, strict=True)
        table.add_row(*(escape(_cell(k, v)) for k, v in cells))
    console.print(table)


def _cell(name: object, value: object) -> str:
    """A cell: money in millions, ratios in three digits, and the rest as elsewhere."""
    from riskkit.lab.stress_page import FRACTIONS
    from riskkit.lab.tables import cell_words

    if name in ("open_interest", "size") and isinstance(value, float):
        return f"{value / 1e6:,.4g} m"
    if isinstance(value, float) and name not in FRACTIONS and abs(value) < 1e3:
        return f"{value:.3g}"
    return cell_words(value, percent=name in FRACTIONS)
