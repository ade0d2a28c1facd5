"""What riskkit does not calibrate, as the user gives it: a live file, a context file, a ladder."""

from __future__ import annotations

import dataclasses
import io
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, TypeAdapter, ValidationError

from riskkit.errors import InputError
from riskkit.formats.calibrated import SlippageLadder, check_ladder
from riskkit.formats.format import VenueFormat
from riskkit.formats.registry import BUILT_IN
from riskkit.proof.recheck import Effective
from riskkit.reading import read_bytes, read_csv, read_text, read_toml
from riskkit.study.explain import explain

Venue = VenueFormat[Any, Any, Any]
MAX_BYTES = 1_000_000


def read_live(venue: Venue, path: str | Path) -> tuple[Any, str]:
    """The value of a venue's file, and its text.

    Raises
    ------
    InputError
        If it is none; with the format that it is in, if that is another venue's.
    """
    text = read_text(path, "live", most=MAX_BYTES)
    try:
        return venue.read(text), text
    except InputError as error:
        others = [f.name for f in BUILT_IN if f.name != venue.name and _reads(f, text)]
        if not others:
            raise
        remedy = f"It is a file of {' or '.join(others)}: give that --venue"
        raise InputError(error.argument, error.value, error.rule, remedy) from None


def _reads(venue: Venue, text: str) -> bool:
    try:
        venue.read(text)
    except InputError:
        return False
    return True


def market_of(venue: Venue, live: object, market: str | None) -> str:
    """The market asked for, as the live file names it; the only one of the file if none was.

    A name that the file does not hold is returned as it is: it may be a new listing.
    """
    names = _names(venue, live)
    if market is None and len(names) == 1:
        return names[0]
    if market is None:
        rule = f"must name one of the live file's markets: {', '.join(names) or 'it has none'}"
        raise InputError("market", "nothing", rule, "Name the market")
    return _match(names, market) or market


def find_market(venue: Venue, live: object, market: str | None) -> str:
    """The market asked for, which the live file must hold; see `market_of`.

    Raises
    ------
    InputError
        With the markets that are there.
    """
    name, names = market_of(venue, live, market), _names(venue, live)
    if name not in names:
        rule = f"must be one of the live file's markets: {', '.join(names) or 'it has none'}"
        raise InputError("market", name, rule, "Name one of these")
    return name


def _names(venue: Venue, live: object) -> list[str]:
    return list(dict.fromkeys(str(row.market) for row in venue.effective(live)))


def _match(names: Sequence[str], market: str) -> str | None:
    """A name but for its case, or the one whose last part (after the pool) it is."""
    wanted = market.lower()
    same = [n for n in names if n.lower() == wanted]
    last = [n for n in names if n.lower().endswith(f"/{wanted}")]
    return same[0] if same else last[0] if len(last) == 1 else None


def _required(context: type) -> list[str]:
    """Names of the fields that have no default."""
    missing = dataclasses.MISSING
    fields = [f for f in dataclasses.fields(context) if f.default is f.default_factory is missing]
    return [f.name for f in fields]


def rows_of(venue: Venue, value: object, market: str) -> tuple[Effective, ...]:
    """The effective values of one market; of the whole file if it does not name the market."""
    rows: tuple[Effective, ...] = tuple(venue.effective(value))
    return tuple(row for row in rows if row.market.lower() == market.lower()) or rows


def build_context(
    venue: Venue, live: object | None, market: str | None, content: dict[str, object] | None
) -> object:
    """The context of an export.

    Parameters
    ----------
    live : value of the venue's format, optional
        What runs today; ids, addresses and caps of ``market`` are taken from it.
    content : dict, optional
        The fields of the venue's own context, as a context file gives them. With a live file they
        replace what it says; a context that holds the whole live file gets it from there.

    Raises
    ------
    InputError
        If neither is given, or a field is missing, unknown or of the wrong type.
    """
    if content is None:
        if live is None:
            needed = _required(_context_type(venue))
            others = ", ".join(name for name in needed if name != "live")
            rule = (
                "give the live file: this format carries it whole"
                if "live" in needed
                else f"give the live file, or a context file with the venue's own fields: {others}"
            )
            raise InputError("context", "nothing", rule, "Ids and caps are never invented")
        return venue.context_from(live, market_of(venue, live, market))
    kind = _context_type(venue)
    names = {field.name for field in dataclasses.fields(kind)}
    for name in content:
        if name not in names or name == "live":
            rule = (
                f"is no field of the context of {venue.name}: {', '.join(sorted(names - {'live'}))}"
            )
            raise InputError(f"context.{name}", content[name], rule, "Correct its name")
    if live is not None and "live" in names:
        content = {**content, "live": live}
    elif live is not None:
        base = venue.context_from(live, market_of(venue, live, market))
        content = {**{n: getattr(base, n) for n in names}, **content}
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise explain(error, BaseModel, "context") from None


def read_context_file(path: str | Path) -> dict[str, object]:
    """The fields of a context file (TOML)."""
    return read_toml(path, "context", most=MAX_BYTES, remedy="Correct it")


def read_ladder(path: str | Path) -> SlippageLadder:
    """A slippage ladder from a CSV with the columns ``notional`` and ``slippage_fraction``."""
    content = io.BytesIO(read_bytes(path, "ladder", most=MAX_BYTES))
    try:
        table = read_csv(content)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise InputError("ladder", str(path), f"must be a CSV ({reason})", "Check it") from None
    wanted = ["notional", "slippage_fraction"]
    if list(table.columns) != wanted:
        rule = f"must have the columns {', '.join(wanted)}"
        raise InputError("ladder", ", ".join(map(str, table.columns)), rule, "Name them so")
    numbers = table.apply(pd.to_numeric, errors="coerce")
    columns: Sequence[tuple[float, ...]] = [tuple(map(float, numbers[name])) for name in wanted]
    ladder = SlippageLadder(columns[0], columns[1])
    check_ladder(ladder)
    return ladder


def _context_type(venue: Venue) -> Any:
    """The venue's context is whatever its exporter takes second."""
    hints = typing.get_type_hints(venue.export)
    hints.pop("return", None)
    kind = list(hints.values())[-1]
    if not dataclasses.is_dataclass(kind):
        rule = "takes no context that a file could give"
        raise InputError("context", venue.name, rule, "Give the live file instead")
    return kind
