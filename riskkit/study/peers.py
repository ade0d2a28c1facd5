"""Older markets that a young one borrows from: the table ``[peers]`` of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import pandas as pd
from pydantic import model_validator

from riskkit.errors import InputError
from riskkit.market import PriceHistory, load_prices
from riskkit.study.fact import Fact
from riskkit.study.tables import Table


class PeersSection(Table):
    """Price files of other markets, of bars as long as the study's own.

    While the study's own prices hold fewer bars than its first fit needs, dynamics and shocks are
    the peers', and the level is drawn towards theirs; afterwards they play no part.
    """

    prices: Annotated[
        tuple[str, ...], Fact("price files", why="Of the peers, relative to the study.")
    ]
    names: Annotated[
        tuple[str, ...], Fact("names", why="Of those files in order; the files' own if absent.")
    ] = ()
    died: Annotated[
        tuple[str, ...],
        Fact(
            "peers that died",
            why="Names of peers that failed or were delisted: a panel of survivors alone is "
            "calmer than a market that has yet to survive. The others are called survivors.",
        ),
    ] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.prices:
            raise ValueError("prices must name a file or more")
        if self.names and len(self.names) != len(self.prices):
            raise ValueError(
                f"names must be one for each file of prices: {len(self.prices)}, not "
                f"{len(self.names)}"
            )
        called = self.called
        if len(set(called)) < len(called):
            raise ValueError("names must differ")
        unknown = [name for name in self.died if name not in called]
        if unknown:
            raise ValueError(f"died names {unknown[0]}, which is no peer: {', '.join(called)}")
        return self

    @property
    def called(self) -> tuple[str, ...]:
        """What each peer is called."""
        return self.names or tuple(Path(file).name.split(".")[0] for file in self.prices)


def load_peers(
    section: PeersSection,
    folder: str | Path,
    own: PriceHistory,
    *,
    now: pd.Timestamp | None = None,
) -> dict[str, PriceHistory]:
    """The prices of the peers, by name, up to the end of the young market's.

    Raises
    ------
    InputError
        If the young market is among them, one has another bar, or none has bars before its end.
    """
    found: dict[str, PriceHistory] = {}
    for name, file in zip(section.called, section.prices, strict=True):
        whole = load_prices(
            Path(folder) / file, asset=name, now=pd.Timestamp.now("UTC") if now is None else now
        )
        if whole.provenance.sha256 == own.provenance.sha256 or name == own.asset:
            raise InputError(
                "peers.prices",
                file,
                f"must be another market than the study's own {own.asset}",
                "Leave it out",
            )
        if whole.bar != own.bar:
            raise InputError(
                "peers.prices",
                f"{file}, bars of {whole.bar}",
                f"must have bars as long as the study's own, {own.bar}",
                "Give files of one bar",
            )
        known = whole.between(None, own.last)
        if len(known) > 1:
            found[name] = known
    if not found:
        raise InputError(
            "peers.prices",
            ", ".join(section.called),
            f"must hold bars before the end of the young market's, {own.last:%Y-%m-%d}",
            "Give peers whose prices overlap with it",
        )
    return found
