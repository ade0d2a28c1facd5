"""dYdX v4 liquidity tiers: what ``x/perpetuals`` stores, as JSON of a genesis or a message.

The maintenance fraction is a fraction **of the initial margin**. Only the initial margin grows with
open interest. Money is in quote quantums (1 USDC = 1,000,000); 64-bit integers are written as
strings, as protobuf's JSON does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from riskkit.errors import InputError
from riskkit.formats.assets import told
from riskkit.formats.calibrated import CalibratedPerpetual, check_perpetual
from riskkit.formats.fields import Fields, check_within
from riskkit.formats.format import EffectiveMargins, VenueFormat
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Rounding, Scale, from_scale, ratio_to_scale, to_scale

U32, U64 = 2**32 - 1, 2**64 - 1
ONE = Scale.PPM.per_one
QUANTUMS_PER_USDC = 1_000_000
MESSAGE = "/dydxprotocol.perpetuals.MsgSetLiquidityTier"
_PPM, _UP = Scale.PPM, Rounding.UP


class ImpactRule(Enum):
    """Rules by which the impact notional follows the margin."""

    RESEARCH = "500 USDC / initial margin fraction"


@dataclass(frozen=True)
class LiquidityTier:
    """One liquidity tier, in the chain's integers.

    Attributes
    ----------
    id : int
    name : str
    initial_margin_ppm : int
        1 … 1,000,000 parts per million of notional.
    maintenance_fraction_ppm : int
        1 … 1,000,000 parts per million **of the initial margin**.
    impact_notional, open_interest_lower_cap, open_interest_upper_cap : int
        Quote quantums. Caps 0 / 0 switch the scaling with open interest off.
    """

    id: int
    name: str
    initial_margin_ppm: int
    maintenance_fraction_ppm: int
    impact_notional: int
    open_interest_lower_cap: int
    open_interest_upper_cap: int


@dataclass(frozen=True)
class DydxTiers:
    """A file: the tiers of a genesis, or one tier in a message when an authority signs it.

    Attributes
    ----------
    tiers : tuple of LiquidityTier
    authority : str or None
    markets : tuple of (str, int)
        Tickers and the ids of their tiers, where the file lists its perpetuals.
    """

    tiers: tuple[LiquidityTier, ...]
    authority: str | None = None
    markets: tuple[tuple[str, int], ...] = ()

    def tier(self, market: str) -> LiquidityTier | None:
        """The tier of that name, that number, or that market."""
        ids = dict(self.markets)
        for tier in self.tiers:
            if market in (tier.name, str(tier.id)) or ids.get(market) == tier.id:
                return tier
        return None


@dataclass(frozen=True)
class DydxContext:
    """What riskkit does not calibrate: identity, caps, impact notional (or the rule for it)."""

    id: int
    name: str
    impact_notional: int | ImpactRule
    open_interest_lower_cap: int
    open_interest_upper_cap: int
    authority: str | None = None


def effective_initial_margin_ppm(tier: LiquidityTier, open_interest: int) -> int:
    """Initial margin at an open interest in quote quantums, floored as the chain does.

    ``min(b + (1 - b) max(0, (OI - lower) / (upper - lower)), 1)``; an upper cap of 0 switches the
    scaling off. The maintenance margin does not follow.
    """
    low, high = tier.open_interest_lower_cap, tier.open_interest_upper_cap
    if high == 0 or open_interest <= low:
        return tier.initial_margin_ppm
    if open_interest >= high:
        return ONE
    room = ONE - tier.initial_margin_ppm
    return tier.initial_margin_ppm + room * (open_interest - low) // (high - low)


def maintenance_margin_ppm(tier: LiquidityTier) -> int:
    """Maintenance margin of notional, truncated to parts per million as the chain does."""
    return tier.initial_margin_ppm * tier.maintenance_fraction_ppm // ONE


def research_impact_notional(initial_margin_ppm: int) -> int:
    """Impact notional by the venue's research rule, 500 USDC over the margin fraction."""
    return 500 * QUANTUMS_PER_USDC * ONE // initial_margin_ppm


