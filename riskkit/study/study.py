"""A study: everything a calibration depends on besides the prices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from riskkit.errors import InputError
from riskkit.paths.model import Shocks
from riskkit.position import Side
from riskkit.study.attack import AttackSection
from riskkit.study.book import BookTable, StressSection
from riskkit.study.collateral import CollateralSection
from riskkit.study.depth import DepthTable
from riskkit.study.explain import explain
from riskkit.study.fact import Entry, Fact, entries
from riskkit.study.fund import FundSection
from riskkit.study.kinds import merged, nested
from riskkit.study.lending import LendingSection
from riskkit.study.level import LevelSection
from riskkit.study.listing import ListingSection
from riskkit.study.memory import MemorySection
from riskkit.study.name import study_name
from riskkit.study.options import OptionsSection
from riskkit.study.peers import PeersSection
from riskkit.study.portfolio import AssetsSection, DependenceSection, PortfolioSection
from riskkit.study.reading import resolved
from riskkit.study.rule import AccountsSection, RuleSection
from riskkit.study.suited import Pace, bars_of_days, check_fewest, suited
from riskkit.study.tables import (
    DataSection,
    FloorSection,
    ModelSection,
    SimulationSection,
    Table,
    TargetsSection,
    check_text,
)
from riskkit.study.terms import BONUS, bonus_of, longest, slippage
from riskkit.study.venue import (
    FlatLiquidity,
    FullLiquidation,
    LiquidationTable,
    LiquidityTable,
    LoanPosition,
    OracleSection,
    PerpetualPosition,
    PositionTable,
    RestoreLiquidation,
)
from riskkit.study.versions import present
from riskkit.units import BarCount, count_bars
from riskkit.venue.lending import smallest_bonus
from riskkit.volatility.spec import Variance

#: A table that is left out leaves nothing behind: files of studies that ask for none keep their
#: bytes.
ABSENT = Field(exclude_if=lambda table: table is None)


class Study(Table):
    """A calibration's question, version 2. ``as_of`` is part of it: nothing here reads a clock.

    A version 1 file is read into it (`riskkit.study.version1`), so that nobody else asks which
    version a study was written in.

    Examples
    --------
    >>> import riskkit
    >>> study = riskkit.read_study("studies/eth-collateral-daily.toml")
    >>> study.changed({"simulation.paths": 50_000}).simulation.paths
    50000
    """

    schema_version: Literal[2] = 2
    title: Annotated[str, Fact("title")] = Field(min_length=1)
    as_of: Annotated[date, Fact("as of", why="The day whose knowledge the study uses.")]
    unconfirmed: Annotated[
        tuple[str, ...],
        Fact(
            "unconfirmed", why="Keys proposed and checked by nobody: nothing is exported on them."
        ),
    ] = ()
    data: DataSection
    assets: AssetsSection = AssetsSection()
    model: ModelSection = ModelSection()
    memory: Annotated[
        MemorySection | None,
        Fact(why="What each side's tail remembers of its own losses; left out: nothing."),
        ABSENT,
    ] = None
    level: Annotated[
        LevelSection | None,
        Fact(why="The record of the variance forecast, in the file; left out: none."),
        ABSENT,
    ] = None
    peers: Annotated[
        PeersSection | None,
        Fact(why="Older markets that a young one borrows from; left out: none."),
        ABSENT,
    ] = None
    dependence: DependenceSection = DependenceSection()
    position: PositionTable = PerpetualPosition()
    oracle: OracleSection = OracleSection()
    liquidation: LiquidationTable = FullLiquidation()
    liquidity: LiquidityTable = FlatLiquidity()
    floor: FloorSection = FloorSection()
    targets: TargetsSection = TargetsSection()
    portfolio: PortfolioSection = PortfolioSection()
    simulation: SimulationSection = SimulationSection()
    depth: Annotated[
        DepthTable | None, Fact(why="What close-outs do to the price: `riskkit stress`."), ABSENT
    ] = None
    book: Annotated[
        BookTable | None, Fact(why="The accounts of the venue: `riskkit stress`."), ABSENT
    ] = None
    fund: Annotated[
        FundSection | None, Fact(why="What stands behind them: `riskkit stress`."), ABSENT
    ] = None
    lending: Annotated[
        LendingSection | None, Fact(why="How loans are liquidated: `riskkit fund`."), ABSENT
    ] = None
    stress: Annotated[
        StressSection | None, Fact(why="What they are held to: `riskkit stress`."), ABSENT
    ] = None
    rule: Annotated[
        RuleSection | None, Fact(why="The margin as a published rule: `riskkit replay`."), ABSENT
    ] = None
    accounts: Annotated[
        AccountsSection | None, Fact(why="Who it is judged over: `riskkit replay`."), ABSENT
    ] = None
    attack: Annotated[
        AttackSection | None, Fact(why="Who would move its price: `riskkit attack`."), ABSENT
    ] = None
    options: Annotated[
        OptionsSection | None,
        Fact(why="How implied volatility moves: `riskkit portfolio --legs`."),
        ABSENT,
    ] = None
    listing: Annotated[
        ListingSection | None, Fact(why="Whether it may be listed: `riskkit listing`."), ABSENT
    ] = None

    collateral: Annotated[
        CollateralSection | None,
        Fact(why="What is accepted as collateral: `riskkit collateral`."),
        ABSENT,
    ] = None

    _text = field_validator("title")(check_text)

    @model_validator(mode="after")
    def _unconfirmed_are_keys(self) -> Self:
        known = {entry.key for entry in self.entries()} if self.unconfirmed else set()
        for key in self.unconfirmed:
            if key not in known:
                raise ValueError(f"unconfirmed names {key}, which is no key of this study")
        return self

    @model_validator(mode="after")
    def _remembers_residuals(self) -> Self:
        if self.memory is not None and self.model.shocks is not Shocks.FILTERED:
            raise ValueError(
                'memory asks for model.shocks = "filtered": its weight is of residuals'
            )
        return self

    @model_validator(mode="after")
    def _judged_over_accounts(self) -> Self:
        if self.targets.over == "one-position" and self.liquidation.trigger != "close":
            raise ValueError(
                'targets.over = "one-position" is for version 1, whose liquidation.trigger is '
                '"close": P(default | liquidation) alone is met by liquidating more accounts'
            )
        return self

    @model_validator(mode="after")
    def _has_a_level(self) -> Self:
        if self.level is not None and self.model.spec.startswith(Variance.EGARCH.value):
            raise ValueError("level asks for a variance in closed form, which egarch has not")
        return self

    @model_validator(mode="after")
    def _liquidators_come(self) -> Self:
        if not isinstance(self.position, LoanPosition):
            return self
        cost = slippage(self.liquidity).cost(self.position.notional)
        if cost >= 1.0:
            raise ValueError(
                "closing out position.notional would cost all of it by liquidity, and no "
                "liquidator would come"
            )
        needed = smallest_bonus(cost)
        if bonus_of(self.position) < needed:
            raise ValueError(
                f"{BONUS} must be at least slippage/(1 - slippage) "
                f"= {needed:.6f}, or no liquidator would come"
            )
        restored = self.liquidation
        if isinstance(restored, RestoreLiquidation) and not restored.restored_ratio > 1.0:
            raise ValueError("liquidation.restored_ratio of a loan is a health factor, above 1")
        return self

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides that are margined; a loan hurts only when its collateral falls."""
        return self.position.sides

    @property
    def is_loan(self) -> bool:
        """Whether collateral is lent against; else a perpetual is margined."""
        return isinstance(self.position, LoanPosition)

    def periods(self, bar: pd.Timedelta) -> Periods:
        """The study's times counted in bars, each rounded up; a lag counts at its longest."""
        p = self.position
        return Periods(
            bar=bar,
            oracle_latency=longest(self.oracle.latency, bar),
            liquidation_delay=longest(self.liquidation.delay, bar),
            reaction_time=count_bars(pd.Timedelta(hours=p.reaction_time_hours), bar),
            holding_horizon=count_bars(pd.Timedelta(hours=p.holding_horizon_hours), bar),
        )

    def pace(self, bar: pd.Timedelta) -> Pace:
        """The rhythm of its walk through history in bars: its own, or what suits the bar.

        Raises
        ------
        InputError
            If the history before the first fit holds too few bars.
        """
        model, suits = self.model, suited(bar)
        first, every = model.minimum_bars, model.refit_every_bars
        if first is None:
            days = model.minimum_history_days or suits.minimum_history_days
            first = bars_of_days(days, bar, "model.minimum_history_days")
            check_fewest(first, days, bar)
        if every is None:
            days = model.refit_every_days or suits.refit_every_days
            every = bars_of_days(days, bar, "model.refit_every_days")
        return Pace(first, every)

    def entries(self) -> tuple[Entry, ...]:
        """Every field by its key from the top, with its fact and value."""
        return tuple(entries(self))

    def changed(self, changes: Mapping[str, Any]) -> Study:
        """The study with other values, validated as a whole.

        Parameters
        ----------
        changes : mapping
            By dotted keys (``{"simulation.paths": 200_000}``), by tables, or both. Where a
            ``kind`` changes, keys that the new kind does not have go with the old one.

        Raises
        ------
        InputError
            Naming the key that breaks a rule, or that this study does not have.
        """
        return _validated(merged(Study, self.model_dump(), nested(changes)))


