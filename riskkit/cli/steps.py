"""`riskkit steps`: the legal path from what runs today to the recommendation."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.options import AssetIsOption, MarketOption
from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.formats.guardrails import ChangePath
    from riskkit.formats.positions import Impact


def steps(
    live: Annotated[Path, typer.Argument(help="The venue's file that runs today.")],
    parameters: Annotated[Path, typer.Argument(help="The parameter file.")],
    venue: Annotated[str, typer.Option(help="Format of the live file, such as aave-v3.")],
    market: MarketOption = None,
    asset_is: AssetIsOption = None,
    positions: Annotated[
        Path | None,
        typer.Option(
            help="CSV or parquet of open positions: account, collateral, and debt (loans) or size, "
            "entry, side (perpetuals)."
        ),
    ] = None,
    price: Annotated[
        float | None, typer.Option(help="With --positions: the price to mark them at.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Day of the first step, YYYY-MM-DD (default: today).")
    ] = None,
    max_change: Annotated[
        str | None, typer.Option(help="Largest change of a step, a fraction: 0.005 is 50 bps.")
    ] = None,
    max_relative: Annotated[
        str | None, typer.Option(help="Largest change of a step, as a fraction of the value.")
    ] = None,
    min_delay: Annotated[
        str | None, typer.Option(help="Least time between two steps of a parameter, such as 3d.")
    ] = None,
    behind: Annotated[
        Path | None,
        typer.Option(
            "--study",
            help="The study behind the parameter file: every state on the way is simulated "
            "(default: study.toml beside it).",
        ),
    ] = None,
    caps: Annotated[
        Path | None,
        typer.Option(help="A change of a capped oracle or supply cap (TOML) on the same dates."),
    ] = None,
    allow_historical: Annotated[
        bool, typer.Option("--allow-historical", help="Plan for a HISTORICAL EXAMPLE knowingly.")
    ] = False,
    accept_edited: Annotated[
        bool, typer.Option("--accept-edited", help="Plan for a file edited by hand knowingly.")
    ] = False,
) -> None:
    """Plan the way from today's values to the recommendation, in steps that the venue allows.

    Limits are those of the venue's preset (Aave's risk stewards); one that is given replaces the
    preset's own, and its delay stays unless another is given. With
    positions, every step says which accounts it would make liquidatable at the price given, and
    how far the threshold can move without touching anyone.

    Values that belong together move together: no state on the way may cover less than both ends
    do. With the study every state is simulated; with --caps the change of a capped oracle is
    marked at each. A path through a bad state is refused.

    Example:

        riskkit steps config.ts out/eth-collateral-daily/parameters.json --venue aave-v3

        riskkit steps config.ts parameters.json --venue aave-v3 --positions loans.csv --price 2500

        riskkit steps config.ts parameters.json --venue aave-v3 --study studies/my.toml
    """
    import pandas as pd

    from riskkit.cli.dates import parse_day
    from riskkit.cli.export import say_doubt
    from riskkit.formats import registry
    from riskkit.formats.guardrails import plan_change
    from riskkit.formats.positions import assess_impact, read_positions
    from riskkit.parameters.file import read_parameter_file
    from riskkit.proof import context as given
    from riskkit.proof import coupled_steps as coupled
    from riskkit.proof.assets import check_asset, is_stated
    from riskkit.proof.export import export_parameters
    from riskkit.proof.recheck import find_origin
    from riskkit.proof.steps import guardrail_of, stored_values
    from riskkit.study.cap_change import CapChange
    from riskkit.study.case import Case
    from riskkit.study.study import read_study
    from riskkit.units import as_decimal, parse_duration

    if (positions is None) != (price is None):
        rule = "must be given together"
        raise InputError("positions, price", "one of the two", rule, "Mark them at --price")
    format_ = registry.venue(venue)
    absolute, relative = (None if x is None else as_decimal(x) for x in (max_change, max_relative))
    delay = None if min_delay is None else parse_duration(min_delay, "min-delay")
    guardrail = guardrail_of(venue, absolute, relative, delay)
    today, _ = given.read_live(format_, live)
    name = given.find_market(format_, today, market)
    file = read_parameter_file(parameters, accept_edited=accept_edited)
    beside = parameters.parent / "study.toml"  # of `riskkit calibrate --prices`
    stated = not beside.is_file() or is_stated(read_study(beside).data)
    asset = file.header.asset
    agreed = check_asset(format_, today, name, asset, declared=asset_is, stated=stated)
    context = format_.context_from(today, name)
    text = export_parameters(file, format_, context, allow_historical=allow_historical)
    before, after = (
        stored_values(venue, given.rows_of(format_, value, name))
        for value in (today, format_.read(text))
    )
    first = pd.Timestamp(parse_day("start", start) or datetime.now(UTC).date())
    path = plan_change(before, after, guardrail, first, coupled.check_between(before, after))
    question, unknown = None, "give --study"
    if behind is not None:
        question = find_origin(file, Case.read(behind))
    elif beside.is_file():
        try:
            question = find_origin(file, Case.read(beside))
        except InputError as error:
            unknown = str(error)
    simulated = None if question is None else coupled.simulate_states(question, path)
    marked = None
    if caps is not None:
        change = CapChange.read(caps)
        marked = coupled.mark_states(path, change, caps.parent, question)
    impact = None
    if positions is not None and price is not None:
        impact = assess_impact(path, read_positions(positions), price, guardrail.scale)
    console = Console(soft_wrap=False)
    console.print(escape(f"{name}, under {guardrail.name}"), soft_wrap=True)
    console.print(steps_table(path, impact))
    console.print(path.summary(), soft_wrap=True)
    say_doubt(console, agreed)
    if impact is not None:
        _print_impact(console, path, impact)
    if simulated is not None:
        console.print(_simulated(simulated))
    else:
        words = f"states on the way are not simulated: {unknown}"
        console.print(words, soft_wrap=True, markup=False)
    if marked is not None:
        console.print(_marked(marked))


def _simulated(rows: pd.DataFrame) -> Table:
    table = Table(title="Every state, simulated", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("step", "date", "side", "liquidated early", "default, held"):
        left = head in ("date", "side")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    for _, r in rows.iterrows():
        default = f"{r['default']:.3%} ({r['low']:.3%}-{r['high']:.3%})"
        table.add_row(f"{r['step']}", r["date"], r["side"], f"{r['liquidation']:.2%}", default)
    return table


def _marked(rows: pd.DataFrame) -> Table:
    table = Table(title="Caps on the way", title_justify="left", box=box.SIMPLE_HEAD)
    heads = ["step", "date", "LT", "ratio", "snapshot", "low", "unfair"]
    capped = bool((rows["supply_cap"] > 0.0).any())
    for head in [*heads, "supply, m"] if capped else heads:
        table.add_column(head, justify="left" if head == "date" else "right", no_wrap=True)
    for _, r in rows.iterrows():
        supply = [f"{r['supply_cap'] / 1e6:,.1f}"] if capped else []
        table.add_row(
            f"{r['step']}", r["date"], f"{r['threshold']:.2%}", f"{r['ratio']:.6f}",
            f"{r['time']:%Y-%m-%d}", f"{r['marked_low']:.2%}", f"{r['unfair']}", *supply,
        )  # fmt: skip
    return table


def steps_table(path: ChangePath, impact: Impact | None) -> Table:
    """One row for today and one per step, with what becomes liquidatable at it."""
    names = [name for name, _ in path.live]
    table = Table(title="Values in percent", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("step", "date", *(name.replace("_", " ") for name in names)):
        table.add_column(head, justify="left" if head == "date" else "right")
    if impact is not None:
        table.add_column("accounts liquidatable", justify="right")
        table.add_column("notional", justify="right")
    states = [("live", dict(path.live))]
    states += [(f"{step.date:%Y-%m-%d}", dict(step.values)) for step in path.steps]
    for number, (date, values) in enumerate(states):
        cells = [str(number), date, *(_percent(values[name]) for name in names)]
        if impact is not None:
            row = impact.table.iloc[number]
            cells += [f"{int(row['accounts'])}", f"{row['notional']:,.0f}"]
        table.add_row(*cells)
    return table


def _print_impact(console: Console, path: ChangePath, impact: Impact) -> None:
    last = impact.table.iloc[-1]
    already = impact.table.iloc[0]
    parameter = impact.parameter.replace("_", " ")
    console.print(
        f"liquidatable already: {int(already['accounts'])} accounts; by the last step: "
        f"{int(last['accounts_total'])} accounts, notional {last['notional_total']:,.0f}",
        soft_wrap=True,
    )
    target = path.steps[-1].value(impact.parameter) if path.steps else impact.largest_safe_value
    reach = "the target itself" if impact.largest_safe_value == target else "not the target"
    console.print(
        f"{parameter} that touches nobody: {_percent(impact.largest_safe_value)} % ({reach})",
        soft_wrap=True,
    )


def _percent(value: Decimal) -> str:
    text = f"{100 * value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
