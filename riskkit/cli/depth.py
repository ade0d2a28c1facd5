"""`riskkit depth`: a study's [depth] from what was measured, with its bands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 200_000_000
KINDS = {"quotes": ("time", "value", "price"), "snapshots": ("time", "distance", "notional")}


def depth(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: time, value, price (quotes) or time, distance, notional (snapshots)."
        ),
    ],
    small: Annotated[
        float | None,
        typer.Option(help="Of quotes: the largest value that serves as reference price."),
    ] = None,
) -> None:
    """Fit depth to quotes or to snapshots of a book, and print it as a study's table.

    Quotes are compared with small quotes of the same quarter of an hour; snapshots hold the
    cumulative value within each distance (a fraction) of the price; distances below 0 are those of
    bids, and offers then have a table of their own. The weight of the own book in the mark cannot
    be measured here: it is the venue's own formula.

    Example:

        riskkit depth quotes.csv --small 10000

        riskkit depth snapshots.csv
    """
    frame = _read(file)
    kind = next((k for k, names in KINDS.items() if set(names) <= set(frame.columns)), None)
    if kind is None:
        raise InputError(
            "FILE",
            ", ".join(map(str, frame.columns[:8])),
            "must have the columns time, value, price, or time, distance, notional",
            "Rename them",
        )
    lines = _quotes(frame, small) if kind == "quotes" else _snapshots(frame)
    typer.echo("\n".join(["[depth]", "# mark_weight_fraction = the venue's own", *lines]))


def _quotes(frame: pd.DataFrame, small: float | None) -> list[str]:
    from riskkit.venue.depth_fit import fit_quotes

    fit = fit_quotes(frame["time"], frame["value"], frame["price"], small=small)
    counts = ", ".join(str(n) for n in fit.table["quotes"])
    low = ", ".join(f"{x:.2%}" for x in fit.table["low"])
    high = ", ".join(f"{x:.2%}" for x in fit.table["high"])
    rising = fit.table["slippage"].cummax()
    return [
        'kind = "quotes"',
        f"notional = [{', '.join(f'{v:.6g}' for v in fit.table['value'])}]",
        f"cost_fraction = [{', '.join(f'{v:.6g}' for v in rising)}]",
        f"# quotes at each level: {counts}; left out: {fit.left_out}",
        f"# quartiles from {low}",
        f"#             to {high}",
    ]


def _snapshots(frame: pd.DataFrame) -> list[str]:
    below = frame["distance"] < 0.0
    if below.any() and not below.all():
        bids = frame[below].assign(distance=-frame["distance"])
        return [*_book_lines(bids), "", "[depth.offers]", *_book_lines(frame[~below])]
    return _book_lines(frame.assign(distance=frame["distance"].abs()))  # one side only


def _book_lines(frame: pd.DataFrame) -> list[str]:
    from riskkit.venue.depth_fit import fit_book

    table = frame.pivot_table(index="time", columns="distance", values="notional").sort_index()
    whole = table.dropna()
    if whole.empty:
        raise InputError("FILE", len(table), "no snapshot holds every distance", "Give the same")
    fit = fit_book(whole.columns.to_numpy(dtype=float), whole.to_numpy(dtype=float))
    low, high = fit.at_one_percent
    lines = [
        'kind = "order-book"',
        f"at_one_percent_notional = {fit.depth.at_one_percent:.6g}  "
        f"# 95 %: {low:.4g} to {high:.4g}",
        f"exponent = {fit.depth.exponent:.4g}  # 95 %: {fit.exponent[0]:.3g} to "
        f"{fit.exponent[1]:.3g}; {fit.snapshots} snapshots, {len(table) - len(whole)} left out",
    ]
    if fit.capped:
        lines.append("# an exponent above 1 was found and is taken as 1")
    return lines


def _read(file: Path) -> pd.DataFrame:
    import io

    import pandas as pd

    from riskkit.parameters.reading import read_bytes

    content = read_bytes(file, "FILE", most=MOST_BYTES)
    try:
        frame = pd.read_csv(io.BytesIO(content))
        for name in ("value", "price", "distance", "notional"):
            if name in frame.columns:
                frame[name] = pd.to_numeric(frame[name])
        if "time" in frame.columns:
            seconds = pd.api.types.is_numeric_dtype(frame["time"])
            frame["time"] = pd.to_datetime(frame["time"], unit="s" if seconds else None)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        rule = f"must be a CSV of numbers and moments ({reason})"
        raise InputError("FILE", str(file), rule, "Export it again") from None
    return frame