def read(text: str) -> DydxTiers:
    """Tiers from a genesis section, a node's answer, a message, or a single tier object.

    The answer is that of ``/dydxprotocol/perpetuals/liquidity_tiers``, with its ``pagination``. The
    genesis section may list its ``perpetuals``; their other parameters are not read.
    """
    fields = Fields(load_json(text))
    if "@type" in fields:
        fields.text("@type", MESSAGE.replace(".", r"\."), f"the type {MESSAGE}")
        authority = fields.text("authority", r"\S+", "an address")
        value = DydxTiers((_read_tier(fields.child("liquidity_tier")),), authority)
    elif "liquidity_tiers" in fields:
        tiers = tuple(_read_tier(f) for f in fields.children("liquidity_tiers"))
        perpetuals = fields.children("perpetuals") if "perpetuals" in fields else []
        value = DydxTiers(tiers, None, tuple(_read_market(f) for f in perpetuals))
        if "pagination" in fields:
            _refuse_further_pages(fields.take("pagination"))
        if "params" in fields:  # of the module: funding and premium votes
            fields.child("params")
    else:
        value = DydxTiers((_read_tier(fields),))
        fields = Fields({})
    fields.finish()
    check(value)
    return value


def _refuse_further_pages(pagination: object) -> None:
    more = pagination.get("next_key") if isinstance(pagination, dict) else None
    if more is not None and more != "":
        rule = "must be empty: the answer holds only its first page of tiers"
        raise InputError("pagination.next_key", more, rule, "Ask the node for all (limit=1000)")


def _read_market(fields: Fields) -> tuple[str, int]:
    params = fields.child("params")
    return params.text("ticker"), params.integer("liquidity_tier", 0, U32)


def _read_tier(fields: Fields) -> LiquidityTier:
    # A chain from before the caps has neither, and scales nothing with open interest.
    capped = "open_interest_lower_cap" in fields or "open_interest_upper_cap" in fields
    tier = LiquidityTier(
        id=fields.integer("id", 0, U32),
        name=fields.text("name"),
        initial_margin_ppm=fields.integer("initial_margin_ppm", 0, U32),
        maintenance_fraction_ppm=fields.integer("maintenance_fraction_ppm", 0, U32),
        impact_notional=fields.integer("impact_notional", 0, U64),
        open_interest_lower_cap=(
            fields.integer("open_interest_lower_cap", 0, U64) if capped else 0
        ),
        open_interest_upper_cap=(
            fields.integer("open_interest_upper_cap", 0, U64) if capped else 0
        ),
    )
    if "base_position_notional" in fields:  # deprecated: live nodes still print it, as 0
        fields.integer("base_position_notional", 0, U64)
    fields.finish()
    return tier


def write(value: DydxTiers) -> str:
    """Canonical JSON: the message when an authority is set, else a genesis section."""
    check(value)
    tiers = [_tree(tier) for tier in value.tiers]
    if value.authority is None:
        tree: dict[str, object] = {"liquidity_tiers": tiers}
        if value.markets:
            tree["perpetuals"] = [
                {"params": {"ticker": ticker, "liquidity_tier": tier}}
                for ticker, tier in value.markets
            ]
        return dump_json(tree)
    message = {"@type": MESSAGE, "authority": value.authority, "liquidity_tier": tiers[0]}
    return dump_json(message)


def _tree(tier: LiquidityTier) -> dict[str, object]:
    return {
        "id": tier.id,
        "name": tier.name,
        "initial_margin_ppm": tier.initial_margin_ppm,
        "maintenance_fraction_ppm": tier.maintenance_fraction_ppm,
        "impact_notional": str(tier.impact_notional),
        "open_interest_lower_cap": str(tier.open_interest_lower_cap),
        "open_interest_upper_cap": str(tier.open_interest_upper_cap),
    }


def check(value: DydxTiers) -> None:
    """Refuse what the chain refuses, and a margin of zero, which the chain would store."""
    if not value.tiers:
        raise InputError("liquidity_tiers", "[]", "must hold a tier", "Add one")
    if value.authority is not None and len(value.tiers) != 1:
        rule = "must be one in a message"
        raise InputError("liquidity_tiers", len(value.tiers), rule, "Write one message per tier")
    ids = [tier.id for tier in value.tiers]
    if len(set(ids)) != len(ids):
        raise InputError("id", ids, "must not repeat", "Give each tier its own id")
    for tier in value.tiers:
        _check_tier(tier)
    tickers = [ticker for ticker, _ in value.markets]
    if len(set(tickers)) < len(tickers) or "" in tickers:
        raise InputError("ticker", tickers, "must be named, and differ", "Remove one of the two")
    for ticker, tier_id in value.markets:
        if tier_id not in ids:
            rule = f"must be one of the tiers, {ids}"
            raise InputError(f"{ticker}.liquidity_tier", tier_id, rule, "Give all tiers")


