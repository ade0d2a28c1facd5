"""The depth that close-outs eat: what they do to the price of everybody, in its kinds.

`liquidity` is what a close-out costs its own account; `depth` is what it does to the others.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit, steps
from riskkit.study.kinds import by_kind
from riskkit.study.tables import Fraction, Positive, Seconds, Share, Table
from riskkit.venue.depth_pools import ConcentratedRanges, ConstantProduct, Pool, Range, StableSwap

AtOnePercent = Fact(
    "depth at 1 %",
    StudyUnit.MONEY,
    brief="depth at 1 %",
    why="Value whose sale moves the price by 1 %.",
    assumption=True,
)


class OrderBookCurve(Table):
    """Cumulative depth within a distance grows as a power of the distance."""

    kind: Annotated[Literal["order-book"], Fact("depth")] = "order-book"
    at_one_percent_notional: Annotated[Positive, AtOnePercent]
    exponent: Annotated[
        Positive,
        Fact(
            "depth's exponent",
            StudyUnit.RATIO,
            why="Of the distance; books show .6 to 1. Above 1 (2 is the square root) the first "
            "unit would move the price without limit: refused.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 1.0

    @model_validator(mode="after")
    def _no_square_root(self) -> Self:
        if self.exponent > 1.0:
            raise ValueError(
                "exponent must be at most 1: above it (2 is the square root) any move, however "
                "small, would sell a quantity of its own; that is a law of one's own order worked "
                "over hours, not of the impact on others inside a bar"
            )
        return self


class QuotesCurve(Table):
    """Quotes of growing sales: the average cost of each."""

    kind: Annotated[Literal["quotes"], Fact("depth")] = "quotes"
    notional: Annotated[
        tuple[Positive, ...], Fact("quotes' values", StudyUnit.MONEY, why="Increasing.")
    ]
    cost_fraction: Annotated[
        tuple[Fraction, ...],
        Fact("quotes' costs", StudyUnit.FRACTION, why="Average cost of each; must not fall."),
    ]
    beyond: Annotated[
        Literal["slope", "nothing"],
        Fact(
            "beyond the last quote",
            why="The slope of the last two goes on, or nothing more is sold: it is never flat.",
        ),
    ] = "slope"

    @model_validator(mode="after")
    def _rises(self) -> Self:
        check_ladder("cost_fraction", self.notional, self.cost_fraction)
        return self


class LevelsCurve(Table):
    """Measured levels: the cumulative value within each distance of the price."""

    kind: Annotated[Literal["levels"], Fact("depth")] = "levels"
    notional: Annotated[
        tuple[Positive, ...],
        Fact("levels' values", StudyUnit.MONEY, why="Cumulative, increasing."),
    ]
    distance_fraction: Annotated[
        tuple[Positive, ...],
        Fact("levels' distances", StudyUnit.FRACTION, why="From the price, increasing, in logs."),
    ]
    beyond: Annotated[
        Literal["slope", "nothing"],
        Fact(
            "beyond the last level",
            why="The slope of the last two goes on, or nothing more is sold: it is never flat.",
        ),
    ] = "slope"

    @model_validator(mode="after")
    def _rises(self) -> Self:
        check_ladder("distance_fraction", self.notional, self.distance_fraction)
        if any(a == b for a, b in itertools.pairwise(self.distance_fraction)):
            raise ValueError("distance_fraction must increase: merge levels of one price")
        return self


OffersTable = Annotated[
    Annotated[OrderBookCurve, Tag("order-book")]
    | Annotated[QuotesCurve, Tag("quotes")]
    | Annotated[LevelsCurve, Tag("levels")],
    by_kind("order-book"),
]


class _Depth(Table):
    """What every depth has: how it reaches the mark, how it falls, what comes back."""

    mark_weight_fraction: Annotated[
        Share,
        Fact(
            "own book in the mark",
            StudyUnit.FRACTION,
            brief="mark weight",
            why="Share of the book's own displacement that reaches the mark, by the venue's own "
            "formula: 0 an index of other venues, 1 the own book alone. It has no default.",
            assumption=True,
        ),
    ]
    permanent_fraction: Annotated[
        Share,
        Fact(
            "permanent share",
            StudyUnit.FRACTION,
            why="Of a displacement, what stays for good; the rest comes back.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.2
    refill_seconds: Annotated[
        Seconds,
        Fact(
            "refill",
            StudyUnit.SECONDS,
            why="Half-life of what was eaten: half an hour on 2025-10-10.",
            source=DefaultSource.DECLARED,
            stops=steps(14_400.0, 300.0),
        ),
    ] = 1_800.0
    volatility_elasticity: Annotated[
        float,
        Field(strict=True, ge=0.0, le=2.0),
        Fact(
            "fall with volatility",
            StudyUnit.RATIO,
            why="Depth falls as volatility, relative to its usual level, to this power: .34 to .45 "
            "on one day of one venue; a band of .3 to .8.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.4
    volatility_seconds: Annotated[
        Seconds,
        Fact(
            "volatility that depth follows",
            StudyUnit.SECONDS,
            why="Half-life of the average of squared returns: an hour's explained depth best on "
            "2025-10-10 (R2 .77, a quarter of an hour's .63).",
            source=DefaultSource.DECLARED,
        ),
    ] = 3_600.0
    crash_depth_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact(
            "depth in a crash",
            StudyUnit.FRACTION,
            brief="crash depth",
            why="Depth left in a crash, of the calm one. On 2025-10-10 a tenth, in minutes.",
            source=DefaultSource.DECLARED,
            assumption=True,
            stops=(0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
        ),
    ] = 0.1
    crash_move_fraction: Annotated[
        Positive,
        Fact(
            "crash from a move of",
            StudyUnit.FRACTION,
            why="Absolute log return of one bar that is a crash.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.05
    crash_recovery_seconds: Annotated[
        Seconds,
        Fact(
            "depth's return after a crash",
            StudyUnit.SECONDS,
            why="Half-life of the fall: calm depth did not return on the day of 2025-10-10.",
            source=DefaultSource.DECLARED,
        ),
    ] = 86_400.0
    half_spread_fraction: Annotated[
        Fraction,
        Fact(
            "half the spread",
            StudyUnit.FRACTION,
            why="Cost of a close-out beside its impact.",
            assumption=True,
        ),
    ] = 0.0
    offers: Annotated[
        OffersTable | None,
        Fact("offers'", brief="offers'", why="What purchases eat. Left out: as sales."),
        Field(exclude_if=lambda table: table is None),
    ] = None


class OrderBookTable(OrderBookCurve, _Depth):
    """A book by its cumulative depth, and how it behaves."""


class QuotesDepthTable(QuotesCurve, _Depth):
    """A book by quotes, and how it behaves."""


class LevelsDepthTable(LevelsCurve, _Depth):
    """A book by its levels, and how it behaves."""


BASE = Fact("reserve sold into", StudyUnit.COUNT, why="In units of the asset.", assumption=True)
QUOTE = Fact("reserve paid out", StudyUnit.MONEY, why="In money.", assumption=True)
POOL_FEE = Fact("pool's fee", StudyUnit.FRACTION, why="A cost of the seller, no impact.")


class ConstantProductTable(_Depth):
    """A pool whose reserves keep their product."""

    kind: Annotated[Literal["constant-product"], Fact("depth")] = "constant-product"
    base_units: Annotated[Positive, BASE]
    quote_notional: Annotated[Positive, QUOTE]
    fee_fraction: Annotated[Fraction, POOL_FEE] = 0.0

    @property
    def pool(self) -> Pool:
        """The pool by its formula."""
        return ConstantProduct(self.base_units, self.quote_notional, self.fee_fraction)


class ConcentratedTable(_Depth):
    """A pool whose liquidity differs by range of price; where it ends nothing more is sold."""

    kind: Annotated[Literal["concentrated"], Fact("depth")] = "concentrated"
    price: Annotated[Positive, Fact("pool's price", StudyUnit.MONEY, why="Per unit, now.")]
    low: Annotated[tuple[Positive, ...], Fact("ranges from", StudyUnit.MONEY, why="Prices.")]
    high: Annotated[tuple[Positive, ...], Fact("ranges to", StudyUnit.MONEY, why="Prices.")]
    liquidity: Annotated[
        tuple[Positive, ...], Fact("ranges' liquidity", StudyUnit.COUNT, why="L of each.")
    ]
    fee_fraction: Annotated[Fraction, POOL_FEE] = 0.0

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not self.low or not len(self.low) == len(self.high) == len(self.liquidity):
            raise ValueError("low, high and liquidity must be lists of one length")
        if any(a >= b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError("each of low must lie below its high")
        if not any(a < self.price <= b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError("no range holds the price: there is no depth to sell into")
        return self

    @property
    def pool(self) -> Pool:
        """The pool by its formula."""
        spans = zip(self.low, self.high, self.liquidity, strict=True)
        ranges = tuple(Range(*span) for span in spans)
        return ConcentratedRanges(self.price, ranges, self.fee_fraction)


class StableSwapTable(_Depth):
    """A pool of two coins with Curve's invariant."""

    kind: Annotated[Literal["stableswap"], Fact("depth")] = "stableswap"
    base_units: Annotated[Positive, BASE]
    quote_notional: Annotated[Positive, QUOTE]
    amplification: Annotated[
        Positive,
        Fact("pool's A", StudyUnit.RATIO, why="As its page says, not times the number of coins."),
    ]
    fee_fraction: Annotated[Fraction, POOL_FEE] = 0.0

    @property
    def pool(self) -> Pool:
        """The pool by its formula."""
        return StableSwap(
            self.quote_notional, self.base_units, self.amplification, self.fee_fraction
        )


DepthTable = Annotated[
    Annotated[OrderBookTable, Tag("order-book")]
    | Annotated[QuotesDepthTable, Tag("quotes")]
    | Annotated[LevelsDepthTable, Tag("levels")]
    | Annotated[ConstantProductTable, Tag("constant-product")]
    | Annotated[ConcentratedTable, Tag("concentrated")]
    | Annotated[StableSwapTable, Tag("stableswap")],
    by_kind("order-book"),
]


def check_ladder(name: str, values: tuple[float, ...], costs: tuple[float, ...]) -> None:
    """Refuse a ladder of unequal lists, or one that falls.

    Raises
    ------
    ValueError
    """
    if not values or len(values) != len(costs):
        raise ValueError(f"notional and {name} must be lists of one length")
    if any(a >= b for a, b in itertools.pairwise(values)):
        raise ValueError("notional must increase: sort the levels and merge duplicates")
    for number, (a, b) in enumerate(itertools.pairwise(costs), start=2):
        if b < a:
            raise ValueError(f"{name} must not fall: level {number} is below the one before")
