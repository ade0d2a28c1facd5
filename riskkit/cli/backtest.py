"""`riskkit backtest`: a study's model along its own history, judged as a clearing house would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from riskkit.position import Side
from riskkit.tail.shocks import TailMethod
from riskkit.validation.battery import Grade, SideReport, rests_on
from riskkit.validation.crashes import Market

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.study.study import Study
    from riskkit.validation.review import Review


def backtest(
    study: Annotated[Path, typer.Argument(help="A study file (TOML).")],
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
        Market | None, typer.Option(help="Whose crashes to replay (default: by the calendar).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results; the study gets one in it.")] = (
        Path("out")
    ),
) -> None:
    """Backtest a study's model out of sample, over one bar and the margin period of risk.

    Prints the verdict, and writes into OUT/NAME: backtest.parquet and backtest.csv (one row per
    period, side and lag), a folder of figures, and backtest.html (self-contained).

    Example:

        riskkit backtest studies/eth-perpetual-daily.toml

        riskkit backtest studies/eth-perpetual-daily.toml --tail extremes --lag 2 --update-every 7
    """
    from riskkit.cli.backtest_files import write_review
    from riskkit.study.prices import load_study_prices
    from riskkit.study.scope import crash_market
    from riskkit.study.study import read_study
    from riskkit.tail.horizon import TailQuestion
    from riskkit.validation.backtest import BacktestPlan
    from riskkit.validation.review import DAYS_OF_LAG, review
    from riskkit.volatility.spec import VolatilitySpec

    began = time.perf_counter()
    asked = read_study(study)
    history = load_study_prices(asked, study.parent)
    plan = BacktestPlan(
        minimum_bars=asked.model.minimum_bars,
        refit_every=refit_every or asked.model.refit_every_bars,
        update_every=update_every,
        slippage=asked.mechanism.slippage_fraction,
        fee=asked.mechanism.fee_fraction,
    )
    question = TailQuestion(
        confidence=1.0 - asked.targets.default_given_liquidation_probability,
        bars=asked.periods(history.bar).margin_period_of_risk,
        paths=paths,
        seed=asked.simulation.seed,
    )
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("fitting and backtesting", total=None)
        result = review(
            history,
            VolatilitySpec.parse(asked.model.spec),
            method=tail or TailMethod(asked.model.shocks.value),
            question=question,
            plan=plan,
            market=market or crash_market(asked, history.calendar),
            days=lag or DAYS_OF_LAG,
            seed=asked.simulation.seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    written = write_review(asked.title, result, out / study.name.removesuffix(".toml"))
    console = Console(soft_wrap=False)
    _print(console, asked, result)
    for path in written:
        console.print(str(path), soft_wrap=True, markup=False, highlight=False)
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _print(console: Console, study: Study, result: Review) -> None:
    one, period = result.one_bar, result.period
    console.print(f"\n[bold]{escape(study.title)}[/]: backtest")
    rows = one.table
    console.print(
        f"{one.spec.name}, {one.method.value} tails, {one.refits} fits; "
        f"{rows['start'].min():%Y-%m-%d} to {rows['target'].max():%Y-%m-%d}; "
        f"{len(one.skipped)} periods left out"
    )
    console.print(_first_line(result))
    console.print(_verdict(result))
    console.print(f"A verdict {rests_on(result.reports[0])}.")
    console.print(_tests(result))
    score = result.against_ewma
    console.print(
        f"FZ0 less that of EWMA-normal-sqrt(h): {score.mean_difference:+.4f}, "
        f"Diebold-Mariano {score.statistic:+.2f} (p of 'not better' {score.better:.3g})"
    )
    bars = period.question.bars
    console.print(_table(f"Lags, over {bars} bar(s)", result.lags, ("exceptions", "low", "high",
                         "breaches", "largest_shortfall")))  # fmt: skip
    console.print(_table("Anti-procyclicality", result.overlays, ("peak to trough", "mean margin",
                         "breach rate", "largest shortfall")))  # fmt: skip
    console.print(_table("What a user would pick instead", result.baselines,
                         ("exceptions", "rate", "mean margin", "largest shortfall")))  # fmt: skip
    ledger = result.ledger
    if len(ledger.rows):
        console.print(_table("Crashes inside the evaluated span", ledger.rows.set_index(
            ["event", "side"]), ("opened", "breached", "loss", "margin", "excess")))  # fmt: skip
    outside = ", ".join(event.name for event, _ in ledger.outside) or "none"
    console.print(f"events outside the span: {outside}")


_TONES = {
    Grade.PASSED: "green",
    Grade.NOT_REJECTED: "",
    Grade.AMBER: "yellow",
    Grade.NOT_PASSED: "red",
}


def _first_line(result: Review) -> str:
    """The least of the grades, and what it rests on, before any table."""
    by_grade: dict[Grade, list[str]] = {}
    for report, bars in _judged(result):
        words = f"{report.side} over {bars} bar{'s' * (bars > 1)}"
        reason = f" ({report.reason})" if report.reason else ""
        by_grade.setdefault(report.grade, []).append(words + reason)
    worst_first = [g for g in reversed(Grade) if g in by_grade]
    return "\n".join(
        f"[{_TONES[g] or 'none'}]{g.value}[/]: {escape('; '.join(by_grade[g]))}"
        for g in worst_first
    )


def _judged(result: Review) -> list[tuple[SideReport, int]]:
    horizons = [result.one_bar.question.bars] * 2 + [result.period.question.bars] * 2
    return list(zip(result.reports, horizons, strict=False))


def _verdict(result: Review) -> Table:
    table = Table(title="Verdict", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("bars", "side", "exceptions", "95 %", "CC p", "power", "light", "verdict"):
        table.add_column(head)
    for k, (report, bars) in enumerate(_judged(result)):
        light = result.lights[Side(report.side)].zone.value if k < len(Side) else ""
        table.add_row(
            str(bars),
            report.side,
            f"{report.exceptions} of {report.observations:,}",
            f"{report.low}-{report.high}",
            f"{report.conditional_coverage:.3f}",
            f"{report.power:.2f}",
            light,
            f"[{_TONES[report.grade] or 'none'}]{report.grade.value}[/]",
        )
    return table


def _tests(result: Review) -> Table:
    table = Table(title="p-values, one bar", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("test")
    for side in result.batteries:
        table.add_column(side.value, justify="right")
    for row in zip(*result.batteries.values(), strict=True):
        marks = [
            "not testable" if v.decision.value == "not testable"
            else f"{v.p_value:.3f}{' *' if v.rejected else ''}"
            for v in row
        ]  # fmt: skip
        table.add_row(row[0].name, *marks)
    table.caption = "* rejected at 5 %"
    return table


def _table(title: str, rows: pd.DataFrame, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in rows.index.names:
        table.add_column(str(name).replace("_", " "))
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for key, row in rows[list(columns)].iterrows():
        keys = key if isinstance(key, tuple) else (key,)
        table.add_row(*map(str, keys), *(f"{float(v):.4g}" for v in row))
    return table
