"""Range proofs: two implementations that share no line, what is false, and what was changed."""

from __future__ import annotations

import ast
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.zero_knowledge import commitments as commitments_module
from riskkit.zero_knowledge.commitments import SecretBook, add_commitments
from riskkit.zero_knowledge.curve import ORDER, Points
from riskkit.zero_knowledge.ranges import (
    MOST_BITS,
    Claims,
    RangeProof,
    prove_ranges,
    prove_unchecked,
    verify_ranges,
)
from riskkit.zero_knowledge.transcript import Transcript
from tests.support import ROOT
from tests.zero_knowledge import slow_proofs as slow

KNOWN = json.loads(Path(__file__).with_name("known_proof.json").read_text("utf-8"))
DOMAIN = b"ranges under test"


def plain(bits: list[int]) -> Claims:
    """That the values themselves lie in their ranges."""
    rows = tuple(tuple(int(i == j) for j in range(len(bits))) for i in range(len(bits)))
    return Claims(rows, (0,) * len(bits), tuple(bits))


def holds(claims: Claims, points: Points, proof: bytes, domain: bytes = DOMAIN) -> bool:
    read = RangeProof.from_bytes(proof, claims)
    return read is not None and verify_ranges(Transcript(domain), claims, points, read)


def holds_slowly(bits: list[int], points: Points, proof: bytes) -> bool:
    others = [slow.decode(text) for text in points.encode()]
    return slow.verify(slow.Challenges(DOMAIN), bits, others, proof)


def compare(draw: random.Random) -> None:
    """One random case: each accepts the other's proof, and neither a changed or a false one."""
    bits = [draw.randint(1, 4) for _ in range(draw.randint(1, 3))]
    values = [draw.randrange(1 << n) for n in bits]
    claims, book = plain(bits), SecretBook.of(values)
    points = book.commitments()
    ours = prove_ranges(Transcript(DOMAIN), claims, values, book.blindings).to_bytes()
    theirs = slow.prove(slow.Challenges(DOMAIN), bits, values, list(book.blindings))
    for proof in (ours, theirs):
        assert holds(claims, points, proof)
    assert holds_slowly(bits, points, ours)
    changed = bytearray(draw.choice((ours, theirs)))
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    assert not holds(claims, points, bytes(changed))
    assert not holds_slowly(bits, points, bytes(changed))
    wrong = [*values[:-1], draw.choice((-1, 1 << bits[-1]))]
    lie = SecretBook(tuple(wrong), book.blindings)
    with pytest.raises(InputError):
        prove_ranges(Transcript(DOMAIN), claims, wrong, lie.blindings)
    false = prove_unchecked(Transcript(DOMAIN), claims, wrong, lie.blindings).to_bytes()
    assert not holds(claims, lie.commitments(), false)
    assert not holds_slowly(bits, lie.commitments(), false)


def test_two_implementations_agree():
    draw = random.Random(26)
    for _ in range(2):
        compare(draw)


def test_a_known_proof_holds_and_its_commitments_are_known():
    claims = plain(KNOWN["bits"])
    book = SecretBook(tuple(KNOWN["values"]), tuple(KNOWN["blindings"]))
    points = book.commitments()
    assert [text.hex() for text in points.encode()] == KNOWN["commitments"]
    proof = bytes.fromhex(KNOWN["proof"])
    assert holds(claims, points, proof, KNOWN["domain"].encode())
    assert not holds(claims, points, proof, b"another domain")
    assert RangeProof.from_bytes(proof, claims).to_bytes() == proof


def test_with_known_nonces_a_proof_is_known(monkeypatch):
    """The nonces are put in the place of the system's: the package has no way to give them."""
    drawn = (int.from_bytes(hashlib.sha256(b"%d" % i).digest(), "big") % ORDER for i in count())
    monkeypatch.setattr("riskkit.zero_knowledge.ranges.draw_scalar", lambda: next(drawn))
    proof = prove_ranges(Transcript(b"k"), plain([8, 5, 3]), [200, 0, 7], [11, 22, 33])
    found = hashlib.sha256(proof.to_bytes()).hexdigest()
    assert found == KNOWN["sha256_of_a_proof_with_known_nonces"]


