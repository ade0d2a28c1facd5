"""Legs of options, as a file lists them: a row a leg."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.reading import read_rows

COLUMNS = ("account", "underlying", "kind", "strike", "expiry", "quantity", "volatility")
OPTIONAL = ("settlement", "forward", "reserve")
EXAMPLE = ",".join((*COLUMNS, *OPTIONAL))
MOST_BYTES = 64_000_000
YEAR_DAYS = 365.0


class OptionKind(StrEnum):
    """A right to buy, or to sell."""

    CALL = "call"
    PUT = "put"

    @property
    def sign(self) -> float:
        """1 for a call, -1 for a put."""
        return 1.0 if self is OptionKind.CALL else -1.0


class Settlement(StrEnum):
    """In what a leg is paid: money, or coins of its underlying."""

    LINEAR = "linear"
    INVERSE = "inverse"


class Reserve(StrEnum):
    """What a writer has locked away for a leg, which then needs no margin.

    ``NONE``     nothing
    ``COVERED``  a coin for each short call
    ``CASH``     the strike, in money, for each short put
    ``FULL``     what the account's legs of that expiry so marked can owe at any price together
    """

    NONE = "none"
    COVERED = "covered-call"
    CASH = "cash-secured-put"
    FULL = "fully-covered"


@dataclass(frozen=True)
class OptionLeg:
    """A position in one option.

    Attributes
    ----------
    account, underlying : str
    kind : OptionKind
    strike : float
        Money.
    expiry : Timestamp
        UTC.
    quantity : float
        Signed, in units of the underlying.
    volatility : float
        Implied, a year, a fraction.
    settlement : Settlement
    forward : float or None
        Of its expiry; None takes the underlying's price.
    reserve : Reserve
    """

    account: str
    underlying: str
    kind: OptionKind
    strike: float
    expiry: pd.Timestamp
    quantity: float
    volatility: float
    settlement: Settlement = Settlement.LINEAR
    forward: float | None = None
    reserve: Reserve = Reserve.NONE

    def __post_init__(self) -> None:
        for name, value in (("strike", self.strike), ("forward", self.forward)):
            if value is not None and not (value > 0.0 and math.isfinite(value)):
                raise InputError(name, value, "must be positive", "Give it in money")
        if not (self.volatility >= 0.0 and math.isfinite(self.volatility)):
            raise InputError(
                "volatility",
                self.volatility,
                "must not be negative",
                "Write 60 % a year as 0.6",
            )
        if self.volatility > 20.0:
            raise InputError(
                "volatility", self.volatility, "must be a fraction a year", "Write 60 % as 0.6"
            )
        if not math.isfinite(self.quantity) or self.quantity == 0.0:
            raise InputError(
                "quantity", self.quantity, "must be a finite number, and not 0", "Correct the leg"
            )
        self._check_reserve()

    def _check_reserve(self) -> None:
        wanted = {Reserve.COVERED: OptionKind.CALL, Reserve.CASH: OptionKind.PUT}.get(self.reserve)
        if wanted is not None and (self.quantity > 0.0 or self.kind is not wanted):
            raise InputError(
                "reserve",
                self.reserve.value,
                f"stands behind a short {wanted.value} only",
                "Leave it out, or correct the leg",
            )

    def days(self, now: pd.Timestamp) -> float:
        """Days to expiry; negative once expired."""
        return float((self.expiry - now) / pd.Timedelta(days=1))


@dataclass(frozen=True)
class OptionBook:
    """Legs of accounts, none of them expired.

    Attributes
    ----------
    legs : tuple of OptionLeg
        In the order of the file.
    moment : Timestamp
        At which they are margined.
    """

    legs: tuple[OptionLeg, ...] = field(repr=False)
    moment: pd.Timestamp

    @classmethod
    def of(
        cls, legs: Iterable[OptionLeg], moment: pd.Timestamp, underlyings: Iterable[str]
    ) -> OptionBook:
        """Legs that can be margined.

        Raises
        ------
        InputError
            Without legs, for one that has expired, or in an unknown underlying.
        """
        held, known = tuple(legs), tuple(underlyings)
        if not held:
            raise InputError("legs", "none", "must hold at least one", f"Write {EXAMPLE}")
        for leg in held:
            if leg.underlying not in known:
                raise InputError(
                    "underlying",
                    leg.underlying,
                    f"must be an asset of the study: {', '.join(known)}",
                    "Add the asset to the study, or correct the leg",
                )
            if leg.expiry <= moment:
                raise InputError(
                    "expiry",
                    leg.expiry.isoformat(),
                    f"must be after {moment.isoformat()}, when the book is margined",
                    "Take legs that have expired out of the file: they are settled",
                )
        return cls(held, moment)

    @classmethod
    def read(cls, path: str | Path, moment: pd.Timestamp, underlyings: Iterable[str]) -> OptionBook:
        """Legs of a CSV, a row each.

        Columns ``account, underlying, kind, strike, expiry, quantity, volatility``; and where they
        are there ``settlement`` (linear, inverse), ``forward``, ``reserve``.

        Raises
        ------
        InputError, DataError
            In words, by line.
        """
        return cls.of(_read(Path(path)), moment, underlyings)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Accounts in the order in which they first appear."""
        return tuple(dict.fromkeys(leg.account for leg in self.legs))


