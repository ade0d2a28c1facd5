"""What hedged reference books need beyond their tail, against a plain loop over paths."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.portfolio.hedging import Watched, beyond_trigger, hedge_loading
from riskkit.portfolio.margin import LegMargins, MarginRule, Requirement, leg_tails

RNG = np.random.default_rng(4)
WATCHED = Watched(12, 4, 2, 0.9, 0.05, 0.003)


def paths(count: int, parting: float) -> np.ndarray:
    """Two assets that move together, whose difference grows wilder once it has moved."""
    common = 0.02 * RNG.standard_normal((14, count))
    apart = 0.004 * RNG.standard_normal((14, count))
    far = np.abs(apart.cumsum(axis=0)) > 0.012
    apart = apart * np.where(np.vstack([np.zeros((1, count), bool), far[:-1]]), parting, 1.0)
    return np.stack([common, common + apart]).cumsum(axis=1)


def slowly(weights: np.ndarray, logs: np.ndarray) -> list[float]:
    simple = np.exp(logs) - 1.0
    tops = []
    for m in range(logs.shape[2]):
        losses = [-(weights * simple[:, t, m]).sum() for t in range(4)]
        tops.append(max(losses))
    level, found = float(np.quantile(tops, 0.9)), []
    for m in range(logs.shape[2]):
        for t in range(12):
            if -(weights * simple[:, t, m]).sum() >= level:
                gross = (np.abs(weights) * (1.0 + simple[:, t, m])).sum()
                lost = -(weights * simple[:, t + 2, m]).sum() - level
                found.append(lost / gross + 0.003)
                break
    return found


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.5, -0.5), (-0.2, 0.8)])
def test_it_is_the_loop_over_paths_and_bars(weights):
    logs = paths(300, 3.0)
    book = np.array(weights)
    assert beyond_trigger(book, np.expm1(logs), WATCHED) == pytest.approx(slowly(book, logs))


def loading(parting: float, watched: Watched = WATCHED):
    logs = paths(8_000, parting)
    books = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [0.5, -0.5], [-0.5, 0.5]])
    needs = [float(np.quantile(beyond_trigger(b, np.expm1(logs), watched), 0.95)) for b in books]
    moves = np.expm1(logs[:, 1].T)
    legs = LegMargins(
        np.array([[needs[0], needs[2]], [needs[1], needs[3]]]), leg_tails(moves, MarginRule())
    )
    asked = Requirement(moves, moves[None], legs, MarginRule())
    parts = asked.parts(books)
    ratio = parts.base / parts.own.sum(axis=1)
    found = hedge_loading(books, parts.base, ratio, logs, watched)
    return asked, books, found, needs


def test_a_hedge_that_parts_needs_more_than_its_tail_and_then_holds_the_target():
    asked, books, found, needs = loading(4.0)
    assert found.table["defaults"].iloc[0] > 0.1  # 0.05 was asked
    raised = replace(asked, hedging=found).parts(books).base
    assert raised[:4] == pytest.approx(needs[:4])  # books of one leg as they were, to the bit
    assert raised[:4].tolist() == asked.parts(books).base[:4].tolist()
    # Both directions are pooled: the target holds for the two together.
    assert raised[4] == pytest.approx(needs[4], rel=0.1)
    assert raised[5] == pytest.approx(needs[5], rel=0.1)


def test_a_hedge_that_holds_needs_no_more_and_a_share_rises_with_the_ratio():
    asked, books, found, _ = loading(1.0, replace(WATCHED, cost=0.0))
    assert (found.left >= found.ratio).all()
    assert (np.diff(found.left) >= 0.0).all()
    assert found.share(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert replace(asked, hedging=found).parts(books).base[4] <= 1.1 * asked.parts(books).base[4]


def test_what_closing_costs_is_not_offset():
    _, _, free, _ = loading(1.0, replace(WATCHED, cost=0.0))
    _, _, costly, _ = loading(1.0)
    assert costly.share(free.ratio[1]) > 1.2 * free.share(free.ratio[1])


def test_books_without_a_leg_alone_and_short_paths_are_refused():
    logs = paths(50, 1.0)
    with pytest.raises(InputError, match="14 bars"):
        hedge_loading(np.eye(2), np.ones(2), np.ones(2), logs[:, :13], WATCHED)
    with pytest.raises(InputError, match="books of one leg"):
        hedge_loading(np.array([[0.5, -0.5]]), np.ones(1), np.ones(1), logs, WATCHED)
