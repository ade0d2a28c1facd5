"""The proof that numbers known only by their commitments lie in ranges: an aggregated Bulletproof.

Section 4.2 of Bünz, Bootle, Boneh, Poelstra, Wuille and Maxwell (2018), "Bulletproofs: short proofs
for confidential transactions and more", made non-interactive (section 4.4). Two things are wider
than there. Each number has a range of its own, [0, 2^bits). And what is proved to lie there is a
linear function of what was committed to: its commitment follows from theirs, so that a verifier
folds the function into its one sum instead of computing it.

The bits of all numbers are padded to a power of two by entries that enter no number: their part of
the identity in y is that of the bits, and leaves them nothing but products that vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskkit.errors import InputError
from riskkit.zero_knowledge.commitments import draw_scalar
from riskkit.zero_knowledge.curve import (
    ORDER,
    POINT_BYTES,
    SCALAR_BYTES,
    Points,
    sum_of,
    weighted_sum,
)
from riskkit.zero_knowledge.generators import Generators, generators
from riskkit.zero_knowledge.inner_product import (
    ProductArgument,
    inner,
    powers,
    product_weights,
    prove_product,
)
from riskkit.zero_knowledge.transcript import Transcript

MOST_BITS = 1 << 14


@dataclass(frozen=True)
class Claims:
    """That ``rows[j] @ x + constants[j]`` lies in [0, 2^bits[j]) for every j, x being secret.

    Attributes
    ----------
    rows : tuple of tuple of int
        Each as long as x.
    constants, bits : tuple of int
    """

    rows: tuple[tuple[int, ...], ...]
    constants: tuple[int, ...]
    bits: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bits of all numbers, padded to a power of two."""
        return 1 << (sum(self.bits) - 1).bit_length()

    @property
    def proof_bytes(self) -> int:
        """Length of a proof."""
        rounds = self.size.bit_length() - 1
        return (4 + 2 * rounds) * POINT_BYTES + 5 * SCALAR_BYTES

    def applied(self, x: Sequence[int], *, constants: bool) -> list[int]:
        """The numbers themselves, or with blinding factors theirs, which have no constants."""
        added = self.constants if constants else (0,) * len(self.rows)
        return [
            sum(s * v for s, v in zip(row, x, strict=True)) + c
            for row, c in zip(self.rows, added, strict=True)
        ]

    def check(self) -> None:
        """Refuse claims beyond what is proved at once.

        Raises
        ------
        InputError
        """
        if not 1 <= sum(self.bits) <= MOST_BITS:
            rule = f"must have 1 to {MOST_BITS:,} bits in all"
            remedy = "Take fewer instruments, scenarios or bits"
            raise InputError("claims", sum(self.bits), rule, remedy)


@dataclass(frozen=True)
class RangeProof:
    """A proof of claims: what the paper calls A, S, T1, T2, tau_x, mu, t, and the argument."""

    points: tuple[bytes, bytes, bytes, bytes]
    scalars: tuple[int, int, int]
    argument: ProductArgument

    def to_bytes(self) -> bytes:
        """Points first, then scalars, then the argument's points by round, then its scalars."""
        pairs = zip(self.argument.left, self.argument.right, strict=True)
        parts = [*self.points, *map(_scalar, self.scalars)]
        parts += [point for pair in pairs for point in pair]
        return b"".join([*parts, _scalar(self.argument.a), _scalar(self.argument.b)])

    @classmethod
    def from_bytes(cls, text: bytes, claims: Claims) -> RangeProof | None:
        """A proof of the right length read back; None if a scalar is none.

        Raises
        ------
        InputError
            If the length is not that of a proof of these claims.
        """
        if len(text) != claims.proof_bytes:
            rule = f"must be a proof of {claims.proof_bytes:,} bytes"
            raise InputError("proof", f"{len(text):,} bytes", rule, "Ask for the whole proof again")
        rounds = claims.size.bit_length() - 1
        widths = [POINT_BYTES] * 4 + [SCALAR_BYTES] * 3
        widths += [POINT_BYTES] * (2 * rounds) + [SCALAR_BYTES] * 2
        parts, at = [], 0
        for width in widths:
            parts.append(text[at : at + width])
            at += width
        numbers = [int.from_bytes(part, "big") for part in (*parts[4:7], *parts[-2:])]
        if max(numbers) >= ORDER:
            return None
        t, mu, product, a, b = numbers
        points = parts[0], parts[1], parts[2], parts[3]
        folds = parts[7:-2]
        argument = ProductArgument(tuple(folds[::2]), tuple(folds[1::2]), a, b)
        return cls(points, (t, mu, product), argument)


