"""Hyperliquid HIP-3: margin tables (``insertMarginTable``) of a builder-deployed exchange.

A table holds integer leverages only. The initial margin is the inverse of the leverage of the tier
that the position's size falls into; the maintenance margin is **half** of it, charged tier by tier
like an income tax. So both margins of a calibration press on one number.

The exchange's own answers, which list every coin's table, are read to compare with what runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from riskkit.errors import InputError
from riskkit.formats.assets import told
from riskkit.formats.calibrated import CalibratedPerpetual, check_perpetual
from riskkit.formats.fields import Fields
from riskkit.formats.format import EffectiveMargins, VenueFormat
from riskkit.formats.hyperliquid_info import read_answer, read_table, write_answer
from riskkit.formats.hyperliquid_tables import (
    LARGEST_BOUND,
    MAX_DEX_NAME,
    MAX_LEVERAGE,
    MarginTable,
    MarginTier,
    MarketTables,
    check_tables,
    initial_margin,
    maintenance_margin,
    tree_of,
)
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Rounding, Scale, as_decimal, from_scale, ratio_to_scale

MIN_OPEN_INTEREST_CAP = 1_000_000


@dataclass(frozen=True)
class HyperliquidContext:
    """What riskkit does not calibrate: the exchange's name, and a description of the table."""

    dex: str
    description: str


@dataclass(frozen=True)
class OpenInterestCaps:
    """A ``setOpenInterestCaps`` action: caps by coin, in the exchange's own units, sorted."""

    caps: tuple[tuple[str, int], ...]


def leverage(initial: Fraction, maintenance: Fraction) -> int:
    """Largest leverage allowed by both margins: ``floor(min(1 / IM, 1 / (2 MM)))``, at most 50."""
    highest = min(1 / initial, 1 / (2 * maintenance))
    if highest < 1:
        rule = "must be at most 1 and 1/2, since the smallest leverage is 1 and MM is half of IM"
        margins = f"initial {float(initial):.6g}, maintenance {float(maintenance):.6g}"
        raise InputError("margins", margins, rule, "Do not list this market here")
    return min(int(highest), MAX_LEVERAGE)


def read(text: str) -> MarginTable | MarketTables:
    """A table from the action's JSON, or every coin's from the exchange's answer to ``meta``.

    Answers to ``metaAndAssetCtxs`` are read too (prices and funding are left out), and those to
    ``marginTable``, which hold one table without the name of its exchange.
    """
    tree = load_json(text)
    if isinstance(tree, list) and len(tree) == 2 and isinstance(tree[0], dict):
        tree = tree[0]
    fields = Fields(tree)
    if "universe" in fields:
        answer = read_answer(fields)
        check_tables(answer)
        return answer
    if "marginTiers" in fields:
        value = read_table(fields, "")
        check_tables(value)
        return value
    fields.text("type", "perpDeploy", "perpDeploy")
    action = fields.child("insertMarginTable")
    value = read_table(action.child("marginTable"), action.text("dex"))
    for part in (action, fields):
        part.finish()
    check(value)
    return value


def write(value: MarginTable | MarketTables) -> str:
    """The action's canonical JSON; an answer, and a table without an exchange, as they are read."""
    check_tables(value)
    if isinstance(value, MarketTables):
        return dump_json(write_answer(value))
    if not value.dex:
        return dump_json(tree_of(value))
    insert = {"dex": value.dex, "marginTable": tree_of(value)}
    return dump_json({"type": "perpDeploy", "insertMarginTable": insert})


def check(value: MarginTable | MarketTables) -> None:
    """Refuse what the exchange refuses: an action names its exchange."""
    check_tables(value)
    if isinstance(value, MarginTable) and not value.dex:
        rule = f"must have 1 to {MAX_DEX_NAME} characters: the validators' own tables are not yours"
        raise InputError("dex", value.dex, rule, "Give your exchange's short name")


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


def context_from(value: MarginTable | MarketTables, market: str) -> HyperliquidContext:
    """Exchange and description of the live table described as ``market``, or of that coin."""
    if isinstance(value, MarketTables):
        table = dict(value.markets).get(market)
        if table is None:
            rule = f"must be one of the answer's {len(value.markets)} coins"
            raise InputError(
                "market", market, rule, "Name a coin as the exchange does, such as BTC"
            )
        return HyperliquidContext(table.dex, table.description)
    if market != value.description:
        rule = f"must be {value.description!r}, the table's description"
        raise InputError("market", market, rule, "Name the table of the live file")
    return HyperliquidContext(value.dex, value.description)


def asset_of(value: MarginTable | MarketTables, market: str) -> str | None:
    """The coin, without its exchange; None for a table, which many coins share."""
    if isinstance(value, MarketTables):
        return market.rpartition(":")[2]
    return told(market)


def effective(value: MarginTable | MarketTables) -> tuple[EffectiveMargins, ...]:
    """Margins at the lower bound of each tier, rounded up at the eighteenth decimal."""
    if isinstance(value, MarketTables):
        return tuple(row for coin, table in value.markets for row in _rows(coin, table))
    return tuple(_rows(value.description, value))


def _rows(market: str, table: MarginTable) -> Iterator[EffectiveMargins]:
    for tier in table.tiers:
        size = max(tier.lower_bound, 1)
        margins = (initial_margin(table.tiers, size), maintenance_margin(table.tiers, size))
        initial, maintenance = (
            from_scale(
                ratio_to_scale(m.numerator, m.denominator * size, Scale.WAD, Rounding.UP), Scale.WAD
            )
            for m in margins
        )
        yield EffectiveMargins(market, Decimal(tier.lower_bound), initial, maintenance)


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
    asset_of=asset_of,
)
