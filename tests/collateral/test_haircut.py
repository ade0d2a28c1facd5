"""What accounts need in a collateral: identities that hold whatever the model."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.collateral.haircut import TailRule, collateral_needs, published, stretch, way
from riskkit.errors import InputError
from riskkit.portfolio.measure import account_tails

RNG = np.random.default_rng(6)
COMMON = RNG.standard_t(3, (20_000, 1))
MOVES = np.expm1(0.03 * (0.8 * COMMON + 0.6 * RNG.standard_t(4, (20_000, 3))))
BOOKS = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.7, -0.4, 0.1], [0.2, -0.5, 0.9]])
RULE = TailRule(0.99)
KINDS = {"USD": np.zeros(20_000), "A": MOVES[:, 0], "B": MOVES[:, 1]}


def test_in_money_it_is_the_portfolio_engines_number_to_the_bit():
    found = collateral_needs(BOOKS, MOVES, KINDS, RULE)
    engine = account_tails(BOOKS, MOVES, 0.99).var
    assert np.array_equal(found.joint[:, 0], engine)
    assert np.array_equal(found.money, engine)
    margins = 1.7 * engine
    loaded = collateral_needs(BOOKS, MOVES, KINDS, RULE, money=margins)
    assert np.array_equal(loaded.joint[:, 0], margins)


@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.999])
def test_row_22_comonotone_collateral_needs_l_over_one_less_l(confidence):
    rule = TailRule(confidence)
    for money in (None, [0.25]):
        found = collateral_needs(BOOKS[:1], MOVES, {"A": MOVES[:, 0]}, rule, money=money)
        lost = found.money[0]
        assert found.joint[0, 0] == pytest.approx(lost / (1.0 - lost), rel=1e-12)
    assert found.joint[0, 0] == pytest.approx(1.0 / 3.0, rel=1e-12)
    plain = collateral_needs(BOOKS[:1], MOVES, {"A": MOVES[:, 0]}, rule)
    assert plain.separate[0, 0] == pytest.approx(plain.joint[0, 0], rel=1e-12)
    assert plain.wrong_way[0, 0] == pytest.approx(1.0)


def test_it_is_the_smallest_amount_that_fails_no_more_often_than_asked():
    found = collateral_needs(BOOKS, MOVES, KINDS, RULE)
    for a, book in enumerate(BOOKS):
        for k, r in enumerate(KINDS.values()):
            left = found.joint[a, k] * (1.0 + r) + MOVES @ book
            assert (left < -1e-12).mean() <= 0.01
            assert (left - 1e-6 * (1.0 + r) < 0.0).mean() >= 0.01


def test_what_gains_as_the_position_loses_is_right_way():
    found = collateral_needs(BOOKS, MOVES, KINDS, RULE)
    assert found.joint[1, 1] < found.money[1] < found.separate[1, 1]
    assert found.wrong_way[1, 1] < 0.0
    assert [way(share) for share in (0.9, 0.2, -0.1)] == ["wrong-way", "apart", "right-way"]
    short = collateral_needs(BOOKS, MOVES, KINDS, replace(RULE, shortfall=True))
    assert (short.joint > found.joint).all()
    assert np.array_equal(short.joint[:, 0], short.money)


def test_scenarios_are_stretched_until_the_tail_is_the_margin():
    power = stretch(BOOKS[0], MOVES, RULE, 0.3)
    assert power == pytest.approx(np.log(0.7) / np.log1p(-RULE.of(-MOVES[:, 0])))
    with pytest.raises(InputError, match="can make"):
        stretch(BOOKS[0], MOVES, RULE, 1.01)


def test_haircuts_are_rounded_up_and_bad_returns_refused():
    assert [published(h) for h in (0.0, 0.1001, 0.105)] == [0.0, 0.105, 0.105]
    for bad in (np.zeros(3), np.full(20_000, -1.0), np.full(20_000, np.nan)):
        with pytest.raises(InputError, match="above -1"):
            collateral_needs(BOOKS, MOVES, {"X": bad}, RULE)
