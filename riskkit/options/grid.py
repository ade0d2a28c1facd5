"""A venue's set of scenarios on options: what it asks, where structures fall through, verified.

A grid revalues an account at once, at each move of the price and state of volatility. Between two
grid points a structure may lose what no point sees: a short butterfly that is pinned at its body
between them needs nothing, and what a bought option loses by waiting is seen at none. *Decayed*
scenarios close both holes: the same moves, and one at each strike within the range, at the end of
the margin period.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.options.black import black_values
from riskkit.options.legs import YEAR_DAYS, OptionBook, OptionKind, OptionLeg
from riskkit.options.margin import leg_losses
from riskkit.options.scenarios import OptionScenarios
from riskkit.portfolio.scenario_set import ScenarioSet

Array = npt.NDArray[np.float64]

#: Tenors of the library, days, and its volatility a year.
TENORS, LIBRARY_VOLATILITY = (1.0, 7.0, 30.0, 90.0), 0.6
#: How much a shock or range is raised while a structure is not covered, and how often.
RAISE, ROUNDS = 1.05, 60
FINE = 801
#: Losses above what is asked by less, of the price, are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Structure:
    """Legs on a price of one, with a position in the underlying beside them."""

    name: str
    legs: tuple[OptionLeg, ...] = field(repr=False)
    linear: float = 0.0


def library(
    moment: pd.Timestamp, underlying: str, price: float, tenors: Sequence[float] = TENORS
) -> tuple[Structure, ...]:
    """Structures that a grid is held to, at each tenor, bought and sold.

    Straddles, strangles, far calls and puts, spreads, reversals, butterflies with wings of 1 and
    5 %, condors, calls hedged by their delta, and calendars between tenors.
    """
    found: list[Structure] = []

    def leg(kind: str, moneyness: float, days: float, quantity: float) -> OptionLeg:
        return OptionLeg(
            "library",
            underlying,
            OptionKind(kind),
            price * moneyness,
            moment + pd.Timedelta(days=days),
            quantity,
            LIBRARY_VOLATILITY,
        )

    shapes: dict[str, list[tuple[str, float, float]]] = {
        "straddle": [("call", 1.0, 1.0), ("put", 1.0, 1.0)],
        "strangle 10 %": [("call", 1.1, 1.0), ("put", 0.9, 1.0)],
        "call +20 %": [("call", 1.2, 1.0)],
        "put -20 %": [("put", 0.8, 1.0)],
        "call at the money": [("call", 1.0, 1.0)],
        "put at the money": [("put", 1.0, 1.0)],
        "call spread 5 %": [("call", 1.0, 1.0), ("call", 1.05, -1.0)],
        "put spread 5 %": [("put", 1.0, 1.0), ("put", 0.95, -1.0)],
        "reversal 10 %": [("call", 1.1, 1.0), ("put", 0.9, -1.0)],
        "butterfly 1 %": [("call", 0.99, 1.0), ("call", 1.0, -2.0), ("call", 1.01, 1.0)],
        "butterfly 5 %": [("call", 0.95, 1.0), ("call", 1.0, -2.0), ("call", 1.05, 1.0)],
        "butterfly off": [("call", 1.03, 1.0), ("call", 1.04, -2.0), ("call", 1.05, 1.0)],
        "condor": [("put", 0.85, 1.0), ("put", 0.9, -1.0), ("call", 1.1, -1.0),
                   ("call", 1.15, 1.0)],
        "ratio 1 : 2": [("call", 1.0, 1.0), ("call", 1.1, -2.0)],
    }  # fmt: skip
    for days in tenors:
        for name, legs in shapes.items():
            for sign, word in ((1.0, "long"), (-1.0, "short")):
                made = tuple(leg(kind, k, days, sign * q) for kind, k, q in legs)
                found.append(Structure(f"{word} {name}, {days:g} d", made))
        one = leg("call", 1.1, days, -1.0)
        sd = LIBRARY_VOLATILITY * math.sqrt(days / YEAR_DAYS)
        delta = 0.5 * math.erfc(-(math.log(1.0 / 1.1) / sd + 0.5 * sd) * math.sqrt(0.5))
        found.append(Structure(f"short call +10 % hedged, {days:g} d", (one,), delta))
    for near, far in pairwise(tenors):
        for sign, word in ((1.0, "long"), (-1.0, "short")):
            made = (leg("call", 1.0, near, -sign), leg("call", 1.0, far, sign))
            found.append(Structure(f"{word} calendar {near:g}/{far:g} d", made))
    return tuple(found)


def grid_loss(
    scenario_set: ScenarioSet,
    structure: Structure,
    moment: pd.Timestamp,
    price: float,
    *,
    decayed_days: float | None = None,
) -> float:
    """What a set asks of a structure: its largest weighted loss, at least 0, in money.

    Parameters
    ----------
    decayed_days : float, optional
        Margin period in days: adds the set's moves, and each strike within the range, at its end.
    """
    (name,) = {leg.underlying for leg in structure.legs}
    rows = scenario_set.scenarios(name)
    losses = -rows[:, 2] * _change(scenario_set, structure, moment, price, rows[:, 0], 0.0)
    worst = max(0.0, float(losses.max()))
    if decayed_days is None:
        return worst
    reach = scenario_set.shocks[name].range
    strikes = np.array([leg.strike / price - 1.0 for leg in structure.legs])
    near = rows[np.abs(rows[:, 0]) <= reach]
    moves = np.unique(np.concatenate([near[:, 0], strikes[np.abs(strikes) <= reach]]))
    for state in (1, 0, -1):
        gain = structure.linear * price * moves
        for leg in structure.legs:
            left = leg.days(moment)
            factor = _state_factor(scenario_set, name, left, state)
            gain = gain + leg.quantity * (
                _values(leg, price, moves, max(left - decayed_days, 0.0), factor)
                - _values(leg, price, 0.0, left, 1.0)
            )
        worst = max(worst, float(-gain.min()))
    return worst


def _state_factor(scenario_set: ScenarioSet, name: str, days: float, state: int) -> float:
    """Factor on volatility of a state, 1 up, 0 as it is, -1 down, at an expiry."""
    found = scenario_set.scenarios(name)[:, 1] == state
    factors = scenario_set.volatility_factors(name, days)
    return float(factors[found][0]) if found.any() else 1.0


def hole(
    scenario_set: ScenarioSet,
    structure: Structure,
    moment: pd.Timestamp,
    price: float,
    days: float,
    *,
    decayed: bool = False,
) -> tuple[float, float]:
    """Loss between grid points beyond what the set asks, and the move at which it is largest.

    Moves within the range, volatility as it is, at the end of a margin period of ``days``.
    """
    (name,) = {leg.underlying for leg in structure.legs}
    reach = scenario_set.shocks[name].range
    moves = np.linspace(-reach, reach, FINE)
    losses = -payoff(structure, moment, price, moves, days)
    asked = grid_loss(
        scenario_set, structure, moment, price, decayed_days=days if decayed else None
    )
    worst = int(np.argmax(losses))
    return max(0.0, float(losses[worst]) - asked), float(moves[worst])


def hole_sweep(
    scenario_set: ScenarioSet,
    structures: Sequence[Structure],
    moment: pd.Timestamp,
    price: float,
    days: float,
) -> pd.DataFrame:
    """Holes of a set over structures that differ in one thing, such as the strike in the middle.

    Returns
    -------
    DataFrame
        A row a structure: ``hole`` (money lost between grid points beyond what the set asks), ``at
        move``, and ``with decayed scenarios``, the same where they are asked.
    """
    rows = []
    for structure in structures:
        lost, at = hole(scenario_set, structure, moment, price, days)
        closed, _ = hole(scenario_set, structure, moment, price, days, decayed=True)
        rows.append(
            {
                "hole": lost,
                "at move": at if lost > 0.0 else math.nan,
                "with decayed scenarios": closed,
            }
        )
    return pd.DataFrame(rows)


def payoff(
    structure: Structure,
    moment: pd.Timestamp,
    price: float,
    moves: Array,
    days: float,
    factors: Callable[[float], float] = lambda days: 1.0,
) -> Array:
    """Gain of a structure after moves and some days: money, the shape of ``moves``.

    Parameters
    ----------
    days : float
        Passed; legs that have expired by then are settled at the move.
    factors : callable
        Factor on volatility of a leg with so many days left.
    """
    gain = structure.linear * price * moves
    for leg in structure.legs:
        whole = leg.days(moment)
        left = max(whole - days, 0.0)
        gain = gain + leg.quantity * (
            _values(leg, price, moves, left, factors(left)) - _values(leg, price, 0.0, whole, 1.0)
        )
    return np.asarray(gain)


@dataclass(frozen=True)
class VerifiedSet:
    """A set held to a library of structures.

    Attributes
    ----------
    scenario_set : ScenarioSet
    table : DataFrame
        A row a structure: ``structure, asked, var, exceeded`` (probability of a loss beyond what
        is asked), ``overcharge`` (asked over VaR) and ``hole`` (largest loss between points beyond
        what is asked).
    scenarios : int
        On which it was.
    """

    scenario_set: ScenarioSet
    table: pd.DataFrame = field(repr=False)
    scenarios: int

    def uncovered(self, probability: float) -> int:
        """Structures that lose more than is asked more often than that."""
        return int((self.table["exceeded"] > probability).sum())

    @property
    def median_overcharge(self) -> float:
        """Asked over VaR, the median of the library."""
        return float(self.table["overcharge"].median())


def verify_structures(
    scenario_set: ScenarioSet,
    structures: Sequence[Structure],
    scenarios: OptionScenarios,
    moment: pd.Timestamp,
    *,
    probability: float = 0.01,
    decayed: bool = True,
) -> VerifiedSet:
    """P(loss > what is asked) of each structure over joint scenarios of one underlying."""
    lost = _losses(structures, scenarios, moment)
    return _verify(scenario_set, structures, lost, scenarios, moment, probability, decayed)


def calibrate_structures(
    scenario_set: ScenarioSet,
    structures: Sequence[Structure],
    scenarios: OptionScenarios,
    moment: pd.Timestamp,
    *,
    probability: float = 0.01,
) -> VerifiedSet:
    """Shocks of volatility from the scenarios' tails, then raised until the library is covered.

    Up and down are the quantiles of the scenarios' changes; range and shocks grow by 5 % while a
    structure loses more than is asked more often than ``probability``. The set is rounded as it is
    published before it is held to the library: what is exported is what was verified.

    Raises
    ------
    InputError
        If no set within 60 raises covers the library.
    """
    (name,) = scenarios.names
    changes = scenarios.volatility[:, 0]
    shock = replace(
        scenario_set.shocks[name],
        volatility_up=float(np.expm1(np.quantile(changes, 1.0 - probability))),
        volatility_down=float(-np.expm1(np.quantile(changes, probability))),
    )
    lost = _losses(structures, scenarios, moment)
    for _ in range(ROUNDS):
        shocks = {**scenario_set.shocks, name: shock}
        tried = replace(scenario_set, shocks=shocks, decayed_days=scenarios.days).rounded()
        asked = _asked(tried, structures, scenarios, moment, True)
        open_ = int((_exceeded(lost, asked, scenarios) > probability).sum())
        if not open_:
            return _verify(tried, structures, lost, scenarios, moment, probability, True)
        shock = replace(
            shock,
            range=min(shock.range * RAISE, 0.95),
            volatility_up=shock.volatility_up * RAISE,
            volatility_down=min(shock.volatility_down * RAISE, 0.95),
        )
    raise InputError(
        "structures",
        f"{open_} uncovered",
        f"must be covered by a set within {ROUNDS} raises of 5 %",
        "Ask for a larger probability, or leave those structures out",
    )


def merged_set(base: ScenarioSet, sets: Mapping[str, VerifiedSet]) -> ScenarioSet:
    """One published set of the sets of several underlyings; those without options as they were.

    The share of gains falls by as much as the range that grew most: no linear book is asked less.
    """
    found = base.rounded()
    shocks = {
        name: sets[name].scenario_set.shocks[name] if name in sets else shock
        for name, shock in found.shocks.items()
    }
    grown = max(shocks[name].range / shock.range for name, shock in found.shocks.items())
    gains = math.floor(found.form.gains / grown * 100.0 + 1e-9) / 100.0
    days = [one.scenario_set.decayed_days for one in sets.values()]
    return replace(
        found,
        shocks=shocks,
        form=replace(found.form, gains=gains),
        decayed_days=days[0] if days else None,
    )


def _verify(
    scenario_set: ScenarioSet,
    structures: Sequence[Structure],
    lost: Array,
    scenarios: OptionScenarios,
    moment: pd.Timestamp,
    probability: float,
    decayed: bool,
) -> VerifiedSet:
    price, days = float(scenarios.prices[0]), scenarios.days
    asked = _asked(scenario_set, structures, scenarios, moment, decayed)
    var = np.quantile(lost, 1.0 - probability, axis=1, method="higher")
    holes = [
        hole(scenario_set, structure, moment, price, days, decayed=decayed)[0]
        for structure in structures
    ]
    table = pd.DataFrame(
        {
            "structure": [structure.name for structure in structures],
            "asked": asked / price,
            "var": var / price,
            "exceeded": _exceeded(lost, asked, scenarios),
            "overcharge": np.divide(asked, var, out=np.full_like(var, np.nan), where=var > 0.0),
            "hole": np.array(holes) / price,
        }
    )
    return VerifiedSet(scenario_set, table, len(scenarios.moves))


def _asked(
    scenario_set: ScenarioSet,
    structures: Sequence[Structure],
    scenarios: OptionScenarios,
    moment: pd.Timestamp,
    decayed: bool,
) -> Array:
    days = scenarios.days if decayed else None
    price = float(scenarios.prices[0])
    return np.array(
        [grid_loss(scenario_set, s, moment, price, decayed_days=days) for s in structures]
    )


def _exceeded(lost: Array, asked: Array, scenarios: OptionScenarios) -> Array:
    """Share of scenarios that lose more than is asked, beyond rounding."""
    return np.asarray((lost > asked[:, None] + ROUNDING * scenarios.prices[0]).mean(axis=1))


def _losses(
    structures: Sequence[Structure], scenarios: OptionScenarios, moment: pd.Timestamp
) -> Array:
    """Losses of structures over the margin period: ndarray (structures, M)."""
    named = [
        replace(leg, account=structure.name) for structure in structures for leg in structure.legs
    ]
    names = [structure.name for structure in structures]
    book = OptionBook(tuple(named), moment)
    losses = leg_losses(named, names, book, scenarios)
    linear = np.array([structure.linear for structure in structures]) * scenarios.prices[0]
    return np.asarray(losses - linear[:, None] * scenarios.moves[:, 0])


def _change(
    scenario_set: ScenarioSet,
    structure: Structure,
    moment: pd.Timestamp,
    price: float,
    moves: Array,
    days: float,
) -> Array:
    """Gain of a structure in each scenario of the set, at once."""
    gain = structure.linear * price * moves
    for leg in structure.legs:
        left = leg.days(moment)
        factor = scenario_set.volatility_factors(leg.underlying, left)
        gain = gain + leg.quantity * (
            _values(leg, price, moves, left - days, factor) - _values(leg, price, 0.0, left, 1.0)
        )
    return np.asarray(gain)


def _values(
    leg: OptionLeg, price: float, moves: npt.ArrayLike, days: float, factor: npt.ArrayLike
) -> Array:
    forward = (leg.forward or price) * (1.0 + np.asarray(moves, dtype=np.float64))
    deviation = leg.volatility * np.asarray(factor) * math.sqrt(max(days, 0.0) / YEAR_DAYS)
    return black_values(forward, leg.strike, deviation, leg.kind.sign)