def _read(path: Path) -> list[OptionLeg]:
    columns, rows = read_rows(path, "legs", most=MOST_BYTES, remedy=f"Write {EXAMPLE}")
    missing = [name for name in COLUMNS if name not in columns]
    unknown = [name for name in columns if name not in (*COLUMNS, *OPTIONAL)]
    if missing or unknown:
        found = f"no column {', '.join(missing)}" if missing else f"column {', '.join(unknown)}"
        rule = f"must have {', '.join(COLUMNS)}, and may have {', '.join(OPTIONAL)}"
        raise DataError("legs", found, rule, f"Write {EXAMPLE}")
    return [_leg(row, line) for line, row in rows]


def _leg(row: Mapping[str, str], line: int) -> OptionLeg:
    def said(name: str) -> str:
        return row.get(name, "").strip()

    def number(name: str) -> float:
        try:
            return float(said(name))
        except ValueError:
            raise InputError(
                f"line {line}: {name}", said(name) or "empty", "must be a number", "Correct it"
            ) from None

    def one_of(name: str, kind: type[StrEnum], default: str = "") -> StrEnum:
        try:
            return kind(said(name).lower() or default)
        except ValueError:
            known = ", ".join(one.value for one in kind)
            raise InputError(
                f"line {line}: {name}",
                said(name) or "empty",
                f"must be one of {known}",
                "Correct it",
            ) from None

    # Never guessed: 05/06/2024 is two days. Venues write 28JUN24.
    forms = ("ISO8601", "%d%b%y")
    read = (pd.to_datetime(said("expiry"), utc=True, errors="coerce", format=f) for f in forms)
    expiry = next((moment for moment in read if isinstance(moment, pd.Timestamp)), None)
    if expiry is None:
        raise InputError(
            f"line {line}: expiry",
            said("expiry") or "empty",
            "must be a day or a moment",
            "Write 2024-06-28 or 2024-06-28T08:00Z",
        )
    try:
        return OptionLeg(
            said("account"),
            said("underlying"),
            OptionKind(one_of("kind", OptionKind)),
            number("strike"),
            expiry,
            number("quantity"),
            number("volatility"),
            Settlement(one_of("settlement", Settlement, Settlement.LINEAR)),
            number("forward") if said("forward") else None,
            Reserve(one_of("reserve", Reserve, Reserve.NONE)),
        )
    except InputError as error:
        if error.argument.startswith("line "):
            raise
        raise InputError(
            f"line {line}: {error.argument}", error.value, error.rule, error.remedy
        ) from None
