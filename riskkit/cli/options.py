"""Options that several commands share, with one help text."""

from __future__ import annotations

from typing import Annotated

import typer

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
ThreadsOption = Annotated[int, typer.Option(min=1, help="Threads; changes no number.")]
