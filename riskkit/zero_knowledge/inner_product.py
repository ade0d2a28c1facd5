"""The argument that two committed vectors have a stated inner product, in 2 log2(n) points.

Protocol 2 of Bünz, Bootle, Boneh, Poelstra, Wuille and Maxwell (2018), "Bulletproofs", made
non-interactive. In each round both halves of the vectors are folded into one by a challenge.

Generators are folded up to a factor that all of them share, which saves half of the
multiplications: ``left`` stands for ``gain * left`` and ``right[i]`` for ``loss * ratio^i *
right[i]``, the ratio being the inverse of the challenge y of the proof around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskkit.zero_knowledge.curve import ORDER, Points, weighted_sum
from riskkit.zero_knowledge.transcript import Transcript


@dataclass(frozen=True)
class ProductArgument:
    """A proof that an inner product is what was said.

    Attributes
    ----------
    left, right : tuple of bytes
        One compressed point each for a round.
    a, b : int
        What the vectors are folded into.
    """

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]
    a: int
    b: int


def powers(base: int, count: int) -> list[int]:
    """``base^0 ... base^(count - 1)`` modulo the order."""
    out = [1] * count
    for i in range(1, count):
        out[i] = out[i - 1] * base % ORDER
    return out


def inner(a: Sequence[int], b: Sequence[int]) -> int:
    """The inner product modulo the order."""
    return sum(x * y for x, y in zip(a, b, strict=True)) % ORDER


def prove_product(
    transcript: Transcript,
    generators: tuple[Points, Points],
    product: Points,
    ratio: int,
    vectors: tuple[list[int], list[int]],
) -> ProductArgument:
    """Argue for the inner product of two vectors whose length is a power of two.

    Parameters
    ----------
    generators : pair of Points
        Of the first vector, and of the second before ``ratio^i`` is applied to each.
    product : Points
        Generator of the inner product.
    ratio : int
    vectors : pair of list of int
    """
    (g, h), (a, b) = generators, vectors
    gain = loss = 1
    scale = powers(ratio, len(a))
    lefts, rights = [], []
    while len(a) > 1:
        half = len(a) // 2
        a0, a1, b0, b1 = a[:half], a[half:], b[:half], b[half:]
        left = _cross(g[half:], a0, gain, h[:half], b1, loss, scale[:half], product)
        right = _cross(g[:half], a1, gain, h[half:], b0, loss, scale[half : 2 * half], product)
        x = _round(transcript, left, right)
        inverse = pow(x, -1, ORDER)
        lefts.append(left)
        rights.append(right)
        a = [(x * p + inverse * q) % ORDER for p, q in zip(a0, a1, strict=True)]
        b = [(inverse * p + x * q) % ORDER for p, q in zip(b0, b1, strict=True)]
        if half > 1:
            g = g[:half].plus(g[half:].times(x * x))
            h = h[:half].plus(h[half:].times(inverse * inverse * scale[half]))
        gain, loss = gain * inverse % ORDER, loss * x % ORDER
    return ProductArgument(tuple(lefts), tuple(rights), a[0], b[0])


def product_weights(
    transcript: Transcript, argument: ProductArgument, size: int, ratio: int
) -> tuple[list[int], list[int], list[int]]:
    """What a verifier multiplies the generators by.

    Returns
    -------
    left, right : list of int, length ``size``
        Of the generators, right ones with ``ratio^i`` applied: the argument holds if the commitment
        plus, for each round, its points times the squares is ``a * left`` and ``b * right`` of the
        generators and ``a * b`` of the product's.
    squares : list of int
        Of the challenges; the right points take their inverses.
    """
    left = [1]
    squares = []
    for one, other in zip(argument.left, argument.right, strict=True):
        x = _round(transcript, one, other)
        inverse = pow(x, -1, ORDER)
        squares.append(x * x % ORDER)
        left = [s * factor % ORDER for s in left for factor in (inverse, x)]
    right = [s * p % ORDER for s, p in zip(reversed(left), powers(ratio, size), strict=True)]
    return left, right, squares


def _round(transcript: Transcript, left: bytes, right: bytes) -> int:
    transcript.absorb(b"L", left)
    transcript.absorb(b"R", right)
    return transcript.challenge(b"fold")


def _cross(
    g: Points,
    a: list[int],
    gain: int,
    h: Points,
    b: list[int],
    loss: int,
    scale: list[int],
    product: Points,
) -> bytes:
    first = [gain * value % ORDER for value in a]
    second = [loss * value % ORDER * s % ORDER for value, s in zip(b, scale, strict=True)]
    total = weighted_sum(Points.joined((g, h, product)), [*first, *second, inner(a, b)])
    assert total is not None  # zero with probability 2^-256
    return total.encode()[0]
