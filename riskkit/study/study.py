"""A study: everything a calibration depends on besides the prices, as a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from riskkit.errors import InputError
from riskkit.market import Calendar, InvalidRows
from riskkit.market.store import SeriesKey
from riskkit.paths.model import Shocks
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.units import BarCount, count_bars
from riskkit.venue.lending import smallest_bonus
from riskkit.volatility.spec import VolatilitySpec

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Hours = Annotated[float, Field(ge=0.0, le=24 * 366)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSection(_Section):
    """Which prices: a file (relative to the study), a stored series, or one of a package.

    A stored series (``"binance/ETH-USDT-USDT/1h"``) may be resampled to a longer ``bar``.
    """

    asset: str = Field(min_length=1)
    prices: str | None = None
    stored: str | None = None
    sample: Literal["sp500", "wti"] | None = None
    bar: str | None = None
    calendar: Calendar | None = None
    price_column: str | None = None
    invalid_rows: InvalidRows = InvalidRows.RAISE
    exclude_rows: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.prices, self.stored, self.sample)) != 1:
            raise ValueError(
                "give one of prices (a file), stored (a series of the price store) and sample "
                "(sp500, wti)"
            )
        if self.stored is not None and SeriesKey.parse(self.stored).bar is None:
            raise ValueError("stored must name prices, not funding rates")
        if self.stored is not None and (self.calendar or self.price_column):
            raise ValueError("calendar and price_column describe a file: leave them out")
        return self


class ModelSection(_Section):
    """The volatility model, and what its shocks are when simulated."""

    spec: str = "gjr-skewt"
    shocks: Shocks = Shocks.FILTERED
    minimum_bars: int = Field(default=500, ge=250)
    refit_every_bars: int = Field(default=30, ge=1)

    @field_validator("spec")
    @classmethod
    def _known(cls, name: str) -> str:
        return VolatilitySpec.parse(name).name


class VenueSection(_Section):
    """What is margined: a linear perpetual, or a loan against volatile collateral."""

    kind: Literal["perpetual", "loan"] = "perpetual"
    sides: tuple[Side, ...] = (Side.LONG, Side.SHORT)
    liquidation_bonus_fraction: Fraction = 0.05
    floor: Literal["full-history", "none"] = "full-history"

    @model_validator(mode="after")
    def _loans_are_long(self) -> Self:
        if not self.sides or len(set(self.sides)) != len(self.sides):
            raise ValueError("sides must name long, short or both, each once")
        return self


class MechanismSection(_Section):
    """How late and how costly a liquidation is. Times round up to whole bars."""

    oracle_latency_seconds: Annotated[float, Field(ge=0.0, le=86_400 * 30)] = 0.0
    oracle_deviation_fraction: Fraction = 0.005
    liquidation_delay_hours: Hours = 1.0
    reaction_time_hours: Annotated[float, Field(gt=0.0, le=24 * 366)] = 24.0
    holding_horizon_hours: Annotated[float, Field(gt=0.0, le=24 * 366)] = 720.0
    slippage_fraction: Fraction = 0.005
    fee_fraction: Fraction = 0.0005


class TargetsSection(_Section):
    """The two targets: one governs MM (or LT), the other IM - MM (or LT - LTV)."""

    default_given_liquidation_probability: Probability = 0.01
    liquidation_within_reaction_time_probability: Probability = 0.05


class SimulationSection(_Section):
    """Paths, seed, start state of the recommendation, and refits behind its bands."""

    paths: int = Field(default=100_000, ge=10_000, le=10_000_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    start_state: StartState = StartState.NOW
    bootstrap_refits: int = Field(default=20, ge=0, le=1_000)


class Study(_Section):
    """A calibration's question. ``as_of`` is part of it: nothing here reads a clock."""

    title: str = Field(min_length=1)
    as_of: date
    data: DataSection
    model: ModelSection = ModelSection()
    venue: VenueSection = VenueSection()
    mechanism: MechanismSection = MechanismSection()
    targets: TargetsSection = TargetsSection()
    simulation: SimulationSection = SimulationSection()

    @model_validator(mode="after")
    def _liquidators_come(self) -> Self:
        needed = smallest_bonus(self.mechanism.slippage_fraction)
        if self.venue.kind == "loan" and self.venue.liquidation_bonus_fraction < needed:
            raise ValueError(
                f"venue.liquidation_bonus_fraction must be at least slippage/(1 - slippage) "
                f"= {needed:.6f}, or no liquidator would come"
            )
        return self

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides that are margined; a loan hurts only when its collateral falls."""
        return (Side.LONG,) if self.venue.kind == "loan" else self.venue.sides

    def periods(self, bar: pd.Timedelta) -> Periods:
        """The study's times counted in bars of this length, each rounded up."""
        m = self.mechanism
        return Periods(
            bar=bar,
            oracle_latency=count_bars(pd.Timedelta(seconds=m.oracle_latency_seconds), bar),
            liquidation_delay=count_bars(pd.Timedelta(hours=m.liquidation_delay_hours), bar),
            reaction_time=count_bars(pd.Timedelta(hours=m.reaction_time_hours), bar),
            holding_horizon=count_bars(pd.Timedelta(hours=m.holding_horizon_hours), bar),
        )


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

    Raises
    ------
    InputError
        For a file that cannot be read, an unknown key, or a value that breaks a rule.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "study",
            str(path),
            f"must be a file that can be read ({error.strerror})",
            "Check the name; shipped studies lie in studies/",
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "study", str(path), f"must be TOML: {error}", "Correct that line of the file"
        ) from None
    return parse_study(content)


def parse_study(content: dict[str, Any]) -> Study:
    """Validate a study given as nested dictionaries."""
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise explain(error, "study") from None


def explain(error: ValidationError, document: str) -> InputError:
    """The first mistake that pydantic found, as a four-part error that counts the others."""
    first, *others = error.errors(include_url=False)
    key = ".".join(map(str, first["loc"])) or document
    value, rule = first["input"], first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and isinstance(value, Mapping | BaseModel):
        value = "keys that do not go together"  # the rule names them; the rest would bury it
    remedy = "Correct the key"
    if first["type"] == "extra_forbidden":
        rule, remedy = "unknown keys are refused", "Remove it, or check its spelling"
    elif first["type"] == "missing":
        rule, remedy = "this key must be there", "Add it"
    if others:
        keys = ", ".join(".".join(map(str, e["loc"])) for e in others)
        remedy += f"; also wrong: {keys}"
    return InputError(key, value, rule[:1].lower() + rule[1:], remedy)
