"""What a venue asks before it lists an asset, and what it says of the days when things end."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Positive, Share, Table


class PeerTable(Table):
    """An asset like the new one, with a history."""

    name: Annotated[str, Fact("peer")] = Field(min_length=1)
    prices: Annotated[str, Fact("price file", why="Relative to the study.")] = Field(min_length=1)
    survived: Annotated[
        bool, Fact("survived", why="False for an asset that failed or was delisted.")
    ] = True


class ListingSection(Table):
    """A listing gate: peers, the index that is required, and what happens at the end."""

    peers: Annotated[
        tuple[PeerTable, ...],
        Fact("peers", why="Whose worst quantile is the margin of hour 0; failed ones too."),
    ] = ()
    least_sources: Annotated[
        int,
        Field(strict=True, ge=1, le=16),
        Fact(
            "sources required",
            StudyUnit.COUNT,
            why="Of the index.",
            source=DefaultSource.DECLARED,
        ),
    ] = 3
    least_history_days: Annotated[
        Positive,
        Fact(
            "history required",
            StudyUnit.DAYS,
            why="Of its own, below which margins come from peers.",
            source=DefaultSource.DECLARED,
        ),
    ] = 90.0
    delisting_notice_hours: Annotated[
        Positive | None,
        Fact(
            "delisting notice",
            StudyUnit.HOURS,
            why="In which every position is to be closed into the book.",
        ),
    ] = None
    delisting_share: Annotated[
        Share,
        Fact(
            "left at the end of the notice",
            StudyUnit.FRACTION,
            why="Of open interest, closed at once into crash depth.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.25
    missing_index_hours: Annotated[
        Positive | None,
        Fact(
            "index may be missing",
            StudyUnit.HOURS,
            why="Before positions are settled at its last value.",
        ),
    ] = None
    migration: Annotated[
        str | None,
        Fact("migration", why="What happens to positions if the token is swapped, in words."),
    ] = None
