"""`riskkit fleet run|status|table|diff|decide`: many markets, every night."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.fleet.night import Night
    from riskkit.fleet.workers import Work, Workers

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


@fleet.command()
def run(
    studies: Annotated[
        list[Path], typer.Argument(help="Folders of studies (and what is below), or studies.")
    ],
    workers: Annotated[
        int, typer.Option(min=1, help="Processes of this machine; changes no number.")
    ] = 1,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler instead: tcp://HOST:PORT or tls://.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Ask every study as of this day, YYYY-MM-DD or 'today' (default: own)."),
    ] = None,
    reports: Annotated[
        bool, typer.Option("--reports", help="Also each market's report, about 5 MB a market.")
    ] = False,
    retries: Annotated[
        int, typer.Option(min=0, help="Tries after a death of a market's worker.")
    ] = 2,
    tls_ca: Annotated[Path | None, typer.Option(help="With --cluster tls://: who signs.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Own certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key.")] = None,
    out: Folder = DEFAULT,
) -> None:
    """Calibrate every study that is not done yet; a killed run goes on when it is run again.

    What is done is known by study, prices, versions and processor. A market that fails is a row
    with its reason and stops no other; the command then ends with code 1. OUT/committee.html ranks
    the markets by what is wrong with them.

    Example:

        riskkit fleet run studies --workers 2

        riskkit fleet run studies --cluster tcp://127.0.0.1:8786 --as-of today
    """
    from riskkit.cli.dates import now
    from riskkit.cli.progress import fleet_progress
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.night import night_of, write_night
    from riskkit.fleet.plan import plan_markets, read_case, study_files
    from riskkit.fleet.run import Asking, run_markets

    console = Console(soft_wrap=True)
    moment = now()
    day = moment.date() if as_of == "today" else _day("as-of", as_of)
    files = study_files(studies)
    archive = Archive(out)
    tls = (tls_ca, tls_cert, tls_key)
    with _workers(cluster, tls, workers, reports) as those:
        identity = those.identity()
        markets = plan_markets(files, identity, as_of=day)
        asking = Asking(
            lambda market: read_case(market, now=moment, as_of=day),
            moment,
            identity,
            report=reports,
            retries=retries,
        )
        with fleet_progress() as tell:
            ended = run_markets(markets, archive, those, asking, tell)
    night, table = night_of(day or moment.date(), identity, ended, archive)
    manifest = write_night(out, night, table)
    _print_night(console, night)
    print_path(console, "manifest:", manifest)
    print_path(console, "committee:", _committee(out, night.night, moment.date()))
    if night.failed:
        raise typer.Exit(1)


@fleet.command()
def status(night: NightOption = None, out: Folder = DEFAULT) -> None:
    """Say how a night's markets ended, and which failed.

    Example:

        riskkit fleet status
    """
    from riskkit.fleet.night import read_night

    _print_night(Console(soft_wrap=True), read_night(out, _day("night", night))[0])


@fleet.command()
def table(
    night: NightOption = None,
    every_state: Annotated[
        bool, typer.Option("--states", help="Every start state, not the recommendation alone.")
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

    frame = read_night(out, _day("night", night))[1]
    if not every_state:
        frame = frame[(frame["state"] == RECOMMENDED) | frame["state"].isna()]
    if csv:
        echo_file(frame.to_csv(index=False, lineterminator="\n"))
        return
    shown = Table(box=box.SIMPLE_HEAD)
    for head in ("market", "side", "state", "trigger", "opening", "valid until"):
        shown.add_column(head, justify="right" if head in ("trigger", "opening") else "left")
    for row in frame.fillna({"reason": ""}).to_dict("records"):
        if row["reason"]:
            shown.add_row(escape(row["market"]), "-", "failed", "-", "-", "-")
            continue
        shown.add_row(
            escape(row["market"]),
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
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.compare import compare_nights
    from riskkit.fleet.night import nights, read_night

    latest = read_night(out, _day("new", new))
    before = _day("old", old) or _before(nights(out), latest[0].night)
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


@fleet.command()
def decide(
    market: Annotated[str, typer.Argument(help="The market decided on.")],
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
    from riskkit.fleet.ledger import Act, LedgerEntry, append_entry
    from riskkit.fleet.night import read_night

    manifest, _ = read_night(out, _day("night", night))
    row = next((row for row in manifest.rows if row.market == market and row.digest), None)
    if row is None:
        rule = f"must be a market with an answer on {manifest.night}"
        raise InputError("MARKET", market, rule, "riskkit fleet table lists them")
    try:
        kind = Act(act)
    except ValueError:
        rule = "must be adopted, overridden or refused"
        raise InputError("ACT", act, rule, "Say which") from None
    entry = LedgerEntry(
        now().date(), market, kind, row.digest, who, why, _day("until", until), _values(value or [])
    )
    append_entry(out / "ledger.jsonl", entry)
    Console(soft_wrap=True).print(
        f"{escape(market)}: {kind.value}, file {row.digest[:12]}…; {out / 'ledger.jsonl'}",
        highlight=False,
    )
    _committee(out, manifest.night, now().date())


def _workers(
    cluster: str | None, tls: tuple[Path | None, Path | None, Path | None], size: int, report: bool
) -> Workers:
    from functools import partial

    from riskkit.fleet.task import solve
    from riskkit.fleet.workers import ProcessWorkers, ThreadWorkers

    work: Work = solve
    if report:
        from riskkit.lab.report import render_report

        work = partial(solve, page=render_report)
    if cluster is not None:
        from riskkit.fleet.cluster import ClusterAddress, ClusterWorkers

        return ClusterWorkers(work, ClusterAddress(cluster, *tls))
    return ThreadWorkers(work) if size == 1 else ProcessWorkers(work, size)


def _committee(out: Path, night: date, day: date) -> Path:
    """Write the committee's page of a night, beside the fleet's folders."""
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.compare import compare_nights
    from riskkit.fleet.concerns import review_night
    from riskkit.fleet.ledger import in_force, read_ledger
    from riskkit.fleet.night import nights, read_night
    from riskkit.lab.committee import render_committee
    from riskkit.parameters.write import write_atomically

    archive, read = Archive(out), read_night(out, night)
    before = _before(nights(out), night)
    difference = None
    if before is not None:
        difference = compare_nights(read_night(out, before), read, archive)
    page = out / "committee.html"
    text = render_committee(
        read,
        review_night(*read, day=day, difference=difference),
        archive,
        place=page,
        previous=None if before is None or difference is None else (str(before), difference),
        decisions=in_force(read_ledger(out / "ledger.jsonl")),
    )
    return write_atomically(page, text)


def _print_night(console: Console, night: Night) -> None:
    counts = Counter(row.status for row in night.rows)
    words = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    console.print(f"night of {night.night}: {len(night.rows)} markets, {words}")
    for row in night.failed:
        console.print(f"[bold red]failed[/] {escape(row.market)}: {escape(row.reason)}")


def _before(known: tuple[date, ...], night: date) -> date | None:
    earlier = [day for day in known if day < night]
    return earlier[-1] if earlier else None


def _day(option: str, text: str | None) -> date | None:
    from riskkit.cli.dates import parse_day

    return parse_day(option, text)


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
