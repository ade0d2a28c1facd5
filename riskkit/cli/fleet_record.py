"""`riskkit fleet decide|record`: what was decided, and what came."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.fleet_app import DEFAULT, LEDGER, Folder, NightOption, day_of, write_committee
from riskkit.cli.fleet_nights import fleet
from riskkit.errors import InputError

__all__ = ["fleet"]


@fleet.command()
def decide(
    market: Annotated[
        str, typer.Argument(help="The market decided on; MARKET~CHALLENGER for its file.")
    ],
    act: Annotated[str, typer.Argument(help="adopted, overridden or refused.")],
    who: Annotated[str, typer.Option(help="Who decides.")],
    why: Annotated[str, typer.Option(help="The reason, for those who read it later.")],
    until: Annotated[
        str | None, typer.Option(help="When it must be looked at again, YYYY-MM-DD.")
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(help="Of an override: long.maintenance_margin_fraction=0.05; repeatable."),
    ] = None,
    night: NightOption = None,
    out: Folder = DEFAULT,
) -> None:
    """Record a decision on a night's recommendation; the record is only ever added to.

    Example:

        riskkit fleet decide eth-perpetual-daily adopted --who "Risk" --why "within guardrails"
    """
    from riskkit.cli.dates import now
    from riskkit.fleet.ledger import DECISIONS, LedgerEntry, append_entry
    from riskkit.fleet.night import read_night

    manifest, _ = read_night(out, day_of("night", night))
    rows = {row.market: row for row in manifest.rows if row.digest}
    row = rows.get(market)
    if row is None:
        rule = f"must be a market with an answer on {manifest.night}"
        raise InputError("MARKET", market, rule, "riskkit fleet table lists them")
    kind = next((kind for kind in DECISIONS if kind.value == act), None)
    if kind is None:
        rule = "must be adopted, overridden or refused"
        raise InputError("ACT", act, rule, "Say which")
    lapses = day_of("until", until)
    if lapses is not None and lapses < now().date():
        rule = "must not lie before today: the decision would have lapsed already"
        raise InputError("until", str(lapses), rule, "Choose a later day, or leave it out")
    entry = LedgerEntry(
        day=now().date(),
        market=market.removesuffix(f"~{row.challenger}") if row.challenger else market,
        act=kind,
        digest=row.digest,
        who=who,
        why=why,
        until=lapses,
        values=_values(value or []),
    )
    append_entry(out / LEDGER, entry)
    Console(soft_wrap=True).print(
        f"{escape(market)}: {kind.value}, file {row.digest[:12]}…; {out / LEDGER}",
        highlight=False,
    )
    write_committee(out, manifest.night, now().date())


@fleet.command()
def record(
    lines: Annotated[int, typer.Option(min=0, help="Last lines of the record to print.")] = 20,
    out: Folder = DEFAULT,
) -> None:
    """Print the record's last lines, and how every model stands against what came.

    Example:

        riskkit fleet record
    """
    from riskkit.fleet.ledger import read_ledger
    from riskkit.fleet.outcomes import read_outcomes
    from riskkit.fleet.standing import model_standings

    console = Console(soft_wrap=True)
    entries = read_ledger(out / LEDGER)
    for entry in entries[-lines:] if lines else ():
        counts = ", ".join(f"{name} {value:g}" for name, value in entry.values.items())
        until = "" if entry.until is None else f", until {entry.until}"
        words = f"{entry.day}  {entry.act.value}  {entry.market}  {entry.digest[:12]}…"
        console.print(
            escape(f"{words}  {counts}  ({entry.who}: {entry.why}{until})"), highlight=False
        )
    standings = model_standings(read_outcomes(out))
    if not entries and not standings:
        console.print("The record is empty; riskkit fleet run and decide add to it.")
    if standings:
        shown = Table(box=box.SIMPLE_HEAD)
        for head in ("model", "periods", "exceeded", "due at most", "days", "score", "better, p"):
            shown.add_column(head, justify="left" if head == "model" else "right")
        for each in standings:
            shown.add_row(
                escape(each.challenger or "champion"),
                f"{each.periods:,}",
                f"{each.exceptions:,}",
                f"{each.due:.1f}",
                f"{each.days:,}",
                f"{each.score_ratio:.3f}",
                "-" if each.better is None else f"{each.better:.3f}",
            )
        console.print(shown)


def _values(given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            rule = "must be KEY=NUMBER"
            remedy = "For example long.maintenance_margin_fraction=0.05"
            raise InputError("value", text, rule, remedy) from None
    return found
