"""`riskkit prices list|show|verify|export`: what the store holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.market.store import Manifest, PriceStore, SeriesKey

SHOWN = 12

stored = typer.Typer()

Where = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder of the store (default: $RISKKIT_STORE, the project's .riskkit/prices, "
        "or the user's).",
    ),
]
Names = Annotated[
    list[str] | None, typer.Argument(help="Series, such as binance/ETH-USDT/1h (default: all).")
]


@stored.command("list")
def list_(store: Where = None) -> None:
    """List every stored series: span, bars, what is missing.

    Example:

        riskkit prices list
    """
    console, place = Console(), place_of(store)
    table = Table(
        Column("series", overflow="fold", min_width=22),
        "first",
        "last",
        "bars",
        "missing",
        "revised",
        "state",
    )
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
    console.print(f"store: {escape(str(place.root))}", soft_wrap=True, highlight=False)


@stored.command()
def show(
    series: Annotated[str, typer.Argument(help="Such as binance/ETH-USDT-USDT/1h.")],
    store: Where = None,
) -> None:
    """Show one series: where it came from, its span and digest, findings, holes, revisions.

    Example:

        riskkit prices show binance/ETH-USDT-USDT/1h
    """
    from riskkit.market.store import SeriesKey

    console, place = Console(soft_wrap=True, highlight=False), place_of(store)
    key = SeriesKey.parse(series)
    m = place.manifest(key)
    source = m.source
    via = f", through the mirror {source.mirror}" if source.mirror else ""
    market = f", {source.market_type} market" if source.market_type else ""
    console.print(escape(f"{key}: {m.symbol}{market}, by {source.client}{via}"))
    console.print(f"{m.bars:,} rows, {moment(m.first)} to {moment(m.last)}")
    if m.seal is None:
        console.print("[bold yellow]an update was interrupted[/]: run riskkit prices update")
    else:
        console.print(f"complete on {m.seal.at:%Y-%m-%d %H:%M} UTC, sha256 {m.seal.sha256}")
        counts = ", ".join(f"{n:,} x {kind}" for kind, n in m.seal.counts.items() if n)
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


@stored.command()
def verify(series: Names = None, store: Where = None) -> None:
    """Check every file against its SHA-256 and every row against the rules.

    Example:

        riskkit prices verify
    """
    console, place = Console(soft_wrap=True, highlight=False), place_of(store)
    broken = []
    for key in named_series(place, series):
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


@stored.command()
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
    from riskkit.market.store import SeriesKey
    from riskkit.market.store.export import export_series

    rows = export_series(place_of(store), SeriesKey.parse(series), out, bar=bar)
    print_path(Console(), "", f"{out}: {rows:,} rows")


def place_of(store: Path | None) -> PriceStore:
    """The store at this folder, or the one in force here."""
    from riskkit.market.store import PriceStore, find_store

    return find_store() if store is None else PriceStore(store)


def named_series(place: PriceStore, series: list[str] | None) -> list[SeriesKey]:
    """The series of these names, or every stored one.

    Raises
    ------
    InputError
        If nothing is stored, or a name is none of a series.
    """
    from riskkit.market.store import SeriesKey

    keys = [SeriesKey.parse(name) for name in series] if series else list(place.series())
    if not keys:
        raise InputError(
            "store",
            str(place.root),
            "must hold at least one series",
            "Fetch one: riskkit prices fetch binance ETH/USDT:USDT --bar 1h --since 2020",
        )
    return keys


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


def moment(time: pd.Timestamp | None) -> str:
    """A stamp as the commands print it."""
    return "nothing" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"
