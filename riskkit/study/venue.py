"""The venue that a study assumes: position, oracle, liquidation, liquidity, each in its kinds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from riskkit.paths.inside import Fill
from riskkit.position import Side
from riskkit.study.fact import DefaultSource, Fact, StudyUnit, steps
from riskkit.study.kinds import by_kind
from riskkit.study.suited import REACTION_HOURS
from riskkit.study.tables import Fraction, Positive, Seconds, Share, Table

HOURS_OF_A_YEAR = 24 * 366
HOURS = Field(strict=True, gt=0.0, le=HOURS_OF_A_YEAR)
Yearly = Annotated[float, Field(strict=True, gt=-1.0, le=100.0)]


REACTION = Fact(
    "reaction time",
    StudyUnit.HOURS,
    brief="reaction",
    why="An owner who posts or repays within it is not to be liquidated before.",
    assumption=True,
    stops=steps(168.0, 1.0, low=1.0),
)


class _Held(Table):
    """What every position has: a size, an owner who reacts, a time that it is held."""

    notional: Annotated[
        Positive,
        Fact(
            "notional",
            StudyUnit.MONEY,
            why="Value at opening: matters only where the cost of closing grows with size.",
        ),
    ] = 1.0
    reaction_time_hours: Annotated[float, HOURS, REACTION] = REACTION_HOURS["loan"]
    holding_horizon_hours: Annotated[
        float,
        HOURS,
        Fact(
            "holding horizon",
            StudyUnit.HOURS,
            why="How long a position is watched: liquidations and defaults count within it.",
            assumption=True,
        ),
    ] = 720.0


class PerpetualPosition(_Held):
    """A linear perpetual, margined in money."""

    kind: Annotated[Literal["perpetual"], Fact("position")] = "perpetual"
    reaction_time_hours: Annotated[float, HOURS, REACTION] = REACTION_HOURS["perpetual"]
    sides: Annotated[tuple[Side, ...], Fact("sides", why="Sides that are margined.")] = (
        Side.LONG,
        Side.SHORT,
    )
    penalty_fraction: Annotated[
        Fraction,
        Fact(
            "penalty and fee",
            StudyUnit.FRACTION,
            brief="fee",
            why="Taken at a close-out, of the notional closed, beside what the market takes.",
            source=DefaultSource.DECLARED,
            assumption=True,
            stops=steps(0.05, 0.0005),
        ),
    ] = 0.0005
    largest_short_margin_fraction: Annotated[
        Positive,
        Fact(
            "largest margin of a short",
            StudyUnit.RATIO,
            why="Where the search for a short's margin ends, a multiple of its notional: a rising "
            "price has no bound, and so no loss of a short in money has.",
        ),
    ] = 10.0
    funding_fraction_per_year: Annotated[
        Yearly,
        Fact(
            "funding",
            StudyUnit.YEARLY,
            why="Paid by longs to shorts, of current notional; negative: by shorts.",
            assumption=True,
        ),
    ] = 0.0

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.sides or len(set(self.sides)) != len(self.sides):
            raise ValueError("sides must name long, short or both, each once")
        return self


class LoanPosition(_Held):
    """A loan against volatile collateral: it hurts only when the collateral falls."""

    kind: Annotated[Literal["loan"], Fact("position")] = "loan"
    bonus_fraction: Annotated[
        Fraction,
        Fact(
            "liquidation bonus",
            StudyUnit.FRACTION,
            brief="bonus",
            why="A liquidator who repays D takes collateral worth D (1 + bonus).",
            source=DefaultSource.DECLARED,
            assumption=True,
            stops=steps(0.2, 0.001),
        ),
    ] = 0.05
    interest_fraction_per_year: Annotated[
        Yearly,
        Fact(
            "interest",
            StudyUnit.YEARLY,
            why="Growth of the debt, compounded per bar.",
            assumption=True,
        ),
    ] = 0.0

    @property
    def sides(self) -> tuple[Side, ...]:
        """The side that is margined."""
        return (Side.LONG,)


PositionTable = Annotated[
    Annotated[PerpetualPosition, Tag("perpetual")] | Annotated[LoanPosition, Tag("loan")],
    by_kind("perpetual"),
]


class ConstantLagTable(Table):
    """The same lag in every bar; it rounds up to whole bars."""

    kind: Annotated[Literal["constant"], Fact("law")] = "constant"
    seconds: Annotated[Seconds, Fact(unit=StudyUnit.SECONDS, assumption=True)] = 0.0

    @property
    def longest_seconds(self) -> float:
        """The longest lag there can be."""
        return self.seconds


class ConditionalLagTable(Table):
    """A lag drawn in every bar, from one law in calm bars and another in stressed ones.

    Chains congest and oracles stall exactly in crashes. A stressed bar may also start a halt.
    """

    kind: Annotated[Literal["conditional"], Fact("law")] = "conditional"
    calm_seconds: Annotated[
        tuple[Seconds, ...],
        Fact("in calm bars", StudyUnit.SECONDS, brief="calm", why="Lags that occur, increasing."),
    ]
    calm_probability: Annotated[
        tuple[Share, ...],
        Fact("chances in calm bars", StudyUnit.PROBABILITY, why="Of each lag; they sum to 1."),
    ]
    stressed_seconds: Annotated[
        tuple[Seconds, ...],
        Fact(
            "in stressed bars",
            StudyUnit.SECONDS,
            brief="stressed",
            why="Lags that occur, increasing.",
        ),
    ]
    stressed_probability: Annotated[
        tuple[Share, ...],
        Fact("chances in stressed bars", StudyUnit.PROBABILITY, why="Of each lag; they sum to 1."),
    ]
    stressed_move_fraction: Annotated[
        Positive,
        Fact(
            "stressed from a move of",
            StudyUnit.FRACTION,
            why="Absolute log return of a bar, close to close, from which it is stressed.",
            assumption=True,
        ),
    ]
    halt_probability: Annotated[
        Fraction,
        Fact(
            "halt in a stressed bar",
            StudyUnit.PROBABILITY,
            why="Chance that a stressed bar starts a halt.",
            assumption=True,
        ),
    ] = 0.0
    halt_seconds: Annotated[
        Seconds, Fact("length of a halt", StudyUnit.SECONDS, why="Rounds up to whole bars.")
    ] = 0.0

    @model_validator(mode="after")
    def _laws(self) -> Self:
        check_law("calm", self.calm_seconds, self.calm_probability)
        check_law("stressed", self.stressed_seconds, self.stressed_probability)
        if self.halt_probability > 0.0 and self.halt_seconds == 0.0:
            raise ValueError("halt_seconds must be above 0 where halt_probability is")
        return self

    @property
    def longest_seconds(self) -> float:
        """The longest lag there can be, a halt included."""
        return max(*self.calm_seconds, *self.stressed_seconds) + self.halt_seconds


LagTable = Annotated[
    Annotated[ConstantLagTable, Tag("constant")]
    | Annotated[ConditionalLagTable, Tag("conditional")],
    by_kind("constant"),
]


def check_law(name: str, seconds: Sequence[float], chances: Sequence[float]) -> None:
    """Refuse lags that do not increase, or whose chances are none.

    Raises
    ------
    ValueError
    """
    if not seconds or len(seconds) != len(chances):
        raise ValueError(f"{name}_seconds and {name}_probability must be lists of one length")
    if any(a >= b for a, b in itertools.pairwise(seconds)):
        raise ValueError(f"{name}_seconds must increase")
    if not math.isclose(sum(chances), 1.0, abs_tol=1e-9):
        raise ValueError(f"{name}_probability must sum to 1, not {sum(chances):g}")


class OracleSection(Table):
    """A feed that publishes late, and only when the price has moved."""

    latency: Annotated[
        LagTable,
        Fact(
            "oracle latency",
            brief="oracle",
            why="From the market's price to the venue's knowledge of it.",
            source=DefaultSource.DECLARED,
            stops=steps(14_400.0, 60.0),
        ),
    ] = ConstantLagTable()
    deviation_fraction: Annotated[
        Fraction,
        Fact(
            "oracle deviation",
            StudyUnit.FRACTION,
            why="It publishes when the price is this far from the one on display: the usual "
            "threshold of public feeds of large coins.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.005


class _Liquidation(Table):
    """What every liquidation has: the time from its trigger to its execution."""

    delay: Annotated[
        LagTable,
        Fact(
            "liquidation delay",
            brief="delay",
            why="From the trigger to the close-out's execution.",
            stops=steps(96.0 * 3600.0, 3600.0),
            shown="h",
            per=3600.0,
        ),
    ] = ConstantLagTable(seconds=3600.0)
    largest_notional_per_bar: Annotated[
        Positive | None,
        Fact(
            "largest close-out per bar",
            StudyUnit.MONEY,
            brief="at most a bar",
            why="Most of one position that a bar closes; the rest of what was ordered stays due in "
            "the next. Left out: no cap.",
            assumption=True,
        ),
    ] = None
    trigger: Annotated[
        Literal["close", "extreme"] | None,
        Fact(
            "trigger",
            why="What of a bar a venue watches; left out: the extreme, where the prices have one.",
        ),
    ] = None
    fill: Annotated[
        Fill | None,
        Fact(
            "fill",
            why="Where in the bar that executes it a close-out is filled. Left out: at the adverse "
            "extreme where that is the trigger, since prints of liquidations are the lows.",
        ),
    ] = None

    @model_validator(mode="after")
    def _filled_where_it_is_seen(self) -> Self:
        if self.trigger == "close" and self.fill not in (None, Fill.CLOSE):
            raise ValueError(f"fill = {self.fill.value} needs trigger = extreme")
        return self


class FullLiquidation(_Liquidation):
    """One liquidation closes the whole position."""

    kind: Annotated[Literal["full"], Fact("close-out")] = "full"


class CloseFactorLiquidation(_Liquidation):
    """One liquidation closes a fraction of what is open; the rest can be triggered again."""

    kind: Annotated[Literal["close-factor"], Fact("close-out")] = "close-factor"
    close_factor_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact(
            "close factor",
            StudyUnit.FRACTION,
            brief="close factor",
            why="Of the open position (of the debt, for a loan).",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ]


class RestoreLiquidation(_Liquidation):
    """One liquidation closes as little as brings the position back to a level."""

    kind: Annotated[Literal["restore"], Fact("close-out")] = "restore"
    restored_ratio: Annotated[
        Positive,
        Fact(
            "restored to",
            StudyUnit.RATIO,
            brief="restored to",
            why="Margin ratio of a perpetual, above its maintenance margin; health factor of a "
            "loan, above 1.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ]


LiquidationTable = Annotated[
    Annotated[FullLiquidation, Tag("full")]
    | Annotated[CloseFactorLiquidation, Tag("close-factor")]
    | Annotated[RestoreLiquidation, Tag("restore")],
    by_kind("full"),
]

RATE = Fact(
    "slippage",
    StudyUnit.FRACTION,
    brief="slippage",
    why="Lost on the value closed: flat, or at a value equal to the depth. A loan's liquidator "
    "pays it out of his bonus.",
    assumption=True,
    only="perpetual",
    stops=steps(0.05, 0.0005),
)
DEPTH = Fact(
    "depth",
    StudyUnit.MONEY,
    brief="depth",
    why="Value whose close-out costs the slippage rate.",
    assumption=True,
)


class FlatLiquidity(Table):
    """A close-out costs the same fraction whatever its size."""

    kind: Annotated[Literal["flat"], Fact("liquidity")] = "flat"
    rate_fraction: Annotated[Fraction, RATE] = 0.005


class LinearLiquidity(Table):
    """A close-out of value Q costs rate * Q / depth, as a fraction of Q."""

    kind: Annotated[Literal["linear"], Fact("liquidity", brief="liquidity")] = "linear"
    rate_fraction: Annotated[Fraction, RATE]
    depth_notional: Annotated[Positive, DEPTH]


class SquareRootLiquidity(Table):
    """A close-out of value Q costs rate * sqrt(Q / depth), as a fraction of Q."""

    kind: Annotated[Literal["square-root"], Fact("liquidity", brief="liquidity")] = "square-root"
    rate_fraction: Annotated[Fraction, RATE]
    depth_notional: Annotated[Positive, DEPTH]


class LadderLiquidity(Table):
    """Measured average cost at increasing values, linear in between and beyond the last."""

    kind: Annotated[Literal["ladder"], Fact("liquidity", brief="liquidity")] = "ladder"
    notional: Annotated[
        tuple[Positive, ...], Fact("ladder's values", StudyUnit.MONEY, why="Increasing.")
    ]
    cost_fraction: Annotated[
        tuple[Fraction, ...],
        Fact(
            "ladder's costs",
            StudyUnit.FRACTION,
            brief="ladder",
            why="Average cost of each value; must not fall.",
        ),
    ]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.notional or len(self.notional) != len(self.cost_fraction):
            raise ValueError("notional and cost_fraction must be lists of one length")
        if any(a >= b for a, b in itertools.pairwise(self.notional)):
            raise ValueError("notional must increase: sort the levels and merge duplicates")
        if any(a > b for a, b in itertools.pairwise(self.cost_fraction)):
            raise ValueError("cost_fraction must not fall: a larger close-out costs no less")
        return self


LiquidityTable = Annotated[
    Annotated[FlatLiquidity, Tag("flat")]
    | Annotated[LinearLiquidity, Tag("linear")]
    | Annotated[SquareRootLiquidity, Tag("square-root")]
    | Annotated[LadderLiquidity, Tag("ladder")],
    by_kind("flat"),
]
