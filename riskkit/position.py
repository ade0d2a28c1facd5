"""Which way a position is exposed, and what it is margined in."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The side of a position.

    Examples
    --------
    >>> import riskkit
    >>> riskkit.Side("long").sign
    1
    """

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for a long, -1 for a short: the sign of the position's exposure to the price."""
        return 1 if self is Side.LONG else -1


class Instrument(StrEnum):
    """What is margined: a linear perpetual, or a loan against volatile collateral."""

    PERPETUAL = "perpetual"
    LOAN = "loan"

    @property
    def names(self) -> tuple[str, str]:
        """What the field calls the trigger and the opening limit: MM and IM, or LT and max LTV."""
        return ("LT", "max LTV") if self is Instrument.LOAN else ("MM", "IM")

    @property
    def words(self) -> tuple[str, str]:
        """The same in full."""
        if self is Instrument.LOAN:
            return ("liquidation threshold", "max loan-to-value")
        return ("maintenance margin", "initial margin")


class Contract(StrEnum):
    """What the position is margined in: money (linear) or the coin itself (inverse)."""

    LINEAR = "linear"
    INVERSE = "inverse"
