"""`riskkit closed-hours`: margin over nights and weekends of a market that closes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.options import FolderOption
from riskkit.cli.terminal import print_path


def closed_hours(
    prices: Annotated[
        Path | None, typer.Argument(help="Prices of sessions, with opens and closes.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(help="A series that is installed with riskkit: nasdaq.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="A file of dates (YYYY-MM-DD, one a line) that open after an event."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of a margin over one closure.")] = 0.99,
    out: FolderOption = Path("out"),
) -> None:
    """Margin while a market is closed: close to next open, nights, weekends and events apart.

    Prints what each kind of closure needs now, long and short, and how many closures of history
    lost more than the margin known before them. Writes into OUT/NAME: closed-hours.csv.

    Example:

        riskkit closed-hours --sample nasdaq

        riskkit closed-hours AAPL.csv --events AAPL-earnings.txt
    """
    from riskkit.collateral.closed_hours import ClosedSpec, closed_margins, closures, exceptions
    from riskkit.errors import InputError
    from riskkit.market import load_prices, load_sample
    from riskkit.parameters.write import write_atomically
    from riskkit.study.name import study_name
    from riskkit.validation.coverage import binomial_interval

    if (prices is None) == (sample is None):
        said = "neither a file nor --sample" if prices is None else "both a file and --sample"
        remedy = "For example: riskkit closed-hours --sample nasdaq"
        raise InputError("PRICES", said, "give a price file, or --sample with a name", remedy)
    history = load_sample(str(sample)) if prices is None else load_prices(prices)
    if "open" not in history.bars:
        rule = "must have opening prices: closes alone cannot tell a closure from the day after it"
        raise InputError("prices", str(prices or sample), rule, "Use a file with a column open")
    spec = ClosedSpec(confidence=confidence)
    bars = history.bars.dropna(subset=["open", "close"])
    gaps = closures(bars["open"], bars["close"], _dates(events))
    found = closed_margins(gaps, spec)
    console = Console(soft_wrap=False)
    table = Table(
        title=f"{history.asset}: {confidence:.4g} over one closure",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for head in ("closure", "seen", "scale", "long", "short", "beyond, long", "beyond, short"):
        table.add_column(head, justify="left" if head == "closure" else "right")
    for _, r in found.now.iterrows():
        came = exceptions(found.walk, r["kind"])
        cells = []
        for side in ("long", "short"):
            n, hits = came[side]
            low, high = binomial_interval(n, 1.0 - confidence) if n else (0, 0)
            cells.append(f"{hits} ({low}-{high})")
        name = r["kind"] + (" *" if r["pooled"] else "")
        shares = (f"{r['scale']:.2f}", f"{r['long']:.2%}", f"{r['short']:.2%}")
        table.add_row(name, f"{r['seen']:,}", *shares, *cells)
    if found.now["pooled"].any():
        table.caption = "* too few seen: the tail is that of all closures, at its own scale"
        table.caption_justify = "left"
    console.print(table)
    text = found.walk.rename_axis("opening").to_csv(lineterminator="\n")
    stem = str(sample) if prices is None else prices.stem
    path = out / study_name(Path(stem)) / "closed-hours.csv"
    print_path(console, "written:", write_atomically(path, text))


def _dates(path: Path | None) -> list[str]:
    from datetime import date

    from riskkit.errors import InputError

    if path is None:
        return []
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        return [str(date.fromisoformat(line)) for line in lines if line]
    except (OSError, ValueError) as error:
        rule = f"must be dates, YYYY-MM-DD, one a line ({error})"
        raise InputError("--events", str(path), rule, "Correct that line") from None
