"""A position and its mechanism as numbers: the layout that the compiled mechanism reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.paths.bits import Use, stream_key
from riskkit.position import Side
from riskkit.venue.mechanism import CloseOutRule, Mechanism, Perpetual, Position, SlippageLaw
from riskkit.venue.oracle import Lag

Array = npt.NDArray[np.float64]

# Layout of the encoded position and mechanism.
(
    IS_LOAN, SIGN, MARGIN, TRIGGER, CHARGE, ACCRUAL, NOTIONAL,
    DEVIATION, SLIPPAGE, RATE, DEPTH, CLOSE_OUT, LEVEL,
) = range(13)  # fmt: skip
LINEAR, SQUARE_ROOT, LADDER = 1.0, 2.0, 3.0
CLOSE_FACTOR, RESTORE = 1.0, 2.0
# Layout of an encoded lag, followed by the calm and the stressed distribution.
CONSTANT, MOVE, HALT_PROBABILITY, HALT_BARS, CALM, STRESSED, LAWS = range(7)

# Types of what `encode` returns.
RUN_TYPES = (
    "int64, float64[::1], float64[:, ::1], float64[::1], float64[::1], uint64, uint64, int64"
)


def encode(
    position: Position, mechanism: Mechanism, horizon: int, seed: int, first_path: int
) -> tuple[int, Array, Array, Array, Array, np.uint64, np.uint64, int]:
    """A position and its mechanism as the kernel takes them, in the order of RUN_TYPES."""
    slippage, close_out = mechanism.slippage, mechanism.close_out
    code = np.zeros(13)
    code[NOTIONAL] = position.notional
    if isinstance(position, Perpetual):
        code[SIGN] = position.side.sign
        code[MARGIN], code[TRIGGER] = position.initial_margin, position.maintenance_margin
        code[CHARGE], code[ACCRUAL] = position.penalty, position.funding
    else:
        code[IS_LOAN], code[SIGN] = 1.0, Side.LONG.sign
        code[MARGIN], code[TRIGGER] = position.loan_to_value, position.liquidation_threshold
        code[CHARGE], code[ACCRUAL] = position.bonus, position.interest
    code[DEVIATION] = mechanism.oracle.deviation
    code[SLIPPAGE] = {
        SlippageLaw.FLAT: 0.0,
        SlippageLaw.LINEAR: LINEAR,
        SlippageLaw.SQUARE_ROOT: SQUARE_ROOT,
        SlippageLaw.LADDER: LADDER,
    }[slippage.law]
    code[RATE], code[DEPTH] = slippage.rate, slippage.depth
    code[CLOSE_OUT] = {
        CloseOutRule.FULL: 0.0,
        CloseOutRule.CLOSE_FACTOR: CLOSE_FACTOR,
        CloseOutRule.RESTORE: RESTORE,
    }[close_out.rule]
    code[LEVEL] = close_out.level
    return (
        horizon,
        code,
        np.array(slippage.ladder, dtype=np.float64).reshape(-1, 2),
        _encode_lag(mechanism.oracle.latency),
        _encode_lag(mechanism.delay),
        np.uint64(stream_key(seed, Use.LATENCY)),
        np.uint64(stream_key(seed, Use.DELAY)),
        first_path,
    )


def _encode_lag(lag: Lag) -> Array:
    if isinstance(lag, int):
        return np.array([lag, 0, 0, 0, 0, 0], dtype=np.float64)
    head = [-1.0, lag.move, lag.halt_probability, lag.halt_bars, len(lag.calm), len(lag.stressed)]
    return np.array([*head, *lag.calm, *lag.stressed])
