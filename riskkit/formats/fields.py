"""Reading an object field by field: every type and range checked, and nothing left unread."""

from __future__ import annotations

import re
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.text import ADDRESS, sort_keys
from riskkit.units import as_decimal

MAX_TEXT = 2_000


class Fields:
    """An object being read. `finish` refuses the keys that nobody asked for.

    Parameters
    ----------
    tree : object
        What the parser returned.
    path : str
        How the user would name this place: ``"assets.WETH"``.
    """

    def __init__(self, tree: object, path: str = "") -> None:
        if not isinstance(tree, dict):
            raise InputError(
                path or "text", tree, "must be an object", "Write {…} with named fields"
            )
        self.path = path
        self._left: dict[str, object] = dict(tree)

    def name(self, key: str) -> str:
        """The full name of one of its fields."""
        return f"{self.path}.{key}" if self.path else key

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def unread(self) -> list[str]:
        """Keys not read yet, in the file's order."""
        return list(self._left)

    def take(self, key: str) -> object:
        """The raw value of a field; refused when missing."""
        if key not in self._left:
            raise InputError(self.name(key), "nothing", "must be given", "Add the field")
        return self._left.pop(key)

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer in ``[low, high]``, written as a number or as digits in a string."""
        return self.as_integer(key, self.take(key), low, high)

    def as_integer(self, key: str, value: object, low: int, high: int) -> int:
        """A value already taken, as an integer in ``[low, high]``."""
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,80}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            shown = str(value) if isinstance(value, Decimal) else value
            remedy = "Write the venue's own unit (ppm, basis points, …) in digits only"
            raise InputError(self.name(key), shown, "must be an integer", remedy)
        check_within(self.name(key), value, low, high, "Check the unit")
        return value

    def decimal(self, key: str) -> Decimal:
        """A number, exactly as written."""
        value = self.take(key)
        if not isinstance(value, int | Decimal) or isinstance(value, bool):
            raise InputError(self.name(key), value, "must be a number", "Remove the quotes")
        return as_decimal(value)

    def text(self, key: str, pattern: str = "", meaning: str = "text") -> str:
        """A string, matching a pattern when one is given (``meaning`` says it in words)."""
        value = self.take(key)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            rule = f"must be a string of at most {MAX_TEXT:,} characters"
            raise InputError(self.name(key), value, rule, f"Write {meaning} in quotes")
        if pattern and not re.fullmatch(pattern, value):
            raise InputError(self.name(key), value, f"must be {meaning}", "Correct the field")
        return value

    def address(self, key: str) -> str:
        """An EVM address: 0x and 40 hexadecimal digits."""
        return self.text(key, ADDRESS.pattern, "an address: 0x and 40 hexadecimal digits")

    def child(self, key: str) -> Fields:
        """A nested object."""
        return Fields(self.take(key), self.name(key))

    def children(self, key: str, limit: int = 1_000) -> list[Fields]:
        """A list of objects."""
        items = self.take(key)
        if not isinstance(items, list) or len(items) > limit:
            rule = f"must be a list of at most {limit} objects"
            raise InputError(self.name(key), items, rule, "Write [{…}, {…}]")
        return [Fields(item, f"{self.name(key)}[{i}]") for i, item in enumerate(items)]

    def rest(self) -> dict[str, object]:
        """What was not asked for, keys sorted, to be carried along unchanged."""
        kept = sort_keys(self._left)
        self._left = {}
        return kept if isinstance(kept, dict) else {}

    def finish(self) -> None:
        """Refuse keys that were not read: a misspelt key would otherwise change nothing."""
        if self._left:
            key = next(iter(self._left))
            rule = "is not a field of this format"
            raise InputError(
                self.name(key), self._left[key], rule, "Remove it, or correct its name"
            )


def check_within(field: str, value: int, low: int, high: int, remedy: str) -> None:
    """Refuse an integer outside ``[low, high]``."""
    if not low <= value <= high:
        raise InputError(field, value, f"must lie between {low:,} and {high:,}", remedy)


def check_address(field: str, value: str) -> None:
    """Refuse what is no EVM address."""
    if not ADDRESS.fullmatch(value):
        rule = "must be an address: 0x and 40 hexadecimal digits"
        raise InputError(field, value, rule, "Copy it from the address book")
