"""RFC 8785 a second time, written from the text of the standard and sharing nothing with riskkit's.

Numbers by the steps of ECMA-262's Number::toString over exact decimals, keys as lists of 16-bit
units, strings by Python's own JSON encoder, which escapes exactly what RFC 8785 asks for.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def number(value: float) -> str:
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number(-value)
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    s, k = "".join(map(str, digits)), len(digits)
    n = k + int(exponent)
    if k <= n <= 21:
        return s.ljust(n, "0")
    if 0 < n <= 21:
        return s[:n] + "." + s[n:]
    if -6 < n <= 0:
        return "0." + s.rjust(k - n, "0")
    e = n - 1
    suffix = f"e+{e}" if e > 0 else f"e-{-e}"
    return (s if k == 1 else s[0] + "." + s[1:]) + suffix


def units(text: str) -> list[int]:
    found = []
    for code in map(ord, text):
        if code < 0x10000:
            found.append(code)
        else:
            found += [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]
    return found


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=units)
        return "{" + ",".join(f"{canonical(n)}:{canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)