class Periods(BaseModel):
    """A study's times in bars; the margin period of risk adds the bar that jumps the trigger."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    bar: pd.Timedelta
    oracle_latency: BarCount
    liquidation_delay: BarCount
    reaction_time: BarCount
    holding_horizon: BarCount

    @property
    def margin_period_of_risk(self) -> int:
        """Bars: one observation interval + oracle latency + liquidation delay."""
        return 1 + self.oracle_latency.bars + self.liquidation_delay.bars


def read_study(path: str | Path) -> Study:
    """Read a study from TOML; every mistake is named with its key.

    A version 2 file may say ``extends = "base.toml"``, relative to itself: what it does not say is
    that of the base, whose price file stays where the base has it.

    Raises
    ------
    InputError
        For a file that cannot be read or has no name, a base that is missing or leads back to
        where it began, an unknown key, or a value that breaks a rule.

    Examples
    --------
    >>> import riskkit
    >>> study = riskkit.read_study("studies/eth-collateral-daily.toml")
    >>> study.position.kind
    'loan'
    """
    study_name(path)
    return parse_study(resolved(Path(path), lambda: Study))


def parse_study(content: Mapping[str, Any]) -> Study:
    """A study given as nested dictionaries, of version 2 or (without ``schema_version``) of 1.

    Raises
    ------
    InputError

    Examples
    --------
    >>> import riskkit
    >>> from datetime import date
    >>> study = riskkit.parse_study(
    ...     {
    ...         "title": "ETH",
    ...         "as_of": date(2024, 12, 31),
    ...         "data": {"asset": "ETH/USD", "prices": "data/eth_usd_daily.csv"},
    ...     }
    ... )
    >>> study.position.kind
    'perpetual'
    """
    if "extends" in content:
        raise InputError(
            "extends",
            content["extends"],
            "is looked up beside a study's file, and this study is none",
            "Read the file, or give every key",
        )
    return _validated(present(content))


def _validated(content: Mapping[str, Any]) -> Study:
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise explain(error, Study) from None
