"""The offset table: what it earns, its bounds, its file, and books to judge it on."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskkit.errors import DataError, InputError
from riskkit.portfolio.books import hedged_books, reference_books
from riskkit.portfolio.offsets import OffsetTable, offset_credits

NAMES = ("A", "B", "C")
CREDITS = np.array([[0.0, 0.4, 0.2], [0.4, 0.0, 0.0], [0.2, 0.0, 0.0]])
TABLE = OffsetTable(NAMES, CREDITS)


def test_credits_are_taken_by_priority_and_margin_is_consumed():
    legs = np.array([[10.0, 6.0, 8.0]])
    found = TABLE.margins(np.array([[1.0, -1.0, -1.0]]), legs)
    assert found[0] == pytest.approx(24.0 - 2 * 0.4 * 6.0 - 2 * 0.2 * 4.0)
    assert TABLE.margins(np.array([[1.0, 1.0, 1.0]]), legs)[0] == 24.0


@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, (3,), elements=st.floats(0.01, 0.5)),
)
def test_a_margin_is_between_half_and_all_of_the_legs(exposures, rates):
    legs = np.abs(exposures) * rates
    found = TABLE.margins(exposures, legs)
    assert (found <= legs.sum(axis=1) + 1e-12).all()
    assert (found >= 0.5 * legs.sum(axis=1) - 1e-12).all()
    assert TABLE.margins(-exposures, legs) == pytest.approx(found)
    assert (TABLE.rounded(Decimal("0.15")).margins(exposures, legs) >= found - 1e-12).all()


def test_credits_are_the_worse_direction_at_a_low_quantile():
    long = np.full((100, 2), 0.1)
    spread = np.full((100, 2, 2), 0.05)
    spread[:, 1, 0] = 0.08
    spread[:3, 0, 1] = 0.2
    found = offset_credits(("A", "B"), long, long, spread)
    assert found.credits[0, 1] == pytest.approx(0.8 * 0.2)
    assert "100 origins" in found.evidence


def test_a_published_table_reads_back_as_it_was():
    table = OffsetTable(NAMES, CREDITS * 0.777).rounded()
    assert table.credits[0, 1] == 0.31
    again = OffsetTable.read(table.text(), NAMES)
    assert np.array_equal(again.credits, table.credits)
    assert again.order == table.order


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must begin with"),
        ("priority,asset,other,credit\n1,A,D,0.2\n", "line 2"),
        ("priority,asset,other,credit\n1,A,B,0.2\n2,B,A,0.2\n", "line 3"),
        ("priority,asset,other,credit\n1,A,B,nan\n", "line 2"),
    ],
)
def test_a_file_that_is_no_table_is_refused(text, words):
    with pytest.raises(DataError, match=words):
        OffsetTable.read(text, NAMES)


def test_credits_that_are_none_are_refused():
    with pytest.raises(InputError, match="symmetric"):
        OffsetTable(NAMES, np.triu(CREDITS))


def test_the_library_holds_every_kind_of_holder_with_gross_one():
    books = reference_books(4, each=5)
    assert np.abs(books.weights).sum(axis=1) == pytest.approx(1.0)
    counts = {name: int((books.groups == name).sum()) for name in dict.fromkeys(books.groups)}
    assert counts["pairs"] == 12
    assert counts["neutral"] == 5
    assert books.weights[books.groups == "neutral"].sum(axis=1) == pytest.approx(0.0, abs=1e-15)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 1)) + 0.1 * rng.standard_normal((400, 3))
    hedges = hedged_books(x)
    assert np.array_equal(hedges[1], -hedges[0])
    assert np.std(x @ hedges[0]) < 0.3 * np.std(x[:, 0])
