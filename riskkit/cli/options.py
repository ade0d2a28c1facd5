"""Options that several commands share, with one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyArgument = Annotated[
    Path | None, typer.Argument(help="A study file (TOML); or --prices instead.")
]
PricesOption = Annotated[
    Path | None,
    typer.Option(help="A CSV or parquet of prices, instead of a study: proposals for the rest."),
]
KindOption = Annotated[
    str | None,
    typer.Option(help="With --prices: perpetual (default) or loan (collateral/debt price)."),
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
MarketOption = Annotated[
    str | None, typer.Option(help="Market of the live file; needed if it holds several.")
]
AssetIsOption = Annotated[
    str | None,
    typer.Option(help="Declare the study's asset to be this one, where the names differ."),
]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Threads; changes no number.")]
