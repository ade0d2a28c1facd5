"""Books of accounts: what they hold, how they are made, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import balanced, book_of, hashed, imbalance_words
from riskkit.venue.accounts_loans import BorrowersBook
from riskkit.venue.accounts_made import SyntheticBook, book_of_levels


def test_an_account_is_triggered_where_its_equity_meets_its_requirement():
    book = book_of([1.0, -1.0, 1.0], [10.0, 10.0, 10.0], [-9.0, 11.0, 1.0], 0.02)
    price = np.exp(book.log_trigger[:2])
    equity = book.cash[:2] + book.side[:2] * book.quantity[:2] * price
    assert equity == pytest.approx(0.02 * book.quantity[:2] * price)
    assert book.log_trigger[2] < -1e100  # nothing is owed: no price triggers it
    assert not book.beyond_trigger.any()


def test_live_bad_debt_is_what_is_missing_now():
    book = book_of([1.0, 1.0, -1.0], [1.0, 1.0, 1.0], [-0.5, -1.1, 0.9], 0.01)
    assert list(book.beyond_trigger) == [False, True, True]
    assert book.live_bad_debt == pytest.approx(0.2)


def test_levels_are_exact_where_closed_in_full():
    book = book_of_levels(
        [90.0, 80.0, 120.0], [9.0, 8.0, 12.0], [1, 1, -1], price=100.0, maintenance=0.03
    )
    assert np.exp(book.log_trigger) == pytest.approx([0.9, 0.8, 1.2])
    assert book.quantity * np.exp(book.log_trigger) == pytest.approx([9.0, 8.0, 12.0])
    with pytest.raises(InputError, match="liquidated already"):
        book_of_levels([110.0], [1.0], [1], price=100.0, maintenance=0.03)


def test_a_synthetic_book_is_of_the_shape_that_is_declared():
    shape = SyntheticBook(1e9, accounts=20_000, rank_correlation=0.5, largest_share=0.03, seed=2)
    book = shape.draw()
    for side in Side:
        of = book.side == side.sign
        assert book.interest(side) == pytest.approx(1e9)
        assert book.share_of_largest(side, 1) == pytest.approx(0.03)
        assert np.median(book.leverage[of]) == pytest.approx(5.0, rel=0.05)
        rank = spearmanr(book.quantity[of], book.leverage[of]).statistic
        assert rank == pytest.approx(0.5, abs=0.03)
    assert imbalance_words(book) is None
    again = shape.draw()
    assert np.array_equal(book.quantity, again.quantity)


def test_sizes_with_no_mean_need_a_largest_share():
    with pytest.raises(InputError, match="no mean"):
        SyntheticBook(1e9, size_tail=0.8, largest_share=None).draw()
    book = SyntheticBook(1e9, size_tail=0.8, largest_share=0.1).draw()
    assert book.share_of_largest(Side.LONG, 1) <= 0.1 + 1e-12


def test_interests_that_differ_are_said_and_balanced_on_request_only():
    book = book_of([1.0, -1.0], [2.0, 1.0], [-1.0, 2.0], 0.01)
    assert "is not short interest" in str(imbalance_words(book))
    even = balanced(book)
    assert even.interest(Side.SHORT) == pytest.approx(2.0)
    assert even.log_trigger == pytest.approx(book.log_trigger)
    assert "scaled up" in even.notes[0]
    assert imbalance_words(even) is None


def test_owners_are_hashes():
    address = "0xB5c9b6E3a5A5b1a8fE0e86c2F4C9a7A9D0f2E111"
    assert hashed([address]) == hashed([address])
    assert address[2:10] not in hashed([address])[0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([2.0], [1.0], [0.0]), "side"),
        (([1.0], [0.0], [0.0]), "quantity"),
        (([1.0], [1.0], [np.nan]), "cash"),
        (([1.0, 1.0], [1.0], [0.0]), "one length"),
    ],
)
def test_what_no_account_can_have_is_refused(columns, words):
    with pytest.raises(InputError, match=words):
        book_of(*columns, 0.01)


def test_borrowers_are_drawn_with_the_quantiles_that_are_published():
    health = ((0.05, 1.17), (0.25, 1.44), (0.5, 1.99), (0.75, 3.04))
    book = BorrowersBook(4e8, 4_000, health, largest_share=0.1, seed=3).draw()
    factor = np.exp(-book.log_trigger)
    for p, wanted in health:
        assert np.quantile(factor, p) == pytest.approx(wanted, rel=0.05)
    sold = book.quantity * np.exp(book.log_trigger)
    assert sold.sum() == pytest.approx(0.5 * 1.05 * 4e8)
    assert spearmanr(sold, factor).statistic == pytest.approx(-0.5, abs=0.05)
    assert not book.beyond_trigger.any()
    with pytest.raises(InputError, match="liquidatable already"):
        BorrowersBook(4e8, 100, ((0.05, 0.9), (0.5, 2.0))).draw()
