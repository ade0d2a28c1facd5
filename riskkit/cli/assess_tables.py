"""What the terminal shows of an assessment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.proof.assess_words import combined, doubts, historical, quantity_rows, verdict
from riskkit.units import duration

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.proof.assessment import Assessment


def print_assessment(console: Console, a: Assessment, source: str) -> None:
    """Print live beside recommended, the crash ledger, and the verdict of every side."""
    c = a.calibration
    console.print()
    console.print(f"[bold]{escape(source)}[/]", soft_wrap=True)
    console.print(f"beside {escape(c.study.title)}, as of {c.study.as_of}", soft_wrap=True)
    if c.is_historical_example:
        words = historical(c.study.as_of, c.data_age_days)
        console.print(f"[bold yellow]HISTORICAL EXAMPLE[/]: {words}", soft_wrap=True)
    for line in doubts(a):
        hint = "check the unit of the file"
        console.print(f"[bold yellow]{hint}[/]: {escape(line)}", soft_wrap=True)
    for title, rows in quantity_rows(a):
        console.print(comparison_table(title, rows))
    crashes = a.crash_table()
    if len(crashes):
        console.print(crash_ledger_table(crashes))
    else:
        console.print(f"no named crash of {a.crashes.value} within the span\n")
    console.print(
        "periods covered, shortfall and crashes: the live margin held throughout; the recommended "
        "one as it would have been published then, from the bars before",
        soft_wrap=True,
    )
    p, t = c.periods, c.study.targets
    console.print(
        f"simulated for {duration(p.holding_horizon.requested)} from the start state "
        f"'{c.study.simulation.start_state.value}'; targets: P(default | liquidation) "
        f"{t.default_given_liquidation_probability:.3g}, P(liquidation within "
        f"{duration(p.reaction_time.requested)}) "
        f"{t.liquidation_within_reaction_time_probability:.3g}",
        soft_wrap=True,
        highlight=False,
    )
    console.print("Verdict", style="bold")
    unserved = (f"{u.words} The live number is not judged." for u in c.unserved)
    for line in (*(verdict(a, s) for s in a.sides), *_combined(a), *unserved):
        console.print(escape(line), soft_wrap=True, highlight=False)


def comparison_table(title: str, rows: Sequence[tuple[str, ...]]) -> Table:
    """Live, recommended and their difference, for one side of one row."""
    table = Table(
        title=f"{escape(title)}, in percent",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("", no_wrap=True)
    for head in ("live", "recommended", "difference"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def crash_ledger_table(rows: pd.DataFrame) -> Table:
    """Every named crash: what it asked for, and what was in force."""
    table = Table(
        title="Margin in force in named crashes, in percent",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    sized = bool((rows["notional"] > 0).any())
    if sized:
        table.add_column("from", justify="right", no_wrap=True)
    for head in ("crash", "side"):
        table.add_column(head, no_wrap=True)
    for head in ("loss", "needed", "live", "", "recommended", ""):
        table.add_column(head, justify="right", no_wrap=True)
    for _, r in rows.iterrows():
        size = [f"{r['notional']:,.0f}"] if sized else []
        table.add_row(
            *size,
            str(r["event"]),
            str(r["side"]),
            *(f"{100.0 * r[name]:.2f}" for name in ("loss", "needed", "live_margin")),
            _held(r["live_excess"]),
            f"{100.0 * r['recommended_margin']:.2f}",
            _held(r["recommended_excess"]),
        )
    return table


def _held(excess: float) -> str:
    return f"{100.0 * excess:.2f} short" if excess > 0.0 else "held"


def _combined(a: Assessment) -> tuple[str, ...]:
    return combined(a) if a.calibration.study.position.kind == "perpetual" else ()
