"""Whether an asset may be listed, and at what size: margins of hour 0, caps, index, endings.

An asset with little history has no margin of its own. Its peers' worst quantile over the margin
period is taken instead, and each peer in turn is held to what the others would have asked of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.position import Side

Array = npt.NDArray[np.float64]

#: Losses beyond the quantile that a peer must show, so that its quantile is one.
TAIL = 10


@dataclass(frozen=True)
class Peer:
    """An asset like the new one.

    Attributes
    ----------
    name : str
    history : PriceHistory
        Bars of the study's length.
    survived : bool
    """

    name: str
    history: PriceHistory = field(repr=False)
    survived: bool = True


@dataclass(frozen=True)
class PeerMargin:
    """A peer's own quantile, and how it fares under the others' margin.

    Attributes
    ----------
    name : str
    survived : bool
    days : float
        Of its history.
    quantile : mapping of Side to float
        Loss over the margin period, a fraction of the notional; nan where its history is too short.
    others : mapping of Side to float
        The margin that the other peers ask; nan for a single peer.
    exceeded : mapping of Side to float
        Share of its losses beyond that.
    """

    name: str
    survived: bool
    days: float
    quantile: dict[Side, float]
    others: dict[Side, float]
    exceeded: dict[Side, float]


@dataclass(frozen=True)
class HourZeroMargin:
    """The margin of an asset without history.

    Attributes
    ----------
    probability : float
        Of a loss beyond it over the margin period.
    bars : int
        Of the margin period.
    margin : mapping of Side to float
        The worst of the peers' quantiles.
    binding : mapping of Side to str
        The peer that it is.
    peers : tuple of PeerMargin
    """

    probability: float
    bars: int
    margin: dict[Side, float]
    binding: dict[Side, str]
    peers: tuple[PeerMargin, ...]

    def table(self) -> pd.DataFrame:
        """A row for each peer; fractions."""
        rows = [
            {
                "peer": peer.name,
                "survived": "yes" if peer.survived else "no",
                "days": round(peer.days),
                **{f"{side.value} loss": peer.quantile[side] for side in Side},
                **{f"{side.value} beyond others'": peer.exceeded[side] for side in Side},
            }
            for peer in self.peers
        ]
        return pd.DataFrame(rows).set_index("peer")


def hour_zero_margin(peers: Sequence[Peer], bars: int, probability: float) -> HourZeroMargin:
    """Margins of an asset without history: the worst quantile of its peers.

    Parameters
    ----------
    peers : sequence of Peer
        At least one with ``10/probability`` losses that do not overlap by more than the margin
        period; failed assets among them say what survivors cannot.
    bars : int
        Of the margin period: delay, latency, and the bar in which they are seen.
    probability : float
        Of a loss beyond the margin; in (0, 0.5).

    Returns
    -------
    HourZeroMargin
        Simple losses of a position, positive: a short's is exp(r) - 1.

    Raises
    ------
    InputError
        Without peers, for one under two names, or if no peer's history is long enough.
    """
    if not peers:
        raise InputError(
            "listing.peers",
            0,
            "must name at least one asset like the new one",
            "Add [[listing.peers]] with a name and a file of prices",
        )
    names = [peer.name for peer in peers]
    if len(set(names)) < len(names):
        raise InputError("listing.peers", ", ".join(names), "must differ", "Name each once")
    if not 0.0 < probability < 0.5:
        raise InputError("probability", probability, "must lie in (0, 0.5)", "Write 1 % as 0.01")
    if bars < 1:
        raise InputError("bars", bars, "must be at least 1", "Count the margin period in bars")
    losses = {peer.name: _losses(peer.history, bars) for peer in peers}
    own = {
        name: {side: _quantile(found[side], probability) for side in Side}
        for name, found in losses.items()
    }
    rows = []
    for peer in peers:
        others = {
            side: max((own[n][side] for n in names if n != peer.name), default=math.nan)
            for side in Side
        }
        exceeded = {
            side: float((losses[peer.name][side] > others[side]).mean())
            if math.isfinite(others[side]) and losses[peer.name][side].size
            else math.nan
            for side in Side
        }
        days = len(peer.history) * peer.history.bar / pd.Timedelta(days=1)
        rows.append(PeerMargin(peer.name, peer.survived, days, own[peer.name], others, exceeded))
    margin, binding = {}, {}
    for side in Side:
        known = {name: own[name][side] for name in names if math.isfinite(own[name][side])}
        if not known:
            longest = max(found[side].size for found in losses.values())
            raise InputError(
                "listing.peers",
                f"{longest} losses at most",
                f"must hold {math.ceil(TAIL / probability)} for a quantile at {probability:g}",
                "Add a peer with a longer history, or ask for a larger probability",
            )
        binding[side] = max(known, key=lambda name: known[name])
        margin[side] = known[binding[side]]
    return HourZeroMargin(probability, bars, margin, binding, tuple(rows))


def _losses(history: PriceHistory, bars: int) -> dict[Side, Array]:
    """Losses over every run of bars, overlapping; those across a hole are borne, and count."""
    returns = np.diff(np.log(history.close.to_numpy(dtype=np.float64)))
    if returns.size < bars:
        return {side: np.empty(0) for side in Side}
    run = np.convolve(returns, np.ones(bars), mode="valid")
    return {side: -side.sign * np.expm1(run) for side in Side}


def _quantile(losses: Array, probability: float) -> float:
    """The order statistic beyond which the share of losses is at most ``probability``."""
    if losses.size * probability < TAIL:
        return math.nan
    return float(np.quantile(losses, 1.0 - probability, method="higher"))
