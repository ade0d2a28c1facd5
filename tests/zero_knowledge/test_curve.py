"""Sums of points, against published multiples and against the formulas of the curve."""

from __future__ import annotations

import random
import secrets

import pytest

from riskkit.errors import InputError
from riskkit.zero_knowledge.curve import ORDER, Points, sum_of, weighted_sum
from riskkit.zero_knowledge.generators import generators, hash_to_point
from riskkit.zero_knowledge.transcript import Transcript
from tests.zero_knowledge import slow_proofs as slow

# SEC 2, section 2.4.1, and its multiples, as every implementation of secp256k1 is tested with.
G = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
MULTIPLES = {
    2: "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
    3: "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
    ORDER - 1: "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
}


def points(*texts: str) -> Points:
    return Points.decode([bytes.fromhex(text) for text in texts])


def hex_of(found: Points | None) -> str | None:
    return None if found is None else found.encode()[0].hex()


@pytest.mark.parametrize(("scalar", "multiple"), MULTIPLES.items())
def test_multiples_of_the_base_point_are_the_published_ones(scalar, multiple):
    assert hex_of(weighted_sum(points(G), [scalar])) == multiple
    spread = points(*[G] * 60)  # many take the way through the buckets
    rest = range(1, 60)
    scalars = [scalar - sum(rest), *rest]
    assert hex_of(weighted_sum(spread, scalars)) == multiple


@pytest.mark.parametrize("count", [1, 5, 24, 90])
def test_a_weighted_sum_is_that_of_the_formulas(count):
    row = generators(128).left[:count]
    scalars = [secrets.randbelow(ORDER) for _ in range(count)]
    scalars[0] = 1
    others = [slow.decode(text) for text in row.encode()]
    assert hex_of(weighted_sum(row, scalars)) == slow.encode(slow.combined(scalars, others)).hex()


@pytest.mark.parametrize("count", [2, 60])
def test_what_cancels_is_none_and_what_follows_is_still_summed(count):
    row = Points.joined([points(G)] * count)
    back = row.negated()
    pairs = Points.joined((row, back))
    scalars = [random.Random(count).getrandbits(255) for _ in range(count)] * 2
    assert weighted_sum(pairs, scalars) is None
    assert weighted_sum(row, [0] * count) is None
    assert sum_of(Points.joined((row[:1], back[:1]))) is None
    scalars[-1] -= 2
    assert hex_of(weighted_sum(pairs, scalars)) == MULTIPLES[2]


@pytest.mark.parametrize("text", ["", G[:-2], "04" + G[2:], "02" + "ff" * 32, "02" + "00" * 32])
def test_what_is_no_point_is_refused(text):
    with pytest.raises(InputError, match=r"point 2: got .*must be a compressed point of secp256k1"):
        points(G, text)


def test_generators_are_the_first_points_that_their_labels_hash_to():
    base, other = generators(8), slow.Base(8)
    for name in ("value", "blinding", "product"):
        assert hex_of(getattr(base, name)) == slow.encode(getattr(other, name)).hex()
    for name in ("left", "right"):
        assert getattr(base, name).encode() == [slow.encode(p) for p in getattr(other, name)]
    everything = [p for row in vars(generators(64)).values() for p in row.encode()]
    assert len(set(everything)) == 131


def test_generators_and_challenges_never_change():
    assert hash_to_point(b"value", 0).encode()[0].hex() == KNOWN["value"]
    assert hash_to_point(b"blinding", 0).encode()[0].hex() == KNOWN["blinding"]
    assert hash_to_point(b"right", 4095).encode()[0].hex() == KNOWN["right 4095"]
    said = Transcript(b"known")
    said.absorb(b"a", b"bc")
    assert f"{said.challenge(b'x'):064x}" == KNOWN["first challenge"]
    assert f"{said.challenge(b'x'):064x}" == KNOWN["second challenge"]


def test_where_a_message_ends_is_part_of_it():
    one, two = Transcript(b"d"), Transcript(b"d")
    one.absorb(b"ab", b"c")
    two.absorb(b"a", b"bc")
    assert one.challenge(b"x") != two.challenge(b"x")


# Computed by the slow implementation.
KNOWN = {
    "value": "02685dfa1497ee364ae022cca62a78e77d58ba986f6078721db05e60de679188f6",
    "blinding": "02290b0c9b4eeb522581224307bbf5b58767126b0ce58abedd09651c6ccb094ad0",
    "right 4095": "02ead836850147af9dcff140386325c6488be4efba441b09efd54433cd14e3eaea",
    "first challenge": "94ada712aa3a478e7fe9d82cca3c2d87a01b72a715256f7821b60c7d341b6603",
    "second challenge": "9e4c1d3b69b487b27ead062c3546d0184b9f4fb2e80206d68640be3bdae9dbcc",
}
