"""A study's table of collateral: what is accepted, how it is sold, how several stand together."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from riskkit.collateral.pool import Seizure
from riskkit.collateral.settlement import CoinMark
from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Days, Fraction, Positive, Share, Table

Hours = Annotated[float, Field(strict=True, gt=0.0, le=24.0 * 366.0)]
Weight = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
CloseShare = Annotated[float, Field(strict=True, gt=0.0, le=1.0)]


class CollateralPoolTable(Table):
    """Several kinds of collateral behind one debt: mixtures that are judged, and who takes what."""

    mixtures: Annotated[
        tuple[tuple[Weight, ...], ...],
        Fact(
            "mixtures",
            why="Of the accepted assets in order, each summing to 1; absent, each asset alone and "
            "all in equal parts.",
        ),
    ] = ()
    seizure: Annotated[
        Seizure,
        Fact("order of seizure", why="Which collateral a liquidator takes first."),
    ] = Seizure.DEEPEST
    close_factor_fraction: Annotated[
        CloseShare,
        Fact(
            "close factor",
            StudyUnit.FRACTION,
            why="Of the debt, repaid by one liquidation: what is not taken goes on being owed.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.5
    account_notional: Annotated[
        Positive | None,
        Fact(
            "account",
            StudyUnit.MONEY,
            why="Collateral of one, which slippage grows with; absent, position.notional.",
        ),
    ] = None


class SettlementTable(Table):
    """The coin in which debts are owed and accounts settled, and how it breaks."""

    name: Annotated[str, Field(min_length=1), Fact("coin", why="Named in tables.")]
    breaks_per_year: Annotated[
        Positive,
        Fact("breaks a year", StudyUnit.RATIO, why="Rate of the peg law: `riskkit peg`."),
    ]
    depth_shape: Annotated[
        float,
        Field(strict=True, gt=-1.0, lt=1.0),
        Fact("shape of its depth", StudyUnit.RATIO, why="xi of the peg law."),
    ] = 0.0
    depth_scale_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact("scale of its depth", StudyUnit.FRACTION, why="beta of the peg law."),
    ]
    depth_threshold_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact("least depth", StudyUnit.FRACTION, why="From which it counts as broken."),
    ] = 0.01
    stay_days: Annotated[
        Days,
        Fact("stays broken", StudyUnit.DAYS, why="Until redemption brings it back."),
    ] = 3.0
    held_fraction: Annotated[
        Share,
        Fact(
            "share held in it",
            StudyUnit.FRACTION,
            why="Of an account's collateral, the rest in equal parts of what is accepted.",
        ),
    ] = 0.5
    haircut_fraction: Annotated[
        Fraction,
        Fact("its haircut", StudyUnit.FRACTION, why="As the venue publishes it."),
    ] = 0.05
    mark: Annotated[
        CoinMark,
        Fact("marked", why="At its market price, or at a constant; the other is shown beside it."),
    ] = CoinMark.MARKET


class CollateralSection(Table):
    """Assets of the panel that are accepted as collateral, beside money."""

    accepted: Annotated[
        tuple[str, ...],
        Field(min_length=1),
        Fact("accepted", why="Assets of the panel; each is margined jointly with the positions."),
    ]
    liquidation_hours: Annotated[
        tuple[Hours, ...],
        Fact(
            "time to sell",
            StudyUnit.HOURS,
            why="Of each accepted asset in order: by the depth of its market, or the queue of its "
            "redemption; absent, the margin period of risk. Never shorter than that.",
        ),
    ] = ()
    sale_bonus_fraction: Annotated[
        Fraction,
        Fact(
            "liquidation bonus",
            StudyUnit.FRACTION,
            why="Of a loan against the collateral: thresholds leave room for it, and no more is "
            "accepted than can be sold within it at crash depth.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.05
    crash_depth_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact(
            "depth left in a crash",
            StudyUnit.FRACTION,
            why="Of the depth in [liquidity].",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.2
    depth_notionals: Annotated[
        tuple[Positive, ...],
        Fact(
            "depth of each",
            StudyUnit.MONEY,
            why="Of each accepted asset in order, under the law in [liquidity]; absent, its depth.",
        ),
    ] = ()
    daily_volume_notionals: Annotated[
        tuple[Positive, ...],
        Fact(
            "traded a day",
            StudyUnit.MONEY,
            why="Of each accepted asset in order; absent, volume sets no limit.",
        ),
    ] = ()
    volume_share_fraction: Annotated[
        CloseShare,
        Fact(
            "share of volume",
            StudyUnit.FRACTION,
            why="Of a day's volume, the most that is accepted.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.1
    pool: Annotated[
        CollateralPoolTable | None, Fact(why="Accounts of several collaterals: `riskkit pool`.")
    ] = None
    settlement: Annotated[
        SettlementTable | None, Fact(why="A settlement coin that breaks: `riskkit pool`.")
    ] = None

    @model_validator(mode="after")
    def _one_time_each(self) -> Self:
        for name in ("liquidation_hours", "depth_notionals", "daily_volume_notionals"):
            given = getattr(self, name)
            if given and len(given) != len(self.accepted):
                raise ValueError(
                    f"{name} must be one for each accepted asset: {len(self.accepted)}, not "
                    f"{len(given)}"
                )
        for mixture in self.pool.mixtures if self.pool is not None else ():
            if len(mixture) != len(self.accepted) or abs(sum(mixture) - 1.0) > 1e-9:
                raise ValueError(
                    f"pool.mixtures must be weights of {', '.join(self.accepted)} that sum to 1, "
                    f"not {list(mixture)}, which sums to {sum(mixture):g}"
                )
        if len(set(self.accepted)) != len(self.accepted):
            raise ValueError("accepted names an asset twice")
        return self
