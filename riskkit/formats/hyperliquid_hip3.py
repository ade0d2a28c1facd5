"""Hyperliquid HIP-3: margin tables (``insertMarginTable``) of a builder-deployed exchange.

A table holds integer leverages only. The initial margin is the inverse of the leverage of the tier
that the position's size falls into; the maintenance margin is **half** of it, charged tier by tier
like an income tax. So both margins of a calibration press on one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedPerpetual, check_perpetual
from riskkit.formats.fields import Fields
from riskkit.formats.format import EffectiveMargins, VenueFormat
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Rounding, Scale, as_decimal, from_scale, ratio_to_scale

MAX_TIERS, MAX_LEVERAGE, MAX_DEX_NAME = 3, 50, 6
LARGEST_BOUND = 10**18
MIN_OPEN_INTEREST_CAP = 1_000_000


@dataclass(frozen=True)
class MarginTier:
    """From ``lower_bound`` (position notional, quote currency) on, leverage is at most this."""

    lower_bound: int
    max_leverage: int


@dataclass(frozen=True)
class MarginTable:
    """An ``insertMarginTable`` action: one to three tiers, the first from 0."""

    dex: str
    description: str
    tiers: tuple[MarginTier, ...]


@dataclass(frozen=True)
class HyperliquidContext:
    """What riskkit does not calibrate: the exchange's name, and a description of the table."""

    dex: str
    description: str


@dataclass(frozen=True)
class OpenInterestCaps:
    """A ``setOpenInterestCaps`` action: caps by coin, in the exchange's own units, sorted."""

    caps: tuple[tuple[str, int], ...]


def maintenance_margin(tiers: Sequence[MarginTier], notional: Decimal | int) -> Fraction:
    """Maintenance margin of a position, in quote currency, exactly.

    ``N m - ded`` with ``m = 1 / (2 maxLeverage)`` of the tier of N, and
    ``ded(n) = ded(n-1) + lower_n (m_n - m_{n-1})``.
    """
    deduction, before, size = Fraction(0), Fraction(0), Fraction(notional)
    for tier in tiers:
        if tier.lower_bound > size:
            break
        rate = Fraction(1, 2 * tier.max_leverage)
        deduction += tier.lower_bound * (rate - before)
        before = rate
    return size * before - deduction


def initial_margin(tiers: Sequence[MarginTier], notional: Decimal | int) -> Fraction:
    """Initial margin of a position at the largest leverage of its tier, in quote currency."""
    open_to = [tier.max_leverage for tier in tiers if tier.lower_bound <= notional]
    return Fraction(notional) / open_to[-1]


def leverage(initial: Fraction, maintenance: Fraction) -> int:
    """Largest leverage allowed by both margins: ``floor(min(1 / IM, 1 / (2 MM)))``, at most 50."""
    highest = min(1 / initial, 1 / (2 * maintenance))
    if highest < 1:
        rule = "must be at most 1 and 1/2, since the smallest leverage is 1 and MM is half of IM"
        margins = f"initial {float(initial):.6g}, maintenance {float(maintenance):.6g}"
        raise InputError("margins", margins, rule, "Do not list this market here")
    return min(int(highest), MAX_LEVERAGE)


def read(text: str) -> MarginTable:
    """A table from the action's JSON."""
    fields = Fields(load_json(text))
    fields.text("type", "perpDeploy", "perpDeploy")
    action = fields.child("insertMarginTable")
    table = action.child("marginTable")
    value = MarginTable(
        dex=action.text("dex"),
        description=table.text("description"),
        tiers=tuple(_read_tier(item) for item in table.children("marginTiers")),
    )
    for part in (table, action, fields):
        part.finish()
    check(value)
    return value


def _read_tier(fields: Fields) -> MarginTier:
    tier = MarginTier(
        fields.integer("lowerBound", 0, LARGEST_BOUND),
        fields.integer("maxLeverage", 0, LARGEST_BOUND),
    )
    fields.finish()
    return tier


def write(value: MarginTable) -> str:
    """The action's canonical JSON."""
    check(value)
    tiers = [
        {"lowerBound": tier.lower_bound, "maxLeverage": tier.max_leverage} for tier in value.tiers
    ]
    table = {"description": value.description, "marginTiers": tiers}
    insert = {"dex": value.dex, "marginTable": table}
    return dump_json({"type": "perpDeploy", "insertMarginTable": insert})


def check(value: MarginTable) -> None:
    """Refuse what the exchange refuses."""
    if not 1 <= len(value.dex) <= MAX_DEX_NAME:
        rule = f"must have 1 to {MAX_DEX_NAME} characters"
        raise InputError("dex", value.dex, rule, "Give the exchange's short name")
    tiers = value.tiers
    if not 1 <= len(tiers) <= MAX_TIERS:
        rule = f"must hold 1 to {MAX_TIERS} tiers"
        raise InputError("marginTiers", f"{len(tiers)} tiers", rule, "Merge tiers")
    if tiers[0].lower_bound != 0:
        rule = "must be 0 in the first tier"
        raise InputError("lowerBound", tiers[0].lower_bound, rule, "Start the table at 0")
    for tier in tiers:
        if not 1 <= tier.max_leverage <= MAX_LEVERAGE:
            rule = f"must lie between 1 and {MAX_LEVERAGE}"
            raise InputError("maxLeverage", tier.max_leverage, rule, "Give a whole leverage")
    for low, high in pairwise(tiers):
        if not low.lower_bound < high.lower_bound <= LARGEST_BOUND:
            rule = f"must be above {low.lower_bound:,}, the bound before it"
            raise InputError("lowerBound", high.lower_bound, rule, "Sort the tiers by size")
        if high.max_leverage >= low.max_leverage:
            rule = f"must be below {low.max_leverage}, the leverage of the tier before it"
            raise InputError("maxLeverage", high.max_leverage, rule, "Merge the two tiers")