def prove_ranges(
    transcript: Transcript, claims: Claims, values: Sequence[int], blindings: Sequence[int]
) -> RangeProof:
    """Prove claims about committed values.

    Parameters
    ----------
    transcript : Transcript
        With all that the proof is to be bound to, the claims and the commitments among it.
    values, blindings : sequence of int
        What opens the commitments.

    Raises
    ------
    InputError
        If a claim is false; which one, and by how much, is not said.
    """
    claims.check()
    numbers = claims.applied(values, constants=True)
    if any(v < 0 or v >> bits for v, bits in zip(numbers, claims.bits, strict=True)):
        rule = "must be true: at least one number lies outside its range"
        raise InputError("claims", "(not shown)", rule, "Nothing was proved, nothing written")
    return prove_unchecked(transcript, claims, values, blindings)


def prove_unchecked(
    transcript: Transcript, claims: Claims, values: Sequence[int], blindings: Sequence[int]
) -> RangeProof:
    """What `prove_ranges` writes, of false claims too: no verifier accepts those."""
    base = generators(claims.size)
    numbers = claims.applied(values, constants=True)
    factors = claims.applied(blindings, constants=False)
    # A number outside its range has no bits that add up to it: its lowest are written.
    ones = [v >> k & 1 for v, n in zip(numbers, claims.bits, strict=True) for k in range(n)]
    count = len(ones)
    alpha, rho = draw_scalar(), draw_scalar()
    s_left, s_right = ([draw_scalar() for _ in range(count)] for _ in range(2))
    first = _commit_bits(base, ones, alpha)
    row = Points.joined((base.blinding, base.left[:count], base.right[:count]))
    second = _encoded(weighted_sum(row, [rho, *s_left, *s_right]))
    y, z = _bit_challenges(transcript, first, second)
    y_powers, weights = powers(y, count), bit_weights(claims, z)
    l0 = [bit - z for bit in ones]
    r0 = [
        (p * (bit - 1 + z) + w) % ORDER for p, bit, w in zip(y_powers, ones, weights, strict=True)
    ]
    r1 = [p * s % ORDER for p, s in zip(y_powers, s_right, strict=True)]
    tau_1, tau_2 = draw_scalar(), draw_scalar()
    pair = Points.joined((base.value, base.blinding))
    t1, t2 = inner(l0, r1) + inner(s_left, r0), inner(s_left, r1)
    third = _encoded(weighted_sum(pair, (t1, tau_1)))
    fourth = _encoded(weighted_sum(pair, (t2, tau_2)))
    x = _point_challenge(transcript, third, fourth)
    padding = [0] * (claims.size - count)
    left = [(p + x * s) % ORDER for p, s in zip(l0, s_left, strict=True)] + padding
    right = [(p + x * s) % ORDER for p, s in zip(r0, r1, strict=True)] + padding
    product = inner(left, right)
    z_powers = powers(z, len(factors) + 2)[2:]
    tau_x = (tau_2 * x * x + tau_1 * x + inner(z_powers, factors)) % ORDER
    scalars = tau_x, (alpha + rho * x) % ORDER, product
    weight = _product_challenge(transcript, scalars)
    argument = prove_product(
        transcript,
        (base.left, base.right),
        base.product.times(weight),
        pow(y, -1, ORDER),
        (left, right),
    )
    return RangeProof((first, second, third, fourth), scalars, argument)


