"""`riskkit portfolio`: margins of accounts that hold several positions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.legs import write_legs
from riskkit.cli.options import OutOption, PanelArgument, ThreadsOption, asks
from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.calibration.portfolio import JointAnswer
    from riskkit.portfolio.margin import PortfolioMargin


@asks(PanelArgument, prices=False)
def portfolio(
    asking: AskedAbout,
    accounts: Annotated[
        Path, typer.Option(help="CSV, a row for each position: account,asset,quantity,equity.")
    ],
    legs: Annotated[
        Path | None,
        typer.Option(
            help="CSV of options, a row a leg: account,underlying,kind,strike,expiry,quantity,"
            "volatility."
        ),
    ] = None,
    option_set: Annotated[
        Path | None,
        typer.Option(
            help="With --legs: an exported set of scenarios, held to structures as it is."
        ),
    ] = None,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Margin accounts of several positions on what the whole account can lose.

    Prints what every account must hold, what offsets and add-ons make of it, and which accounts
    are short. Writes into OUT/NAME: portfolio-accounts.csv, portfolio-contributions.csv,
    portfolio-liquidation-prices.csv, portfolio-legs.csv, portfolio-hedging.csv (what hedged
    reference books need beyond their tail), portfolio-stress.csv (everything as one, legs that
    decouple, a peg that breaks), portfolio-close-outs.csv (order of legs),
    portfolio-dependence.csv, and portfolio.html (self-contained). With --legs also
    portfolio-options.csv (full revaluation, beside what Greeks would say),
    portfolio-option-legs.csv, -option-worst.csv, -option-reserves.csv (what covered writers have
    locked), -option-sets.csv, -option-holes.csv, -option-hedging.csv, -option-rehedging.csv, and
    option-set.json, a published set that --option-set reads back.

    Example:

        riskkit portfolio studies/btc-eth-accounts-daily.toml --accounts data/accounts_example.csv
    """
    from riskkit.calibration.option_market import margined_at
    from riskkit.calibration.portfolio import answer_panel, close_accounts
    from riskkit.calibration.portfolio_stress import stress_accounts
    from riskkit.cli.dates import now
    from riskkit.cli.progress_bar import progress_of
    from riskkit.dependence.extremes import shared_extremes
    from riskkit.lab.portfolio_figures import portfolio_page
    from riskkit.options.legs import OptionBook
    from riskkit.parameters.write import write_atomically
    from riskkit.portfolio.accounts import Accounts
    from riskkit.portfolio.liquidation import liquidation_prices
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    began = time.perf_counter()
    name = study_name(asking.file)
    case = PanelCase.read(asking.file, now=now())
    book = Accounts.read(accounts, case.panel.last_closes)
    if legs is not None:
        OptionBook.read(
            legs, margined_at(case.panel), case.panel.names
        )  # before anything is fitted
    with progress_of("fitting and simulating") as tell:
        answer = answer_panel(case, threads=threads, progress=tell)
    margin = answer.margin(book, threads=threads)
    prices = liquidation_prices(margin, answer.requirement)
    stress = stress_accounts(answer, book, threads=threads)
    closed = close_accounts(answer, margin)
    console = Console(soft_wrap=False)
    _print(console, answer, margin)
    lose = {"everything moves as one": "together", "legs decouple": "apart", "a peg breaks": "peg"}
    told = [
        f"{int((stress[column] > margin.table['maintenance']).sum())} if {words}"
        for words, column in lose.items()
        if column in stress
    ]
    console.print(f"stress, accounts that lose more than they must hold: {escape(', '.join(told))}")
    for order, rows in closed.groupby("order", sort=False):
        console.print(
            f"liquidation, order {order}: {len(rows)} close-outs, cost {rows['cost'].sum():,.0f}",
            markup=False,
        )
    folder = out / name
    files = {
        "accounts": margin.table,
        "contributions": margin.contributions.rename_axis("account").reset_index(),
        "liquidation-prices": prices.rename_axis("account").reset_index(),
        "legs": answer.table,
        "stress": stress,
        "close-outs": closed,
        "dependence": shared_extremes(answer.joint.residuals),
    }
    if answer.requirement.hedging is not None:
        files["hedging"] = answer.requirement.hedging.table
    for what, rows in files.items():
        text = rows.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(folder / f"portfolio-{what}.csv", text))
    if legs is not None:
        write_legs(
            console, answer, book, legs, asking.file.parent, folder,
            option_set=option_set, threads=threads,
        )  # fmt: skip
    page = portfolio_page(answer, margin, prices)
    print_path(console, "page:", write_atomically(folder / "portfolio.html", page))
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _print(console: Console, answer: JointAnswer, margin: PortfolioMargin) -> None:
    console.print(answer.statement, markup=False)
    for note in answer.panel.notes:
        console.print(f"note: {note}", markup=False)
    console.print(_legs(answer.table))
    hedging = answer.requirement.hedging
    if hedging is not None and len(hedging.table) > 1:
        found = hedging.table[hedging.table["ratio"] < 1.0]
        console.print(
            f"reference books run through the mechanism: {int(found['books'].sum())} that offset, "
            f"{int(found['liquidations'].sum()):,} liquidations; at their tail's own share "
            f"{found['defaults'].min():.2%} to {found['defaults'].max():.2%} default, so it is "
            f"raised by up to {(found['left'] / found['ratio']).max():.2f}",
            markup=False,
        )
    console.print(_accounts(margin.table))
    states = margin.table["state"].value_counts()
    counted = ", ".join(f"{n} {state}" for state, n in states.items() if state)
    total = margin.table[["legs", "maintenance", "decorrelation", "concentration", "floor"]].sum()
    console.print(
        f"{len(margin.accounts):,} accounts: legs alone would need {total['legs']:,.0f}, the "
        f"accounts need {total['maintenance']:,.0f}; of that the floor adds {total['floor']:,.0f}, "
        f"decorrelation {total['decorrelation']:,.0f}, concentration {total['concentration']:,.0f}"
        + (f"; {counted}" if counted else "; no equity given"),
        markup=False,
    )


def _legs(rows: pd.DataFrame) -> Table:
    table = Table(title="Books of one leg", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("asset", "side", "maintenance", "tail", "loading", "all rows, unaged"):
        table.add_column(head, justify="left" if head in ("asset", "side") else "right")
    for _, r in rows.iterrows():
        if r["reason"]:
            table.add_row(r["asset"], r["side"], "none", f"{r['tail']:.2%}", "", r["reason"])
        else:
            cells = (f"{r['maintenance']:.2%}", f"{r['tail']:.2%}", f"{r['loading']:.2f}")
            table.add_row(r["asset"], r["side"], *cells, f"{r['alone']:.2%}")
    return table


def _accounts(rows: pd.DataFrame, most: int = 40) -> Table:
    title = "Accounts, in money" + (f" (the first {most})" if len(rows) > most else "")
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False
    )
    numbers = ("gross", "maintenance", "initial")
    heads = ["account", "gross", "margin", "initial", "% gross", "equity", "state"]
    for head in heads:
        left = head in ("account", "state")
        table.add_column(head, justify="left" if left else "right", no_wrap=not left)
    for _, r in rows.head(most).iterrows():
        cells = [f"{r[n]:,.0f}" for n in numbers]
        share = f"{r['maintenance'] / r['gross']:.1%}" if r["gross"] > 0.0 else ""
        equity = "" if r["equity"] != r["equity"] else f"{r['equity']:,.0f}"
        table.add_row(r["account"], *cells, share, equity, r["state"])
    return table
