"""A study's tables of several assets: which they are, how they move together, how accounts stand.

``[data]`` names the first asset of a panel; ``[assets]`` those beside it. A study without the table
is a panel of one.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Positive, Share, Table


class AssetsSection(Table):
    """Assets beside the study's own: price files, a folder of them, or stored series."""

    prices: Annotated[
        tuple[str, ...], Fact("price files", why="Of the other assets, relative to the study.")
    ] = ()
    names: Annotated[
        tuple[str, ...], Fact("names", why="Of those files in order; the files' own if absent.")
    ] = ()
    folder: Annotated[
        str | None, Fact("folder", why="Every price file in it is an asset, named as its file.")
    ] = None
    stored: Annotated[
        tuple[str, ...], Fact("stored series", why="Series of the price store: venue/symbol/bar.")
    ] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.names and len(self.names) != len(self.prices):
            raise ValueError(
                f"names must be one for each file of prices: {len(self.prices)}, not "
                f"{len(self.names)}"
            )
        return self

    @property
    def any(self) -> bool:
        """Whether there is an asset beside the study's own."""
        return bool(self.prices or self.stored or self.folder)


class DependenceSection(Table):
    """How joint shocks are formed from the residuals of the assets' own fits."""

    kind: Annotated[
        Literal["rotated-rows", "joint-rows", "ewma-rows"],
        Fact(
            "dependence",
            why="Rows of one date, turned to today's correlation with margins kept; or as they "
            "are; or rows of residuals of a moving average of squares.",
        ),
    ] = "rotated-rows"
    half_life_bars: Annotated[
        Positive | None,
        Fact(
            "rows' half-life",
            StudyUnit.BARS,
            why="Bars after which a row counts half; absent, 250 on days, and on shorter bars the "
            "last rows alike.",
            source=DefaultSource.MEASURED,
        ),
    ] = None
    rows: Annotated[
        int | None,
        Field(strict=True, ge=100, le=200_000),
        Fact(
            "rows",
            StudyUnit.COUNT,
            why="Scenarios of a table; absent, 2,048 aged rows on days, the last 4,000 on hours.",
        ),
    ] = None
    eigenvalue_floor_fraction: Annotated[
        float,
        Field(strict=True, ge=0.0, lt=0.1),
        Fact(
            "eigenvalue floor",
            StudyUnit.FRACTION,
            why="Of the mean eigenvalue: smaller ones of a correlation are lifted to it.",
        ),
    ] = 1e-6


class PortfolioSection(Table):
    """How an account of several positions is margined."""

    measure: Annotated[
        Literal["value-at-risk", "expected-shortfall"],
        Fact(
            "measure",
            why="Of the account's loss over the margin period, that legs offset each other in.",
        ),
    ] = "value-at-risk"
    floor_gross_fraction: Annotated[
        Share,
        Fact(
            "floor of gross",
            StudyUnit.FRACTION,
            why="No account is asked less than this share of its gross notional: a floor of 5 % "
            "halves the procyclicality of hedged books.",
        ),
    ] = 0.0
    decorrelation_fraction: Annotated[
        Share,
        Fact(
            "decorrelation add-on",
            StudyUnit.FRACTION,
            why="Share of what offsets save that is asked all the same. 0.2 is the rule of EMIR "
            "(RTS 153/2013, Art. 27); 0.05 halves the exceptions of holders who pick the cheapest "
            "margin.",
            source=DefaultSource.MEASURED,
        ),
    ] = 0.05
    pegs: Annotated[
        tuple[str, ...],
        Fact(
            "pegs",
            why="ASSET/BASE for each asset of the panel that is promised at a rate to another of "
            "them, ASSET alone for one promised at a price in money: stress breaks each of them.",
        ),
    ] = ()
    peg_break_fraction: Annotated[
        Share,
        Fact(
            "break of a peg",
            StudyUnit.FRACTION,
            why="Fall against what the asset is pegged to, in the stress.",
        ),
    ] = 0.1
