"""Numbers of a Synthetix settings table: scaled by 1e18 where they stand, or by the file's steps.

Most deployments write ``"<%= parseEther('0.02') %>"`` and pass it on. Some write ``"0.02"``, and
their steps say ``"<%= parseEther(settings.btc_perps_maker_fee_ratio) %>"``: there ``"9"`` is nine,
and not nine of 1e18. The steps tell the two apart; in a table alone, a decimal point does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.fields import Fields
from riskkit.formats.text import plain
from riskkit.units import Scale, as_decimal, from_scale
from riskkit.units import to_scale_exactly as exactly

_ETHER = re.compile(
    r"<%=\s*parseEther\(\s*(?:String\(\s*([0-9_]+(?:\.[0-9]+)?)\s*\)|'([0-9]+(?:\.[0-9]+)?)')"
    r"\s*\)\s*%>"
)
_INTEGER = re.compile(r"([0-9]{1,40})|<%=\s*([0-9]{1,40})\s*%>")
_WHOLE = re.compile(
    r"([0-9]{1,40}\.[0-9]{1,40})|<%=\s*String\(\s*([0-9_]{1,40}(?:\.[0-9]+)?)\s*\)\s*%>"
)
_SCALED = re.compile(r"parseEther\(\s*settings\.([A-Za-z0-9_]+)\s*\)")
_PASSED = re.compile(r"<%=\s*settings\.([A-Za-z0-9_]+)\s*%>")


@dataclass(frozen=True)
class Steps:
    """What the steps of a file do with its settings: keys they scale, and keys they pass as is."""

    scaled: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()


def read_steps(tree: Mapping[str, object]) -> Steps:
    """The keys that a file's steps scale or pass, out of everything but its settings."""
    text = str({name: value for name, value in tree.items() if name != "var"})
    return Steps(frozenset(_SCALED.findall(text)), frozenset(_PASSED.findall(text)))


def read_numbers(
    fields: Fields, keys: Mapping[str, str], steps: Steps
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Each field's number times 1e18, and the fields that the file keeps unscaled.

    Parameters
    ----------
    fields : Fields
        The market's table.
    keys : mapping
        Field to its key in the table.
    steps : Steps
    """
    texts = {field: fields.text(key) for field, key in keys.items()}
    whole_table = any(_WHOLE.fullmatch(text) for text in texts.values())
    ether_table = any(_ETHER.fullmatch(text) for text in texts.values())
    numbers, whole = {}, []
    for field, key in keys.items():
        text, name = texts[field], fields.name(key)
        number, scaled = _parse(name, text)
        if scaled is None and key not in steps.scaled | steps.passed and whole_table:
            if ether_table:
                rule = "must say its scale, in a table where some numbers are scaled and some not"
                remedy = "Give the file with its steps, or write parseEther('…') or a decimal point"
                raise InputError(name, text, rule, remedy)
            scaled = False
        elif scaled is None:
            scaled = key not in steps.scaled
        if scaled and key in steps.scaled:
            rule = "must not be scaled twice: here, and by parseEther in the file's steps"
            raise InputError(name, text, rule, "Take parseEther out of one of the two")
        if not scaled and key in steps.passed:
            rule = "must be scaled: the file's steps pass it as it stands"
            raise InputError(name, text, rule, "Write <%= parseEther('…') %>")
        if not scaled:
            whole.append(field)
        bare = scaled and _INTEGER.fullmatch(text)
        numbers[field] = int(number) if bare else exactly(number, Scale.WAD, name)
    return numbers, tuple(whole)


def _parse(name: str, text: str) -> tuple[Decimal, bool | None]:
    """The number as written, and whether it is scaled; None where an integer does not say."""
    for pattern, scaled in ((_INTEGER, None), (_ETHER, True), (_WHOLE, False)):
        if match := pattern.fullmatch(text):
            return as_decimal((match[1] or match[2]).replace("_", "")), scaled
    rule = "must be <%= parseEther('0.02') %>, or an integer on the 1e18 scale"
    raise InputError(name, text, rule, "Write the number itself")


def write_number(value: int, *, whole: bool) -> str:
    """A 1e18 integer as the file keeps it; unscaled ones show a decimal point."""
    number = plain(from_scale(value, Scale.WAD))
    if not whole:
        return f"<%= parseEther('{number}') %>"
    return number if "." in number else f"{number}.0"
