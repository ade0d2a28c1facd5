"""Value at risk and expected shortfall of many accounts over the same scenarios, exact.

A product in single precision only chooses which scenarios can be among an account's worst; their
losses are then summed in double precision, in the order of the assets. So no bit depends on blocks,
threads or the library that multiplies, and losses are never all stored.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import IntegerMatrix, Integers, Layout, Matrix, Real, Vector, Whole, compiled
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Singles = Annotated[npt.NDArray[np.float32], Layout("float32", 2)]
SingleRow = Annotated[npt.NDArray[np.float32], Layout("float32", 1)]
Places = Annotated[npt.NDArray[np.int32], Layout("int32", 2)]

ACCOUNTS, SCENARIOS, PILOT = 256, 256, 4096
SPARE = 256  # candidates kept beyond those needed, when room ends
FEWEST_BEYOND = 5
_STRIPE = 8  # losses whose comparisons with the threshold are looked at as one word
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


class Kept(NamedTuple):
    """The largest losses of a block of accounts so far, in single precision, and where they are."""

    losses: Singles
    places: Places
    found: Integers
    threshold: SingleRow


class Answers(NamedTuple):
    """Where the kernels write: VaR (A,) and mean loss of each asset beyond it (A, N)."""

    var: Vector
    contributions: Matrix


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
    singles = np.ascontiguousarray(scenarios.T.astype(np.float32))
    stride = len(scenarios) // PILOT
    pilot = np.ascontiguousarray(singles[:, : PILOT * stride : stride])
    # Rounding of a sum of N products in single precision, and of its factors.
    reach = np.abs(scenarios).max(axis=0)
    slack = (weights.shape[1] + 4) * _SINGLE * (np.abs(weights) @ reach)
    out = _empty(weights)

    def block(begin: int) -> None:
        rows = slice(begin, min(begin + ACCOUNTS, len(weights)))
        kept = _candidates(weights[rows], singles, pilot, beyond)
        part = Answers(out.var[rows], out.contributions[rows])
        read_tails(weights[rows], scenarios, kept, slack[rows], beyond, part)

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
    weights: Array, singles: npt.NDArray[np.float32], pilot: npt.NDArray[np.float32], beyond: int
) -> Kept:
    """Scenarios that can be among the worst of each account of a block."""
    rows = len(weights)
    size = -(-rows // 8) * 8
    block = np.zeros((size, weights.shape[1]), dtype=np.float32)
    block[:rows] = -weights
    count = singles.shape[1]
    tail = beyond / count * PILOT
    rank = min(math.ceil(tail + 3.5 * math.sqrt(tail) + 3.0), PILOT - 1)
    threshold = np.partition(block @ pilot, PILOT - rank, axis=1)[:, PILOT - rank].copy()
    room = 2 * beyond + 2 * SPARE + SCENARIOS + _STRIPE
    kept = Kept(
        np.empty((rows, room), dtype=np.float32),
        np.empty((rows, room), dtype=np.int32),
        np.zeros(rows, dtype=np.int64),
        threshold[:rows],
    )
    buffer = np.empty((size, SCENARIOS), dtype=np.float32)
    for first in range(0, count, SCENARIOS):
        part = singles[:, first : first + SCENARIOS]
        width = part.shape[1]
        product = buffer if width == SCENARIOS else np.empty((size, width), dtype=np.float32)
        np.matmul(block, part, out=product)
        scan_losses(product, first, beyond + SPARE, kept)
    return kept


@compiled(fastmath={"nnan", "nsz"})
def scan_losses(  # pragma: no cover - compiled
    block: Singles, first: Whole, needed: Whole, kept: Kept
) -> None:
    """Add the losses above each account's threshold; where room ends, the threshold rises.

    A byte says of each loss whether it is above: compared many at a time, and looked at eight at a
    time, as one word that is mostly 0.
    """
    width, room = block.shape[1], kept.losses.shape[1]
    count = width // _STRIPE
    above = np.zeros(count * _STRIPE, np.uint8)
    words = above.view(np.uint64)
    stripes = np.empty(count + 1, np.int64)
    for p in range(kept.found.size):
        c, limit = kept.found[p], kept.threshold[p]
        row, losses, places = block[p], kept.losses[p], kept.places[p]
        for j in range(above.size):
            above[j] = row[j] > limit
        hit = 0
        for k in range(count):
            stripes[hit] = k * _STRIPE
            hit += words[k] != 0
        for k in range(hit):
            for j in range(stripes[k], stripes[k] + _STRIPE):
                losses[c] = row[j]
                places[c] = first + j
                c += above[j]
        for j in range(above.size, width):
            losses[c] = row[j]
            places[c] = first + j
            c += row[j] > limit
        if c > room - width - _STRIPE:
            limit = np.float32(largest(losses[:c].astype(np.float64), needed))
            left = 0
            for k in range(c):
                loss, place = losses[k], places[k]
                losses[left], places[left] = loss, place
                left += loss > limit
            c = left
            kept.threshold[p] = limit
        kept.found[p] = c


@compiled()
def largest(values: Vector, rank: Whole) -> Real:  # pragma: no cover - compiled
    """The ``rank``-th largest of some values, counted from 1; their order is lost."""
    low, high, wanted = 0, values.size - 1, values.size - rank
    while low < high:
        middle = (low + high) >> 1
        a, b, c = values[low], values[middle], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    found: float = values[wanted]
    return found


@compiled()
def account_loss(
    weights: Matrix, p: Whole, scenarios: Matrix, m: Whole
) -> Real:  # pragma: no cover - compiled
    """Loss of one account in one scenario, summed in the order of the assets."""
    total = 0.0
    for i in range(weights.shape[1]):
        total -= weights[p, i] * scenarios[m, i]
    return total


@compiled()
def read_tails(  # pragma: no cover - compiled
    weights: Matrix, scenarios: Matrix, kept: Kept, slack: Vector, beyond: Whole, out: Answers
) -> None:
    """VaR and ES from the candidates; of an account whose candidates may lack one, from all.

    What is above the quantile by more than single precision can err is beyond it for certain; of
    the few that are neither above nor below it by so much, the losses are summed again.
    """
    chosen = np.empty((weights.shape[0], beyond), np.int64)
    for p in range(weights.shape[0]):
        c = kept.found[p]
        at, near = 0.0, 2.0 * slack[p]
        every = c <= beyond
        if not every:
            at = largest(kept.losses[p, :c].astype(np.float64), beyond + 1)
            every = kept.threshold[p] >= at - near
        if every:
            out.var[p] = sort_losses(weights, p, scenarios, beyond, chosen)
            continue
        certain, doubtful = np.empty(c + 1, np.int64), np.empty(c + 1, np.int64)
        sure = doubts = 0
        low, high = at - near, at + near
        for k in range(c):
            single = kept.losses[p, k]
            certain[sure] = kept.places[p, k]
            doubtful[doubts] = kept.places[p, k]
            sure += single > high
            doubts += (single >= low) & (single <= high)
        losses = np.empty(doubts)
        for k in range(doubts):
            losses[k] = account_loss(weights, p, scenarios, doubtful[k])
        quantile, equal = quantile_of(losses, beyond - sure)
        for k in range(doubts):
            if losses[k] > quantile or (losses[k] == quantile and equal > 0):
                equal -= losses[k] == quantile
                q = sure  # the few that were in doubt go to their place among the others
                while q > 0 and certain[q - 1] > doubtful[k]:
                    certain[q] = certain[q - 1]
                    q -= 1
                certain[q] = doubtful[k]
                sure += 1
        chosen[p] = certain[:beyond]
        out.var[p] = quantile
    sum_beyond(weights, scenarios, chosen, out.contributions)


@compiled()
def sort_tails(  # pragma: no cover - compiled
    weights: Matrix, scenarios: Matrix, beyond: Whole, out: Answers
) -> None:
    """VaR and ES from all losses of every account."""
    chosen = np.empty((weights.shape[0], beyond), np.int64)
    for p in range(weights.shape[0]):
        out.var[p] = sort_losses(weights, p, scenarios, beyond, chosen)
    sum_beyond(weights, scenarios, chosen, out.contributions)


@compiled()
def sort_losses(  # pragma: no cover - compiled
    weights: Matrix, p: Whole, scenarios: Matrix, beyond: Whole, chosen: IntegerMatrix
) -> Real:
    """One account's quantile from all its losses; the scenarios beyond it into its row."""
    losses = np.empty(scenarios.shape[0])
    for m in range(losses.size):
        losses[m] = account_loss(weights, p, scenarios, m)
    quantile, equal = quantile_of(losses, beyond)
    filled = 0
    for m in range(losses.size):
        if losses[m] > quantile or (losses[m] == quantile and equal > 0):
            equal -= losses[m] == quantile
            chosen[p, filled] = m
            filled += 1
    return quantile


