"""Value at risk and expected shortfall of many accounts over the same scenarios, exact.

A product in single precision only chooses which scenarios can be among an account's worst; their
losses are then summed in double precision, in the order of the assets. So no bit depends on blocks,
threads or the library that multiplies, and losses are never all stored.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.portfolio.tails_kernel import (
    PANEL,
    ROWS,
    SPARE,
    STRIPE,
    WIDTH,
    Answers,
    Kept,
    choose_beyond,
    find_candidates,
    lay_panels,
    sort_tails,
    sum_beyond,
)

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

#: Accounts whose sums are taken together, and scenarios of the pilot.
ACCOUNTS, PILOT = 512, 4096
FEWEST_BEYOND = 5
_SINGLE = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class AccountTails:
    """VaR and ES of accounts, in the units of their exposures; positive is a loss.

    Attributes
    ----------
    var, es : ndarray (A,)
        The loss that a share of 1 - confidence of the scenarios exceeds, and the mean of those.
    contributions : ndarray (A, N)
        Of each asset to the expected shortfall (Euler): its own mean loss in those scenarios.
    """

    var: Array = field(repr=False)
    es: Array = field(repr=False)
    contributions: Array = field(repr=False)


def account_tails(
    exposures: npt.ArrayLike, moves: npt.ArrayLike, confidence: float, *, threads: int = 1
) -> AccountTails:
    """VaR and ES of every account.

    Parameters
    ----------
    exposures : array_like (A, N)
        Signed notional of each account in each asset; a row of zeros loses nothing.
    moves : array_like (M, N)
        Simple returns of the assets in each scenario, equally likely.
    confidence : float
        In (0, 1), with five scenarios or more beyond it.
    threads : int
        Changes the time taken, never a number.

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite, or too few scenarios lie beyond.
    """
    weights, scenarios = checked(exposures, moves)
    beyond = count_beyond(len(scenarios), confidence)
    if 8 * beyond > len(scenarios) or len(scenarios) < 2 * PILOT:
        return _directly(weights, scenarios, beyond)
    groups, parts = -(-len(scenarios) // WIDTH), WIDTH // PANEL
    panels = np.zeros((groups * parts, weights.shape[1], PANEL), dtype=np.float32)
    reach = np.zeros(weights.shape[1])
    lay_panels(scenarios, panels, reach)
    stride = len(scenarios) // PILOT
    pilot = np.ascontiguousarray(scenarios[: PILOT * stride : stride].T.astype(np.float32))
    # Rounding of a sum of N products in single precision, and of its factors.
    slack = (weights.shape[1] + 4) * _SINGLE * (np.abs(weights) @ reach)
    out = _empty(weights)

    def block(begin: int) -> None:
        end = min(begin + ACCOUNTS, len(weights))
        chosen = np.empty((end - begin, beyond), dtype=np.int64)
        for first in range(begin, end, ROWS):
            rows = slice(first, min(first + ROWS, end))
            here = slice(rows.start - begin, rows.stop - begin)
            kept = _candidates(weights[rows], panels, len(scenarios), pilot, beyond)
            choose_beyond(weights[rows], scenarios, kept, slack[rows], out.var[rows], chosen[here])
        sum_beyond(weights[begin:end], scenarios, chosen, out.contributions[begin:end])

    starts = range(0, len(weights), ACCOUNTS)
    if threads == 1:
        for begin in starts:
            block(begin)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(block, starts))
    return _tails(out)


def _empty(weights: Array) -> Answers:
    return Answers(np.empty(len(weights)), np.empty(weights.shape))


def _tails(found: Answers) -> AccountTails:
    """The expected shortfall is the sum of its contributions, in the order of the assets."""
    es = np.zeros(len(found.var))
    for column in found.contributions.T:
        es += column
    return AccountTails(found.var, es, found.contributions)


def count_beyond(scenarios: int, confidence: float) -> int:
    """Scenarios beyond the quantile: those whose mean is the expected shortfall.

    Raises
    ------
    InputError
        If the confidence is no probability, or fewer than five lie beyond.
    """
    if not 0.0 < confidence < 1.0:
        rule = "must lie strictly between 0 and 1"
        raise InputError("confidence", confidence, rule, "Typical is 0.99")
    beyond = scenarios - math.ceil(scenarios * confidence)
    if beyond < FEWEST_BEYOND:
        need = math.ceil(round((FEWEST_BEYOND + 1) / (1.0 - confidence), 6))
        rule = f"must hold five scenarios or more beyond confidence {confidence:g}"
        raise InputError("scenarios", scenarios, rule, f"Simulate {need:,} or more")
    return beyond


def checked(exposures: npt.ArrayLike, moves: npt.ArrayLike) -> tuple[Array, Array]:
    """Exposures (A, N) and moves (M, N) as contiguous arrays.

    Raises
    ------
    InputError
        If their shapes do not fit, or one is not finite.
    """
    weights = np.ascontiguousarray(exposures, dtype=np.float64)
    scenarios = np.ascontiguousarray(moves, dtype=np.float64)
    if weights.ndim != 2 or scenarios.ndim != 2 or weights.shape[1] != scenarios.shape[1]:
        raise InputError(
            "exposures",
            f"{weights.shape} with moves {scenarios.shape}",
            "must have a column for each asset of the moves",
            "Give accounts x assets and scenarios x assets, in one order",
        )
    for name, values in (("exposures", weights), ("moves", scenarios)):
        if not np.isfinite(values).all():
            at = np.argwhere(~np.isfinite(values))[0].tolist()
            rule = f"must be finite; row {at[0]}, column {at[1]} is not"
            raise InputError(name, float(values[tuple(at)]), rule, "Correct or leave out that row")
    return weights, scenarios


def _directly(weights: Array, scenarios: Array, beyond: int) -> AccountTails:
    """Every loss in double precision: for few scenarios, or a tail that is most of them."""
    out = _empty(weights)
    sort_tails(weights, scenarios, beyond, out)
    return _tails(out)


def _candidates(
    weights: Array, panels: npt.NDArray[np.float32], count: int, pilot: Single, beyond: int
) -> Kept:
    """Scenarios that can be among the worst of each account of a block."""
    rows = len(weights)
    size = -(-rows // 8) * 8
    block = np.zeros((size, weights.shape[1]), dtype=np.float32)
    block[:rows] = -weights
    tail = beyond / count * PILOT
    rank = min(math.ceil(tail + 3.5 * math.sqrt(tail) + 3.0), PILOT - 1)
    threshold = np.partition(block @ pilot, PILOT - rank, axis=1)[:, PILOT - rank].copy()
    room = 2 * beyond + 2 * SPARE + WIDTH + STRIPE
    kept = Kept(
        np.empty((rows, room), dtype=np.float32),
        np.empty((rows, room), dtype=np.int32),
        np.zeros(rows, dtype=np.int64),
        threshold[:rows],
    )
    find_candidates(block, panels, count, beyond + SPARE, kept)
    return kept
