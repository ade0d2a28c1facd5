"""A small library of scenarios, each with its source: what is known is given, the rest is declared.

A scenario is the exogenous log return of each bar, the depth throughout, and how late the oracle
is. A bar is a step of the scenario: its length is the scenario's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.stress.terms import StressedVenue
from riskkit.venue.cascade import (
    CascadePaths,
    FollowingMargin,
    VenueOutcome,
    run_cascade,
    run_prefixes,
)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """A stress by name.

    Attributes
    ----------
    name : str
    returns : tuple of float
        Log returns of the bars.
    bar : str
        Their length.
    thickness : float
        Depth throughout, of the calm one.
    latency : int or None
        Bars by which the oracle is late; None for the venue's own.
    source : str
        Where the numbers come from.
    """

    name: str
    returns: tuple[float, ...]
    bar: str
    thickness: float
    latency: int | None
    source: str

    @property
    def move(self) -> float:
        """The whole move, a simple return."""
        return float(np.expm1(sum(self.returns)))


def _fall(to: float, bars: int) -> tuple[float, ...]:
    return (float(np.log1p(to)) / bars,) * bars


SCENARIOS = (
    Scenario(
        "thirty-in-ten-minutes",
        _fall(-0.30, 10),
        "1min",
        0.1,
        2,
        "declared: -30 % in ten minutes, depth at a tenth, oracle two minutes late",
    ),
    Scenario(
        "rise-thirty-in-ten-minutes",
        _fall(0.30, 10),
        "1min",
        0.1,
        2,
        "declared: the same upwards, for the shorts",
    ),
    Scenario(
        "btc-2020-03-12",
        (
            *(-0.2071, 0.0095, -0.0037, -0.0045, 0.0161, 0.006, -0.006, 0.0043, -0.0211),
            *(0.0084, -0.0505, 0.0141, -0.0038, -0.1961, -0.0476, -0.1118, 0.1508, 0.0873),
        ),
        "1h",
        0.1,
        None,
        "hourly closes of Binance's BTC perpetual, 2020-03-12 10:00 to 2020-03-13 03:00 UTC "
        "(7,357.61 to 5,154.99, by way of 4,062.89); depth declared, a tenth",
    ),
    Scenario(
        "btc-2025-10-10",
        (
            *(-0.0059, -0.0049, -0.0136, 0.0017, -0.005, -0.0137, -0.0193, 0.0173, -0.0422),
            *(-0.0038, 0.0273, 0.0048, -0.0017, 0.0112, -0.0136),
        ),
        "1min",
        0.09,
        None,
        "minute closes of Binance's coin-margined BTC perpetual, 2025-10-10 21:11 to 21:25 UTC; "
        "offers within 1 % fell from 242 m (median to 14:00) to 22 m at 21:20",
    ),
    Scenario(
        "jump",
        (-0.20,),
        "1min",
        0.1,
        0,
        "declared: -18 % (log -.20) in one step, which no liquidation can meet half-way",
    ),
)


def scenario_named(name: str) -> Scenario:
    """A scenario of the library.

    Raises
    ------
    InputError
        With the names there are.
    """
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    names = ", ".join(s.name for s in SCENARIOS)
    raise InputError("scenario", name, f"must be one of {names}", "Check its spelling")


def run_scenario(venue: StressedVenue, scenario: Scenario, *, audit: bool = True) -> VenueOutcome:
    """A venue's book through a scenario: the venue's times count in the scenario's own bars.

    Raises
    ------
    InputError
    """
    bar = pd.Timedelta(scenario.bar)
    ratio = venue.bar / bar
    depth = replace(
        venue.depth,
        refill_bars=venue.depth.refill_bars * ratio,
        crash_bars=venue.depth.crash_bars * ratio,
        crash_fraction=1.0,
        volatility_elasticity=0.0,
    )
    delay = int(np.ceil(venue.engine.delay * ratio))
    latency = scenario.latency
    if latency is None:
        latency = int(np.ceil(venue.engine.latency * ratio))
    engine = replace(
        venue.engine,
        delay=min(delay, 10_000),
        latency=min(latency, 10_000),
        throughput=venue.engine.throughput / ratio,
    )
    # the bars after the move, in which what is late is still closed
    after = min(engine.delay + engine.latency, 10_000)
    returns = np.array([*scenario.returns, *([0.0] * after)])
    return run_cascade(
        venue.book,
        depth,
        engine,
        venue.fund,
        CascadePaths(returns),
        thickness=scenario.thickness,
        audit=audit,
    )


def bar_by_bar(
    venue: StressedVenue,
    returns: Array,
    *,
    volatility: float,
    thickness: float = 1.0,
    margin: FollowingMargin | None = None,
) -> pd.DataFrame:
    """One path, bar by bar: market, price, what was closed, what was lost.

    Every row is a run of the path up to there: nothing later is known to it.
    """
    rows = []
    prefixes = run_prefixes(
        venue.book,
        venue.depth,
        venue.engine,
        venue.fund,
        returns,
        volatility=volatility,
        thickness=thickness,
        margin=margin,
    )
    for end, found in enumerate(prefixes, start=1):
        rows.append(
            {
                "bar": end,
                "market": float(np.exp(returns[:end].sum())),
                "price": float(found.of("closing_price")[0]),
                "closed": float((found.of("sold") + found.of("bought"))[0]),
                "closures": int(found.of("closures")[0]),
                "lost": float(found.lost[0] * found.open_interest),
                "deleveraged": float(found.of("deleveraged")[0]),
            }
        )
    return pd.DataFrame(rows).set_index("bar")
