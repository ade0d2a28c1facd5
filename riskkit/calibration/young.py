"""A calibration of a market that is too young for a model of its own, by its peers.

All that a fit on its own bars would have given comes from `riskkit.volatility.young` instead: the
model, the walk along the little history there is, and, in place of bootstrap refits, the same
answer with each of the peers left out in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from riskkit.calibration.uncertainty import BootstrapRefits
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.ranges import log_ranges
from riskkit.market.returns import Returns, log_returns
from riskkit.study.peers import PeersSection
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import WalkStep, sigma_ahead, slow_ahead
from riskkit.volatility.young import (
    FEWEST_PEERS,
    Peers,
    fit_peers,
    pool_peers,
    young_fit,
    young_spec,
)


@dataclass(frozen=True)
class YoungMarket:
    """A market's few returns, with what its peers brought until then.

    Attributes
    ----------
    spec : VolatilitySpec
        What its study asks for.
    own : Returns
    first : Timestamp
        Its first bar: the origin of a forecast before any return.
    returns : mapping of str to Returns
        Of the peers, up to its end.
    ranges : mapping of str to DataFrame, or None
        Extremes of the peers' bars; None if one of them has closes only.
    died : tuple of str
        Peers that are no survivors.
    """

    spec: VolatilitySpec
    own: Returns = field(repr=False)
    first: pd.Timestamp
    returns: Mapping[str, Returns] = field(repr=False)
    ranges: Mapping[str, pd.DataFrame] | None = field(repr=False)
    died: tuple[str, ...] = ()

    def check(self, bars: int) -> None:
        """Refuse fewer returns than one forecast over ``bars`` bars and what came of it.

        Raises
        ------
        InputError
        """
        if len(self.own) < 1 + bars:
            raise InputError(
                "prices",
                f"{len(self.own)} returns",
                f"must be {1 + bars} or more, for one forecast to be held to what came",
                "Wait for them, or ask riskkit.volatility.young.young_fit, which answers from the "
                "first bar on",
            )

    def fit(self) -> VolatilityFit:
        """Today's model."""
        return self._young(len(self.own), self._peers(self._fits(None), None))

    def steps(self, every: int) -> Iterator[WalkStep]:
        """The walk from its first return on: peers fitted anew at every step, from bars before."""
        values = self.own.values
        for k in range(1, len(values) + 1, every):
            origin = values.index[k - 1]
            fit = self._young(k, self._peers(self._fits(origin), origin))
            stop = min(k + every, len(values) + 1)
            seen = values.iloc[: stop - 1]
            slow = None if fit.slow is None else slow_ahead(fit, seen)[k:stop]
            yield WalkStep(
                fit,
                pd.DatetimeIndex(values.index[k - 1 : stop - 1]),
                sigma_ahead(fit, seen)[k:stop],
                slow,
            )

    def refits(self) -> BootstrapRefits:
        """Today's model without each of the peers in turn; none where too few would be left."""
        fits = self._fits(None)
        if len(fits) <= FEWEST_PEERS:
            return BootstrapRefits((), 0)
        left = [{name: fit for name, fit in fits.items() if name != out} for out in fits]
        return BootstrapRefits(
            tuple(self._young(len(self.own), self._peers(some, None)) for some in left), 0
        )

    def _values(self, origin: pd.Timestamp | None) -> dict[str, pd.Series]:
        return {name: found.values.loc[:origin] for name, found in self.returns.items()}

    def _fits(self, origin: pd.Timestamp | None) -> dict[str, VolatilityFit]:
        return fit_peers(self._values(origin), young_spec(self.spec), self.own.asset)

    def _peers(self, fits: Mapping[str, VolatilityFit], origin: pd.Timestamp | None) -> Peers:
        return pool_peers(fits, self._values(origin), self.ranges)

    def _young(self, bars: int, peers: Peers) -> VolatilityFit:
        values = self.own.values.iloc[:bars]
        origin = values.index[-1] if bars else self.first
        return young_fit(values, peers, self.spec, origin, self.died)


def young_market(
    named: PeersSection | None,
    history: PriceHistory,
    peers: Mapping[str, PriceHistory] | None,
    *,
    spec: VolatilitySpec,
    needed: int,
) -> YoungMarket | None:
    """The market as its peers see it; None if it is old enough, or has no peers.

    Parameters
    ----------
    named : PeersSection or None
    history : PriceHistory
    peers : mapping of str to PriceHistory, or None
    spec : VolatilitySpec
        What its study asks for.
    needed : int
        Returns from which on it has a model of its own.

    Raises
    ------
    InputError
        If peers are named and their prices were not given.
    """
    returns = log_returns(history)
    if named is None or len(returns) > needed:
        return None
    if peers is None:
        raise InputError(
            "peers",
            ", ".join(named.called),
            "must be given with their prices",
            "Load them with riskkit.study.peers.load_peers",
        )
    found = {name: log_returns(prices) for name, prices in peers.items()}
    extremes = all(prices.has_extremes for prices in peers.values())
    ranges = {n: log_ranges(peers[n], r) for n, r in found.items()} if extremes else None
    return YoungMarket(spec, returns, history.first, found, ranges, named.died)
