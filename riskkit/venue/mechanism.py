"""How a position is watched and closed: a mechanism as a value, which `riskkit.venue.run` runs.

Its parts live where their laws do: the oracle and its lags in `oracle`, what trading costs in
`liquidity`, close-outs in `liquidation`, and what is margined, positions, in `book`. Each of those
modules holds the frozen value, its check, and the compiled functions that act on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from riskkit.venue.book import Loan as Loan
from riskkit.venue.book import Perpetual as Perpetual
from riskkit.venue.book import Position as Position
from riskkit.venue.book import check_position as check_position
from riskkit.venue.liquidation import CloseOut as CloseOut
from riskkit.venue.liquidation import CloseOutRule as CloseOutRule
from riskkit.venue.liquidation import bars_of_slices, check_close_out
from riskkit.venue.liquidation import check_target as check_target
from riskkit.venue.liquidity import Slippage as Slippage
from riskkit.venue.liquidity import SlippageLaw as SlippageLaw
from riskkit.venue.liquidity import check_slippage
from riskkit.venue.oracle import Lag, Oracle, check_lag, check_oracle, longest


@dataclass(frozen=True)
class Mechanism:
    """How a position is watched and closed.

    Attributes
    ----------
    oracle : Oracle
    delay : int or ConditionalLag
        Bars from trigger to execution; 0 executes at the close of the bar that triggers.
    slippage : Slippage
    close_out : CloseOut
    """

    oracle: Oracle = field(default_factory=Oracle)
    delay: Lag = 0
    slippage: Slippage = field(default_factory=Slippage)
    close_out: CloseOut = field(default_factory=CloseOut)


def bars_needed(mechanism: Mechanism, horizon: int, notional: float = 1.0) -> int:
    """Bars a path must run so that every trigger of a bar within the horizon is closed.

    A cap on what one bar closes adds the bars that the opening notional takes; what a short has
    grown by beyond it is closed in the last bar.
    """
    lags = longest(mechanism.oracle.latency) + longest(mechanism.delay)
    return horizon + lags + bars_of_slices(mechanism.close_out, notional)


def check_mechanism(mechanism: Mechanism) -> None:
    """Refuse a mechanism with a negative delay, a falling ladder, or a close-out of nothing.

    Raises
    ------
    InputError
    """
    check_oracle(mechanism.oracle)
    check_lag(mechanism.delay, "delay")
    check_slippage(mechanism.slippage)
    check_close_out(mechanism.close_out)