def count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def test_a_linear_function_is_proved_through_its_arguments_commitments():
    claims = Claims(((3, -2), (-1, 5)), (10, -7), (6, 9))
    x = (12, 20)
    assert claims.applied(x, constants=True) == [6, 81]
    book = SecretBook.of(x)
    proof = prove_ranges(Transcript(DOMAIN), claims, x, book.blindings).to_bytes()
    assert holds(claims, book.commitments(), proof)
    for other in (
        Claims(((3, -2), (-1, 5)), (10, -8), (6, 9)),
        Claims(((3, -2), (-1, 6)), (10, -7), (6, 9)),
        Claims(((3, -2), (-1, 5)), (10, -7), (7, 8)),
    ):
        assert not holds(other, book.commitments(), proof)


def test_a_number_that_wraps_around_the_order_is_no_small_number():
    claims = plain([8])
    book = SecretBook.of([ORDER - 3])
    with pytest.raises(InputError, match="at least one number lies outside its range"):
        prove_ranges(Transcript(DOMAIN), claims, book.values, book.blindings)


def test_every_bit_of_a_small_proof_counts():
    claims, book = plain([2]), SecretBook.of([3])
    points = book.commitments()
    proof = prove_ranges(Transcript(DOMAIN), claims, book.values, book.blindings).to_bytes()
    assert holds(claims, points, proof)
    for at in range(len(proof)):
        changed = bytearray(proof)
        changed[at] ^= 1 << (at % 8)
        assert not holds(claims, points, bytes(changed)), at


def test_a_proof_cut_short_and_claims_without_or_with_too_many_bits_are_refused():
    claims, book = plain([4]), SecretBook.of([3])
    proof = prove_ranges(Transcript(DOMAIN), claims, book.values, book.blindings).to_bytes()
    assert len(proof) == claims.proof_bytes
    with pytest.raises(InputError, match="must be a proof of 424 bytes"):
        RangeProof.from_bytes(proof[:-1], claims)
    for bits in ([MOST_BITS, 1], [0]):
        with pytest.raises(InputError, match="bits in all"):
            plain(bits).check()


def test_commitments_add_and_those_that_cancel_are_refused():
    one, other = SecretBook.of([5, -3]), SecretBook.of([-9, 4])
    both = add_commitments(one.commitments(), other.commitments())
    assert both.encode() == one.plus(other).commitments().encode()
    assert one.plus(other).values == (-4, 1)
    with pytest.raises(InputError, match="must not cancel"):
        add_commitments(both, both.negated())
    with pytest.raises(InputError, match="must hold 2 commitments"):
        add_commitments(both, both[:1])


def test_secret_scalars_come_from_the_systems_source_alone(monkeypatch):
    asked = []
    real = commitments_module.secrets.randbelow
    monkeypatch.setattr(
        commitments_module.secrets, "randbelow", lambda n: asked.append(n) or real(n)
    )
    claims, book = plain([4]), SecretBook.of([9])
    proofs = {
        prove_ranges(Transcript(DOMAIN), claims, book.values, book.blindings).to_bytes()
        for _ in range(2)
    }
    assert len(proofs) == 2
    assert len(asked) == 1 + 2 * (4 + 2 * 4)  # a factor; alpha, rho, both taus and 2 for each bit
    for path in (ROOT / "riskkit" / "zero_knowledge").glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not names & {"random", "numpy.random", "default_rng"}, path.name


def test_what_holds_secrets_does_not_show_them():
    book = SecretBook((987654321,), (123456789123456789,))
    assert "987654321" not in repr(book)
    assert "123456789" not in repr(book)
