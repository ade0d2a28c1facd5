"""What attacks on a venue come to, as values: a table, JSON, the caps and what binds them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from riskkit.attack.gain import Attack, AttackedMark, Prey
from riskkit.attack.guards import Guard
from riskkit.attack.owners import BookConduct
from riskkit.attack.raids import Raid
from riskkit.attack.sizes import SizedMargin
from riskkit.attack.stale import DeviationFeed
from riskkit.attack.strategic import StrategicCost
from riskkit.stress.terms import StressedVenue
from riskkit.study.study import Study

#: What is bearable of a stale price, a fraction of a trade: a tenth of a basis point.
BEARABLE = 1e-5


@dataclass(frozen=True)
class AttackKind:
    """The best attack of one kind.

    Attributes
    ----------
    name : str
    found : Attack
        With a position as large as the venue's present open interest of a side.
    safe : float
        The largest position of a side with which no attack of this kind pays; may be infinite.
    first : float
        The factor that would pay first above it.
    remedy : str
        What would make the present interest safe.
    mark : AttackedMark
    realisable : float
    """

    name: str
    found: Attack
    safe: float
    first: float
    remedy: str
    mark: AttackedMark = field(repr=False)
    realisable: float


@dataclass(frozen=True)
class StalePrice:
    """What a stale price gives away.

    Attributes
    ----------
    sigma_per_year : float
        Of the fit's next bar, annualised.
    age_seconds : float
        The oracle's latency.
    option : float
        Expected gain of a trade at a price of that age, without a fee; 0 without latency.
    fee : float
        That leaves no more than `BEARABLE` of it.
    feed : DeviationFeed or None
        Where the oracle has a deviation.
    at_once : float
        Liquidity that can be had at once: value that moves the market by 1 %.
    pool_per_year : float
        What arbitrage takes from a pool a year, a fraction of it; nan where the depth is none.
    """

    sigma_per_year: float
    age_seconds: float
    option: float
    fee: float
    feed: DeviationFeed | None
    at_once: float = math.nan
    pool_per_year: float = math.nan

    @property
    def cost_per_year(self) -> float:
        """What the oracle lags behind the market costs the venue, money a year; nan without."""
        return math.nan if self.feed is None else self.feed.loss_per_year * self.at_once


def least_interest(kinds: tuple[AttackKind, ...], raids: tuple[Raid, ...]) -> AttackKind | Raid:
    """The attack that bears the least open interest."""
    every: list[AttackKind | Raid] = [*kinds, *(r for r in raids if r.limits == "open interest")]
    return min(every, key=lambda one: one.safe)


@dataclass(frozen=True)
class VenueAttacks:
    """What attacks on a venue come to.

    Attributes
    ----------
    study : Study
    venue : StressedVenue
    prey : Prey
    margin : float
        Initial margin asked of an attacker.
    kinds : tuple of AttackKind
    raids : tuple of Raid
        Attacks that need no position of the attacker's.
    sizes : tuple of SizedMargin
        Maintenance margin and leverage that a position's size bears.
    guards : tuple of Guard
        What guards on the price cost and keep out, on this history.
    stale : StalePrice or None
        None where the history is too short for a volatility.
    strategic : tuple of StrategicCost
        What conducts of the largest account's owner cost the fund; none where the history is too
        short for paths.
    takeover : float
        Position from which an owner does better to be taken over than to close.
    band : (float, float)
        The cap at the low and high end of what the depth may be.
    position_limit : float
        Position whose slippage is two thirds of its maintenance margin.
    owners : tuple of BookConduct
        What conducts of the largest accounts' owners cost the fund in the run of the whole book;
        none where the history is too short for paths.
    """

    study: Study = field(repr=False)
    venue: StressedVenue = field(repr=False)
    prey: Prey
    margin: float
    kinds: tuple[AttackKind, ...]
    raids: tuple[Raid, ...]
    sizes: tuple[SizedMargin, ...]
    guards: tuple[Guard, ...]
    stale: StalePrice | None
    strategic: tuple[StrategicCost, ...]
    takeover: float
    position_limit: float
    band: tuple[float, float]
    owners: tuple[BookConduct, ...] = ()

    @property
    def cap(self) -> float:
        """Open interest of a side with which no attack of any kind pays."""
        return self.binding.safe

    @property
    def binding(self) -> AttackKind | Raid:
        """The attack that limits it."""
        return least_interest(self.kinds, self.raids)

    @property
    def collateral_cap(self) -> float:
        """Collateral with which no borrowing pays; infinite if the study lends against none."""
        return min((r.safe for r in self.raids if r.limits == "collateral"), default=math.inf)

    def table(self) -> pd.DataFrame:
        """A row for each kind: the factor, what it costs, needs, brings, and its cap.

        Without an attack that pays only the cap is a number.
        """
        rows = []
        for kind in self.kinds:
            found, pays = kind.found, kind.found.profit > 0.0
            rows.append(
                {
                    "attack": kind.name,
                    "mark": found.multiple - 1.0 if pays else math.nan,
                    "held": found.held if pays else math.nan,
                    "capital": found.capital if pays else math.nan,
                    "cost": found.cost.loss if pays else math.nan,
                    "gain": found.gain if pays else math.nan,
                    "profit": found.profit if pays else math.nan,
                    "limited by": found.binds if pays else "none pays",
                    "safe size": kind.safe,
                    "of": "open interest",
                }
            )
        for raid in self.raids:
            pays = raid.profit > 0.0
            rows.append(
                {
                    "attack": raid.name,
                    "mark": raid.multiple - 1.0 if pays else math.nan,
                    "held": raid.held if pays else math.nan,
                    "capital": raid.capital if pays else math.nan,
                    "cost": raid.cost.loss if pays else math.nan,
                    "gain": raid.gain if pays else math.nan,
                    "profit": raid.profit if pays else math.nan,
                    "limited by": raid.binds if pays else "none pays",
                    "safe size": raid.safe,
                    "of": raid.limits,
                }
            )
        return pd.DataFrame(rows).set_index("attack")

    def guard_table(self) -> pd.DataFrame:
        """A row for each setting of each guard; a year's halts and costs."""
        rows = [
            {
                "guard": guard.name,
                "setting": guard.setting,
                "halts a year": guard.halts_per_year,
                "cost a year": guard.cost_per_year,
                "what passes costs": guard.print_loss,
                "pays from, prints a year": guard.pays_from,
            }
            for guard in self.guards
        ]
        return pd.DataFrame(rows).set_index(["guard", "setting"])

    def strategic_table(self) -> pd.DataFrame:
        """A row for each conduct; fractions of the position's notional."""
        rows = [
            {
                "conduct": one.conduct.value,
                "fund": one.fund,
                "fund, worst hundredth": one.worst,
                "owner": one.owner,
                "closed by the venue": one.closed,
            }
            for one in self.strategic
        ]
        return pd.DataFrame(rows).set_index("conduct")

    def owners_table(self) -> pd.DataFrame:
        """A row for each conduct in the run of the whole book; fractions of open interest."""
        rows = [
            {
                "they": one.conduct,
                "accounts": one.accounts,
                "fund": one.fund,
                "fund, worst hundredth": one.worst,
                "more closed": one.closures,
                "stopped by": one.stopped_by,
            }
            for one in self.owners
        ]
        return pd.DataFrame(rows).set_index("they")

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        return {
            "kind": "venue-attacks",
            "title": self.study.title,
            "asset": self.study.data.asset,
            "as_of_date": self.study.as_of.isoformat(),
            "open_interest": self.venue.book.open_interest,
            "prey": dict(vars(self.prey)),
            "initial_margin": self.margin,
            "attacks": [
                {
                    "attack": kind.name,
                    "mark_multiple": kind.found.multiple,
                    "blocks_held": kind.found.held,
                    "capital": _finite(kind.found.capital),
                    "cost": _finite(kind.found.cost.loss),
                    "gain": kind.found.gain,
                    "profit": _finite(kind.found.profit),
                    "limited_by": kind.found.binds,
                    "safe_open_interest": _finite(kind.safe),
                    "first_multiple": kind.first,
                    "remedy": kind.remedy,
                }
                for kind in self.kinds
            ],
            "raids": [
                {
                    "attack": raid.name,
                    "mark_multiple": raid.multiple,
                    "blocks_held": raid.held,
                    "capital": _finite(raid.capital),
                    "cost": _finite(raid.cost.loss),
                    "gain": raid.gain,
                    "profit": _finite(raid.profit),
                    "limited_by": raid.binds,
                    "limits": raid.limits,
                    "safe_size": _finite(raid.safe),
                    "first_multiple": raid.first,
                }
                for raid in self.raids
            ],
            "margins_by_size": [dict(vars(one)) for one in self.sizes],
            "guards": [
                {name: _number(value) for name, value in vars(guard).items()}
                for guard in self.guards
            ],
            "collateral_cap": _finite(self.collateral_cap),
            "open_interest_cap": _finite(self.cap),
            "open_interest_cap_band": [_finite(end) for end in self.band],
            "binding": self.binding.name,
            "strategic_owners": [
                {name: str(v) if name == "conduct" else v for name, v in vars(one).items()}
                for one in self.strategic
            ],
            "owners_in_the_book": [dict(vars(one)) for one in self.owners],
            "stale_price": None
            if self.stale is None
            else {
                "sigma_per_year": self.stale.sigma_per_year,
                "age_seconds": self.stale.age_seconds,
                "option_fraction": self.stale.option,
                "closing_fee_fraction": self.stale.fee,
                "cost_per_year": _finite(self.stale.cost_per_year),
                "pool_loss_fraction_per_year": _finite(self.stale.pool_per_year),
                "deviation_feed": None if self.stale.feed is None else dict(vars(self.stale.feed)),
            },
            "takeover_pays_from": _finite(self.takeover),
            "position_limit": _finite(self.position_limit),
            "study": self.study.model_dump(mode="json"),
        }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: Any) -> Any:
    return _finite(value) if isinstance(value, float) else value
