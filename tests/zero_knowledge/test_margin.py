"""Margin proofs: every verdict right at the limit, and bound to all that they are about."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest

from riskkit.errors import InputError
from riskkit.zero_knowledge.commitments import SecretBook, add_commitments
from riskkit.zero_knowledge.margin import (
    Occasion,
    margin_claims,
    margin_transcript,
    prove_margin,
    verify_margin,
)
from riskkit.zero_knowledge.ranges import prove_unchecked
from riskkit.zero_knowledge.scenario_set import PublicScenarios
from tests.zero_knowledge.cases import (
    loss_of,
    occasion_of,
    opening_of,
    random_set,
    random_sizes,
    scenario_set,
)


def lie_of(scenarios: PublicScenarios, opening: SecretBook, occasion: Occasion) -> bytes:
    """What a prover without scruples writes."""
    said = margin_transcript(occasion, opening.commitments())
    claims = margin_claims(scenarios)
    return prove_unchecked(said, claims, opening.values, opening.blindings).to_bytes()


def judge(draw: random.Random) -> None:
    """One random book at, above and one unit below its limit."""
    scenarios = random_set(draw, draw.randint(1, 2), draw.randint(2, 3))
    sizes, occasion = random_sizes(draw, scenarios), occasion_of(scenarios)
    least = loss_of(scenarios, sizes)
    for collateral in (least, least + draw.randint(1, 1000)):
        book = opening_of(sizes, collateral)
        proof = prove_margin(scenarios, book, occasion)
        assert verify_margin(scenarios, book.commitments(), occasion, proof)
    if least > 0:
        poor = opening_of(sizes, least - 1)
        with pytest.raises(InputError, match="must cover the loss in every scenario"):
            prove_margin(scenarios, poor, occasion)
        false = lie_of(scenarios, poor, occasion)
        assert not verify_margin(scenarios, poor.commitments(), occasion, false)


def test_books_at_above_and_below_the_limit():
    draw = random.Random(2)
    for _ in range(3):
        judge(draw)


SET = scenario_set([[-30, 12], [25, -8], [4, -20]])
SIZES = [17, -40]


@pytest.fixture(scope="module")
def proved() -> tuple[SecretBook, bytes]:
    book = opening_of(SIZES, loss_of(SET, SIZES))
    return book, prove_margin(SET, book, occasion_of(SET))


def test_a_changed_commitment_of_size_or_collateral_is_rejected(proved):
    book, proof = proved
    assert verify_margin(SET, book.commitments(), occasion_of(SET), proof)
    for at in range(3):
        step = SecretBook(tuple(int(i == at) for i in range(3)), (0, 0, 0))
        values = tuple(v + s for v, s in zip(book.values, step.values, strict=True))
        changed = SecretBook(values, book.blindings).commitments()
        assert not verify_margin(SET, changed, occasion_of(SET), proof)
    again = SecretBook.of(book.values).commitments()  # the same book under other factors
    assert not verify_margin(SET, again, occasion_of(SET), proof)


def test_another_day_context_or_parameter_file_is_rejected(proved):
    book, proof = proved
    occasion = occasion_of(SET)
    for other in (
        replace(occasion, day=date(2025, 1, 1)),
        replace(occasion, context="another test"),
        replace(occasion, parameters_sha256="5" * 64),
    ):
        assert not verify_margin(SET, book.commitments(), other, proof)


def test_another_scenario_set_is_rejected(proved):
    book, proof = proved
    points = book.commitments()
    other = scenario_set([[-30, 12], [25, -8], [4, -19]])
    assert not verify_margin(other, points, occasion_of(other), proof)
    with pytest.raises(InputError, match="must be the scenario set"):
        verify_margin(other, points, occasion_of(SET), proof)
    edited = SET.model_copy(update={"size_bits": 9})
    with pytest.raises(InputError, match="must match its digest"):
        verify_margin(edited, points, occasion_of(SET), proof)


def test_any_changed_byte_of_a_proof_is_rejected(proved):
    book, proof = proved
    points = book.commitments()
    for at in range(0, len(proof), 29):
        changed = bytearray(proof)
        changed[at] ^= 1 << (at % 8)
        assert not verify_margin(SET, points, occasion_of(SET), bytes(changed))
    with pytest.raises(InputError, match="must be a proof of"):
        verify_margin(SET, points, occasion_of(SET), proof + b"\0")


def test_sizes_at_their_bounds_are_proved_and_beyond_them_refused():
    occasion = occasion_of(SET)
    for edge, beyond in ((-128, -129), (127, 128)):
        book = opening_of([edge, 0], loss_of(SET, [edge, 0]))
        proof = prove_margin(SET, book, occasion)
        assert verify_margin(SET, book.commitments(), occasion, proof)
        wide = opening_of([beyond, 0], loss_of(SET, [beyond, 0]))
        with pytest.raises(InputError, match=r"size of BTC-0: .* at least -128 and less than 128"):
            prove_margin(SET, wide, occasion)
        false = lie_of(SET, wide, occasion)
        assert not verify_margin(SET, wide.commitments(), occasion, false)


def test_collateral_beyond_what_the_range_holds_is_refused_and_negative_too():
    occasion = occasion_of(SET)
    with pytest.raises(InputError, match=r"must exceed no loss by 2\^16 units"):
        prove_margin(SET, opening_of([0, 0], 1 << 16), occasion)
    with pytest.raises(InputError, match="must not be negative"):
        prove_margin(SET, opening_of([0, 0], -1), occasion)
    with pytest.raises(InputError, match=r"context: .*must be 1 to 400 printable characters"):
        prove_margin(SET, opening_of([0, 0], 1), replace(occasion, context="two\nlines"))
    with pytest.raises(InputError, match="must hold 3 commitments"):
        verify_margin(SET, opening_of([0], 1).commitments(), occasion, b"")


def test_a_book_after_fills_is_proved_under_the_sum_of_commitments():
    before, fills = opening_of([10, -4], 500), SecretBook.of([-3, 6, 100])
    published = add_commitments(before.commitments(), fills.commitments())
    after, occasion = before.plus(fills), occasion_of(SET)
    proof = prove_margin(SET, after, occasion)
    assert verify_margin(SET, published, occasion, proof)
    assert not verify_margin(SET, before.commitments(), occasion, proof)
