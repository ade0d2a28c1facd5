"""`riskkit backtest`: a study's model along its own history, judged as a clearing house would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import NOTHING, OutOption, StudyArgument, asks
from riskkit.cli.terminal import print_path
from riskkit.tail.methods import TailMethod
from riskkit.validation.markets import CrashMarket


@asks(StudyArgument)
def backtest(
    tail: Annotated[
        TailMethod | None,
        typer.Option(help="How the tail is formed (default: as the study's shocks)."),
    ] = None,
    lag: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Days until a margin takes effect; may be repeated."),
    ] = None,
    update_every: Annotated[
        int, typer.Option(min=1, help="Bars between publications of the margin.")
    ] = 1,
    refit_every: Annotated[
        int | None, typer.Option(min=1, help="Bars between refits (default: the study's).")
    ] = None,
    paths: Annotated[
        int, typer.Option(min=1_000, help="Simulated paths behind each multi-bar tail.")
    ] = 20_000,
    market: Annotated[
        CrashMarket | None, typer.Option(help="Whose crashes to replay (default: by the calendar).")
    ] = None,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Backtest a study's model out of sample, over one bar and the margin period of risk.

    Prints the verdict, and writes into OUT/NAME: backtest.parquet and backtest.csv (one row per
    period, side and lag), a folder of figures, and backtest.html (self-contained).

    Example:

        riskkit backtest studies/eth-perpetual-daily.toml

        riskkit backtest studies/eth-perpetual-daily.toml --tail extremes --lag 2 --update-every 7
    """
    from riskkit.calibration.question import memory_of, venue_of
    from riskkit.cli.backtest_files import write_review
    from riskkit.cli.backtest_tables import print_review
    from riskkit.study.inside import watches_extremes
    from riskkit.study.scope import crash_market
    from riskkit.tail.horizon import TailQuestion
    from riskkit.validation.backtest import BacktestPlan
    from riskkit.validation.review import DAYS_OF_LAG, review
    from riskkit.volatility.spec import VolatilitySpec

    began = time.perf_counter()
    source = asking.read()
    asked, history = source.study, source.history
    venue = venue_of(asked, history.bar)
    pace = asked.pace(history.bar)
    plan = BacktestPlan(
        minimum_bars=pace.minimum_bars,
        refit_every=refit_every or pace.refit_every,
        update_every=update_every,
        slippage=venue.slippage,
        fee=venue.fee,
        extremes=watches_extremes(asked, history),
        correction_rate=0.0 if asked.memory is None else asked.memory.correction_rate,
    )
    question = TailQuestion(
        confidence=1.0 - asked.targets.default_given_liquidation_probability,
        bars=asked.periods(history.bar).margin_period_of_risk,
        paths=paths,
        seed=asked.simulation.seed,
        memory=memory_of(asked),
    )
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as shown:
        task = shown.add_task("fitting and backtesting", total=None)
        result = review(
            history,
            VolatilitySpec.parse(asked.model.spec),
            method=tail or TailMethod(asked.model.shocks.value),
            question=question,
            plan=plan,
            market=market or crash_market(asked.data, history.calendar),
            days=lag or DAYS_OF_LAG,
            seed=asked.simulation.seed,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    written = write_review(asked.title, result, out / source.name)
    console = Console(soft_wrap=False)
    print_review(console, asked.title, result)
    for path in written:
        print_path(console, "", path)
    console.print(f"done in {time.perf_counter() - began:.1f} s")
