"""`riskkit peg`: how often coins leave their peg, and how deep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.options import FolderOption
from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.collateral.aftermath import PegAftermath
    from riskkit.collateral.peg import PeggedCoin

ODDS = (0.01, 0.001, 0.0001)


def peg(
    coins: Annotated[Path, typer.Argument(help="A file of coins (TOML): [[coins]].")],
    as_of: Annotated[
        str | None,
        typer.Option(help="Use only what was known at the end of this day, and say what came."),
    ] = None,
    days: Annotated[float, typer.Option(help="Days that the loss is over.")] = 1.0,
    thin: Annotated[bool, typer.Option(help="Count coins of thin venues.")] = True,
    out: FolderOption = Path("out"),
) -> None:
    """Peg law of stable, wrapped and staked coins: episodes and depth, by what backs them.

    Prints for each stratum how many episodes were seen in how many coin-years, and the loss that
    one day exceeds once in 100, 1,000 and 10,000, with a band that says how few episodes there
    are; how far pegs break together and on weekends; each coin held to the law of the others; and
    with --as-of the deepest close of each coin within the 60 days after. Writes into OUT/NAME:
    peg-laws.csv, peg-episodes.csv.

    Example:

        riskkit peg data/examples/coins.toml --as-of 2023-03-09
    """
    import pandas as pd

    from riskkit.cli.dates import question_day
    from riskkit.collateral.aftermath import peg_aftermath
    from riskkit.collateral.peg import fit_pegs
    from riskkit.collateral.peg_record import common_jump
    from riskkit.parameters.write import write_atomically
    from riskkit.study.coins import read_coins
    from riskkit.study.name import study_name

    day = None if as_of is None else question_day(as_of)
    asked, found = read_coins(coins, day)
    laws = fit_pegs(found, threshold=asked.threshold_fraction, thin=thin)
    rows = []
    for law in laws.values():
        row: dict[str, object] = {
            "stratum": law.stratum,
            "coins": " ".join(law.coins),
            "coin_years": law.years,
            "episodes": len(law.episodes),
            "rate": law.rate,
            "xi": law.xi,
            "beta": law.beta,
            "borrowed": law.borrowed,
        }
        for p in ODDS:
            low, high = law.band(p, days)
            row |= {f"loss_{p:g}": law.loss(p, days), f"low_{p:g}": low, f"high_{p:g}": high}
        rows.append(row)
    table = pd.DataFrame(rows)
    episodes = [e for law in laws.values() for e in law.episodes]
    listed = pd.DataFrame([vars(e) | {"closed": e.closed} for e in episodes])
    console = Console(soft_wrap=False)
    console.print(_laws(table, days))
    jump = common_jump(found, episodes)
    console.print(
        f"{jump.events} events, {jump.shared} of them in two coins or more; an event takes "
        f"{jump.others:.0%} of the other coins with it. {jump.closed_share:.0%} of the episodes "
        f"began on a weekend, which is {jump.closed_time:.0%} of the time (p {jump.closed_p:.2f})",
        markup=False,
    )
    console.print(
        f"on a weekend they break {jump.closed_multiple:.1f} times as often: 1 in 1,000 of its "
        "days costs "
        + ", ".join(
            f"{law.stratum} {law.loss(1e-3, days, multiple=jump.closed_multiple):.2%}"
            for law in laws.values()
        ),
        markup=False,
    )
    _hold_out(console, found, thin=thin)
    if day is not None:
        whole = read_coins(coins)[1]
        came = peg_aftermath(whole, str(day), threshold=asked.threshold_fraction, thin=thin)
        if came:
            console.print(_aftermath(came))
        else:
            console.print(f"no prices after {day}: nothing is known of what came")
    folder = out / study_name(coins)
    for what, content in (("laws", table), ("episodes", listed)):
        text = content.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(folder / f"peg-{what}.csv", text))


def _hold_out(console: Console, coins: list[PeggedCoin], *, thin: bool) -> None:
    from riskkit.collateral.peg_record import leave_one_out
    from riskkit.errors import InputError

    try:
        kept = leave_one_out(coins, thin=thin)
    except InputError:
        console.print("no coin can be held to the others: too few episodes without it")
        return
    verdict = "the promise lies inside" if kept.covered else "MORE than was promised"
    console.print(
        f"each coin held to the law of the others, 1 in 1,000 a day: {kept.exceeded} episodes "
        f"deeper in {kept.days:,} coin-days on the peg ({kept.low:.2%} to {kept.high:.2%}: "
        f"{verdict}); close to close on all days, {kept.losing} of {kept.every:,}",
        markup=False,
    )


def _aftermath(found: list[PegAftermath]) -> Table:
    title = f"As of {found[0].as_of}, and the deepest close of the 60 days after"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("coin", "stratum", "1 in 1,000", "1 in 10,000", "came"):
        table.add_column(head, justify="left" if head in ("coin", "stratum") else "right")
    for each in found:
        rare = f"{each.once_in_10000:.2%} ({each.low:.1%}-{each.high:.1%})"
        table.add_row(each.coin, each.stratum, f"{each.once_in_1000:.2%}", rare, f"{each.came:.2%}")
    return table


def _laws(rows: pd.DataFrame, days: float) -> Table:
    title = f"Loss within {days:g} day{'s' if days != 1.0 else ''} (90 % band)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("stratum", "years", "episodes", *(f"1 in {1 / p:,.0f}" for p in ODDS)):
        table.add_column(head, justify="left" if head == "stratum" else "right")
    for _, r in rows.iterrows():
        cells = [
            f"{r[f'loss_{p:g}']:.2%} ({r[f'low_{p:g}']:.1%}-{r[f'high_{p:g}']:.1%})" for p in ODDS
        ]
        shape = " *" if r["borrowed"] else ""
        table.add_row(r["stratum"] + shape, f"{r['coin_years']:.1f}", f"{r['episodes']}", *cells)
    if rows["borrowed"].any():
        table.caption = "* too few episodes: depth as of all strata together"
        table.caption_justify = "left"
    return table
