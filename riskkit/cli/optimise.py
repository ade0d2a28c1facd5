"""`riskkit optimise`: a loop that proposes a margin rule, and says what it would have been
worth.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import NOTHING, OutOption, StudyArgument, asks
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.formats.guardrails import Guardrail
    from riskkit.loop.answer import LoopAnswer

#: Years on the terminal: column, its heading, and how it is written.
COLUMNS = (
    ("capital_loop", "margin", "{:.1%}"),
    ("bad_debt_loop", "debt", "{:,.1f}"),
    ("capital_nothing", "today's", "{:.1%}"),
    ("bad_debt_nothing", "debt", "{:,.1f}"),
    ("regret_nothing", "to today's", "{:+,.1f}"),
    ("regret_fixed", "to fixed", "{:+,.1f}"),
)


@asks(StudyArgument)
def optimise(
    trials: Annotated[int, typer.Option(help="Policies tried for each choice.")] = 200,
    bound: Annotated[
        float | None,
        typer.Option(
            help="Most bad debt, bps of open interest a year, at the upper end of its band "
            "(default: today's rule's own)."
        ),
    ] = None,
    rise: Annotated[
        float | None,
        typer.Option(
            help="Largest rise of the margin in a day, a fraction (default: today's own)."
        ),
    ] = None,
    carry: Annotated[
        float, typer.Option(help="What capital costs its owners a year, a fraction.")
    ] = 0.05,
    every_hours: Annotated[
        float, typer.Option(min=0.001, help="Hours from one opening of positions to the next.")
    ] = 6.0,
    record: Annotated[
        Path | None,
        typer.Option(help="A fleet's folder: outside its band, the loop proposes nothing."),
    ] = None,
    max_change: Annotated[
        str | None, typer.Option(help="Largest change of a step, a fraction: 0.005 is 50 bps.")
    ] = None,
    min_delay: Annotated[
        str | None, typer.Option(help="Least time between two steps, such as 3d.")
    ] = None,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Propose a margin rule: chosen on the past of each year, judged on the next, stopped by its
    record.

    Writes OUT/NAME/optimise.html and optimise.json, and proposal.json, a parameter file that
    `riskkit sign` signs, where something is proposed. What each column means: docs/policy.md.

    Example:

        riskkit optimise studies/btc-perpetual-hourly.toml --trials 60
    """
    import pandas as pd

    from riskkit.cli.progress_bar import progress_of
    from riskkit.cli.terminal import print_path
    from riskkit.lab.loop_page import render_loop_page
    from riskkit.loop.answer import optimise as run_loop
    from riskkit.loop.record import read_record
    from riskkit.parameters.write import canonical_json, write_atomically

    guardrail = _guardrail(max_change, min_delay)
    asked = asking.read()
    kept = None if record is None else read_record(record, asked.name)
    console = Console(soft_wrap=False)
    with progress_of("years") as tell:
        found = run_loop(
            asked.case,
            trials=trials,
            bound=bound,
            rise=rise,
            carry=carry,
            every=pd.Timedelta(hours=every_hours),
            record=kept,
            guardrail=guardrail,
            progress=tell,
        )
    _print_years(console, found)
    for line in found.words():
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    folder = out / asked.name
    print_path(
        console, "page:", write_atomically(folder / "optimise.html", render_loop_page(found))
    )
    written = write_atomically(folder / "optimise.json", canonical_json(found.to_dict()))
    print_path(console, "answer:", written)
    if found.proposed is not None:
        with Console(stderr=True).status("calibrating the proposal"):
            file = found.parameter_file()
        print_path(console, "proposal, to be signed:", file.write(folder / "proposal.json"))


def _guardrail(max_change: str | None, min_delay: str | None) -> Guardrail:
    """The loop's own limits, or those given."""
    import pandas as pd

    from riskkit.formats.guardrails import Guardrail, Limit
    from riskkit.loop.legal import DEFAULT_GUARDRAIL, NAMES
    from riskkit.units import as_decimal, parse_duration

    if max_change is None and min_delay is None:
        return DEFAULT_GUARDRAIL
    delay = pd.Timedelta(days=1) if min_delay is None else parse_duration(min_delay, "min-delay")
    if max_change is None:
        rule = "must come with the largest change of a step"
        raise InputError("min_delay", min_delay, rule, "Give --max-change too")
    change = as_decimal(max_change)
    if not change > 0:
        raise InputError("max_change", max_change, "must be above 0", "0.005 is 50 bps")
    limits = tuple((name, Limit(change, None, delay)) for name in NAMES)
    return Guardrail("the limits given", limits, DEFAULT_GUARDRAIL.scale)


def _print_years(console: Console, found: LoopAnswer) -> None:
    """Every year, chosen on its past."""
    from rich import box
    from rich.table import Table

    table = Table(
        title="Each year by the rule chosen on its past: mean margin, bad debt and regret\n"
        "(to today's rule, and to the best fixed one), bps of open interest a year",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("year", no_wrap=True)
    table.add_column("did", no_wrap=True)
    for _, head, _ in COLUMNS:
        table.add_column(head, justify="right", no_wrap=True)
    for year, row in found.walk.table().iterrows():
        did = str(row["did"])
        did = did if len(did) < 16 else "its own rule"
        table.add_row(str(year), did, *(form.format(row[name]) for name, _, form in COLUMNS))
    console.print(table)
