"""`riskkit prices fetch|update|import`: bring price series into the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.dates import now
from riskkit.cli.options import (
    Attempts,
    DecimalOption,
    DelimiterOption,
    Mirror,
    Pause,
    PriceColumnOption,
    TimeColumnOption,
)
from riskkit.cli.prices_kept import SHOWN, Names, Where, moment, named_series, place_of, stored
from riskkit.errors import InputError, RiskkitError

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.market import download
    from riskkit.market.download import Update
    from riskkit.market.exchange import Exchange, Patience
    from riskkit.market.importing import Import
    from riskkit.market.store import Revision, SeriesKey

prices = typer.Typer(
    name="prices",
    help=(
        "Fetch prices from exchanges, keep them, and keep them current.\n\n"
        "Only public data: no key is needed, asked for or stored.\n\n"
        "Example:\n\n"
        "    riskkit prices fetch binance ETH/USDT:USDT --bar 1h --since 2020\n\n"
        "    riskkit prices update"
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
prices.add_typer(stored)

Accept = Annotated[
    bool, typer.Option("--accept-revisions", help="Store values that the exchange has changed.")
]


@prices.command()
def fetch(
    exchange: Annotated[str, typer.Argument(help="As ccxt names it: binance, kraken, okx.")],
    symbol: Annotated[str, typer.Argument(help="ETH/USDT (spot) or ETH/USDT:USDT (perpetual).")],
    bar: Annotated[str, typer.Option(help="Bar length: 1m, 15m, 1h, 4h, 1d.")] = "1h",
    since: Annotated[
        str, typer.Option(help="First day, UTC: 2020, 2020-03 or 2020-03-12.")
    ] = "2020",
    mark: Annotated[bool, typer.Option("--mark", help="Also the mark price's bars.")] = False,
    funding: Annotated[bool, typer.Option("--funding", help="Also the funding rates.")] = False,
    store: Where = None,
    mirror: Mirror = None,
    pause: Pause = None,
    attempts: Attempts = None,
    accept_revisions: Accept = False,
) -> None:
    """Fetch a market's history up to its last closed bar; run it again to go on after a stop.

    Example:

        riskkit prices fetch binance ETH/USDT:USDT --bar 1h --since 2020 --mark --funding

        riskkit prices fetch kraken BTC/USD --bar 1d --since 2015
    """
    from riskkit.market.download import fetch_series
    from riskkit.market.exchange import connect
    from riskkit.market.store import SeriesKey, SeriesKind

    start = _since(since)
    keys = [SeriesKey.of(exchange, symbol, bar)]
    if mark:
        keys.append(SeriesKey.of(exchange, symbol, bar, SeriesKind.MARK))
    if funding:
        keys.append(SeriesKey.of(exchange, symbol, kind=SeriesKind.FUNDING))
    console, place = Console(), place_of(store)
    client = connect(exchange, mirror=mirror, patience=patience_of(pause, attempts))
    for key in keys:
        with _progress(key) as tell:
            update = fetch_series(
                client, place, symbol, key, start, progress=tell, accept_revisions=accept_revisions
            )
        _say(console, update)
    console.print(f"store: {escape(str(place.root))}", soft_wrap=True, highlight=False)


@prices.command()
def update(
    series: Names = None,
    store: Where = None,
    mirror: Mirror = None,
    pause: Pause = None,
    attempts: Attempts = None,
    accept_revisions: Accept = False,
) -> None:
    """Fetch what is missing, compare the overlap, report revisions; one failure stops no other.

    Example:

        riskkit prices update

        riskkit prices update binance/ETH-USDT-USDT/1h
    """
    from riskkit.market.download import update_series
    from riskkit.market.exchange import connect
    from riskkit.market.store.key import FILE

    console, place = Console(), place_of(store)
    clients: dict[str, Exchange] = {}
    failed: list[RiskkitError] = []
    for key in named_series(place, series):
        if key.exchange == FILE:
            console.print(f"{key}: from a file; riskkit prices import adds a newer one")
            continue
        if key.exchange not in clients:
            patience = patience_of(pause, attempts)
            clients[key.exchange] = connect(key.exchange, mirror=mirror, patience=patience)
        try:
            with _progress(key) as tell:
                done = update_series(
                    clients[key.exchange],
                    place,
                    key,
                    progress=tell,
                    accept_revisions=accept_revisions,
                )
        except RiskkitError as error:
            failed.append(error)
            console.print(f"{key}: [bold red]failed[/]", highlight=False)
        else:
            _say(console, done)
    for earlier in failed[:-1]:
        Console(stderr=True, soft_wrap=True).print(f"error: {earlier}", markup=False)
    if failed:
        raise failed[-1]


@prices.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="CSV or parquet: a time and a close, or more.")],
    symbol: Annotated[str, typer.Option(help="The market: SOL/USD.")],
    bar: Annotated[
        str | None, typer.Option(help="Bar length: 1h, 1d (default: as the stamps stand).")
    ] = None,
    invalid_rows: Annotated[
        Literal["raise", "drop"],
        typer.Option(help="Rows that cannot be prices: raise, or drop and name."),
    ] = "raise",
    time_column: TimeColumnOption = None,
    price_column: PriceColumnOption = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = None,
    store: Where = None,
    accept_revisions: Accept = False,
) -> None:
    """Take a file's bars into the store; import a longer file later to go on.

    Bars that are stored already are compared, not overwritten.

    Example:

        riskkit prices import sol.csv --symbol SOL/USD
    """
    from riskkit.market.importing import import_prices
    from riskkit.market.tables import Columns
    from riskkit.market.validation import InvalidRows

    done = import_prices(
        path,
        place_of(store),
        symbol,
        now(),
        bar=bar,
        columns=Columns(time_column, price_column, delimiter, decimal),
        invalid_rows=InvalidRows(invalid_rows),
        accept_revisions=accept_revisions,
    )
    console = Console()
    _say_import(console, done)
    console.print(f"store: {escape(str(place_of(store).root))}", soft_wrap=True, highlight=False)


def patience_of(pause: float | None, attempts: int | None) -> Patience:
    """How long to wait for an exchange, as the options say."""
    from riskkit.market.exchange import Patience

    return Patience(attempts=attempts or Patience.attempts, pause_seconds=pause)


def _since(text: str) -> pd.Timestamp:
    import pandas as pd

    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        raise InputError("since", text, "must be a year, month or day", "Write 2020 or 2020-03-12")
    try:
        return pd.Timestamp(text, tz="UTC").as_unit("us")
    except ValueError:
        raise InputError("since", text, "must be a day of the calendar", "Correct it") from None


@contextmanager
def _progress(key: SeriesKey) -> Iterator[download.Progress]:
    """A bar with an estimate of the time left, on stderr; gone when it is done."""
    unit = "bars" if key.bar is not None else "hours"
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn(f"{key}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} " + unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=1)
        yield lambda done, due: progress.update(task, completed=done, total=due)


def _say(console: Console, done: Update) -> None:
    span = f"{moment(done.first)} to {moment(done.last)}"
    console.print(f"{done.key}: {done.added:,} new, {done.bars:,} stored, {span}", highlight=False)
    if done.new_holes:
        missing = sum(h.bars for h in done.new_holes)
        console.print(
            f"  {missing:,} bars were asked for twice and not given, in {len(done.new_holes)} "
            "stretches: on record as the exchange's holes"
        )
    if done.behind:
        console.print(f"  [bold yellow]{done.behind:,} closed bars are not shown yet[/]")
    _say_revised(console, done.revisions, "the exchange")


def _say_import(console: Console, done: Import) -> None:
    span = f"{moment(done.first)} to {moment(done.last)}"
    console.print(f"{done.key}: {done.added:,} new, {done.bars:,} stored, {span}", highlight=False)
    for note in done.notes:
        console.print(f"  {note}", markup=False, highlight=False)
    for row, reason in done.dropped[:SHOWN]:
        console.print(f"  left out: {row}, {reason}", markup=False, highlight=False)
    if len(done.dropped) > SHOWN:
        console.print(f"  and {len(done.dropped) - SHOWN:,} more")
    if done.unfinished:
        console.print(f"  {done.unfinished:,} bars that have not closed were left out")
    _say_revised(console, done.revisions, "the file")


def _say_revised(console: Console, revisions: tuple[Revision, ...], by: str) -> None:
    times = sorted({r.time for r in revisions})
    if times:
        shown = ", ".join(f"{t:%Y-%m-%d %H:%M}" for t in times[:SHOWN])
        taken = all(r.accepted for r in revisions)
        what = "now stored" if taken else "stored values stay; --accept-revisions takes the new"
        console.print(f"  [bold yellow]revised by {by}[/]: {shown} ({what})")
