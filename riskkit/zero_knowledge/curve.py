"""Points of the curve secp256k1, and sums of many of them, computed by libsecp256k1.

The library adds and multiplies; this module only says what is added. The sum of zero is None, which
the library cannot hold. Public Python calls of coincurve take one point at a time and most of their
time is spent around the library, so its own functions are called on rows of points.

Nothing here takes the same time for all scalars: see what the page says of timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from riskkit.errors import InputError

#: Order of the group: scalars are whole numbers below it (SEC 2, section 2.4.1).
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
POINT_BYTES = 33
SCALAR_BYTES = 32
_RAW = 64  # of a point in the library's memory
_COMPRESSED = lib.SECP256K1_EC_COMPRESSED
_CONTEXT: Any = GLOBAL_CONTEXT.ctx
# Fewer are multiplied one by one.
_FEW = 24

Raw = npt.NDArray[np.uint8]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """A row of points, none of which is zero.

    Attributes
    ----------
    raw : ndarray, shape (points, 64)
        As the library keeps them: good in this process only.
    """

    raw: Raw = field(repr=False)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, part: slice) -> Points:
        return Points(np.ascontiguousarray(self.raw[part]))

    @classmethod
    def joined(cls, rows: Iterable[Points]) -> Points:
        """One row after the other."""
        return cls(np.concatenate([row.raw for row in rows]))

    @classmethod
    def decode(cls, encoded: Sequence[bytes]) -> Points:
        """Points from their compressed form, 33 bytes each (SEC 1, section 2.3.4).

        Raises
        ------
        InputError
            If one is no point of the curve; its number is named.
        """
        raw = np.zeros((len(encoded), _RAW), np.uint8)
        row = _pointer(raw)
        for i, text in enumerate(encoded):
            if len(text) != POINT_BYTES or not _parse(row + i, text):
                raise InputError(
                    f"point {i + 1}",
                    text.hex()[:80],
                    "must be a compressed point of secp256k1",
                    "Ask for the file again: this one was changed or cut",
                )
        return cls(raw)

    def encode(self) -> list[bytes]:
        """Their compressed form, 33 bytes each."""
        raw, out = np.ascontiguousarray(self.raw), []
        text, size = ffi.new("unsigned char[33]"), ffi.new("size_t *")
        row = _pointer(raw)
        for i in range(len(raw)):
            size[0] = POINT_BYTES
            lib.secp256k1_ec_pubkey_serialize(_CONTEXT, text, size, row + i, _COMPRESSED)
            out.append(bytes(ffi.buffer(text)))
        return out

    def negated(self) -> Points:
        """The points with the opposite sign."""
        raw = self.raw.copy()
        row = _pointer(raw)
        for i in range(len(raw)):
            lib.secp256k1_ec_pubkey_negate(_CONTEXT, row + i)
        return Points(raw)

    def times(self, scalar: int) -> Points:
        """Every point times the same scalar, which is not zero."""
        raw, text = self.raw.copy(), _bytes(scalar)
        row = _pointer(raw)
        for i in range(len(raw)):
            if not lib.secp256k1_ec_pubkey_tweak_mul(_CONTEXT, row + i, text):
                raise ZeroDivisionError("a point times zero is not a point")
        return Points(raw)

    def plus(self, other: Points) -> Points:
        """Point by point; no two may cancel."""
        raw = np.empty_like(self.raw)
        both = np.stack([_addresses(self.raw), _addresses(other.raw)], axis=1).ravel()
        row, terms = _pointer(raw), _terms(both)
        for i in range(len(raw)):
            if not lib.secp256k1_ec_pubkey_combine(_CONTEXT, row + i, terms + 2 * i, 2):
                raise ZeroDivisionError("two points cancel")
        return Points(raw)


def parse_x(x: bytes) -> Raw | None:
    """The point with this coordinate x and an even y, raw; None if the curve has none."""
    raw = np.zeros((1, _RAW), np.uint8)
    return raw[0] if _parse(_pointer(raw), b"\x02" + x) else None


def sum_of(points: Points) -> Points | None:
    """The sum of the points, as a row of one; None if it is zero."""
    if not len(points):
        return None
    raw = np.zeros((1, _RAW), np.uint8)
    terms = _addresses(points.raw)
    found = lib.secp256k1_ec_pubkey_combine(_CONTEXT, _pointer(raw), _terms(terms), len(terms))
    return Points(raw) if found else None


def weighted_sum(points: Points, scalars: Sequence[int]) -> Points | None:
    """The sum of the points times their scalars, as a row of one; None if it is zero.

    Parameters
    ----------
    points : Points
    scalars : sequence of int
        One for each point; taken modulo the order.

    Notes
    -----
    Many are summed by buckets: scalars are cut into digits, points with the same digit are added
    up in one call of the library, and each bit of the digits collects the buckets that have it.
    """
    reduced = [scalar % ORDER for scalar in scalars]
    if len(reduced) != len(points):
        raise ValueError("one scalar for each point")
    kept = np.flatnonzero(np.fromiter((s != 0 for s in reduced), bool, len(reduced)))
    chosen = [reduced[i] for i in kept]
    raw = np.ascontiguousarray(points.raw[kept])
    if not chosen:
        return None
    if len(chosen) < _FEW:
        row = _pointer(raw)
        for i, scalar in enumerate(chosen):
            lib.secp256k1_ec_pubkey_tweak_mul(_CONTEXT, row + i, _bytes(scalar))
        return sum_of(Points(raw))
    return _by_buckets(raw, chosen)


def _by_buckets(raw: Raw, scalars: Sequence[int]) -> Points | None:
    width = _best_width(len(scalars))
    windows = -(-8 * SCALAR_BYTES // width)
    written = b"".join(scalar.to_bytes(SCALAR_BYTES, "little") for scalar in scalars)
    rows = np.frombuffer(written, np.uint8).reshape(-1, SCALAR_BYTES)
    bits = np.zeros((len(scalars), windows * width), np.int64)
    bits[:, : 8 * SCALAR_BYTES] = np.unpackbits(rows, axis=1, bitorder="little")
    digits = bits.reshape(len(scalars), windows, width) @ (1 << np.arange(width))
    addresses = _addresses(raw)
    columns = np.zeros((windows * width, _RAW), np.uint8)
    filled = np.zeros(windows * width, bool)
    for w in range(windows):
        _fill_columns(addresses, digits[:, w], columns, filled, range(w * width, (w + 1) * width))
    return _doubled_up(columns, filled)


def _fill_columns(
    addresses: npt.NDArray[np.uint64], digits: Index, columns: Raw, filled: Any, places: range
) -> None:
    """Sum the points of each digit, then for each bit of the digits the sums that have it."""
    count = 1 << len(places)
    order = np.argsort(digits, kind="stable")
    ends = np.searchsorted(digits[order], np.arange(count + 1)).tolist()
    sorted_terms = np.ascontiguousarray(addresses[order])
    terms = _terms(sorted_terms)
    buckets = np.zeros((count, _RAW), np.uint8)
    row, out = _pointer(buckets), _pointer(columns)
    combine = lib.secp256k1_ec_pubkey_combine
    there = np.zeros(count, bool)
    for digit in range(1, count):
        begin, end = ends[digit], ends[digit + 1]
        if end > begin:
            there[digit] = combine(_CONTEXT, row + digit, terms + begin, end - begin)
    places_of = _addresses(buckets)
    numbers = np.arange(count)
    for bit, place in enumerate(places):
        some = np.ascontiguousarray(places_of[there & ((numbers >> bit) & 1 == 1)])
        if len(some):
            filled[place] = combine(_CONTEXT, out + place, _terms(some), len(some))


def _doubled_up(columns: Raw, filled: Any) -> Points | None:
    """The sum of column i times 2^i."""
    total: Points | None = None
    for place in range(len(columns) - 1, -1, -1):
        if total is not None:
            total = sum_of(Points(np.concatenate([total.raw, total.raw])))
        if filled[place]:
            column = columns[place : place + 1]
            total = (
                Points(column.copy())
                if total is None
                else sum_of(Points(np.concatenate([total.raw, column])))
            )
    return total


def _best_width(count: int) -> int:
    """Bits of a digit that cost the least: additions inside calls, and calls, in microseconds."""

    def cost(width: int) -> float:
        return -(-256 // width) * (
            0.45 * count + 5.0 * min(count, 1 << width) + 0.23 * width * (1 << width)
        )

    return min(range(2, 11), key=cost)


def _bytes(scalar: int) -> bytes:
    return (scalar % ORDER).to_bytes(SCALAR_BYTES, "big")


def _parse(place: Any, text: bytes) -> bool:
    return bool(lib.secp256k1_ec_pubkey_parse(_CONTEXT, place, text, len(text)))


def _pointer(raw: Raw) -> Any:
    return ffi.cast("secp256k1_pubkey *", raw.ctypes.data)


def _terms(addresses: npt.NDArray[np.uint64]) -> Any:
    return ffi.cast("secp256k1_pubkey **", addresses.ctypes.data)


def _addresses(raw: Raw) -> npt.NDArray[np.uint64]:
    if not raw.flags.c_contiguous:
        raise ValueError("points must lie one after the other")
    return np.uint64(raw.ctypes.data) + np.uint64(_RAW) * np.arange(len(raw), dtype=np.uint64)
