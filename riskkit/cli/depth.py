"""`riskkit depth`: a study's [depth] from what was measured, with its bands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES, MOST_ROWS = 200_000_000, 5_000_000
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
    typer.echo("\n".join(table_lines(*read_depth(file), small)))


def table_lines(kind: str, frame: pd.DataFrame, small: float | None = None) -> list[str]:
    """The study's table, of a file as `read_depth` gives it."""
    lines = _quotes(frame, small) if kind == "quotes" else _snapshots(frame)
    return ["[depth]", "# mark_weight_fraction = the venue's own", *lines]


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


def read_depth(file: Path) -> tuple[str, pd.DataFrame]:
    """Which of the two kinds a file is, and its columns: moments, and numbers in every row.

    Raises
    ------
    InputError
    """
    import io

    import numpy as np
    import pandas as pd

    from riskkit.reading import read_bytes, read_csv

    content = io.BytesIO(read_bytes(file, "FILE", most=MOST_BYTES))
    try:
        frame = read_csv(content, most_rows=MOST_ROWS)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        rule = f"must be a CSV of numbers and moments ({reason})"
        raise InputError("FILE", str(file), rule, "Export it again") from None
    kind = next((k for k, names in KINDS.items() if set(names) <= set(frame.columns)), None)
    if kind is None:
        raise InputError(
            "FILE",
            ", ".join(map(str, frame.columns[:8])),
            "must have the columns time, value, price, or time, distance, notional",
            "Rename them",
        )
    frame = frame[list(KINDS[kind])]
    seconds = pd.api.types.is_numeric_dtype(frame["time"])
    try:
        moments = (
            pd.to_datetime(frame["time"], utc=True, unit="s")
            if seconds
            else pd.to_datetime(frame["time"], utc=True, format="ISO8601")  # no guess at 5/6
        )
        frame = frame.assign(time=moments.dt.tz_localize(None))
    except ValueError as error:
        rule = f"must hold moments ({str(error).splitlines()[0]})"
        raise InputError("FILE", str(file), rule, "Write 2024-06-28T08:00Z") from None
    _refuse(frame["time"], frame["time"].isna(), "must be a moment")
    for name in KINDS[kind][1:]:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        finite = pd.Series(np.isfinite(numbers.to_numpy(float)), index=frame.index)
        _refuse(frame[name], ~finite, "must be a number")
        frame = frame.assign(**{name: numbers})
    if kind == "snapshots":
        far = (frame["distance"].abs() >= 1.0) | (frame["distance"] == 0.0)
        _refuse(frame["distance"], far, "must be a fraction of the price: 1 % is 0.01")
    return kind, frame


def _refuse(column: pd.Series, bad: pd.Series, rule: str) -> None:
    rows = [i + 1 for i, wrong in enumerate(bad) if wrong]
    if rows:
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        value = str(column.iloc[rows[0] - 1])
        raise InputError(str(column.name), value, rule, f"Correct row {shown} of the file")
