"""The manifest of a stored series: what it holds and where it came from."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

FORMAT = 1


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Part(_Entry):
    """One parquet file: rows of one calendar year, no stamp of which is in another part."""

    file: str
    bars: int
    first: AwareDatetime
    last: AwareDatetime
    sha256: str


class Manifest(_Entry):
    """Everything known of a stored series beside its rows."""

    format: Literal[1] = 1
    exchange: str
    symbol: str
    bar: str
    source: str
    since: AwareDatetime
    parts: tuple[Part, ...] = ()
