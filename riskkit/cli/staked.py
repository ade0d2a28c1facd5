"""`riskkit staked` and `riskkit cap-steps`: a token with two prices, and the cap on one of them."""

from __future__ import annotations

from datetime import timedelta
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

    from riskkit.collateral.aftermath import BasisAftermath

HORIZONS = (1, 10, 30)
_DAY = timedelta(days=1)


def staked(
    prices: Annotated[Path, typer.Argument(help="Prices of the token, daily.")],
    base: Annotated[Path, typer.Option(help="Prices of what it stands for, daily.")],
    rate: Annotated[
        Path | None,
        typer.Option(help="Its redemption rate, as prices: base per token. Absent, 1."),
    ] = None,
    queue_days: Annotated[float, typer.Option(help="Longest wait for redemption.")] = 0.0,
    bonus: Annotated[float, typer.Option(help="Liquidation bonus of a loan of the base.")] = 0.01,
    interest: Annotated[float, typer.Option(help="Of a loan of the base, a year.")] = 0.0,
    venue: Annotated[
        str | None,
        typer.Option(help="Write the pair's section: aave-v3 (eMode), aave-v4, compound-v3."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Use only what was known at the end of this day, and say what came."),
    ] = None,
    out: FolderOption = Path("out"),
) -> None:
    """A staked or wrapped token: rate x peg x base, and what the peg can lose.

    Prints what the basis (price over rate and base) can lose over 1, 10 and 30 days: now, in the
    mean of history and on its worst day in 100, beside the square root of time; how many losses
    were larger than the margin of their day; the liquidation threshold of a loan of the base
    against the token, from the worst day in 100; what waiting for the queue costs; with a rate, the
    cap on growth that no stretch of 30 bars would have reached. Writes into OUT/NAME:
    staked-basis.csv, and with --venue pair-VENUE.json: threshold over one day, loan-to-value over
    ten, and the snapshot of the cap.

    Example:

        riskkit staked data/examples/staked.csv --base data/eth_usd_daily.csv
    """
    import pandas as pd

    from riskkit.cli.dates import question_day
    from riskkit.collateral.aftermath import basis_aftermath
    from riskkit.collateral.basis import basis_margins, basis_of, pair_threshold
    from riskkit.collateral.capped_oracle import fitted_growth
    from riskkit.collateral.redemption import accrual_per_year, redemption_floor
    from riskkit.errors import InputError
    from riskkit.formats.pair_section import PairTerms, RateCapTerms, check_pair_venue, pair_section
    from riskkit.market import load_prices
    from riskkit.parameters.write import write_atomically
    from riskkit.study.name import study_name

    if not queue_days >= 0.0:
        rule = "must be 0 or more"
        raise InputError("--queue-days", queue_days, rule, "Give the longest wait seen")
    if venue is not None:
        check_pair_venue(venue)
    day = None if as_of is None else question_day(as_of)
    price, under = load_prices(prices).close, load_prices(base).close
    promised = None if rate is None else load_prices(rate).close
    whole = basis_of(price, under, promised)
    basis = whole if day is None else whole.loc[whole.index < pd.Timestamp(day, tz="UTC") + _DAY]
    found = basis_margins(basis, HORIZONS)
    console = Console(soft_wrap=False)
    table = Table(title="Basis", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("days", "now", "root of time", "mean", "99 %", "larger losses", "LT of a pair"):
        table.add_column(head, justify="right")
    rows, thresholds = [], {}
    for days in HORIZONS:
        n, hits = found.exceptions(days)
        low, high = found.band(days)
        mean = float(found.walk[days]["margin"].mean())
        # A constant holds in bad times: the highest margin of history but for one day in 100.
        bad = float(found.walk[days]["margin"].quantile(0.99))
        thresholds[days] = pair_threshold(max(found.now[days], bad), bonus)
        naive = found.now[1] * days**0.5
        table.add_row(
            f"{days}",
            f"{found.now[days]:.2%}",
            f"{naive:.2%}",
            f"{mean:.2%}",
            f"{bad:.2%}",
            f"{hits} of {n} ({low}-{high})",
            f"{thresholds[days]:.2%}",
        )
        rows.append(found.walk[days].assign(days=days))
    console.print(table)
    console.print(
        f"variance ratio over five days {found.variance_ratio:.2f} (1 for a random walk), "
        f"autocorrelation {found.autocorrelation:+.2f}: the basis is a level and noise",
        markup=False,
    )
    if day is not None:
        console.print(_what_came(basis_aftermath(whole, str(day), HORIZONS)))
    known = None if promised is None else promised.loc[: basis.index[-1]]
    grown = 0.0 if known is None else accrual_per_year(known)
    if queue_days:
        floor = redemption_floor(
            under.loc[: basis.index[-1]].dropna(), queue_days, accrual=grown, interest=interest
        )
        console.print(
            f"who can wait {queue_days:g} days redeems at the rate, which grows by "
            f"{floor.accrual:.3%}: a lender of the base loses {floor.in_base:.3%} by then, a "
            f"lender of money {floor.in_money:.2%} (99 % of the base's own falls)",
            markup=False,
        )
    cap = None
    if known is not None:
        growth = fitted_growth(known)
        cap = RateCapTerms.of(float(known.iloc[-1]), known.index[-1], growth)
        console.print(
            f"accrual {grown:.2%} a year; cap on growth: {growth:.2%} a year (largest of 30 bars, "
            "and a tenth more); a capped oracle does nothing against a de-peg",
            markup=False,
        )
    folder = out / study_name(Path(prices.stem))
    text = pd.concat(rows).rename_axis("origin").to_csv(lineterminator="\n")
    print_path(console, "written:", write_atomically(folder / "staked-basis.csv", text))
    if venue is not None:
        limits = {"threshold": thresholds[1], "max_ltv": min(thresholds[1], thresholds[10])}
        terms = PairTerms.of((prices.stem, base.stem), **limits, bonus=bonus)
        path = folder / f"pair-{venue}.json"
        print_path(console, "section:", write_atomically(path, pair_section(terms, venue, cap)))


def _what_came(found: BasisAftermath) -> Table:
    title = f"As of {found.as_of}, and what came"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("days", "margin", "largest until then", "came"):
        table.add_column(head, justify="right")
    for days, margin in found.margins.items():
        shares = (margin, found.largest[days], found.came[days])
        table.add_row(f"{days}", *(f"{share:.2%}" for share in shares))
    table.caption = f"largest fall within 60 days: {found.worst:.2%}"
    table.caption_justify = "left"
    return table


def cap_steps(
    change: Annotated[Path, typer.Argument(help="A change of a capped oracle (TOML).")],
) -> None:
    """Check every state of a change of a capped oracle's snapshot, and refuse a bad one.

    A snapshot's ratio and time are one pair. The file says the true rate and the moment, the
    growth, the largest change of the ratio in a step, whether the time moves with it (together),
    the live and the target snapshot, and the loans of the base against the token.

    Example:

        riskkit cap-steps data/examples/cap-change.toml
    """
    from riskkit.study.cap_change import CapChange

    asked = CapChange.read(change)
    console = Console(soft_wrap=False)
    console.print(_states(asked.checked(change.parent)))
    console.print("no state on the way marks the token low")


def _states(rows: pd.DataFrame) -> Table:
    table = Table(title="States of the change", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("step", "ratio", "snapshot", "largest rate", "marked low", "unfair"):
        table.add_column(head, justify="right")
    for _, r in rows.iterrows():
        table.add_row(
            f"{r['step']}", f"{r['ratio']:.6f}", f"{r['time']:%Y-%m-%d %H:%M}",
            f"{r['largest']:.6f}", f"{r['marked_low']:.2%}", f"{r['unfair']}",
        )  # fmt: skip
    return table
