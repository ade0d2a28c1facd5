"""`riskkit init`: a commented study for a price file, a stored series, or the sample."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.options import (
    DecimalOption,
    DelimiterOption,
    KindOption,
    PriceColumnOption,
    TimeColumnOption,
    WrittenOption,
    file_keys,
)
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.market.history import PriceHistory

SAMPLE = "ETH"


def init(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|SYMBOL]",
            help="A CSV or parquet of prices; a series of the store, or its symbol; ETH for the "
            "sample that comes with riskkit (default).",
        ),
    ] = None,
    asset: Annotated[str | None, typer.Option(help="Name of the asset (default: found).")] = None,
    bar: Annotated[
        str | None, typer.Option(help="Bar length, such as 1h (default: found).")
    ] = None,
    kind: KindOption = None,
    time_column: TimeColumnOption = None,
    price_column: PriceColumnOption = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = None,
    as_of: Annotated[
        str | None, typer.Option(help="The day of the question, YYYY-MM-DD (default: today).")
    ] = None,
    out: WrittenOption = None,
) -> None:
    """Write a study, with a comment on every key.

    Bar and calendar are read from the prices. Delays, costs and sizes are proposed and listed
    under `unconfirmed`: riskkit export refuses them until you take them off the list, or confirm
    them with --confirm. A study that is there already is never written over.

    Example:

        riskkit init my.csv

        riskkit init binance/ETH-USDT-USDT/1h --kind perpetual

        riskkit init
    """
    from riskkit.cli.asked import name_of, notes_of
    from riskkit.cli.dates import question_day
    from riskkit.parameters.write import write_atomically
    from riskkit.study.proposal import propose_study
    from riskkit.study.text import study_text

    day = question_day(as_of)
    folder = Path() if out is None else out.parent
    _free(out)
    said = file_keys(time_column, price_column, delimiter, decimal)
    history, place = _history(source, asset, bar, folder, said)
    study = propose_study(history, place, as_of=day, kind=kind or "perpetual")
    path = out if out is not None else Path(f"{name_of(study.data)}.toml")
    _free(path)
    if source in (None, SAMPLE):
        _copy_sample(folder / place["prices"])
    write_atomically(path, study_text(study, notes_of(history)))
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"study: {path}", markup=False)
    console.print(f"proposed, to be confirmed: {', '.join(study.unconfirmed)}")
    console.print(f"next: riskkit calibrate {path}", markup=False)


def _history(
    source: str | None, asset: str | None, bar: str | None, folder: Path, said: dict[str, str]
) -> tuple[PriceHistory, dict[str, str]]:
    """The prices, and how a study in ``folder`` names them."""
    from riskkit.cli.dates import now
    from riskkit.market import Columns, load_prices

    if source in (None, SAMPLE) and not Path(SAMPLE).is_file():
        from importlib.resources import as_file, files

        from riskkit.market.packaged import SAMPLES

        name = SAMPLES[SAMPLE]
        with as_file(files("riskkit.market.packaged").joinpath(name)) as sample:
            return load_prices(sample, asset=asset or "ETH/USDT", bar=bar), {"prices": name}
    assert source is not None  # a missing source is the sample
    if Path(source).is_file():
        from riskkit.cli.asked import file_stem

        path = Path(source)
        named = Path(os.path.relpath(path, folder)).as_posix()
        history = load_prices(
            path,
            asset=asset or file_stem(path),
            bar=bar,
            columns=Columns.said(said),
            now=now(),
        )
        return history, {"prices": named, **said}
    if said:
        rule = "these options describe a price file"
        given = ", ".join(f"--{key.replace('_', '-')}" for key in said)
        raise InputError(given, f"{source} beside it", rule, "Leave them out")
    return _stored(source, asset, bar, folder)


def _stored(
    source: str, asset: str | None, bar: str | None, folder: Path
) -> tuple[PriceHistory, dict[str, str]]:
    from riskkit.market import resample
    from riskkit.market.store import find_store

    store = find_store(folder)
    keys = [key for key in store.series() if key.bar is not None]
    found = [key for key in keys if str(key) == source]
    found = found or [key for key in keys if store.manifest(key).symbol == source]
    if len(found) != 1:
        known = ", ".join(map(str, found or keys)) or "nothing"
        rule = f"must be a file, {SAMPLE} (the sample), or one stored series; stored: {known}"
        remedy = "Check the name, or fetch it: riskkit prices fetch binance ETH/USDT:USDT --bar 1h"
        raise InputError("FILE|SYMBOL", source, rule, remedy)
    history = store.load(found[0], asset=asset or store.manifest(found[0]).symbol)
    history = history if bar is None else resample(history, bar)
    return history, {"stored": str(found[0])}


def _free(path: Path | None) -> None:
    if path is not None and path.exists():
        rule = "must not be there: a study holds decisions, and none is written over"
        raise InputError("out", str(path), rule, "Name another with --out, or move it away")


def _copy_sample(path: Path) -> None:
    """Put the sample beside the study, unless it is there already."""
    from riskkit.market.packaged import sample_bytes
    from riskkit.parameters.write import write_atomically

    content = sample_bytes(SAMPLE)
    if path.is_file() and path.read_bytes() == content:
        return
    if path.exists():
        raise InputError(
            "FILE|SYMBOL",
            str(path),
            "is where the sample goes, and another file is there",
            "Move it away, or run in an empty folder",
        )
    write_atomically(path, content.decode("utf-8"))