def export(calibrated: CalibratedPerpetual, context: HyperliquidContext) -> MarginTable:
    """A table whose margins are at no size below the calibrated ones.

    With rungs (from a slippage ladder), the tier between two of them must charge the maintenance
    that the larger one needs beyond the smaller one, since deductions make the charge marginal, and
    the whole initial margin of the larger one. Beyond the last rung its tier goes on.
    """
    check_perpetual(calibrated)
    required = [_exact(calibrated.initial_margin, calibrated.maintenance_margin)]
    bounds = [Fraction(0)]
    if calibrated.rungs:
        required, bounds = _marginal(calibrated)
    tiers: list[MarginTier] = []
    for bound, (initial, maintenance) in zip(bounds, required, strict=True):
        highest = leverage(initial, maintenance)
        if not tiers or highest < tiers[-1].max_leverage:
            tiers.append(MarginTier(int(bound), highest))
    value = MarginTable(context.dex, context.description, tuple(tiers))
    check(value)
    return value


def _exact(*margins: float) -> tuple[Fraction, Fraction]:
    initial, maintenance = (Fraction(as_decimal(margin)) for margin in margins)
    return initial, maintenance


def _marginal(
    calibrated: CalibratedPerpetual,
) -> tuple[list[tuple[Fraction, Fraction]], list[Fraction]]:
    required, bounds = [], []
    size, amount, steepest = Fraction(0), Fraction(0), Fraction(0)
    for rung in calibrated.rungs:
        initial, maintenance = _exact(
            max(rung.initial_margin, calibrated.initial_margin),
            max(rung.maintenance_margin, calibrated.maintenance_margin),
        )
        notional = Fraction(int(rung.notional))  # bounds are integers: floored, so reached earlier
        slope = (notional * maintenance - amount) / (notional - size) if notional > size else None
        if slope is None or slope < steepest:
            rule = "must cost more per unit the larger the position (a convex cost), in whole units"
            remedy = "Merge rungs, or measure the cost again"
            raise InputError("ladder", f"rung at {rung.notional:,.0f}", rule, remedy)
        required.append((initial, slope))
        bounds.append(size)
        size, amount, steepest = notional, notional * maintenance, slope
    return required, bounds


def context_from(value: MarginTable, market: str) -> HyperliquidContext:
    """Exchange and description of the live table described as ``market``."""
    if market != value.description:
        rule = f"must be {value.description!r}, the table's description"
        raise InputError("market", market, rule, "Name the table of the live file")
    return HyperliquidContext(value.dex, value.description)


def effective(value: MarginTable) -> tuple[EffectiveMargins, ...]:
    """Margins at the lower bound of each tier, rounded up at the eighteenth decimal."""
    found = []
    for tier in value.tiers:
        size = max(tier.lower_bound, 1)
        margins = (initial_margin(value.tiers, size), maintenance_margin(value.tiers, size))
        initial, maintenance = (
            from_scale(
                ratio_to_scale(m.numerator, m.denominator * size, Scale.WAD, Rounding.UP), Scale.WAD
            )
            for m in margins
        )
        found.append(
            EffectiveMargins(value.description, Decimal(tier.lower_bound), initial, maintenance)
        )
    return tuple(found)


def read_open_interest_caps(text: str) -> OpenInterestCaps:
    """Caps from a ``setOpenInterestCaps`` action."""
    fields = Fields(load_json(text))
    fields.text("type", "perpDeploy", "perpDeploy")
    rows = fields.take("setOpenInterestCaps")
    fields.finish()
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 2 for r in rows):
        rule = "must be a list of [coin, cap]"
        raise InputError("setOpenInterestCaps", rows, rule, "Write [[coin, cap], …]")
    caps = OpenInterestCaps(
        tuple((coin, Fields({}).as_integer(str(coin), cap, 0, LARGEST_BOUND)) for coin, cap in rows)
    )
    check_open_interest_caps(caps)
    return caps


def write_open_interest_caps(value: OpenInterestCaps) -> str:
    """The action's canonical JSON."""
    check_open_interest_caps(value)
    caps = [[coin, cap] for coin, cap in value.caps]
    return dump_json({"type": "perpDeploy", "setOpenInterestCaps": caps})


def check_open_interest_caps(value: OpenInterestCaps) -> None:
    """Refuse caps below the exchange's least one, and coins unsorted or twice."""
    coins = [coin for coin, _ in value.caps]
    if not all(isinstance(coin, str) and coin for coin in coins) or coins != sorted(set(coins)):
        rule = "must be coins, sorted, each once"
        raise InputError("setOpenInterestCaps", coins, rule, "Sort them by name")
    for coin, cap in value.caps:
        if cap < MIN_OPEN_INTEREST_CAP:
            rule = f"must be at least {MIN_OPEN_INTEREST_CAP:,}"
            raise InputError(f"setOpenInterestCaps.{coin}", cap, rule, "Raise the cap")


FORMAT = VenueFormat(
    name="hyperliquid-hip3",
    title="Hyperliquid HIP-3 margin table",
    suffix=".json",
    calibrated=CalibratedPerpetual,
    read=read,
    write=write,
    check=check,
    export=export,
    context_from=context_from,
    effective=effective,
)
