"""VaR and ES of many accounts: equal to sorting every loss, whatever the blocks and threads."""

import numpy as np
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.portfolio.measure import account_tails, count_beyond
from riskkit.position import Contract, Side
from riskkit.tail.losses import simple_loss

RNG = np.random.default_rng(4)
MOVES = RNG.standard_t(4, (20_000, 12)) * 0.03
BOOKS = RNG.standard_normal((300, 12))


def slowly(books, moves, confidence):
    """Every loss, one account after another, in plain Python's order of the assets."""
    beyond = count_beyond(len(moves), confidence)
    var, es = [], []
    for book in books:
        loss = np.zeros(len(moves))
        for i, weight in enumerate(book):
            loss = loss - weight * moves[:, i]
        ordered = np.sort(loss)
        var.append(ordered[-beyond - 1])
        es.append(ordered[-beyond:].mean())
    return np.array(var), np.array(es)


@pytest.mark.parametrize("moves", [MOVES, MOVES[RNG.integers(0, 500, 20_000)], np.sort(MOVES, 0)])
def test_it_is_the_sort_of_every_loss(moves):
    books = BOOKS[:40].copy()
    books[3] = 0.0
    books[4, 1:] = 0.0
    found = account_tails(books, moves, 0.99)
    var, es = slowly(books, moves, 0.99)
    assert np.array_equal(found.var, var)
    assert found.es == pytest.approx(es, rel=1e-12, abs=1e-15)
    few = account_tails(books, moves[:1500], 0.99)
    assert np.array_equal(few.var, slowly(books, moves[:1500], 0.99)[0])


def test_threads_and_company_change_no_bit():
    one = account_tails(BOOKS, MOVES, 0.99)
    two = account_tails(BOOKS, MOVES, 0.99, threads=2)
    alone = account_tails(BOOKS[[291]], MOVES, 0.99)
    for name in ("var", "es", "contributions"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
        assert np.array_equal(getattr(one, name)[[291]], getattr(alone, name))


def test_contributions_sum_and_no_book_is_riskier_than_its_legs():
    found = account_tails(BOOKS, MOVES, 0.99)
    assert found.contributions.sum(axis=1) == pytest.approx(found.es, rel=1e-12)
    legs = sum(account_tails(np.diag(row), MOVES, 0.99).es for row in np.eye(12))
    long = account_tails(np.eye(12), MOVES, 0.99).es
    short = account_tails(-np.eye(12), MOVES, 0.99).es
    legs = np.where(BOOKS > 0, BOOKS * long, -BOOKS * short).sum(axis=1)
    assert (found.es <= legs + 1e-12).all()
    assert (found.var <= found.es).all()


def test_permuted_scaled_mirrored_and_zero_positions():
    found = account_tails(BOOKS, MOVES, 0.99)
    order = RNG.permutation(12)
    turned = account_tails(BOOKS[:, order], MOVES[:, order], 0.99)
    assert turned.var == pytest.approx(found.var, rel=1e-12)
    assert turned.es == pytest.approx(found.es, rel=1e-12)
    assert account_tails(4.0 * BOOKS, MOVES, 0.99).es == pytest.approx(4.0 * found.es, rel=1e-12)
    nothing = account_tails(BOOKS - BOOKS, MOVES, 0.99)
    assert not nothing.var.any()
    assert not nothing.es.any()
    wider = account_tails(
        np.hstack([BOOKS, np.zeros((300, 1))]), np.hstack([MOVES, MOVES[:, :1]]), 0.99
    )
    assert np.array_equal(wider.var, found.var)
    assert np.array_equal(wider.es, found.es)
    strict = account_tails(BOOKS, MOVES, 0.995)
    assert (strict.var >= found.var).all()


def test_reference_rows_1_to_4_of_normal_and_t_books():
    # Exact formulas: w (.6, -.4), sigma (.04, .05), rho .8; and n equal assets at rho .6.
    rng, count = np.random.default_rng(11), 300_000
    half = rng.standard_normal((count // 2, 2))
    z = np.vstack([half, -half])
    w, sigma = np.array([[0.6, -0.4]]), np.array([0.04, 0.05])
    for rho, var in ((-1.0, 0.102359306457797), (-0.5, 0.08876776732722116),
                     (0.0, 0.07267743091709444), (0.5, 0.05181022715451992),
                     (0.8, 0.03355106617768358), (0.95, 0.01861078299232674),
                     (1.0, 0.009305391496163393)):  # fmt: skip
        joint = np.column_stack([z[:, 0], rho * z[:, 0] + np.sqrt(1.0 - rho**2) * z[:, 1]])
        found = account_tails(w, joint * sigma, 0.99)
        assert found.var[0] == pytest.approx(var, rel=0.012)
        if rho == 0.8:
            assert found.es[0] == pytest.approx(0.03843826612621037, rel=0.012)
            chi = np.sqrt(3.0 / rng.chisquare(5.0, (count, 1)))
            heavy = account_tails(w, joint * sigma * chi, 0.99)
            assert heavy.var[0] == pytest.approx(0.037590952188175646, rel=0.02)
            assert heavy.es[0] == pytest.approx(0.049739831116232903, rel=0.03)
    for n, ratio in ((2, 0.8944271909999159), (10, 0.8), (50, 0.7797435475847171)):
        common, own = rng.standard_normal((50_000, 1)), rng.standard_normal((50_000, n))
        moves = np.sqrt(0.6) * common + np.sqrt(0.4) * own
        found = account_tails(np.full((1, n), 1.0 / n), moves, 0.99)
        assert found.var[0] / stats.norm.ppf(0.99) == pytest.approx(ratio, rel=0.03)


@pytest.mark.parametrize(
    ("books", "moves", "confidence", "words"),
    [
        (np.array([[np.nan, 1.0]]), MOVES[:, :2], 0.99, "row 0, column 0"),
        (np.ones((1, 3)), MOVES[:, :2], 0.99, "a column for each asset"),
        (np.ones((1, 2)), MOVES[:400, :2], 0.99, "five scenarios"),
        (np.ones((1, 2)), MOVES[:, :2], 1.0, "strictly between"),
    ],
)
def test_bad_input_is_refused_in_words(books, moves, confidence, words):
    with pytest.raises(InputError, match=words):
        account_tails(books, moves, confidence)


def test_reference_rows_6_and_7_of_losses_that_are_quadratic():
    # Exact: 1/2 z^2 is half a chi-square; -z + 1/4 z^2 (delta 1, gamma -.5) solved by its roots.
    z = stats.norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    moves = np.column_stack([z, z**2])
    found = account_tails(np.array([[0.0, -0.5], [1.0, -0.25], [1.0, 0.0]]), moves, 0.99)
    wanted = [3.3174483005106072, 3.6793214919916917, 2.3263478740]
    assert found.var == pytest.approx(wanted, rel=2e-3)


def test_row_22_collateral_of_the_positions_own_coin():
    # A long that is covered in its own asset needs L / (1 - L): the coin falls with the position.
    loss = float(simple_loss(np.log([0.75]), Side.LONG, Contract.INVERSE)[0])
    assert loss == pytest.approx(1.0 / 3.0, abs=1e-12)
