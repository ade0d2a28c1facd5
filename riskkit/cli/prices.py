"""`riskkit prices`: fetch, keep, update, check and export price series."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from riskkit.errors import InputError, RiskkitError
from riskkit.market import download
from riskkit.market.download import Update, fetch_series, update_series
from riskkit.market.exchange import Exchange, Patience, connect
from riskkit.market.store import Manifest, PriceStore, SeriesKey, SeriesKind, find_store
from riskkit.market.store.export import export_series

SHOWN = 12

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

Where = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder of the store (default: $RISKKIT_STORE, the project's .riskkit/prices, "
        "or the user's).",
    ),
]
Mirror = Annotated[
    str | None,
    typer.Option(
        envvar="RISKKIT_MIRROR",
        help="Address of a mirror or reverse proxy that answers in the exchange's place.",
    ),
]
Pause = Annotated[
    float | None,
    typer.Option(min=0.0, help="Seconds between requests (default: the exchange's limit)."),
]
Attempts = Annotated[int, typer.Option(min=1, help="Tries of each request before stopping.")]
Accept = Annotated[
    bool, typer.Option("--accept-revisions", help="Store values that the exchange has changed.")
]
Names = Annotated[
    list[str] | None, typer.Argument(help="Series, such as binance/ETH-USDT/1h (default: all).")
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
    attempts: Attempts = Patience.attempts,
    accept_revisions: Accept = False,
) -> None:
    """Fetch a market's history up to its last closed bar; run it again to go on after a stop.

    Example:

        riskkit prices fetch binance ETH/USDT:USDT --bar 1h --since 2020 --mark --funding

        riskkit prices fetch kraken BTC/USD --bar 1d --since 2015
    """
    start = _since(since)
    keys = [SeriesKey.of(exchange, symbol, bar)]
    if mark:
        keys.append(SeriesKey.of(exchange, symbol, bar, SeriesKind.MARK))
    if funding:
        keys.append(SeriesKey.of(exchange, symbol, kind=SeriesKind.FUNDING))
    console, place = Console(), _place(store)
    client = connect(exchange, mirror=mirror, patience=_patience(pause, attempts))
    for key in keys:
        with _progress(key) as tell:
            update = fetch_series(
                client, place, symbol, key, start, progress=tell, accept_revisions=accept_revisions
            )
        _say(console, update)
    console.print(f"store: {place.root}", soft_wrap=True, highlight=False)


@prices.command()
def update(
    series: Names = None,
    store: Where = None,
    mirror: Mirror = None,
    pause: Pause = None,
    attempts: Attempts = Patience.attempts,
    accept_revisions: Accept = False,
) -> None:
    """Fetch what is missing, compare the overlap, report revisions; one failure stops no other.

    Example:

        riskkit prices update

        riskkit prices update binance/ETH-USDT-USDT/1h
    """
    console, place = Console(), _place(store)
    clients: dict[str, Exchange] = {}
    failed: list[RiskkitError] = []
    for key in _named(place, series):
        if key.exchange not in clients:
            patience = _patience(pause, attempts)
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


@prices.command("list")
def list_(store: Where = None) -> None:
    """List every stored series: span, bars, what is missing.

    Example:

        riskkit prices list
    """
    console, place = Console(), _place(store)
    table = Table("series", "first", "last", "bars", "missing", "revised", "state")
    for key in place.series():
        m = place.manifest(key)
        table.add_row(
            str(key),
            _short(m.first),
            _short(m.last),
            f"{m.bars:,}",
            "" if m.seal is None else f"{m.seal.missing_bars:,}",
            f"{len({r.time for r in m.revisions}):,}",
            "complete" if m.seal is not None else "update interrupted",
        )
    if table.row_count:
        console.print(table)
    else:
        console.print("The store is empty; riskkit prices fetch fills it.")
    console.print(f"store: {place.root}", soft_wrap=True, highlight=False)


@prices.command()
def show(
    series: Annotated[str, typer.Argument(help="Such as binance/ETH-USDT-USDT/1h.")],
    store: Where = None,
) -> None:
    """Show one series: where it came from, its span and digest, findings, holes, revisions.

    Example:

        riskkit prices show binance/ETH-USDT-USDT/1h
    """
    console, place = Console(soft_wrap=True, highlight=False), _place(store)
    key = SeriesKey.parse(series)
    m = place.manifest(key)
    source = m.source
    via = f", through the mirror {source.mirror}" if source.mirror else ""
    market = f", {source.market_type} market" if source.market_type else ""
    console.print(escape(f"{key}: {m.symbol}{market}, by {source.client}{via}"))
    console.print(f"{m.bars:,} rows, {_long(m.first)} to {_long(m.last)}")
    if m.seal is None:
        console.print("[bold yellow]an update was interrupted[/]: run riskkit prices update")
    else:
        console.print(f"complete on {m.seal.at:%Y-%m-%d %H:%M} UTC, sha256 {m.seal.sha256}")
        counts = ", ".join(f"{n} {kind}" for kind, n in m.seal.counts.items() if n)
        console.print(f"quality: {counts or 'no findings'}; {m.seal.missing_bars} bars missing")
        _rows(
            console, [f"  {f.start:%Y-%m-%d %H:%M} {f.kind}: {f.detail}" for f in m.seal.findings]
        )
    _rows(
        console,
        [
            f"  not given by {key.exchange}: {h.first:%Y-%m-%d %H:%M} to {h.last:%Y-%m-%d %H:%M} "
            f"({h.bars:,} bars, asked {h.asked_at:%Y-%m-%d})"
            for h in m.exchange_holes
        ],
    )
    _rows(console, _revised(m))


@prices.command()
def verify(series: Names = None, store: Where = None) -> None:
    """Check every file against its SHA-256 and every row against the rules.

    Example:

        riskkit prices verify
    """
    console, place = Console(soft_wrap=True, highlight=False), _place(store)
    broken = []
    for key in _named(place, series):
        faults = place.verify(key)
        console.print(f"{key}: " + ("as written" if not faults else "; ".join(faults)))
        broken += [key] if faults else []
    if broken:
        raise InputError(
            "store",
            ", ".join(map(str, broken)),
            "every part must be as it was written",
            "Restore the named files from a backup, or move the folder away and fetch again",
        )


@prices.command()
def export(
    series: Annotated[str, typer.Argument(help="Such as binance/ETH-USDT-USDT/1h.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv or .parquet.")],
    bar: Annotated[str | None, typer.Option(help="Resample to longer bars: 4h, 1d.")] = None,
    store: Where = None,
) -> None:
    """Write a series to a file that `riskkit calibrate --prices` and any other tool reads.

    Example:

        riskkit prices export binance/ETH-USDT-USDT/1h --bar 1d --out eth.csv
    """
    rows = export_series(_place(store), SeriesKey.parse(series), out, bar=bar)
    Console().print(f"{out}: {rows:,} rows", soft_wrap=True, highlight=False)


def _place(store: Path | None) -> PriceStore:
    return find_store() if store is None else PriceStore(store)


def _patience(pause: float | None, attempts: int) -> Patience:
    return Patience(attempts=attempts, pause_seconds=pause)


def _named(place: PriceStore, series: list[str] | None) -> list[SeriesKey]:
    keys = [SeriesKey.parse(name) for name in series] if series else list(place.series())
    if not keys:
        raise InputError(
            "store",
            str(place.root),
            "must hold at least one series",
            "Fetch one: riskkit prices fetch binance ETH/USDT:USDT --bar 1h --since 2020",
        )
    return keys


def _since(text: str) -> pd.Timestamp:
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
    span = f"{_long(done.first)} to {_long(done.last)}"
    console.print(f"{done.key}: {done.added:,} new, {done.bars:,} stored, {span}", highlight=False)
    if done.new_holes:
        missing = sum(h.bars for h in done.new_holes)
        console.print(
            f"  {missing:,} bars were asked for twice and not given, in {len(done.new_holes)} "
            "stretches: on record as the exchange's holes"
        )
    if done.behind:
        console.print(f"  [bold yellow]{done.behind:,} closed bars are not shown yet[/]")
    times = sorted({r.time for r in done.revisions})
    if times:
        shown = ", ".join(f"{t:%Y-%m-%d %H:%M}" for t in times[:SHOWN])
        taken = all(r.accepted for r in done.revisions)
        what = "now stored" if taken else "stored values stay; --accept-revisions takes the new"
        console.print(f"  [bold yellow]revised by the exchange[/]: {shown} ({what})")


def _revised(m: Manifest) -> list[str]:
    return [
        f"  revised: {r.time:%Y-%m-%d %H:%M} {r.column} {r.stored!r} to {r.offered!r} "
        f"({'taken' if r.accepted else 'kept as stored'}, seen {r.seen_at:%Y-%m-%d})"
        for r in m.revisions
    ]


def _rows(console: Console, lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        console.print(escape(line))
    if len(lines) > SHOWN:
        console.print(f"  and {len(lines) - SHOWN:,} more, in the manifest")


def _short(time: pd.Timestamp | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d}"


def _long(time: pd.Timestamp | None) -> str:
    return "nothing" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"
