"""`riskkit export`: a parameter file as a venue's own file, proven on the exported values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.asked import Asked, AskedAbout, asked_by_study
from riskkit.cli.options import NOTHING, AssetIsOption, MarketOption, asks
from riskkit.cli.terminal import echo_file, print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskkit.calibration.question import Question
    from riskkit.parameters.file import ParameterFile
    from riskkit.proof.assets import Agreement
    from riskkit.proof.recheck import EffectiveOutcome


@asks(
    Annotated[
        Path | None,
        typer.Option(
            help="The study behind the file, whose targets are simulated again (default: the "
            "study.toml beside it)."
        ),
    ],
    prices=False,
)
def export(
    parameters: Annotated[Path, typer.Argument(help="The parameter file.")],
    venue: Annotated[str, typer.Option(help="Format, such as aave-v3; see docs/venues.")],
    asking: AskedAbout = NOTHING,
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="I have checked what the study lists as unconfirmed."),
    ] = False,
    live: Annotated[
        Path | None, typer.Option(help="The venue's file that runs today: ids, caps, addresses.")
    ] = None,
    market: MarketOption = None,
    asset_is: AssetIsOption = None,
    context: Annotated[
        Path | None, typer.Option(help="TOML with the venue's own fields, instead or on top.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="A field of the venue's own, NAME=VALUE; may be repeated."),
    ] = None,
    ladder: Annotated[
        Path | None,
        typer.Option(
            help="CSV notional,slippage_fraction: margins by size, where there are tiers."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write (default: to the terminal).")
    ] = None,
    allow_historical: Annotated[
        bool, typer.Option("--allow-historical", help="Export a HISTORICAL EXAMPLE knowingly.")
    ] = False,
    allow_coarse: Annotated[
        bool,
        typer.Option("--allow-coarse", help="Export a margin that is mostly its bars' length."),
    ] = False,
    accept_edited: Annotated[
        bool, typer.Option("--accept-edited", help="Export a file edited by hand knowingly.")
    ] = False,
) -> None:
    """Write a parameter file in a venue's own format.

    Rounded against the trader and checked against the venue's rules. The default probability is
    then simulated again on the exported values, from the study and its prices; if it misses the
    target, nothing is written. The market must be of the study's asset, or be declared to be
    (--asset-is); OUT.provenance.json, beside the file, keeps what it was made from. What riskkit
    init proposed must be confirmed first. The venue's own fields (ids, caps) come from the live
    file, a context file, --field, or several of them: the later named counts.

    What stands behind accounts (of riskkit fund and riskkit attack with --parameters) is written as
    dydx-v4-liquidations, aave-v3-bonus (or aave-v3-bonus-json) and maker-clip: no margin is in
    them, and none is simulated again.

    Example:

        riskkit export out/eth-collateral-daily/parameters.json --venue aave-v3
        --study studies/eth-collateral-daily.toml --live config.ts --out proposal.ts

        riskkit export out/eth-loans-daily/parameters-with-fund.json --venue maker-clip
        --allow-historical

        riskkit export out/sol-1h/parameters.json --venue dydx-v4 --field id=3 --field name=SOL
        --field impact_notional=5000000000 --field open_interest_lower_cap=0
        --field open_interest_upper_cap=0 --confirm
    """
    from riskkit.formats.behind_accounts import NAMES

    if venue in NAMES:
        _export_behind(
            parameters,
            venue,
            live,
            stated_fields(field or ()),
            out,
            allow_historical=allow_historical,
            accept_edited=accept_edited,
        )
        return
    behind = asking.behind(parameters)
    from riskkit.formats import registry
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import write_atomically
    from riskkit.proof import context as given
    from riskkit.proof.assets import check_asset, is_stated
    from riskkit.proof.export import check_exported, export_parameters, market_exported
    from riskkit.proof.provenance import record_of, write_record
    from riskkit.proof.recheck import find_origin
    from riskkit.study.coarse import check_bar

    format_ = registry.venue(venue)
    file = read_parameter_file(parameters, accept_edited=accept_edited)
    rungs = None if ladder is None else given.read_ladder(ladder)
    today, running = (None, None) if live is None else given.read_live(format_, live)
    fields = None if context is None else given.read_context_file(context)
    if field:
        fields = {**(fields or {}), **stated_fields(field)}
    name = given.market_of(format_, today, market) if today is not None else market
    chosen = given.build_context(format_, today, name, fields)
    asked = asked_by_study(behind)
    check_confirmed(asked, confirm=confirm)
    check_bar(asked.study.periods(asked.history.bar), allow_coarse=allow_coarse)
    text = export_parameters(file, format_, chosen, ladder=rungs, allow_historical=allow_historical)
    named, value = market_exported(format_, today, format_.read(text), name)
    stated = is_stated(asked.study.data)
    asset = file.header.asset
    agreed = check_asset(format_, value, named, asset, declared=asset_is, stated=stated)
    question = find_origin(file, asked.case)
    rows = given.rows_of(format_, format_.read(text), name or "")
    outcomes = check_exported(file, question, rows, ladder=rungs)
    if out is None:
        echo_file(text)
    else:
        write_atomically(out, text)
        write_record(out, record_of(file, venue, named, text, running, agreed))
    console = Console(stderr=out is None, soft_wrap=False)
    console.print(outcomes_table(outcomes, question))
    warn(console, outcomes, question, file)
    say_doubt(console, agreed)
    if out is not None:
        print_path(console, "written:", out)


def _export_behind(
    parameters: Path,
    venue: str,
    live: Path | None,
    fields: dict[str, object],
    out: Path | None,
    *,
    allow_historical: bool,
    accept_edited: bool,
) -> None:
    """Write what stands behind a venue's accounts in its own form."""
    from riskkit.formats.behind_accounts import behind_text
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import write_atomically
    from riskkit.proof.context import MAX_BYTES
    from riskkit.proof.export import check_historical
    from riskkit.reading import read_text

    file = read_parameter_file(parameters, accept_edited=accept_edited)
    check_historical(file, allow_historical=allow_historical)
    text = None if live is None else read_text(live, "live", most=MAX_BYTES)
    written = behind_text(file, venue, text, fields)
    if out is None:
        echo_file(written)
        return
    write_atomically(out, written)
    print_path(Console(soft_wrap=False), "written:", out)


