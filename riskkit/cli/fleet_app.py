"""`riskkit fleet`: what its commands share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import Console

    from riskkit.fleet.night import Night

fleet = typer.Typer(
    name="fleet",
    help=(
        "Calibrate many markets in one night, go on after a stop, and say what changed.\n\n"
        "Example:\n\n"
        "    riskkit fleet run studies --workers 2\n\n"
        "    riskkit fleet diff"
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Folder = Annotated[Path, typer.Option(help="Folder of the fleet: answers, nights, table, record.")]
NightOption = Annotated[
    str | None, typer.Option(help="The night, YYYY-MM-DD (default: the latest).")
]
DEFAULT = Path("fleet")
LEDGER = "ledger.jsonl"


def day_of(option: str, text: str | None) -> date | None:
    """A day as a user types it; None for None."""
    from riskkit.cli.dates import parse_day

    return parse_day(option, text)


def night_before(known: tuple[date, ...], night: date) -> date | None:
    """The last night before one; None without any."""
    earlier = [day for day in known if day < night]
    return earlier[-1] if earlier else None


def print_night(console: Console, night: Night) -> None:
    """How a night's markets ended; which failed, and which series are not up to date."""
    from collections import Counter

    counts = Counter(row.status for row in night.champions)
    words = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    console.print(f"night of {night.night}: {len(night.champions)} markets, {words}")
    shadows = Counter(row.challenger for row in night.rows if row.challenger)
    for name, count in sorted(shadows.items()):
        lost = [row for row in night.rows if row.challenger == name and row.status == "failed"]
        console.print(f"challenger {escape(name)}: {count} markets, {len(lost)} failed")
    if night.refreshed:
        added = sum(row.added for row in night.refreshed)
        console.print(f"refreshed: {len(night.refreshed)} series, {added:,} new bars")
    for series in night.refreshed:
        if series.reason:
            console.print(
                f"[bold red]not refreshed[/] {escape(series.series)}: {escape(series.reason)}"
            )
        elif series.revised:
            console.print(
                f"{escape(series.series)}: {series.revised} stored bars revised by the exchange"
            )
    for row in night.rows:
        if row.status == "failed":
            console.print(f"[bold red]failed[/] {escape(row.market)}: {escape(row.reason)}")


def write_committee(out: Path, night: date, day: date) -> Path:
    """Write the committee's page of a night, beside the fleet's folders."""
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.compare import compare_nights
    from riskkit.fleet.concerns import review_night
    from riskkit.fleet.ledger import in_force, read_ledger
    from riskkit.fleet.night import nights, read_night
    from riskkit.fleet.outcomes import read_outcomes, triggers_of
    from riskkit.fleet.standing import forced_reviews, model_standings
    from riskkit.lab.committee import render_committee
    from riskkit.parameters.write import write_atomically

    archive, read = Archive(out), read_night(out, night)
    before = night_before(nights(out), night)
    difference = None
    if before is not None:
        difference = compare_nights(read_night(out, before), read, archive)
    entries, outcomes = read_ledger(out / LEDGER), read_outcomes(out)
    forced = forced_reviews(entries, read, outcomes, day, triggers_of(out, entries))
    page = out / "committee.html"
    text = render_committee(
        read,
        review_night(*read, day=day, difference=difference, forced=forced),
        archive,
        place=page,
        previous=None if before is None or difference is None else (str(before), difference),
        decisions=in_force(entries),
        standings=model_standings(outcomes),
    )
    return write_atomically(page, text)
