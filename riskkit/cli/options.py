"""Options that several commands share, with one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyArgument = Annotated[
    Path | None, typer.Argument(help="A study file (TOML); or --prices instead.")
]
ManyArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Study files (TOML). Several give one table over all markets."),
]
ServedArgument = Annotated[
    list[Path], typer.Argument(help="Study files (TOML): perpetuals, or loans.")
]
WrittenOption = Annotated[
    Path | None, typer.Option(help="Study to write (default: ASSET-BAR.toml, here).")
]
PricesOption = Annotated[
    Path | None,
    typer.Option(help="A CSV or parquet of prices, instead of a study: proposals for the rest."),
]
KindOption = Annotated[
    str | None,
    typer.Option(help="With --prices: perpetual (default) or loan (collateral/debt price)."),
]
FolderOption = Annotated[
    Path, typer.Option(help="Folder of the results; each study gets one in it.")
]
OutOption = Annotated[Path, typer.Option(help="Folder of the results; the study gets one in it.")]
AssetOption = Annotated[
    str | None, typer.Option(help="With --prices: name of the asset (default: the file's).")
]
BarOption = Annotated[
    str | None, typer.Option(help="With --prices: bar length, such as 1h (default: found).")
]
AsOfOption = Annotated[
    str | None,
    typer.Option(help="With --prices: the day of the question, YYYY-MM-DD (default: today)."),
]
TimeColumnOption = Annotated[
    str | None, typer.Option(help="Of the price file: the time column (default: by its name).")
]
PriceColumnOption = Annotated[
    str | None, typer.Option(help="Of the price file: the price column (default: by its name).")
]
DelimiterOption = Annotated[
    str | None, typer.Option(help="Of the price file: between columns: ',' ';' '|' tab.")
]
DecimalOption = Annotated[
    str | None, typer.Option(help="Of the price file: before decimals: '.' or ','.")
]
MarketOption = Annotated[
    str | None, typer.Option(help="Market of the live file; needed if it holds several.")
]
AssetIsOption = Annotated[
    str | None,
    typer.Option(help="Declare the study's asset to be this one, where the names differ."),
]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Threads; changes no number.")]


def file_keys(
    time_column: str | None,
    price_column: str | None,
    delimiter: str | None,
    decimal: str | None,
) -> dict[str, str]:
    """What the user said about a price file, under the keys of a study's data section."""
    keys = {
        "time_column": time_column,
        "price_column": price_column,
        "delimiter": delimiter,
        "decimal": decimal,
    }
    return {key: value for key, value in keys.items() if value is not None}