def say_doubt(console: Console, agreed: Agreement) -> None:
    """Say what could not be checked about the asset."""
    if agreed.doubt is not None:
        console.print(f"[bold yellow]asset[/]: {escape(agreed.doubt)}", soft_wrap=True)


def check_confirmed(asked: Asked, *, confirm: bool) -> None:
    """Refuse a study with proposals that nobody has confirmed.

    Raises
    ------
    InputError
        With every such key and its value, as the person who confirms them should read them.
    """
    study = asked.study
    if not study.unconfirmed or confirm:
        return
    values = {entry.key: entry for entry in study.entries()}
    shown = "; ".join(
        f"{key} = {values[key].fact.words(values[key].value)}" for key in study.unconfirmed
    )
    raise InputError(
        "unconfirmed",
        f"{len(study.unconfirmed)} proposed values",
        f"must be confirmed before anything is exported on them: {shown}",
        "Check them against your venue; then take them off the study's list, or add --confirm",
    )


def stated_fields(texts: Sequence[str]) -> dict[str, object]:
    """Fields of a venue's context from NAME=VALUE; a value is a number or true/false, else text.

    Raises
    ------
    InputError
        For what is no NAME=VALUE.
    """
    import tomllib

    found: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise InputError("--field", text, "must be NAME=VALUE", "For example --field id=3")
        try:
            found[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            found[name.strip()] = value.strip()
    return found


def outcomes_table(outcomes: Sequence[EffectiveOutcome], question: Question) -> Table:
    """What the exported values come to, simulated."""
    from riskkit.formats.format import EffectiveMargins

    margins = any(isinstance(o.row, EffectiveMargins) for o in outcomes)
    default, early = question.default_target, question.liquidation_target
    table = Table(
        title=f"Simulated on the exported values, in percent (targets {100 * default:g} "
        f"and {100 * early:g})",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("market", overflow="fold")
    table.add_column("side", no_wrap=True)
    heads = ("MM", "IM") if margins else ("LT", "max LTV")
    for head in (*heads, "P(default | liq.)", "P(default)", "P(liq. in time)"):
        table.add_column(head, justify="right", no_wrap=True)
    for o in outcomes:
        strict, lenient = limits_of(o.row)
        at = o.row.notional if isinstance(o.row, EffectiveMargins) else 0
        size = f" from {at}" if at else ""
        table.add_row(
            escape(o.row.market + size),
            o.side.value,
            f"{100 * strict:.4f}",
            f"{100 * lenient:.4f}",
            "-"
            if o.held.never_liquidated
            else f"{100 * float(o.held.default_given_liquidation.value):.3f}",
            f"{100 * float(o.held.default.value):.3f}",
            f"{100 * float(o.reaction.liquidation.value):.2f}",
        )
    return table


def limits_of(row: object) -> tuple[float, float]:
    """Maintenance and initial margin, or threshold and largest loan-to-value."""
    from riskkit.formats.format import EffectiveMargins, EffectiveThresholds

    if isinstance(row, EffectiveMargins):
        return float(row.maintenance_margin), float(row.initial_margin)
    assert isinstance(row, EffectiveThresholds)
    return float(row.liquidation_threshold or 0), float(row.max_ltv or 0)


def warn(
    console: Console, outcomes: Sequence[EffectiveOutcome], question: Question, file: ParameterFile
) -> None:
    """Say which positions may be liquidated sooner than the study wanted, or rarely and badly."""
    from riskkit.proof.recheck import liquidated_early, never_liquidated, rarer

    for line in liquidated_early(outcomes, question):
        console.print(f"[bold yellow]liquidated early[/] {escape(line)}", soft_wrap=True)
    for line in never_liquidated(outcomes):
        console.print(f"[bold yellow]none seen[/] {escape(line)}", soft_wrap=True)
    for line in rarer(outcomes, file):
        console.print(
            f"[bold yellow]liquidated rarely[/] {escape(line)}: an initial margin this wide is "
            "used up by few, in wild times",
            soft_wrap=True,
        )
