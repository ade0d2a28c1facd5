"""JSON in the one form that every language writes alike: RFC 8785, the canonicalization scheme.

Keys sorted by their UTF-16 code units, no spaces, numbers as ECMAScript writes an IEEE double,
strings escaped no more than JSON must, UTF-8. A digest over it is the same wherever it is taken.
"""

from __future__ import annotations

import math
from typing import Any

from riskkit.errors import InputError

#: Integers from here on are not all IEEE doubles, and two of them would be written alike.
SAFE = 2**53
_ESCAPES = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_ESCAPED = {code: _ESCAPES.get(code, f"\\u{code:04x}") for code in (*range(32), 34, 92)}


def canonical_bytes(content: Any) -> bytes:
    """The canonical form of JSON values, as UTF-8.

    Raises
    ------
    InputError
        For an integer of 2^53 or more, NaN or infinity, or half of a surrogate pair: not every
        language reads them alike.
    """
    return _form(content).encode("utf-8")


def ecmascript_number(value: float) -> str:
    """A finite number as ECMAScript's ``Number::toString`` writes it (ECMA-262, 7.1.12.1).

    The shortest digits that read back as the same double, which are Python's too; only where the
    point and the exponent stand differs.
    """
    if not math.isfinite(value):
        raise InputError("number", value, "must be finite in JSON", "Leave it out, or write null")
    if value == 0.0:
        return "0"  # minus zero too
    sign = "-" if value < 0.0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, part = mantissa.partition(".")
    part = "" if part == "0" else part
    digits = (whole + part).lstrip("0")
    # The number is 0.d1d2d3… times ten to the power of n.
    n = len(whole.lstrip("0")) if whole.strip("0") else len(digits) - len(part)
    n += int(exponent or 0)
    digits = digits.rstrip("0")
    k = len(digits)
    if k <= n <= 21:
        text = digits + "0" * (n - k)
    elif 0 < n <= 21:
        text = f"{digits[:n]}.{digits[n:]}"
    elif -6 < n <= 0:
        text = f"0.{'0' * -n}{digits}"
    else:
        fraction = f".{digits[1:]}" if k > 1 else ""
        text = f"{digits[0]}{fraction}e{n - 1:+d}"
    return sign + text


def _form(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) >= SAFE:
            rule = "must be below 2^53: larger integers are not numbers in every language"
            raise InputError("number", value, rule, "Use a smaller one, such as another seed")
        return str(value)
    if isinstance(value, float):
        return ecmascript_number(value)
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: _units(pair[0]))
        return "{" + ",".join(f"{_text(name)}:{_form(item)}" for name, item in pairs) + "}"
    return "[" + ",".join(_form(item) for item in value) + "]"


def _units(name: str) -> bytes:
    """UTF-16 code units in an order that bytes compare alike."""
    return name.encode("utf-16-be", "surrogatepass")


def _text(text: str) -> str:
    for character in text:
        if "\ud800" <= character <= "\udfff":
            rule = f"must hold no half of a surrogate pair (U+{ord(character):04X})"
            raise InputError("text", ascii(text), rule, "Write the whole character, or none")
    return f'"{text.translate(_ESCAPED)}"'
