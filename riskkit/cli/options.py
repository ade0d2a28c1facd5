"""Options that several commands share, with one help text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from riskkit.cli.asked import AskedAbout, PriceOptions

StudyArgument = Annotated[
    Path | None, typer.Argument(help="A study file (TOML); or --prices instead.")
]
ManyArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Study files (TOML). Several give one table over all markets."),
]
PanelArgument = Annotated[Path, typer.Argument(help="A study of several assets (TOML).")]
VenueArgument = Annotated[Path, typer.Argument(help="A study file (TOML) with [depth] and [book].")]
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


#: The default of a command's ``asking``, which is never seen.
NOTHING = AskedAbout()
#: The options that stand for a study, in the order of a command's help.
STANDING = {
    "prices": PricesOption,
    "asset": AssetOption,
    "bar": BarOption,
    "kind": KindOption,
    "as_of": AsOfOption,
    "time_column": TimeColumnOption,
    "price_column": PriceColumnOption,
    "delimiter": DelimiterOption,
    "decimal": DecimalOption,
}
COLUMNS = ("time_column", "price_column", "delimiter", "decimal")


def asks(
    place: Any, *, word: str = "study", prices: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command its study; it takes what was given together, as ``asking``, and checked.

    Parameters
    ----------
    place : annotated type
        The study's file (files) as an argument, first of all, or as an option.
    word : str
        What the command line calls it.
    prices : bool
        Whether prices may stand for it; their options go where the command has ``asking``.
    """
    kind, said_of = get_args(place)
    is_argument = isinstance(said_of, typer.models.ArgumentInfo)
    standing = STANDING if prices else {}
    argument = word.upper() if is_argument else f"--{word}"
    default = None if type(None) in get_args(kind) else inspect.Parameter.empty

    def told(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        places: list[inspect.Parameter] = []
        for own in inspect.signature(command).parameters.values():
            if own.name != "asking":
                places.append(own.replace(annotation=hints[own.name]))
                continue
            study = inspect.Parameter(word, own.kind, default=default, annotation=place)
            places.insert(0 if is_argument else len(places), study)
            places += [
                inspect.Parameter(name, own.kind, default=None, annotation=option)
                for name, option in standing.items()
            ]

        @functools.wraps(command)
        def asked(**given: Any) -> None:
            file = given.pop(word)
            files = tuple(file) if isinstance(file, list) else (file,) if file else ()
            said = {name: given.pop(name) for name in standing}
            columns = file_keys(*(said.pop(name, None) for name in COLUMNS))
            asking = AskedAbout(files, PriceOptions(**said, said=columns), argument)
            if prices:
                asking.check()
            command(**given, asking=asking)

        asked.__signature__ = inspect.Signature(places)  # type: ignore[attr-defined]
        asked.__annotations__ = {own.name: own.annotation for own in places}
        return asked

    return told


def file_keys(
    time_column: str | None,
    price_column: str | None,
    delimiter: str | None,
    decimal: str | None,
) -> dict[str, str]:
    """What the user said about a price file, under the keys of a study's data section."""
    said = dict(zip(COLUMNS, (time_column, price_column, delimiter, decimal), strict=True))
    return {key: value for key, value in said.items() if value is not None}


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
Attempts = Annotated[
    int | None,
    typer.Option(min=1, help="Tries of each request before stopping (default: six)."),
]
