"""A published set of scenarios: moves of a price and of volatility, and what an account loses.

The requirement of a book in one underlying is its largest weighted loss over the set. Far moves
count in part: their weight times their size is a constant, ``tail x range``, so that for a position
in the underlying itself they add nothing while ``tail`` is at most 1, and bind for options far out
of the money. A book of several underlyings is shocked in all of them at once, each by its own
range; of what one underlying gains against what another loses, a share counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from riskkit.errors import DataError, InputError
from riskkit.reading import parse_json

Array = npt.NDArray[np.float64]

SCHEMA = "riskkit scenario set 1"
RANGE_STEP = Decimal("0.005")


class SetStyle(StrEnum):
    """Whose set of scenarios it is like; the documentation says what of the real one it covers."""

    DERIBIT = "deribit-like"
    DERIVE = "derive-like"
    PARADEX = "paradex-24"
    SPAN = "span-like"


@dataclass(frozen=True)
class Style:
    """The form of a set, without the numbers that are calibrated.

    Attributes
    ----------
    steps : int
        Grid points on either side of no move.
    volatility : tuple of int
        States in which every move is taken: 1 up, 0 as it is, -1 down.
    edge : tuple of int
        States in which the outermost moves are taken.
    tails : tuple of float
        Far moves, simple; with volatility up.
    tail : float
        Weight times size of a far move, in ranges.
    gains : float
        Share of one underlying's gain that counts against another's loss.
    short_power, long_power : float
        Of 30 days over days to expiry in the shock of volatility, below and above 30 days.
    floor_days : float
        Least days to expiry in that shock.
    maintenance : float
        Maintenance over initial margin.
    """

    steps: int
    volatility: tuple[int, ...]
    edge: tuple[int, ...]
    tails: tuple[float, ...]
    tail: float
    gains: float
    short_power: float = 0.3
    long_power: float = 0.13
    floor_days: float = 1.0
    maintenance: float = 0.8


FAR = (-0.66, -0.5, -0.33, 0.5, 1.0, 5.0)
STYLES: Mapping[SetStyle, Style] = {
    SetStyle.DERIBIT: Style(4, (1, 0, -1), (1, 0, -1), (-0.66, 5.0), 1.0, 0.6),
    SetStyle.DERIVE: Style(4, (1, 0, -1), (1,), (-0.66, -0.33, 0.33, 0.66), 0.77, 0.0),
    SetStyle.PARADEX: Style(4, (1, -1), (1, -1), FAR, 1.0, 0.0, maintenance=0.5),
    # Moves by thirds of the range, and twice the range at 35 %: .7 of it, which is its tail.
    SetStyle.SPAN: Style(3, (1, -1), (1, -1), (), 0.7, 0.0, 0.0, 0.0, maintenance=1.0),
}


@dataclass(frozen=True)
class UnderlyingShock:
    """What one underlying is shocked by: fractions.

    Attributes
    ----------
    range : float
        Of the price, either way.
    volatility_up, volatility_down : float
        Of volatility, at 30 days.
    evidence : str
    """

    range: float
    volatility_up: float = 0.5
    volatility_down: float = 0.25
    evidence: str = ""

    def __post_init__(self) -> None:
        for name, value, top in (
            ("range", self.range, 1.0),
            ("volatility_up", self.volatility_up, 10.0),
            ("volatility_down", self.volatility_down, 1.0),
        ):
            if not 0.0 < value < top:
                rule = f"must lie strictly between 0 and {top:g}"
                raise InputError(name, value, rule, "Give a fraction: 0.16 is 16 %")


@dataclass(frozen=True)
class ScenarioSet:
    """A set of scenarios for each underlying.

    Attributes
    ----------
    style : SetStyle
    shocks : mapping of str to UnderlyingShock
    form : Style
    decayed_days : float or None
        Margin period at whose end options are revalued as well, at the set's moves and at each
        strike within the range (`riskkit.options.grid`); None revalues at once only.
    """

    style: SetStyle
    shocks: Mapping[str, UnderlyingShock]
    form: Style = field(default=STYLES[SetStyle.DERIBIT])
    decayed_days: float | None = None

    @classmethod
    def of(cls, style: SetStyle, shocks: Mapping[str, UnderlyingShock]) -> ScenarioSet:
        """A set in the form of a style."""
        return cls(style, dict(shocks), STYLES[style])

    def scenarios(self, name: str) -> Array:
        """Scenarios of an underlying, a row each: move, state of volatility, weight.

        Moves from the highest to the lowest, then the far ones.

        Raises
        ------
        InputError
            If the set does not know the underlying.
        """
        if name not in self.shocks:
            rule = f"must be one of the set: {', '.join(self.shocks)}"
            raise InputError("underlying", name, rule, "Calibrate a set that holds it")
        form, reach = self.form, self.shocks[name].range
        rows = []
        for k in range(form.steps, -form.steps - 1, -1):
            states = form.edge if abs(k) == form.steps else form.volatility
            rows += [(reach * k / form.steps, state, 1.0) for state in states]
        if self.style is SetStyle.SPAN:
            far = ((2.0 * reach, 0.35), (-2.0 * reach, 0.35))
            return np.array([*rows, *((move, 0, weight) for move, weight in far)])
        rows += [(move, 1, min(1.0, form.tail * reach / abs(move))) for move in form.tails]
        return np.array(rows)

    def volatility_factors(self, name: str, days: float) -> Array:
        """Factor on volatility in each scenario, for an expiry in so many days."""
        form, shock = self.form, self.shocks[name]
        power = form.short_power if days < 30.0 else form.long_power
        scale = (30.0 / max(days, form.floor_days)) ** power
        state = self.scenarios(name)[:, 1]
        size = np.where(state > 0, shock.volatility_up, -shock.volatility_down)
        return np.asarray(1.0 + np.where(state == 0, 0.0, size * scale))

    def array(self, name: str, value: Callable[[Array, Array], Array], days: float = 30.0) -> Array:
        """Weighted profit and loss of a position in each scenario of its underlying.

        Parameters
        ----------
        value : callable
            Profit and loss at (moves, factors on volatility).
        days : float
            To its expiry.
        """
        rows = self.scenarios(name)
        return np.asarray(rows[:, 2] * value(rows[:, 0], self.volatility_factors(name, days)))

    def unit_arrays(self, prices: Mapping[str, float]) -> dict[str, Array]:
        """Weighted profit and loss of a unit of each underlying, scenario by scenario: money.

        As clearing houses publish arrays: what a venue adds up is quantities times these.
        """
        rows = {name: self.scenarios(name) for name in self.shocks}
        return {
            name: np.asarray(table[:, 2] * table[:, 0] * float(prices[name]))
            for name, table in rows.items()
        }

    def hole(self, name: str, value: Callable[[Array, Array], Array], *, fine: int = 400) -> float:
        """Loss between grid points beyond the largest at them; 0 where there is no hole."""
        reach = self.shocks[name].range
        moves = np.linspace(-reach, reach, 2 * fine + 1)
        between = float(-value(moves, np.ones_like(moves)).min())
        return max(0.0, between - max(0.0, float(-self.array(name, value).min())))

    def requirements(self, exposures: Array, names: Sequence[str]) -> Array:
        """Initial margins of books of linear positions, money: ndarray (A,).

        All underlyings move alike, each a share of its own range; gains count in part.

        Parameters
        ----------
        exposures : ndarray (A, N)
            Signed notionals.
        """
        tables = [self.scenarios(name) for name in names]
        moves = np.stack([table[:, 0] * table[:, 2] for table in tables])
        worst = np.zeros(len(exposures))
        for column in moves.T:
            each = exposures * column
            lost, gained = np.minimum(each, 0.0).sum(axis=1), np.maximum(each, 0.0).sum(axis=1)
            np.maximum(worst, -lost - self.form.gains * gained, out=worst)
        return worst

    def rounded(self, step: Decimal = RANGE_STEP) -> ScenarioSet:
        """Ranges and shocks of volatility rounded up to whole steps: no book is asked less.

        A range that is rounded up makes gains larger, too: the share of gains that counts falls by
        as much as the range that grew most.
        """
        found = {
            name: replace(
                shock,
                range=_up(shock.range, step),
                volatility_up=_up(shock.volatility_up, Decimal("0.01")),
                volatility_down=min(_up(shock.volatility_down, Decimal("0.01")), 0.99),
            )
            for name, shock in self.shocks.items()
        }
        grown = max(found[name].range / shock.range for name, shock in self.shocks.items())
        form = replace(self.form, gains=_down(self.form.gains / grown, Decimal("0.01")))
        return replace(self, shocks=found, form=form)

    def text(self) -> str:
        """The set as it is published: JSON."""
        content = {
            "schema": SCHEMA,
            "style": self.style.value,
            "steps": self.form.steps,
            "tail_constant": self.form.tail,
            "gains_fraction": self.form.gains,
            "maintenance_over_initial": self.form.maintenance,
            "underlyings": {
                name: {
                    "range_fraction": shock.range,
                    "volatility_up_fraction": shock.volatility_up,
                    "volatility_down_fraction": shock.volatility_down,
                    "evidence": shock.evidence,
                }
                for name, shock in self.shocks.items()
            },
        }
        if self.decayed_days is not None:
            content["decayed_days"] = self.decayed_days
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, text: str) -> ScenarioSet:
        """A published set.

        Raises
        ------
        DataError
            For a text that is none.
        """
        try:
            found = _Published.model_validate(parse_json(text))
        except ValueError as error:
            said = str(error)
            if isinstance(error, ValidationError):
                first = error.errors(include_url=False)[0]
                said = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            rule = f"must be a file of {SCHEMA!r} ({said})"
            raise DataError("scenario set", text[:40], rule, "Export it again") from None
        form = replace(
            STYLES[found.style],
            steps=found.steps,
            tail=found.tail_constant,
            gains=found.gains_fraction,
            maintenance=found.maintenance_over_initial,
        )
        shocks = {
            name: UnderlyingShock(
                row.range_fraction,
                row.volatility_up_fraction,
                row.volatility_down_fraction,
                row.evidence,
            )
            for name, row in found.underlyings.items()
        }
        return cls(found.style, shocks, form, found.decayed_days)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _PublishedShock(_Row):
    range_fraction: float
    volatility_up_fraction: float
    volatility_down_fraction: float
    evidence: str


class _Published(_Row):
    schema_: Literal["riskkit scenario set 1"] = Field(alias="schema")
    style: SetStyle = Field(strict=False)
    steps: int = Field(ge=1, le=1_000)
    tail_constant: float = Field(gt=0.0, le=10.0)
    gains_fraction: float = Field(ge=0.0, le=1.0, title="a share of gains in [0, 1]")
    maintenance_over_initial: float = Field(gt=0.0, le=1.0)
    underlyings: dict[str, _PublishedShock] = Field(min_length=1)
    decayed_days: float | None = Field(default=None, gt=0.0, lt=366.0)


def _down(value: float, step: Decimal) -> float:
    return float((Decimal(repr(value)) / step).to_integral_value(ROUND_FLOOR) * step)


def _up(value: float, step: Decimal) -> float:
    return float((Decimal(repr(value)) / step).to_integral_value(ROUND_CEILING) * step)
