"""What an explorer knows before any slider moves: prices, a fit, and sigma along history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.lab.explorers.memory import Memory
from riskkit.market import InvalidRows, load_prices
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.study.prices import load_study_prices
from riskkit.study.scope import bars_until
from riskkit.study.study import Study, read_study
from riskkit.tail.along_history import check_length
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """A study with the prices it names, cut at its ``as_of``."""

    name: str
    study: Study
    history: PriceHistory = field(repr=False)


@dataclass(frozen=True)
class FittedMarket:
    """A market seen through one volatility model.

    Attributes
    ----------
    market : Market
    fit : VolatilityFit
        Of the whole history: today's parameters, sigma and residuals.
    walk : DataFrame
        One row per origin after ``model.minimum_bars`` returns: ``origin``, ``sigma`` (forecast of
        the next bar from returns up to the origin, parameters refitted along the way) and
        ``floor`` (root mean square of all returns up to the origin).
    full_history_sigma : float
        Root mean square of all returns: the volatility of the floor.
    memory : Memory
        What was computed from this fit lately.
    """

    market: Market
    fit: VolatilityFit = field(repr=False)
    walk: pd.DataFrame = field(repr=False)
    full_history_sigma: float
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)


def market_of_study(path: str | Path) -> Market:
    """The market of a study file.

    Raises
    ------
    InputError
        If the study or its prices break a rule.
    """
    path = Path(path)
    study = read_study(path)
    history = load_study_prices(study, path.parent)
    return Market(study.title, study, bars_until(study.as_of, history))


def market_of_prices(
    path: str | Path,
    like: Study,
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    as_of: date | None = None,
) -> Market:
    """The market of one's own CSV or parquet file, its other settings those of a given study.

    Parameters
    ----------
    as_of : date, optional
        The day of the question: today by default, as for ``riskkit calibrate --prices``, so that
        both call the same file a HISTORICAL EXAMPLE. Bars that close later, or after now, are
        left out.

    Raises
    ------
    DataError
        If the prices break a rule; see `riskkit.market.load_prices`.
    """
    path = Path(path)
    # A bar that is still moving is no bar, as on the command line.
    history = load_prices(path, invalid_rows=invalid_rows, now=pd.Timestamp.now("UTC"))
    nothing = {name: field.default for name, field in type(like.data).model_fields.items()}
    own = {
        "asset": history.asset,
        "prices": str(path.resolve()),
        "invalid_rows": invalid_rows,
    }
    study = like.changed(
        {
            "title": f"{history.asset} ({path.name})",
            "as_of": as_of or datetime.now(UTC).date(),
            "data": {**nothing, **own},
        }
    )
    return Market(study.title, study, bars_until(study.as_of, history))


def fit_market(market: Market, spec: str) -> FittedMarket:
    """Fit a model to a market and walk it through history; the last few results are kept.

    Raises
    ------
    InputError
        If the history is too short, or the model is unknown or cannot be walked forward.
    """
    pace = market.study.pace(market.history.bar)
    return _fit(MarketKey(market), spec, pace.minimum_bars, pace.refit_every)


@dataclass(frozen=True, eq=False)
class MarketKey:
    """A market as the key of a cache: itself, since histories are not hashable."""

    market: Market

    def __hash__(self) -> int:
        return hash((self.market.name, self.market.history.provenance.sha256))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MarketKey) and self.market is other.market


@lru_cache(maxsize=12)
def _fit(key: MarketKey, spec: str, minimum_bars: int, refit_every: int) -> FittedMarket:
    market = key.market
    returns = log_returns(market.history)
    check_length(len(returns), minimum_bars)
    fit = fit_volatility(returns, VolatilitySpec.parse(spec))
    steps = walk_forward(returns, fit.spec, minimum_bars, refit_every, expanding=True)
    running = np.sqrt(np.cumsum(returns.array**2) / np.arange(1, len(returns) + 1))
    walk = pd.DataFrame(
        {
            "origin": steps["origin"],
            "sigma": steps["sigma"],
            # Row i forecasts return minimum_bars + i: what came before it is known.
            "floor": running[minimum_bars - 1 : -1],
        }
    )
    return FittedMarket(market, fit, walk, float(np.sqrt(np.mean(returns.array**2))))
