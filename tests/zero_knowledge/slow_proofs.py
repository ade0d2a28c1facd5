"""The proofs once more, slowly: whole numbers, the curve's formulas, and the paper's equations.

Nothing of the package is used. Points are pairs of coordinates (None for zero); vectors of points
are folded as the paper writes them, and the verifier checks its two equations one by one.
"""

from __future__ import annotations

import hashlib
import secrets

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Point = tuple[int, int] | None


def add(p: Point, q: Point) -> Point:
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def negative(p: Point) -> Point:
    return None if p is None else (p[0], P - p[1])


def times(scalar: int, p: Point) -> Point:
    """Doubling and adding in Jacobian coordinates: one inversion at the end."""
    scalar %= N
    if p is None or scalar == 0:
        return None
    x, y, z = 0, 1, 0
    for bit in bin(scalar)[2:]:
        if z:
            s, m = 4 * x * y * y % P, 3 * x * x % P
            x, y, z = (
                (m * m - 2 * s) % P,
                (m * (s - (m * m - 2 * s)) - 8 * pow(y, 4, P)) % P,
                2 * y * z % P,
            )
        if bit == "1":
            if not z:
                x, y, z = p[0], p[1], 1
                continue
            u, s = p[0] * z * z % P, p[1] * z * z * z % P
            h, r = (u - x) % P, (s - y) % P
            assert h  # a multiple below the order never meets the point itself again
            x3 = (r * r - h * h * h - 2 * x * h * h) % P
            x, y, z = x3, (r * (x * h * h - x3) - y * h * h * h) % P, z * h % P
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * pow(inverse, 3, P) % P


def total(*terms: Point) -> Point:
    out: Point = None
    for term in terms:
        out = add(out, term)
    return out


def combined(scalars: list[int], points: list[Point]) -> Point:
    return total(*(times(s, p) for s, p in zip(scalars, points, strict=True)))


def encode(p: Point) -> bytes:
    assert p is not None
    return bytes([2 + p[1] % 2]) + p[0].to_bytes(32, "big")


def decode(text: bytes) -> Point:
    x = int.from_bytes(text[1:], "big")
    y = pow((x**3 + 7) % P, (P + 1) // 4, P)
    if len(text) != 33 or text[0] not in (2, 3) or x >= P or (y * y - x**3 - 7) % P:
        raise ValueError("no point")
    return x, (y if y % 2 == text[0] % 2 else P - y)


def hash_to_point(label: bytes, number: int) -> Point:
    domain, counter = b"riskkit margin proof 1", 0
    while True:
        text = bytes([len(domain)]) + domain + bytes([len(label)]) + label
        text += number.to_bytes(4, "big") + counter.to_bytes(4, "big")
        try:
            return decode(b"\x02" + hashlib.sha256(text).digest())
        except ValueError:
            counter += 1


class Base:
    """Generators for so many bits."""

    def __init__(self, bits: int) -> None:
        self.value, self.blinding = hash_to_point(b"value", 0), hash_to_point(b"blinding", 0)
        self.product = hash_to_point(b"product", 0)
        self.left = [hash_to_point(b"left", i) for i in range(bits)]
        self.right = [hash_to_point(b"right", i) for i in range(bits)]


class Challenges:
    """All messages so far, kept whole and hashed anew for each challenge."""

    def __init__(self, domain: bytes) -> None:
        self.said = b""
        self.say(b"domain", domain)

    def say(self, name: bytes, message: bytes) -> None:
        for part in (name, message):
            self.said += len(part).to_bytes(8, "big") + part

    def ask(self, name: bytes) -> int:
        self.say(b"challenge", name)
        drawn = hashlib.sha512(self.said).digest()
        self.say(b"drawn", drawn)
        return 1 + int.from_bytes(drawn, "big") % (N - 1)


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "big")


def dot(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True)) % N


def padded(bits: list[int]) -> int:
    size = 1
    while size < sum(bits):
        size *= 2
    return size


