"""`riskkit staked` and `riskkit cap-steps`: a token with two prices, and the cap on one of them."""

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

HORIZONS = (1, 10, 30)


def staked(
    prices: Annotated[Path, typer.Argument(help="Prices of the token, daily.")],
    base: Annotated[Path, typer.Option(help="Prices of what it stands for, daily.")],
    rate: Annotated[
        Path | None,
        typer.Option(help="Its redemption rate, as prices: base per token. Absent, 1."),
    ] = None,
    queue_days: Annotated[float, typer.Option(help="Longest wait for redemption.")] = 0.0,
    bonus: Annotated[float, typer.Option(help="Liquidation bonus of a loan of the base.")] = 0.01,
    out: FolderOption = Path("out"),
) -> None:
    """A staked or wrapped token: rate x peg x base, and what the peg can lose.

    Prints what the basis (price over rate and base) can lose over 1, 10 and 30 days: now, in the
    mean of history and on its worst day in 100, beside the square root of time; how many losses
    were larger than the margin of their day; the liquidation threshold of a loan of the base
    against the token, from the worst day in 100; with a rate, the cap on growth that no stretch of
    30 bars would have reached. Writes into OUT/NAME: staked-basis.csv.

    Example:

        riskkit staked STETH.csv --base ETH.csv --queue-days 5
    """
    import pandas as pd

    from riskkit.collateral.basis import basis_margins, basis_of, pair_threshold
    from riskkit.collateral.capped_oracle import fitted_growth
    from riskkit.errors import InputError
    from riskkit.market import load_prices
    from riskkit.parameters.write import write_atomically
    from riskkit.study.name import study_name

    if not queue_days >= 0.0:
        rule = "must be 0 or more"
        raise InputError("--queue-days", queue_days, rule, "Give the longest wait seen")
    price, under = load_prices(prices).close, load_prices(base).close
    promised = None if rate is None else load_prices(rate).close
    found = basis_margins(basis_of(price, under, promised), HORIZONS)
    console = Console(soft_wrap=False)
    table = Table(title="Basis", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("days", "now", "root of time", "mean", "99 %", "larger losses", "LT of a pair"):
        table.add_column(head, justify="right")
    rows = []
    for days in HORIZONS:
        n, hits = found.exceptions(days)
        low, high = found.band(days)
        mean = float(found.walk[days]["margin"].mean())
        # A constant holds in bad times: the highest margin of history but for one day in 100.
        bad = float(found.walk[days]["margin"].quantile(0.99))
        threshold = pair_threshold(max(found.now[days], bad), bonus)
        naive = found.now[1] * days**0.5
        table.add_row(
            f"{days}",
            f"{found.now[days]:.2%}",
            f"{naive:.2%}",
            f"{mean:.2%}",
            f"{bad:.2%}",
            f"{hits} of {n} ({low}-{high})",
            f"{threshold:.2%}",
        )
        rows.append(found.walk[days].assign(days=days))
    console.print(table)
    console.print(
        f"variance ratio over five days {found.variance_ratio:.2f} (1 for a random walk), "
        f"autocorrelation {found.autocorrelation:+.2f}: the basis is a level and noise",
        markup=False,
    )
    if queue_days:
        console.print(
            f"who can wait {queue_days:g} days redeems at the rate: then the base's own loss over "
            "those days counts, and of the basis nothing",
            markup=False,
        )
    if promised is not None:
        growth = fitted_growth(promised)
        console.print(
            f"cap on growth: {growth:.2%} a year (largest of 30 bars, and a tenth more); a capped "
            "oracle does nothing against a de-peg",
            markup=False,
        )
    text = pd.concat(rows).rename_axis("origin").to_csv(lineterminator="\n")
    path = out / study_name(Path(prices.stem)) / "staked-basis.csv"
    print_path(console, "written:", write_atomically(path, text))


def cap_steps(
    change: Annotated[Path, typer.Argument(help="A change of a capped oracle (TOML).")],
) -> None:
    """Check every state of a change of a capped oracle's snapshot, and refuse a bad one.

    A snapshot's ratio and time are one pair. The file says the true rate and the moment, the
    growth, the largest change of the ratio in a step, whether the time moves with it (together),
    the live and the target snapshot, and the loans of the base against the token.

    Example:

        riskkit cap-steps change.toml
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