@compiled()
def quantile_of(losses: Vector, left: Whole) -> tuple[Real, Whole]:  # pragma: no cover - compiled
    """The loss with ``left`` beyond it, and how many of those are equal to it: the first ones."""
    quantile = largest(losses.copy(), left + 1)
    above = 0
    for k in range(losses.size):
        above += losses[k] > quantile
    return quantile, left - above


@compiled()
def sum_beyond(  # pragma: no cover - compiled
    weights: Matrix, scenarios: Matrix, chosen: IntegerMatrix, contributions: Matrix
) -> None:
    """Mean loss of each asset over the chosen scenarios, a stretch of scenarios at a time.

    A stretch stays in the processor's cache while all accounts read their part of it; each sums in
    the order of the scenarios.
    """
    count = chosen.shape[1]
    reached = np.zeros(weights.shape[0], np.int64)
    contributions[:] = 0.0
    for end in range(SCENARIOS, scenarios.shape[0] + SCENARIOS, SCENARIOS):
        for p in range(weights.shape[0]):
            k, sums = reached[p], contributions[p]
            while k < count and chosen[p, k] < end:
                m = chosen[p, k]
                row = scenarios[m]
                for i in range(row.size):
                    sums[i] += row[i]
                k += 1
            reached[p] = k
    for p in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            contributions[p, i] *= -weights[p, i] / count
