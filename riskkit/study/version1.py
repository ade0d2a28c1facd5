"""Version 1 of the study: its keys, its defaults, which never change, and what they mean now.

A file without ``schema_version`` is of this version. It is checked by its own rules, so that a
mistake is named by the key its author wrote, and then read into the tables of the present version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from riskkit.paths.model import Shocks
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.study.tables import SEED_LIMIT, DataSection, check_shocks, check_spec, check_text
from riskkit.venue.lending import smallest_bonus

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Hours = Annotated[float, Field(ge=0.0, le=24 * 366)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("must be a number or a text, not true or false")
        return value


class Model1(_Section):
    """The volatility model."""

    spec: str = "gjr-skewt"
    shocks: Shocks = Shocks.FILTERED
    minimum_bars: int = Field(default=500, ge=250)
    refit_every_bars: int = Field(default=30, ge=1)

    _known = field_validator("spec")(check_spec)

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        check_shocks(self.spec, self.shocks)
        return self


class Venue1(_Section):
    """What is margined."""

    kind: Literal["perpetual", "loan"] = "perpetual"
    sides: tuple[Side, ...] = (Side.LONG, Side.SHORT)
    liquidation_bonus_fraction: Fraction = 0.05
    floor: Literal["full-history", "none"] = "full-history"

    @model_validator(mode="after")
    def _sides(self) -> Self:
        if not self.sides or len(set(self.sides)) != len(self.sides):
            raise ValueError("sides must name long, short or both, each once")
        if self.kind == "loan" and "sides" in self.model_fields_set and Side.SHORT in self.sides:
            raise ValueError(
                "sides of a loan are long: it hurts only when its collateral falls; leave them out"
            )
        return self


class Mechanism1(_Section):
    """How late and how costly a liquidation is."""

    oracle_latency_seconds: Annotated[float, Field(ge=0.0, le=86_400 * 30)] = 0.0
    oracle_deviation_fraction: Fraction = 0.005
    liquidation_delay_hours: Hours = 1.0
    reaction_time_hours: Annotated[float, Field(gt=0.0, le=24 * 366)] = 24.0
    holding_horizon_hours: Annotated[float, Field(gt=0.0, le=24 * 366)] = 720.0
    slippage_fraction: Fraction = 0.005
    fee_fraction: Fraction = 0.0005


class Targets1(_Section):
    """The two targets."""

    default_given_liquidation_probability: Probability = 0.01
    liquidation_within_reaction_time_probability: Probability = 0.05


class Simulation1(_Section):
    """Paths, seed, start state, refits."""

    paths: int = Field(default=100_000, ge=10_000, le=10_000_000)
    seed: int = Field(default=1, ge=0, lt=SEED_LIMIT)
    start_state: StartState = StartState.NOW
    bootstrap_refits: int = Field(default=20, ge=0, le=1_000)


class Study1(_Section):
    """A study of version 1."""

    title: str = Field(min_length=1)
    as_of: date
    data: DataSection
    model: Model1 = Model1()
    venue: Venue1 = Venue1()
    mechanism: Mechanism1 = Mechanism1()
    targets: Targets1 = Targets1()
    simulation: Simulation1 = Simulation1()

    _text = field_validator("title")(check_text)

    @model_validator(mode="after")
    def _liquidators_come(self) -> Self:
        needed = smallest_bonus(self.mechanism.slippage_fraction)
        if self.venue.kind == "loan" and self.venue.liquidation_bonus_fraction < needed:
            raise ValueError(
                f"venue.liquidation_bonus_fraction must be at least slippage/(1 - slippage) "
                f"= {needed:.6f}, or no liquidator would come"
            )
        return self


#: Where a key of version 1 stands in version 2, and how much of the new unit one of the old is.
#: A key that only one kind of position has is named for that kind.
MOVED: dict[tuple[str, str], tuple[str, float]] = {
    ("mechanism", "oracle_latency_seconds"): ("oracle.latency.seconds", 1.0),
    ("mechanism", "oracle_deviation_fraction"): ("oracle.deviation_fraction", 1.0),
    ("mechanism", "liquidation_delay_hours"): ("liquidation.delay.seconds", 3600.0),
    ("mechanism", "reaction_time_hours"): ("position.reaction_time_hours", 1.0),
    ("mechanism", "holding_horizon_hours"): ("position.holding_horizon_hours", 1.0),
    ("mechanism", "slippage_fraction"): ("liquidity.rate_fraction", 1.0),
}
MOVED_OF_KIND: dict[str, dict[tuple[str, str], tuple[str, float]]] = {
    "perpetual": {
        ("mechanism", "fee_fraction"): ("position.penalty_fraction", 1.0),
        ("venue", "sides"): ("position.sides", 1.0),
    },
    "loan": {("venue", "liquidation_bonus_fraction"): ("position.bonus_fraction", 1.0)},
}


def upgraded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a version 1 study as version 2.

    Raises
    ------
    ValidationError
        By version 1's own keys and rules.
    """
    old = Study1.model_validate(content)
    sections = old.model_dump()
    kind, floor = old.venue.kind, old.venue.floor
    found: dict[str, Any] = {
        name: sections[name] for name in ("title", "as_of", "data", "model", "simulation")
    }
    found |= {
        "schema_version": 2,
        "position": {"kind": kind},
        "oracle": {"latency": {"kind": "constant"}},
        "model": {**sections["model"], "holes": "left-out"},
        "liquidation": {"kind": "full", "delay": {"kind": "constant"}, "trigger": "close"},
        "liquidity": {"kind": "flat"},
        "floor": {"kind": floor},
        "targets": {**sections["targets"], "over": "one-position"},
    }
    for (section, key), (place, per) in {**MOVED, **MOVED_OF_KIND[kind]}.items():
        *tables, last = place.split(".")
        table = found
        for name in tables:
            table = table[name]
        value = sections[section][key]
        table[last] = value * per if per != 1.0 else value
    return found