def prove(said: Challenges, bits: list[int], values: list[int], factors: list[int]) -> bytes:
    """An aggregated proof that every value lies in [0, 2^bits), section 4.2 of the paper."""
    count, size = sum(bits), padded(bits)
    base = Base(size)
    draw = lambda: 1 + secrets.randbelow(N - 1)  # noqa: E731
    a_left = [v >> k & 1 for v, n in zip(values, bits, strict=True) for k in range(n)]
    a_right = [bit - 1 for bit in a_left]
    g, h = base.left[:count], base.right[:count]
    alpha, rho = draw(), draw()
    s_left, s_right = [draw() for _ in a_left], [draw() for _ in a_left]
    first = total(times(alpha, base.blinding), combined(a_left, g), combined(a_right, h))
    second = total(times(rho, base.blinding), combined(s_left, g), combined(s_right, h))
    said.say(b"A", encode(first))
    said.say(b"S", encode(second))
    y, z = said.ask(b"y"), said.ask(b"z")
    powers = [pow(y, i, N) for i in range(count)]
    weights = [pow(z, 2 + j, N) * 2**k for j, n in enumerate(bits) for k in range(n)]

    def left(x: int) -> list[int]:
        return [(a - z + s * x) % N for a, s in zip(a_left, s_left, strict=True)]

    def right(x: int) -> list[int]:
        rows = zip(powers, a_right, s_right, weights, strict=True)
        return [(p * (a + z + s * x) + w) % N for p, a, s, w in rows]

    # t(X) from its values at 0, 1 and -1.
    t0, t_one, t_minus = (dot(left(x), right(x)) for x in (0, 1, -1))
    t2 = ((t_one + t_minus) * pow(2, -1, N) - t0) % N
    t1 = (t_one - t0 - t2) % N
    tau = [draw(), draw()]
    third = add(times(t1, base.value), times(tau[0], base.blinding))
    fourth = add(times(t2, base.value), times(tau[1], base.blinding))
    said.say(b"T1", encode(third))
    said.say(b"T2", encode(fourth))
    x = said.ask(b"x")
    tau_x = tau[1] * x * x + tau[0] * x
    tau_x = (tau_x + sum(pow(z, 2 + j, N) * f for j, f in enumerate(factors))) % N
    mu, t = (alpha + rho * x) % N, dot(left(x), right(x))
    for name, value in ((b"tau_x", tau_x), (b"mu", mu), (b"t", t)):
        said.say(name, scalar(value))
    u = times(said.ask(b"product"), base.product)
    pad = [0] * (size - count)
    a, b = left(x) + pad, right(x) + pad
    g = base.left
    h = [times(pow(y, -i, N), p) for i, p in enumerate(base.right)]
    out = [encode(p) for p in (first, second, third, fourth)] + [*map(scalar, (tau_x, mu, t))]
    while len(a) > 1:
        n = len(a) // 2
        one = total(combined(a[:n], g[n:]), combined(b[n:], h[:n]), times(dot(a[:n], b[n:]), u))
        two = total(combined(a[n:], g[:n]), combined(b[:n], h[n:]), times(dot(a[n:], b[:n]), u))
        out += [encode(one), encode(two)]
        x = fold_challenge(said, out[-2], out[-1])
        inverse = pow(x, -1, N)
        a = [(a[i] * x + a[n + i] * inverse) % N for i in range(n)]
        b = [(b[i] * inverse + b[n + i] * x) % N for i in range(n)]
        g, h = folded(g, inverse, x), folded(h, x, inverse)
    return b"".join([*out, scalar(a[0]), scalar(b[0])])


def fold_challenge(said: Challenges, one: bytes, two: bytes) -> int:
    said.say(b"L", one)
    said.say(b"R", two)
    return said.ask(b"fold")


def folded(points: list[Point], low: int, high: int) -> list[Point]:
    n = len(points) // 2
    return [add(times(low, points[i]), times(high, points[n + i])) for i in range(n)]


def verify(said: Challenges, bits: list[int], commitments: list[Point], proof: bytes) -> bool:
    """Equations 65 and, through the folding of protocol 2, 66 to 68."""
    count, size = sum(bits), padded(bits)
    rounds = size.bit_length() - 1
    if len(proof) != (4 + 2 * rounds) * 33 + 5 * 32:
        return False
    at = 0

    def take(width: int) -> bytes:
        nonlocal at
        at += width
        return proof[at - width : at]

    texts = [take(33) for _ in range(4)]
    numbers = [int.from_bytes(take(32), "big") for _ in range(3)]
    pairs = [(take(33), take(33)) for _ in range(rounds)]
    a, b = (int.from_bytes(take(32), "big") for _ in range(2))
    if max(*numbers, a, b) >= N:
        return False
    try:
        first, second, third, fourth = map(decode, texts)
        folds = [(decode(one), decode(two)) for one, two in pairs]
    except ValueError:
        return False
    tau_x, mu, t = numbers
    base = Base(size)
    said.say(b"A", texts[0])
    said.say(b"S", texts[1])
    y, z = said.ask(b"y"), said.ask(b"z")
    said.say(b"T1", texts[2])
    said.say(b"T2", texts[3])
    x = said.ask(b"x")
    for name, value in ((b"tau_x", tau_x), (b"mu", mu), (b"t", t)):
        said.say(name, scalar(value))
    u = times(said.ask(b"product"), base.product)
    delta = (z - z * z) * sum(pow(y, i, N) for i in range(count))
    delta -= sum(pow(z, 3 + j, N) * (2**n - 1) for j, n in enumerate(bits))
    seen = combined([pow(z, 2 + j, N) for j in range(len(bits))], commitments)
    seen = total(seen, times(delta, base.value), times(x, third), times(x * x, fourth))
    if add(times(t, base.value), times(tau_x, base.blinding)) != seen:
        return False
    h = [times(pow(y, -i, N), p) for i, p in enumerate(base.right)]
    weights = [pow(z, 2 + j, N) * 2**k for j, n in enumerate(bits) for k in range(n)]
    point = total(first, times(x, second), times(-mu, base.blinding), times(t, u))
    for i, weight in enumerate(weights):
        point = total(point, times(-z, base.left[i]), times(z * pow(y, i, N) + weight, h[i]))
    g = base.left
    for (one, two), (left, right) in zip(pairs, folds, strict=True):
        x = fold_challenge(said, one, two)
        inverse = pow(x, -1, N)
        point = total(point, times(x * x, left), times(inverse * inverse, right))
        g, h = folded(g, inverse, x), folded(h, x, inverse)
    return point == total(times(a, g[0]), times(b, h[0]), times(a * b, u))
