"""The manifest of a stored series: what it holds, where it came from, what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError

from riskkit.errors import InputError
from riskkit.market.store.files import MANIFEST, write_whole
from riskkit.market.store.key import SeriesKey, SeriesKind

FORMAT = 2
# Pydantic reads "Z" as a UTC of its own, which pandas holds for another zone than UTC.
Stamp = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StoredPart(_Entry):
    """One parquet file: rows of one calendar year, no stamp of which is in another part."""

    file: str
    bars: int
    first: Stamp
    last: Stamp
    sha256: str


class SeriesSource(_Entry):
    """Who answered: client and version, the kind of market, and the mirror that stood in."""

    client: str
    market_type: str | None = None
    mirror: str | None = None


class ExchangeHole(_Entry):
    """Bars the exchange did not give when asked twice; they are not asked for again."""

    first: Stamp
    last: Stamp
    bars: int
    asked_at: Stamp


class Revision(_Entry):
    """One value that the exchange changed after it had been stored.

    ``accepted`` says which of the two the store now holds: the offered one if true.
    """

    time: Stamp
    column: str
    stored: float
    offered: float
    seen_at: Stamp
    accepted: bool


class StoredFinding(_Entry):
    """A quality finding, as `riskkit.market.Finding`."""

    kind: str
    start: Stamp
    end: Stamp
    bars: int
    detail: str


class Seal(_Entry):
    """What the last complete update found the series to be.

    Attributes
    ----------
    at : datetime
    sha256 : str
        Digest of the rows, whatever files they lie in.
    counts : dict
        Quality findings per kind (empty for funding).
    missing_bars : int
    findings : tuple
        The first 200; ``counts`` counts all.
    """

    at: Stamp
    sha256: str
    counts: dict[str, int]
    missing_bars: int
    findings: tuple[StoredFinding, ...]


class Manifest(_Entry):
    """Everything known of a stored series beside its rows.

    Attributes
    ----------
    since : datetime
        From when bars were asked for; the first one stored may be later.
    seal : Seal or None
        None from the first row of an update until its end: if it stays so, one was interrupted.
    """

    format: Literal[2] = 2
    exchange: str
    symbol: str
    kind: SeriesKind
    bar_seconds: int | None
    source: SeriesSource
    since: Stamp
    parts: tuple[StoredPart, ...] = ()
    exchange_holes: tuple[ExchangeHole, ...] = ()
    revisions: tuple[Revision, ...] = ()
    seal: Seal | None = None

    @property
    def bars(self) -> int:
        """Rows stored."""
        return sum(part.bars for part in self.parts)

    @property
    def first(self) -> pd.Timestamp | None:
        """First stored stamp."""
        return min((pd.Timestamp(part.first) for part in self.parts), default=None)

    @property
    def last(self) -> pd.Timestamp | None:
        """Last stored stamp."""
        return max((pd.Timestamp(part.last) for part in self.parts), default=None)


def read_manifest(folder: Path, key: SeriesKey) -> Manifest:
    """Read a series' manifest, of this format or an older one.

    Raises
    ------
    InputError
        If the series is not stored, or its manifest is broken or newer than this riskkit.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "series",
            str(key),
            "must be in the store",
            "List what is there with riskkit prices list, or fetch it with riskkit prices fetch",
        ) from None
    except (OSError, ValueError) as error:
        raise _broken(key, error) from None
    found = content.get("format") if isinstance(content, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise InputError(
            str(key),
            f"format {found}",
            f"this riskkit reads stores up to format {FORMAT}",
            "Update riskkit; the store is untouched",
        )
    try:
        for upgrade in _upgrades(found):
            content = upgrade(content)
        return Manifest.model_validate(content)
    except (ValidationError, KeyError, TypeError) as error:
        raise _broken(key, error) from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a series' manifest in one step; call it last, under the series' lock."""
    write_whole(folder / MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())


def _upgrades(found: object) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    if found == 1:
        yield _from_1


def _from_1(old: dict[str, Any]) -> dict[str, Any]:
    """Format 1 held traded bars only, and knew neither revisions, holes nor quality."""
    new = {name: old[name] for name in ("exchange", "symbol", "since", "parts")}
    bar = SeriesKey.of(old["exchange"], old["symbol"], old["bar"]).bar
    assert bar is not None  # a series of trades has a bar
    return new | {
        "format": FORMAT,
        "kind": "trades",
        "bar_seconds": int(bar.total_seconds()),
        "source": {"client": old["source"]},
    }


def _broken(key: SeriesKey, error: Exception) -> InputError:
    return InputError(
        str(key),
        f"{MANIFEST}: {str(error).splitlines()[0]}",
        "the manifest of a stored series must be as riskkit wrote it",
        "Restore the file from a backup, or move the series' folder away and fetch it again",
    )
