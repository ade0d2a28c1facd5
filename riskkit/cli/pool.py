"""`riskkit pool`: several collaterals behind one debt, through the mechanism."""

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

    from riskkit.calibration.pool import PoolAnswer


@asks(PanelArgument, prices=False)
def pool(
    asking: AskedAbout,
    paths: Annotated[
        int, typer.Option(min=100, help="Joint paths at most; the study's own where fewer.")
    ] = 4_000,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """A pool of collaterals behind one debt: who is liquidated, what is seized, how much is safe.

    For a study of several assets with [collateral]. Prints what each mixture loses at the
    schedule's thresholds, and the thresholds that meet the study's target; the same by order of
    seizure; the most of each collateral that a crash lets be sold within the bonus and that is a
    share of its volume; and with [collateral.settlement] what a settlement coin that breaks costs.
    Writes into OUT/NAME: pool-mixtures.csv, pool-orders.csv, pool-limits.csv, pool-settlement.csv.

    Example:

        riskkit pool studies/btc-eth-collateral-daily.toml
    """
    from riskkit.calibration.collateral import answer_collateral
    from riskkit.calibration.pool import answer_pool
    from riskkit.calibration.portfolio import answer_panel
    from riskkit.cli.dates import now
    from riskkit.cli.progress_bar import progress_of
    from riskkit.parameters.write import write_atomically
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    began = time.perf_counter()
    name = study_name(asking.file)
    case = PanelCase.read(asking.file, now=now())
    with progress_of("fitting and simulating") as tell:
        answer = answer_panel(case, threads=threads, progress=tell)
    found = answer_pool(answer_collateral(answer, threads=threads), threads=threads, paths=paths)
    console = Console(soft_wrap=False)
    console.print(answer.statement, markup=False)
    console.print(_mixtures(found))
    if len(found.orders):
        console.print(_orders(found.orders))
    console.print(_limits(found.limits))
    files = {"mixtures": found.mixtures, "orders": found.orders, "limits": found.limits}
    if len(found.settlement):
        console.print(_settlement(found.settlement))
        files["settlement"] = found.settlement
    for what, rows in files.items():
        text = rows.to_csv(index=False, lineterminator="\n")
        path = write_atomically(out / name / f"pool-{what}.csv", text)
        print_path(console, "written:", path)
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in (*left, *right):
        table.add_column(head, justify="left" if head in left else "right")
    return table


def _mixtures(found: PoolAnswer) -> Table:
    title = f"Lent the most of the schedule, {found.paths:,} paths"
    heads = ("LT", "LTV", "liquidated", "default | liq.", "bad debt, bps", "LT needed")
    table = _table(title, ("collateral",), heads)
    for _, r in found.mixtures.iterrows():
        needed = "none found" if r["power"] == float("inf") else f"{r['needed']:.1%}"
        table.add_row(
            r["mixture"], f"{r['threshold']:.1%}", f"{r['max_ltv']:.1%}", f"{r['liquidated']:.1%}",
            f"{r['default']:.2%} ± {r['error']:.2%}", f"{r['bad_debt_bps']:.1f}", needed,
        )  # fmt: skip
    table.caption = f"LT needed: at which {found.target:.1%} of the liquidated default"
    table.caption_justify = "left"
    return table


def _orders(rows: pd.DataFrame) -> Table:
    table = _table(
        "By order of seizure", ("collateral", "order"), ("default | liq.", "bad debt, bps")
    )
    for _, r in rows.iterrows():
        share = f"{r['default']:.2%} ± {r['error']:.2%}"
        table.add_row(r["mixture"], r["order"], share, f"{r['bad_debt_bps']:.1f}")
    return table


def _limits(rows: pd.DataFrame) -> Table:
    heads = ("by crash depth, m", "by volume, m", "at most, m")
    table = _table("Concentration limits", ("collateral",), (*heads, "decides"))
    for _, r in rows.iterrows():
        cells = [
            "" if r[n] == float("inf") else f"{r[n] / 1e6:,.2f}"
            for n in ("by_depth", "by_volume", "largest")
        ]
        table.add_row(r["collateral"], *cells, r["decides"])
    return table


def _settlement(rows: pd.DataFrame) -> Table:
    heads = ("liquidated", "added by a break", "worst in 100", "a year")
    table = _table("A settlement coin that breaks, of what is lent", ("coin", "marked"), heads)
    for _, r in rows.iterrows():
        shares = [f"{r[n]:z.2%}" for n in ("added", "worst", "per_year")]
        table.add_row(r["role"], r["mark"], f"{r['liquidated']:.1%}", *shares)
    return table
