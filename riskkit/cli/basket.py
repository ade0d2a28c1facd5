"""`riskkit basket`: baskets as collateral, judged by their own haircut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, PanelArgument, asks
from riskkit.cli.terminal import print_path


@asks(PanelArgument, prices=False)
def basket(
    asking: AskedAbout,
    window: Annotated[int, typer.Option(help="Bars of a covariance.")] = 250,
    every: Annotated[int, typer.Option(help="Bars between rebalances.")] = 20,
    cost: Annotated[float, typer.Option(help="Of what is traded, a fraction.")] = 0.002,
    out: OutOption = Path("out"),
) -> None:
    """Baskets of a study's assets out of sample: haircut, turnover, and the best single asset.

    Equal weight, inverse volatility, risk parity, minimum variance, maximum diversification.
    Writes into OUT/NAME: baskets.csv, basket-returns.csv.

    Example:

        riskkit basket studies/btc-eth-accounts-daily.toml
    """
    from riskkit.cli.dates import now
    from riskkit.collateral.baskets import BasketSpec, walk_baskets
    from riskkit.parameters.write import write_atomically
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    spec = BasketSpec(window, every, cost)
    case = PanelCase.read(asking.file, now=now())
    found = walk_baskets(case.panel.joint_returns(), spec)
    title = f"Baskets, {len(found.returns):,} bars out of sample"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    heads = ("", "vol", "haircut", "ES", "turnover", "assets", "variance, log")
    for head in heads:
        table.add_column(head, justify="left" if head == "" else "right", no_wrap=head == "")
    for _, r in found.table.iterrows():
        shares = [f"{r[name]:.1%}" for name in ("volatility", "haircut", "shortfall")]
        ratio = f"{r['variance_ratio']:+.2f} ({r['low']:+.2f} to {r['high']:+.2f})"
        table.add_row(r["basket"], *shares, f"{r['turnover']:.1f}", f"{r['effective']:.1f}", ratio)
    console = Console(soft_wrap=False)
    console.print(table)
    folder = out / study_name(asking.file)
    returns = found.returns.reset_index()
    for name, rows in (("baskets", found.table), ("basket-returns", returns)):
        text = rows.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(folder / f"{name}.csv", text))
