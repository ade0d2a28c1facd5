"""`riskkit fleet status|table|diff`: what a night holds, and what moved."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.fleet_app import DEFAULT, Folder, NightOption, day_of, night_before, print_night
from riskkit.cli.fleet_run import fleet
from riskkit.errors import InputError

__all__ = ["fleet"]

#: Names that a line of many markets shows.
SHOWN = 12


@fleet.command()
def status(night: NightOption = None, out: Folder = DEFAULT) -> None:
    """Say how a night's markets ended, and which failed.

    Example:

        riskkit fleet status
    """
    from riskkit.fleet.night import read_night

    print_night(Console(soft_wrap=True), read_night(out, day_of("night", night))[0])


@fleet.command()
def table(
    night: NightOption = None,
    every_state: Annotated[
        bool, typer.Option("--states", help="Every start state, not the recommendation alone.")
    ] = False,
    challengers: Annotated[
        bool, typer.Option("--challengers", help="Also the models run in the shadow.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="All columns, as CSV.")] = False,
    out: Folder = DEFAULT,
) -> None:
    """Print a night's numbers: a row for each market and side.

    Example:

        riskkit fleet table

        riskkit fleet table --csv > night.csv
    """
    from riskkit.cli.terminal import echo_file
    from riskkit.fleet.night import RECOMMENDED, read_night

    frame = read_night(out, day_of("night", night))[1]
    if not challengers:
        frame = frame[frame["challenger"] == ""]
    if not every_state:
        frame = frame[(frame["state"] == RECOMMENDED) | frame["state"].isna()]
    if csv:
        echo_file(frame.to_csv(index=False, lineterminator="\n"))
        return
    shown = Table(box=box.SIMPLE_HEAD)
    for head in ("market", "side", "state", "trigger", "opening", "valid until"):
        shown.add_column(head, justify="right" if head in ("trigger", "opening") else "left")
    for row in frame.fillna({"reason": ""}).to_dict("records"):
        shadow = f"~{row['challenger']}" if row["challenger"] else ""
        market = escape(row["market"] + shadow)
        if row["reason"]:
            shown.add_row(market, "-", "failed", "-", "-", "-")
            continue
        shown.add_row(
            market,
            row["side"],
            row["state"],
            f"{row['trigger_fraction']:.2%}",
            f"{row['opening_fraction']:.2%}",
            row["valid_until_date"],
        )
    console = Console()
    console.print(shown)
    words = "trigger: maintenance margin or liquidation threshold; opening: initial margin or LTV"
    console.print(words, highlight=False, soft_wrap=True)


@fleet.command()
def diff(
    old: Annotated[
        str | None, typer.Option(help="The earlier night (default: the last but one).")
    ] = None,
    new: Annotated[str | None, typer.Option(help="The later night (default: the latest).")] = None,
    out: Folder = DEFAULT,
) -> None:
    """Say what moved between two nights, by how much and why; the largest moves first.

    Example:

        riskkit fleet diff

        riskkit fleet diff --old 2026-11-01 --new 2026-11-26
    """
    from riskkit.cli.dates import now
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.compare import compare_nights
    from riskkit.fleet.night import nights, read_night, recommended

    latest = read_night(out, day_of("new", new))
    before = day_of("old", old) or night_before(nights(out), latest[0].night)
    if before is None:
        rule = "must hold a night before the latest one"
        raise InputError("OUT", str(out), rule, "Run riskkit fleet run on another day")
    found = compare_nights(read_night(out, before), latest, Archive(out))
    console = Console(soft_wrap=True)
    console.print(f"{before} to {latest[0].night}: {found.unmoved} numbers stand as they were")
    if found.moves:
        shown = Table(box=box.SIMPLE_HEAD)
        for head in ("market", "side", "number", "old", "new", "bps", "old band", "why"):
            right = head in ("old", "new", "bps")
            shown.add_column(head, justify="right" if right else "left")
        for move in found.moves:
            shown.add_row(
                escape(move.market),
                move.side,
                move.parameter,
                f"{move.old:.2%}",
                f"{move.new:.2%}",
                f"{move.change_bps:+.0f}",
                "beyond" if move.beyond_band else "within",
                escape(", ".join(move.why)),
            )
        console.print(shown)
    for words, names in (("new", found.appeared), ("gone", found.vanished)):
        if names:
            console.print(f"{words}: {escape(', '.join(names))}")
    for market, more in found.findings:
        console.print(f"{escape(market)}: {more} more findings in its prices")
    until = recommended(latest[1]).drop_duplicates("market").set_index("market")["valid_until_date"]
    expired = sorted(until[until < str(now().date())].index)
    if expired:
        shown_names = escape(", ".join(expired[:SHOWN]))
        more_names = f" and {len(expired) - SHOWN} more" if len(expired) > SHOWN else ""
        console.print(f"expired by today: {escape(shown_names)}{more_names}")