def verify_ranges(
    transcript: Transcript, claims: Claims, commitments: Points, proof: RangeProof
) -> bool:
    """Whether a proof of claims about commitments holds, the transcript being as it was proved.

    Both equations of the paper are checked as one sum: the second times a challenge over the whole
    proof.

    Raises
    ------
    InputError
        If the claims are beyond what is proved at once.
    """
    claims.check()
    base = generators(claims.size)
    try:
        points = Points.decode([*proof.points, *proof.argument.left, *proof.argument.right])
    except InputError:
        return False
    tau_x, mu, product = proof.scalars
    y, z = _bit_challenges(transcript, *proof.points[:2])
    x = _point_challenge(transcript, *proof.points[2:])
    weight = _product_challenge(transcript, proof.scalars)
    ratio = pow(y, -1, ORDER)
    left, right, squares = product_weights(transcript, proof.argument, claims.size, ratio)
    a, b = proof.argument.a, proof.argument.b
    for part in (a, b):
        transcript.absorb(b"folded", _scalar(part))
    both = transcript.challenge(b"both equations")
    weights = bit_weights(claims, z)
    ratios = powers(ratio, len(weights))
    for_left = [-a * s for s in left]
    for_right = [-b * s for s in right]
    for i, (w, p) in enumerate(zip(weights, ratios, strict=True)):
        for_left[i] -= z
        for_right[i] += z + w * p
    z_powers = powers(z, len(claims.bits) + 2)[2:]
    of_each = [
        -both * sum(p * row[i] for p, row in zip(z_powers, claims.rows, strict=True))
        for i in range(len(commitments))
    ]
    constant = product - _delta(claims, y, z) - inner(z_powers, claims.constants)
    inverses = [pow(square, -1, ORDER) for square in squares]
    terms = (
        base.value, base.blinding, base.product, base.left, base.right, points, commitments,
    )  # fmt: skip
    total = weighted_sum(
        Points.joined(terms),
        [
            both * constant,
            both * tau_x - mu,
            weight * (product - a * b),
            *for_left,
            *for_right,
            *(1, x, -both * x, -both * x * x),
            *squares,
            *inverses,
            *of_each,
        ],
    )
    return total is None


def bit_weights(claims: Claims, z: int) -> list[int]:
    """What each bit counts: ``z^(2 + j) 2^k`` for bit k of number j."""
    z_powers = powers(z, len(claims.bits) + 2)[2:]
    return [p << k for p, bits in zip(z_powers, claims.bits, strict=True) for k in range(bits)]


def _commit_bits(base: Generators, ones: Sequence[int], alpha: int) -> bytes:
    """The left generator of each 1, less the right one of each 0, plus alpha H."""
    negative = base.right[: len(ones)].negated()
    rows = [base.blinding.times(alpha)]
    rows += [(base.left if bit else negative)[i : i + 1] for i, bit in enumerate(ones)]
    return _encoded(sum_of(Points.joined(rows)))


def _delta(claims: Claims, y: int, z: int) -> int:
    """The public part of the inner product (equation 39 of the paper, aggregated: section 4.2)."""
    count = sum(claims.bits)
    ends = inner(powers(z, len(claims.bits) + 3)[3:], [(1 << n) - 1 for n in claims.bits])
    return ((z - z * z) * sum(powers(y, count)) - ends) % ORDER


def _bit_challenges(transcript: Transcript, first: bytes, second: bytes) -> tuple[int, int]:
    transcript.absorb(b"A", first)
    transcript.absorb(b"S", second)
    return transcript.challenge(b"y"), transcript.challenge(b"z")


def _point_challenge(transcript: Transcript, third: bytes, fourth: bytes) -> int:
    transcript.absorb(b"T1", third)
    transcript.absorb(b"T2", fourth)
    return transcript.challenge(b"x")


def _product_challenge(transcript: Transcript, scalars: tuple[int, int, int]) -> int:
    for name, scalar in zip((b"tau_x", b"mu", b"t"), scalars, strict=True):
        transcript.absorb(name, _scalar(scalar))
    return transcript.challenge(b"product")


def _encoded(point: Points | None) -> bytes:
    assert point is not None  # zero with probability 2^-256
    return point.encode()[0]


def _scalar(value: int) -> bytes:
    return value.to_bytes(SCALAR_BYTES, "big")
