"""`riskkit fleet run`: a night's work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.fleet_app import (
    DEFAULT,
    LEDGER,
    Folder,
    day_of,
    fleet,
    print_night,
    write_committee,
)
from riskkit.cli.options import Attempts, Mirror, Pause
from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    from pandas import DataFrame

    from riskkit.fleet.join import JoinedNight
    from riskkit.fleet.night import Night
    from riskkit.fleet.outcomes import AwaitedOutcomes
    from riskkit.fleet.plan import FleetMarket
    from riskkit.fleet.refresh import SeriesRow
    from riskkit.fleet.workers import Work, Workers
    from riskkit.study.case import Case

__all__ = ["fleet"]


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
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="First bring the stored series they name up to date."),
    ] = False,
    mirror: Mirror = None,
    pause: Pause = None,
    attempts: Attempts = None,
    challengers: Annotated[
        Path | None,
        typer.Option(help="TOML: models to run in the shadow of the studies' own."),
    ] = None,
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

        riskkit fleet run studies --refresh --as-of today --challengers challengers.toml
    """
    from riskkit.cli.dates import now
    from riskkit.cli.progress import fleet_progress
    from riskkit.fleet.archive import Archive
    from riskkit.fleet.challengers import read_challengers
    from riskkit.fleet.join import check_joins
    from riskkit.fleet.ledger import read_ledger
    from riskkit.fleet.night import night_of
    from riskkit.fleet.outcomes import AwaitedOutcomes
    from riskkit.fleet.plan import plan_markets, read_case, study_files
    from riskkit.fleet.run import Asking, run_markets

    console = Console(soft_wrap=True)
    files = study_files(studies)
    shadows = None if challengers is None else read_challengers(challengers)
    entries = read_ledger(out / LEDGER)
    asked_day = None if as_of == "today" else day_of("as-of", as_of)
    tls = (tls_ca, tls_cert, tls_key)
    with _workers(cluster, tls, workers, reports) as those:
        identity = those.identity()
        series = _refreshed(files, mirror, pause, attempts) if refresh else ()
        moment = now()
        day = moment.date() if as_of == "today" else asked_day
        night_day = day or moment.date()
        markets = plan_markets(files, identity, as_of=day, challengers=shadows)
        check_joins(out, night_day, identity, {market.name for market in markets})
        awaited = AwaitedOutcomes.of(out, entries, night_day)

        def load(market: FleetMarket) -> Case:
            case = read_case(market, now=moment, as_of=day)
            awaited.see(market, case)
            return case

        asking = Asking(load, moment, identity, report=reports, retries=retries)
        with fleet_progress("calibrating markets") as tell:
            ended = run_markets(markets, Archive(out), those, asking, tell)
    night, table = night_of(night_day, identity, ended, Archive(out), series)
    joined, manifest = _written(out, night, table, awaited)
    print_night(console, joined.night)
    if joined.kept:
        words = "markets of an earlier run of this night stay"
        console.print(f"{len(joined.kept)} {words}", highlight=False)
    if joined.gone:
        names = escape(", ".join(joined.gone))
        console.print(f"left out, their studies are not there any more: {escape(names)}")
    print_path(console, "manifest:", manifest)
    page = write_committee(out, night_day, moment.date())
    print_path(console, "committee:", page)
    if night.failed:
        raise typer.Exit(1)


def _refreshed(
    files: tuple[Path, ...], mirror: str | None, pause: float | None, attempts: int | None
) -> tuple[SeriesRow, ...]:
    """Bring the fleet's stored series up to date, exchanges side by side."""
    from functools import partial

    from riskkit.cli.prices import patience_of
    from riskkit.cli.progress import fleet_progress
    from riskkit.fleet.refresh import refresh_fleet
    from riskkit.market.exchange import connect

    patience = patience_of(pause, attempts)
    with fleet_progress("updating prices") as tell:
        client = partial(connect, mirror=mirror, patience=patience)
        return refresh_fleet(files, client, lambda done, total: tell(done, 0, total))


def _written(
    out: Path, night: Night, table: DataFrame, awaited: AwaitedOutcomes
) -> tuple[JoinedNight, Path]:
    """Write a night, what it saw of earlier ones, and its two lines in the record."""
    from riskkit.fleet.join import join_night, writing
    from riskkit.fleet.night import write_night
    from riskkit.fleet.nightly import record_night
    from riskkit.fleet.outcomes import write_outcomes

    with writing(out):
        joined = join_night(out, night, table)
        manifest = write_night(out, joined.night, joined.table)
        outcomes = write_outcomes(out, night.night, awaited.table())
        record_night(out / LEDGER, joined.night, outcomes)
    return joined, manifest


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
