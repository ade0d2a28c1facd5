"""What a venue format is: a value type, and six pure functions about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from riskkit.formats.assets import last_part
from riskkit.formats.calibrated import CalibratedCollateral, CalibratedPerpetual

Value = TypeVar("Value")
Context = TypeVar("Context")
Calibrated = TypeVar("Calibrated", CalibratedPerpetual, CalibratedCollateral)


@dataclass(frozen=True)
class EffectiveMargins:
    """Margins in force once a venue has rounded them, as exact fractions of current notional.

    Attributes
    ----------
    market : str
        Name inside the file.
    notional : Decimal
        Position size from which these hold (0 where the venue has no tiers).
    initial_margin, maintenance_margin : Decimal
        For a position of exactly that size; with tiers, they grow with size from there.
    """

    market: str
    notional: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal


@dataclass(frozen=True)
class EffectiveThresholds:
    """Thresholds in force once a venue has rounded them; None where the file keeps today's."""

    market: str
    max_ltv: Decimal | None
    liquidation_threshold: Decimal | None
    liquidation_bonus: Decimal | None


@dataclass(frozen=True)
class VenueFormat(Generic[Value, Context, Calibrated]):
    """A venue's file format. Every function is pure, and refuses with `InputError`.

    Attributes
    ----------
    name : str
        As the user types it: ``"dydx-v4"``.
    title, suffix : str
        For people, and for file names (``".json"``).
    calibrated : type
        `CalibratedPerpetual` or `CalibratedCollateral`.
    read : text -> value
        The venue's own values in the venue's own integers; breaks no invariant.
    write : value -> text
        Canonical: ``write(read(write(value))) == write(value)``.
    check : value -> None
        Refuses what the venue (or the public rule) forbids.
    export : calibrated, context -> value
        Rounded against the borrower or trader, then checked.
    context_from : value, market -> context
        What riskkit does not calibrate, taken from a live file.
    effective : value -> fractions in force after rounding
    asset_of : value, market -> str or None
        The asset that a market is for, as the file names it; None where the file names none (a
        class of markets, an address). By default the market's own name, after its pool.
    """

    name: str
    title: str
    suffix: str
    calibrated: type[Calibrated]
    read: Callable[[str], Value]
    write: Callable[[Value], str]
    check: Callable[[Value], None]
    export: Callable[[Calibrated, Context], Value]
    context_from: Callable[[Value, str], Context]
    effective: Callable[[Value], tuple[EffectiveMargins, ...] | tuple[EffectiveThresholds, ...]]
    asset_of: Callable[[Value, str], str | None] = last_part
