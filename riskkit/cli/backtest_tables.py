"""What `riskkit backtest` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.position import Side
from riskkit.validation.battery import Grade, SideReport, rests_on

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.validation.review import Review


def print_review(console: Console, title: str, result: Review) -> None:
    """Print a review: the verdict, the tests behind it, lags, overlays and crashes."""
    one, period = result.one_bar, result.period
    console.print(f"\n[bold]{escape(title)}[/]: backtest")
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
        shown = ["opened", "breached", "loss", "margin", "excess"]
        shown += [str(name) for name in ledger.rows if str(name).endswith("_at_extremes")]
        rows = ledger.rows.set_index(["event", "side"])
        console.print(_table("Crashes inside the evaluated span", rows, tuple(shown)))
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
