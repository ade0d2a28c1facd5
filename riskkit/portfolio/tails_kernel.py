"""Which scenarios are an account's worst, and what they cost: the compiled part of `measure`.

A product in single precision marks the scenarios that can be among the worst, a panel of them at a
time; what is so near the quantile that single precision may err is decided in double precision, and
so is every sum.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import IntegerMatrix, Integers, Layout, Matrix, Real, Vector, Whole, compiled

Singles = Annotated[npt.NDArray[np.float32], Layout("float32", 2)]
SingleRow = Annotated[npt.NDArray[np.float32], Layout("float32", 1)]
Panels = Annotated[npt.NDArray[np.float32], Layout("float32", 3)]
Places = Annotated[npt.NDArray[np.int32], Layout("int32", 2)]

#: Accounts and scenarios that are looked at together: the processor's second cache holds them.
ROWS, WIDTH = 256, 256
#: Scenarios of one product, and most multiplications in it: a library that multiplies on its own
#: threads does not wake them for so few, which would take longer than the product.
PANEL, MOST = 64, 262_144
SPARE = 256  # candidates kept beyond those needed, when room ends
STRIPE = 8  # losses whose comparisons with the threshold are looked at as one word
STRETCH = 512  # scenarios whose rows are summed for all accounts before the next


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


@compiled()
def lay_panels(  # pragma: no cover - compiled
    scenarios: Matrix, panels: Panels, reach: Vector
) -> None:
    """Scenarios in single precision by panels of `PANEL`, assets in rows; the largest of each."""
    for m in range(scenarios.shape[0]):
        k, j = m // PANEL, m % PANEL
        for i in range(scenarios.shape[1]):
            value = scenarios[m, i]
            panels[k, i, j] = np.float32(value)
            reach[i] = max(reach[i], abs(value))


@compiled(fastmath={"nnan", "nsz"})
def find_candidates(  # pragma: no cover - compiled
    block: Singles, panels: Panels, count: Whole, needed: Whole, kept: Kept
) -> None:
    """Multiply accounts (their weights less than zero) with every panel, and keep what is large."""
    parts = WIDTH // PANEL
    product = np.empty((parts, block.shape[0], PANEL), np.float32)
    tile = max(MOST // (PANEL * block.shape[1]) // 8 * 8, 8)
    above = np.zeros(WIDTH, np.uint8)
    words = above.view(np.uint64)
    stripes = np.empty(WIDTH // STRIPE + 1, np.int64)
    # Arrays are indexed whole: a row of one is a view, which is counted at every turn of the loop.
    losses, places, room = kept.losses, kept.places, kept.losses.shape[1]
    for group in range(panels.shape[0] // parts):
        for q in range(parts):
            for top in range(0, block.shape[0], tile):
                rows = slice(top, min(top + tile, block.shape[0]))
                np.dot(block[rows], panels[group * parts + q], product[q, rows])
        first = group * WIDTH
        width = min(WIDTH, count - first)
        for p in range(kept.found.size):
            c, limit = kept.found[p], kept.threshold[p]
            # A byte says of each loss whether it is above: compared many at a time, and looked at
            # eight at a time, as one word that is mostly 0.
            for q in range(parts):
                for j in range(PANEL):
                    above[q * PANEL + j] = product[q, p, j] > limit
            for j in range(width, WIDTH):
                above[j] = 0
            hit = 0
            for k in range(WIDTH // STRIPE):
                stripes[hit] = k * STRIPE
                hit += words[k] != 0
            for k in range(hit):
                q = stripes[k] // PANEL
                for j in range(stripes[k], stripes[k] + STRIPE):
                    losses[p, c] = product[q, p, j - q * PANEL]
                    places[p, c] = first + j
                    c += above[j]
            if c > room - WIDTH - STRIPE:
                limit = np.float32(largest(losses[p, :c].astype(np.float64), needed))
                left = 0
                for k in range(c):
                    loss, place = losses[p, k], places[p, k]
                    losses[p, left], places[p, left] = loss, place
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
def bracket(  # pragma: no cover - compiled
    kept: Kept, p: Whole, rank: Whole, width: Real
) -> tuple[Real, Real]:
    """Two values not further apart than ``width``, between which the ``rank``-th largest loss is.

    More than ``rank`` - 1 losses lie above the lower one, and fewer than ``rank`` above the upper
    one: by counting, which needs no order.
    """
    c, losses = kept.found[p], kept.losses
    low, high = float(losses[p, 0]), float(losses[p, 0])
    for k in range(c):
        low, high = min(low, float(losses[p, k])), max(high, float(losses[p, k]))
    low -= width
    while high - low > width:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        more = 0
        for k in range(c):
            more += losses[p, k] > middle
        if more >= rank:
            low = middle
        else:
            high = middle
    return low, high


@compiled()
def choose_beyond(  # pragma: no cover - compiled
    weights: Matrix, scenarios: Matrix, kept: Kept, slack: Vector, var: Vector,
    chosen: IntegerMatrix,
) -> None:  # fmt: skip
    """VaR from the candidates, and the scenarios beyond it; where they may lack one, from all.

    What is above the quantile by more than single precision can err is beyond it for certain; of
    the few that are neither above nor below it by so much, the losses are summed again.
    """
    beyond = chosen.shape[1]
    for p in range(weights.shape[0]):
        c = kept.found[p]
        low, high, near = 0.0, 0.0, 2.0 * slack[p]
        every = c <= beyond
        if not every:
            low, high = bracket(kept, p, beyond + 1, slack[p])
            every = kept.threshold[p] >= low - near
        if every:
            var[p] = sort_losses(weights, p, scenarios, beyond, chosen)
            continue
        certain, doubtful = np.empty(c + 1, np.int64), np.empty(c + 1, np.int64)
        sure = doubts = 0
        low, high = low - near, high + near
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
        for k in range(beyond):
            chosen[p, k] = certain[k]
        var[p] = quantile


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
    count, size = chosen.shape[1], scenarios.shape[1]
    reached = np.zeros(weights.shape[0], np.int64)
    contributions[:] = 0.0
    touched = 0.0
    for first in range(0, scenarios.shape[0], STRETCH):
        end = min(first + STRETCH, scenarios.shape[0])
        # Read in order once, which memory is fast at; the accounts then find it in the cache.
        for m in range(first, end):
            for i in range(0, size, 8):
                touched = max(touched, scenarios[m, i])
        for p in range(weights.shape[0]):
            k = reached[p]
            while k < count and chosen[p, k] < end:
                m = chosen[p, k]
                for i in range(size):
                    contributions[p, i] += scenarios[m, i]
                k += 1
            reached[p] = k
    if touched < 0.0:  # never: but what nobody looks at would not be read
        contributions[0, 0] = touched
    for p in range(weights.shape[0]):
        for i in range(size):
            contributions[p, i] *= -weights[p, i] / count