def _check_tier(tier: LiquidityTier) -> None:
    check_within("id", tier.id, 0, U32, "Give the tier's id on the chain")
    if not tier.name:
        raise InputError("name", "''", "must not be empty", "Give the tier's name")
    unit = "Give parts per million: 5 % is 50000"
    check_within("initial_margin_ppm", tier.initial_margin_ppm, 1, ONE, unit)
    remedy = "Give parts per million of the initial margin, not of notional"
    check_within("maintenance_fraction_ppm", tier.maintenance_fraction_ppm, 1, ONE, remedy)
    if maintenance_margin_ppm(tier) == 0:
        rule = "must leave a maintenance margin of at least 1 ppm of notional"
        remedy = "Raise one of the two fractions"
        raise InputError("maintenance_fraction_ppm", tier.maintenance_fraction_ppm, rule, remedy)
    check_within(
        "impact_notional", tier.impact_notional, 1, U64, "Give quote quantums, 1 USDC = 1e6"
    )
    lower, upper = tier.open_interest_lower_cap, tier.open_interest_upper_cap
    check_within("open_interest_upper_cap", upper, 0, U64, "Give quote quantums, 1 USDC = 1e6")
    if not 0 <= lower <= upper:
        rule = f"must lie between 0 and open_interest_upper_cap = {upper:,}"
        raise InputError("open_interest_lower_cap", lower, rule, "Give 0 and 0 for no scaling")


def export(calibrated: CalibratedPerpetual, context: DydxContext) -> DydxTiers:
    """A tier with both margins rounded up, so that neither falls below the calibrated one."""
    check_perpetual(calibrated)
    _refuse_rungs(calibrated)
    initial = to_scale(calibrated.initial_margin, _PPM, _UP)
    maintenance = to_scale(calibrated.maintenance_margin, _PPM, _UP)
    impact = context.impact_notional
    tier = LiquidityTier(
        id=context.id,
        name=context.name,
        initial_margin_ppm=initial,
        # Rounded up once more, the chain's truncated product is never below the margin in ppm.
        maintenance_fraction_ppm=ratio_to_scale(maintenance, initial, _PPM, _UP),
        impact_notional=(
            research_impact_notional(initial) if isinstance(impact, ImpactRule) else impact
        ),
        open_interest_lower_cap=context.open_interest_lower_cap,
        open_interest_upper_cap=context.open_interest_upper_cap,
    )
    value = DydxTiers((tier,), context.authority)
    check(value)
    return value


def _refuse_rungs(calibrated: CalibratedPerpetual) -> None:
    if calibrated.rungs:
        rule = "cannot be stored: dYdX margins grow with open interest, not with position size"
        remedy = "Export without a slippage ladder"
        raise InputError("rungs", f"{len(calibrated.rungs)} rungs", rule, remedy)


def context_from(value: DydxTiers, market: str) -> DydxContext:
    """Identity, caps and impact notional of the live tier named, numbered or used by ``market``."""
    tier = value.tier(market)
    if tier is None:
        names = ", ".join(repr(row.market) for row in effective(value))
        rule = f"must be one of {names}"
        raise InputError("market", market, rule, "Name a tier of the live file")
    return DydxContext(
        tier.id,
        tier.name,
        tier.impact_notional,
        tier.open_interest_lower_cap,
        tier.open_interest_upper_cap,
        value.authority,
    )


def asset_of(value: DydxTiers, market: str) -> str | None:
    """The base of a ticker; None for a tier, which many markets share, unless named after one."""
    return market if market in dict(value.markets) else told(market)


def effective(value: DydxTiers) -> tuple[EffectiveMargins, ...]:
    """Margins at low open interest; above the lower cap only the initial margin grows.

    A row per tier, and one per market where the file lists its perpetuals.
    """
    by_id = {tier.id: tier for tier in value.tiers}
    named = [(tier.name, tier) for tier in value.tiers]
    named += [(ticker, by_id[tier_id]) for ticker, tier_id in value.markets]
    return tuple(
        EffectiveMargins(
            name,
            Decimal(0),
            from_scale(tier.initial_margin_ppm, _PPM),
            from_scale(maintenance_margin_ppm(tier), _PPM),
        )
        for name, tier in named
    )


FORMAT = VenueFormat(
    name="dydx-v4",
    title="dYdX v4 liquidity tier",
    suffix=".json",
    calibrated=CalibratedPerpetual,
    read=read,
    write=write,
    check=check,
    export=export,
    context_from=context_from,
    effective=effective,
    asset_of=asset_of,
)
