"""JSON in and out for the venue formats, and TOML in: bounded, exact, without silent repairs.

Python's own reader accepts NaN, keeps the last of two equal keys and turns 0.1 into a binary
float; each of these has changed a parameter somewhere. Here they are refused, and every number
stays the decimal that was written.
"""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.units import as_decimal

MAX_CHARACTERS = 131_072
MAX_TOML, MAX_DOTS = 65_536, 32
MAX_DIGITS = 100
MAX_DEPTH = 32
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def check_length(text: str, argument: str = "text", limit: int = MAX_CHARACTERS) -> None:
    """Refuse a text too long to be a parameter file, before any parser sees it."""
    if not isinstance(text, str):
        raise InputError(argument, text, "must be text", "Read the file first")
    if len(text) > limit:
        rule = f"must be at most {limit:,} characters"
        raise InputError(argument, f"{len(text):,} characters", rule, "Cut out the section")


def load_json(text: str, argument: str = "text") -> object:
    """JSON to dicts, lists, str, int, bool, None, and Decimal for every other number.

    Raises
    ------
    InputError
        On broken syntax, a repeated key, NaN or an infinity, a number beyond 100 digits or
        1e100, nesting beyond 32 levels, or a text beyond 131,072 characters.
    """
    check_length(text, argument)
    _check_depth(text, argument)
    try:
        tree = json.loads(
            text,
            object_pairs_hook=unique_keys,
            parse_int=_integer,
            parse_float=exact_number,
            parse_constant=_not_finite,
        )
    except json.JSONDecodeError as error:
        rule = f"must be valid JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        line = text.splitlines()[error.lineno - 1 : error.lineno] or [""]
        raise InputError(
            argument, line[0].strip(), rule, "Repair or export the file again"
        ) from None
    check_characters(text, tree, argument)
    return tree


def load_toml(text: str) -> dict[str, object]:
    """TOML to dicts; refused beyond 65,536 characters, 32 dots in a line, or in deep nesting."""
    check_length(text, limit=MAX_TOML)
    # A key of n dotted parts costs the standard parser time and memory in n squared.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS:
            rule = f"line {number} must hold at most {MAX_DOTS} dots"
            raise InputError("text", line, rule, "Cut out the settings table")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        rule = f"must be valid TOML ({error})"
        raise InputError("text", text, rule, "Repair the file") from None
    except (RecursionError, ValueError):
        rule = "must not nest deeply, nor hold numbers of thousands of digits"
        raise InputError("text", text, rule, "Cut out the settings table") from None


def check_characters(text: str, tree: object, argument: str) -> None:
    """Refuse unpaired surrogates, which no file could hold again."""
    if "\\u" in text:
        try:
            dump_json(tree).encode("utf-8")
        except UnicodeEncodeError:
            rule = "must not hold an unpaired surrogate (\\ud800 … \\udfff)"
            raise InputError(argument, "text", rule, "Write the whole character") from None


def _check_depth(text: str, argument: str) -> None:
    depth = 0
    # The closing quote is optional, so that an open string is passed over once, not at every quote.
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', text, re.DOTALL):
        token = match.group()
        depth += (token in "[{") - (token in "]}")
        if depth > MAX_DEPTH:
            rule = f"must not nest deeper than {MAX_DEPTH} levels"
            raise InputError(argument, f"{depth} levels", rule, "Cut out the section")


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The pairs as a dict; a repeated key is refused, since either value may be the meant one."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(key, "the key twice", "must appear once", "Remove one of the two")
        found[key] = value
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        rule = f"must have at most {MAX_DIGITS} digits"
        raise InputError("number", digits, rule, "Check the unit")
    return int(digits)


def exact_number(digits: str) -> Decimal:
    """A decimal that can be written again in at most 100 plain digits."""
    value = as_decimal(digits) if len(digits) <= MAX_DIGITS else None
    if value is None or len(plain(value)) > MAX_DIGITS:
        rule = f"must have at most {MAX_DIGITS} digits"
        raise InputError("number", digits, rule, "Check the unit")
    return value


def _not_finite(name: str) -> object:
    raise InputError("number", name, "must be finite", "Find where it became so")


def dump_json(tree: object) -> str:
    """Canonical text: two spaces, keys in the order given, decimals as plain digits, newline."""
    return f"{_dump(tree, '')}\n"


def _dump(tree: object, indent: str) -> str:
    inner = f"{indent}  "
    if isinstance(tree, dict) and tree:
        rows = [f"{inner}{_quote(key)}: {_dump(item, inner)}" for key, item in tree.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(tree, list) and tree:
        return "[\n" + ",\n".join(f"{inner}{_dump(i, inner)}" for i in tree) + f"\n{indent}]"
    if isinstance(tree, Decimal):
        return plain(tree)
    return json.dumps(tree, ensure_ascii=False, allow_nan=False)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def plain(value: Decimal) -> str:
    """A decimal in plain digits, without exponent or trailing zeros: ``"0.825"``."""
    digits = f"{value:f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in {"-0", ""} else digits


def sort_keys(tree: object) -> object:
    """The same tree with the keys of every object sorted."""
    if isinstance(tree, dict):
        return {key: sort_keys(tree[key]) for key in sorted(tree)}
    return [sort_keys(item) for item in tree] if isinstance(tree, list) else tree
