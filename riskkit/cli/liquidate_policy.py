"""`riskkit liquidate-policy`: earlier, smaller or slower than all at once, and what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, ThreadsOption, VenueArgument, asks

if TYPE_CHECKING:
    from riskkit.closing.compare import PolicyTable
    from riskkit.proof.liquidation_record import JudgedForecasts

#: Columns of a table on the terminal, and what they are called there.
COLUMNS = {
    "bad_debt": "bad debt",
    "owners_cost": "owners",
    "missed": "missed",
    "total": "total",
    "total_low": "from",
    "total_high": "to",
    "unfair": "unfair",
    "deeper": "deeper",
}
SHARES = ("unfair", "deeper")
#: Accounts that are shown, and their fractions.
TOP = 10
PERCENT = ("distance", "probability", "corrected", "price")


@asks(VenueArgument, prices=False)
def liquidate_policy(
    asking: AskedAbout,
    bound: Annotated[
        float | None,
        typer.Option(
            help="Most bad debt, bps of open interest a year: the upper end of its band.",
        ),
    ] = None,
    paths: Annotated[
        int, typer.Option(min=100, help="Paths that each half's model makes.")
    ] = 1_000,
    unfair_weight: Annotated[
        float, typer.Option(help="What counts of the rebounds that owners missed.")
    ] = 0.05,
    ahead_hours: Annotated[
        float,
        typer.Option(min=0.0, help="Also who is liquidated within so many hours; 0 for nobody."),
    ] = 24.0,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Compare policies of closing accounts: all at once, earlier, in slices, queued, with depth.

    Runs the study's book along the same paths under each, chooses one on the first half of the
    history and judges it on the second. Writes OUT/NAME/closing.json and OUT/NAME/closing.html.
    What each column means: docs/policy.md.

    Example:

        riskkit liquidate-policy studies/btc-venue-hourly.toml

        riskkit liquidate-policy studies/btc-venue-hourly.toml --bound 5
    """
    from riskkit.cli.progress_bar import progress_of
    from riskkit.cli.terminal import print_path
    from riskkit.closing.answer import choose_policy, judge_policy
    from riskkit.lab.closing_page import render_closing_page
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.proof.liquidation_record import forecast_and_record

    console = Console(soft_wrap=False)
    asked = asking.read()
    most = float("inf") if bound is None else bound
    with progress_of("the first half") as tell:
        chosen = choose_policy(
            asked.case,
            asked.folder,
            bound=most,
            paths=paths,
            unfair_weight=unfair_weight,
            threads=threads,
            progress=tell,
        )
    console.print()
    _print(console, chosen.made)
    _print(console, chosen.lived)
    console.print(
        f"chosen on the first half, to {chosen.halves[0].last:%Y-%m-%d}: "
        f"[bold]{chosen.name}[/] ({chosen.policy.words()})",
        soft_wrap=True,
        highlight=False,
    )
    with progress_of("the second half") as tell:
        found = judge_policy(chosen, progress=tell)
    console.print()
    _print(console, found.made)
    _print(console, found.lived)
    for line in found.words():
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    content = found.to_dict()
    accounts = None
    if ahead_hours > 0.0:
        with Console(stderr=True).status("who is liquidated next"):
            accounts = forecast_and_record(chosen, ahead_hours)
        content["accounts"] = accounts.to_dict()
        _print_accounts(console, accounts)
    folder = out / asked.name
    page = write_atomically(folder / "closing.html", render_closing_page(found, accounts))
    written = write_atomically(folder / "closing.json", canonical_json(content))
    print_path(console, "page:", page)
    print_path(console, "answer:", written)


def _print_accounts(console: Console, found: JudgedForecasts) -> None:
    """The accounts of which most is expected to be sold, and what such forecasts were worth."""
    from rich.markup import escape

    from riskkit.cli.stress import show_table
    from riskkit.lab.tables import cell_words

    table = found.forecasts.table.head(TOP).drop(columns=["owner", "error", "expected_debt"])
    words = table.assign(
        **{name: [cell_words(v, percent=True) for v in table[name]] for name in PERCENT},
        **{
            name: [f"{v / 1e6:,.3g} m" for v in table[name]]
            for name in ("notional", "expected_sale")
        },
    )
    hours = f"{found.hours:g} hours"
    show_table(console, f"Liquidated within {hours}, by expected sales", words, ())
    for line in found.words():
        console.print(escape(line), soft_wrap=True, highlight=False)


def _print(console: Console, table: PolicyTable) -> None:
    """One sample's policies."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    sample = table.sample
    title = f"{sample.paths:,} {sample.name}; costs in bps of open interest a year"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    shown.add_column("policy", no_wrap=True)
    for name in COLUMNS.values():
        shown.add_column(name, justify="right", no_wrap=True)
    for policy, row in table.table.iterrows():
        cells = [f"{row[k]:.1%}" if k in SHARES else f"{row[k]:,.4g}" for k in COLUMNS]
        shown.add_row(escape(str(policy)), *cells)
    console.print(shown)
