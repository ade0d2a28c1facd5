"""`riskkit promise` and `riskkit reported`: what no price, or only a stale one, can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table


def promise(
    cap: Annotated[float, typer.Option(help="Most that is accepted, money at its mark.")],
    loan_to_value: Annotated[float, typer.Option(help="Lent against it, a fraction.")],
    source: Annotated[
        str, typer.Option(help="Whose price: market, own-book, constant or issuer.")
    ] = "issuer",
    fund: Annotated[float, typer.Option(help="What pays for a loss, money.")] = 0.0,
    income: Annotated[float, typer.Option(help="Earned on it a year, money.")] = 0.0,
    haircut: Annotated[float, typer.Option(help="Of a market's price until a close-out.")] = 0.0,
) -> None:
    """Collateral at the word of its issuer, the venue's own book, or a constant.

    For each true value: what is lost, what of it the fund does not pay, the cap with which it
    would, and how often such an event may happen before the income is lost.

    Example:

        riskkit promise --cap 10e6 --loan-to-value 0.8 --source issuer --fund 2e6 --income 60e3
    """
    from riskkit.collateral.promise import MarkedBy, Promise
    from riskkit.errors import InputError

    if source not in set(MarkedBy):
        raise InputError("--source", source, f"must be one of {', '.join(MarkedBy)}", "Choose")
    rows = Promise(cap, loan_to_value, MarkedBy(source), fund, income, haircut).table()
    table = Table(title="If it is truly worth", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("of its mark", "lost", "beyond the fund", "cap that holds", "once in, years"):
        table.add_column(head, justify="right")
    for _, r in rows.iterrows():
        holds = "any" if r["cap_within"] == float("inf") else f"{r['cap_within']:,.0f}"
        often = "" if r["loss"] == 0.0 else f"{r['break_even_years']:,.1f}"
        table.add_row(
            f"{r['value']:.0%}", f"{r['loss']:,.0f}", f"{r['beyond_fund']:,.0f}", holds, often
        )
    Console(soft_wrap=False).print(table)


def reported(
    values: Annotated[Path, typer.Argument(help="Values as they were told, a row each.")],
    notice_days: Annotated[float, typer.Option(help="Until a redemption is accepted.")] = 0.0,
    settlement_days: Annotated[float, typer.Option(help="Until it is paid.")] = 0.0,
    confidence: Annotated[float, typer.Option(help="Of the haircut.")] = 0.99,
) -> None:
    """Haircut of a tokenised fund whose value is told every few days, smoothed.

    The trigger sees the last value told; the close-out gets the one after notice and settlement:
    the margin period is the staleness and both together.

    Example:

        riskkit reported fund.csv --notice-days 5 --settlement-days 2
    """
    import numpy as np
    import pandas as pd

    from riskkit.collateral.promise import reported_value
    from riskkit.errors import InputError
    from riskkit.market import load_prices

    for name, value in (("--notice-days", notice_days), ("--settlement-days", settlement_days)):
        if not value >= 0.0:
            raise InputError(name, value, "must be 0 or more", "Give days")
    told = load_prices(values).close
    found = reported_value(told)
    times = pd.DatetimeIndex(told.index).as_unit("s").asi8
    every = float(np.median(np.diff(times))) / 86_400.0
    days = every + notice_days + settlement_days
    haircut = found.haircut(confidence, days / every)
    Console(soft_wrap=False).print(
        f"{found.periods} returns, one every {every:g} days; smoothing {found.smoothing:.2f} "
        f"(error {found.error:.2f}): {found.observed:.2%} a period as told, {found.true:.2%} with "
        f"it taken out\nmargin period {days:g} days: told {every:g}, notice {notice_days:g}, "
        f"settlement {settlement_days:g}\nhaircut {haircut:.2%} at {confidence:.4g}",
        markup=False,
    )
