"""`riskkit replay`: a margin rule along history, judged over a declared mix of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.dates import parse_day
from riskkit.cli.options import NOTHING, OutOption, StudyArgument, asks
from riskkit.cli.progress_bar import progress_of
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.proof.rule_judgement import RuleJudgement

FILLS = ("close", "midpoint", "extreme")


@asks(StudyArgument)
def replay(
    first: Annotated[
        str | None, typer.Option("--from", help="First day on which positions are opened.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Day before which all is over (default: the end).")
    ] = None,
    every_hours: Annotated[
        float, typer.Option(min=0.001, help="Hours from one opening to the next.")
    ] = 6.0,
    fill: Annotated[
        str | None,
        typer.Option(
            help="Where a close-out is filled: close, midpoint, extreme (default: the study's)."
        ),
    ] = None,
    histories: Annotated[
        int, typer.Option(min=0, help="Simulated histories behind the prediction; 0 for none.")
    ] = 40,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Replay the study's margin rule: who is liquidated, who defaults, what it costs.

    The rule and the accounts are the study's tables `rule` and `accounts`, or the shipped ones.
    Writes OUT/NAME/replay.html (page), replay.csv (the rule and its other versions) and
    replay-accounts.csv (every account that was liquidated).

    Example:

        riskkit replay studies/btc-perpetual-hourly.toml
    """
    if fill is not None and fill not in FILLS:
        raise InputError(
            "fill", fill, f"must be one of {', '.join(FILLS)}", "Leave it out for the study's"
        )
    begins, ends = _span(first, last)
    import pandas as pd

    from riskkit.lab.replay_page import render_replay
    from riskkit.parameters.write import write_atomically
    from riskkit.paths.inside import Fill
    from riskkit.proof.rule_judgement import judge_rule
    from riskkit.proof.rule_words import rule_words, span_words

    asked = asking.read()
    console = Console(soft_wrap=False)
    with progress_of("replaying") as tell:
        judged = judge_rule(
            asked.case,
            start=begins,
            end=ends,
            every=pd.Timedelta(hours=every_hours),
            fill=None if fill is None else Fill(fill),
            histories=histories,
            progress=tell,
        )
    console.print(f"Rule: {rule_words(judged)}.", soft_wrap=True, highlight=False, markup=False)
    console.print(f"{span_words(judged)}.", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Accounts: {judged.plan.mix}.", soft_wrap=True, highlight=False, markup=False)
    console.print(_measures(judged))
    console.print(_versions(judged))
    days = judged.base.judged
    console.print(
        f"{int(days.days['defaulted'].sum()):,} defaults on {days.episodes} days "
        f"({days.runs} runs); by the requirement alone: {days.caused_share:.1%} of the "
        "liquidations. P(default | liq.) is reported and judges nothing.",
        highlight=False,
    )
    folder = out / asked.name
    rows = judged.base.accounts
    page = render_replay(asked.case.name, judged)
    _csv(folder / "replay.csv", judged.table)
    _csv(folder / "replay-accounts.csv", rows[rows["liquidated"]])
    print_path(console, "page:", write_atomically(folder / "replay.html", page))


def _span(first: str | None, last: str | None) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """The judged span, both ends in UTC."""
    import pandas as pd

    days = [parse_day(name, text) for name, text in (("from", first), ("to", last))]
    begins, ends = (None if day is None else pd.Timestamp(day, tz="UTC") for day in days)
    if begins is not None and ends is not None and not begins < ends:
        raise InputError("from, to", (first, last), "must be two days in order", "Swap them")
    return begins, ends


def _measures(judged: RuleJudgement) -> Table:
    from riskkit.proof.rule_words import measure_rows

    rows = measure_rows(judged)
    table = Table(box=box.SIMPLE_HEAD)
    for name in rows.columns:
        table.add_column(str(name), justify="left" if name == "measure" else "right")
    for _, row in rows.iterrows():
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    return table


def _versions(judged: RuleJudgement) -> Table:
    table = Table(
        title="Beside the rule: defaults per 1,000 account-days; bad debt, bps a year of open "
        "interest;\nworst hundredth of the days, % of it; liquidations by the requirement alone",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("version", no_wrap=True)
    for head in ("defaults", "bad debt", "worst", "by req.", "mean", "99 %"):
        table.add_column(head, justify="right", no_wrap=True)
    for _, row in judged.table.iterrows():
        table.add_row(
            row["version"],
            f"{1e3 * row['account_day']:.3f}",
            f"{row['oi_year_bps']:.1f}",
            f"{row['episode_es']:.3f}",
            f"{row['by_requirement']:.1%}",
            f"{row['mean_margin']:.2%}",
            f"{row['high_margin']:.2%}",
        )
    return table


def _csv(path: Path, rows: pd.DataFrame) -> None:
    from riskkit.parameters.write import write_atomically

    write_atomically(path, rows.to_csv(index=False, lineterminator="\n"))
