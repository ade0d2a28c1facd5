"""Compound III (Comet): the ``configuration.json`` of a market.

Factors are fractions in the file and four decimals on chain, **truncated**: what must hold, must
hold after truncation, so the values here are the stored ten-thousandths. Nothing on chain checks
``liquidationFactor``; it is checked here.

Files are read in every form that the deployments keep: amounts with ``_`` between digits or without
an exponent, and assets whose address or price feed the deployment finds elsewhere. Amounts are
written with an exponent and without ``_``, which every version of the deployment reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedCollateral, check_collateral
from riskkit.formats.fields import Fields, check_address, check_within
from riskkit.formats.format import EffectiveThresholds, VenueFormat
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Rounding, Scale, from_scale, ratio_to_scale, to_scale

MAX_ASSETS, MAX_ASSETS_UNEXTENDED = 24, 15  # with Comet's extended asset list, and without
AMOUNT = r"[0-9]+([.][0-9]+)?e[0-9]+"
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_AS_KEPT = re.compile(rf"(?P<digits>{_DIGITS}(?:[.]{_DIGITS})?)(?:e(?P<exponent>[0-9]{{1,3}}))?")
_UNIT = Scale.BPS  # the four decimals that Comet stores
ONE = _UNIT.per_one
_DOWN = Rounding.DOWN


@dataclass(frozen=True)
class CometAsset:
    """One collateral.

    Attributes
    ----------
    symbol : str
    address, price_feed : str or None
        None where the file leaves them to the deployment.
    decimals : int
    borrow_cf, liquidate_cf, liquidation_factor : int
        Ten-thousandths, as stored: maximum LTV, liquidation threshold, and the part of the
        collateral's value credited to an account that is absorbed.
    supply_cap : str
        Amount in the form ``350000e18``.
    """

    symbol: str
    address: str | None
    price_feed: str | None
    decimals: int
    borrow_cf: int
    liquidate_cf: int
    liquidation_factor: int
    supply_cap: str


@dataclass(frozen=True)
class CometConfiguration:
    """A market.

    Attributes
    ----------
    store_front_price_factor : Decimal
        Share of the liquidation penalty that buyers of absorbed collateral receive, 0 … 1.
    borrow_min, target_reserves : str
        Amounts in the form ``100e6``.
    assets : tuple of CometAsset
        Sorted by symbol.
    others : str
        Canonical JSON of the fields left unchanged (rates, tracking, addresses).
    """

    store_front_price_factor: Decimal
    borrow_min: str
    target_reserves: str
    assets: tuple[CometAsset, ...]
    others: str = "{}\n"


@dataclass(frozen=True)
class CometListing:
    """What a new collateral brings along."""

    address: str | None
    price_feed: str | None
    decimals: int
    supply_cap: str


@dataclass(frozen=True)
class CometContext:
    """The live market, the collateral's symbol, and its listing when it is new."""

    live: CometConfiguration
    asset: str
    listing: CometListing | None = None


def stored(fraction: Decimal) -> int:
    """A fraction as Comet stores it: ten-thousandths, truncated."""
    return to_scale(fraction, _UNIT, _DOWN)


def discount(asset: CometAsset, store_front_price_factor: Decimal) -> Fraction:
    """Discount at which absorbed collateral is sold: ``factor (1 - liquidationFactor)``."""
    return Fraction(store_front_price_factor) * (1 - Fraction(asset.liquidation_factor, ONE))


def buyer_bonus(asset: CometAsset, store_front_price_factor: Decimal) -> Fraction:
    """What a buyer of absorbed collateral earns on what is paid: ``1 / (1 - discount) - 1``."""
    part = discount(asset, store_front_price_factor)
    return part / (1 - part)


def read(text: str) -> CometConfiguration:
    """A market from ``configuration.json``; factors are truncated as the chain does."""
    fields = Fields(load_json(text))
    assets = fields.child("assets")
    value = CometConfiguration(
        store_front_price_factor=fields.decimal("storeFrontPriceFactor"),
        borrow_min=_amount(fields, "borrowMin", "100e6"),
        target_reserves=_amount(fields, "targetReserves", "5000000e6"),
        assets=tuple(_read_asset(name, assets.child(name)) for name in sorted(assets.unread())),
        others=dump_json(fields.rest()),
    )
    check(value)
    return value


def _read_asset(symbol: str, fields: Fields) -> CometAsset:
    value = CometAsset(
        symbol=symbol,
        address=fields.address("address") if "address" in fields else None,
        price_feed=fields.address("priceFeed") if "priceFeed" in fields else None,
        decimals=fields.integer("decimals", 0, 255),
        borrow_cf=_factor(fields, "borrowCF"),
        liquidate_cf=_factor(fields, "liquidateCF"),
        liquidation_factor=_factor(fields, "liquidationFactor"),
        supply_cap=_amount(fields, "supplyCap", "350000e18"),
    )
    fields.finish()
    return value


def _amount(fields: Fields, key: str, example: str) -> str:
    """An amount in any form the deployments keep, as digits with an exponent."""
    text = fields.text(key)
    match = _AS_KEPT.fullmatch(text)
    if match is None:
        rule = f"must be an amount like {example}"
        raise InputError(fields.name(key), text, rule, "Write its digits")
    return f"{match['digits'].replace('_', '')}e{match['exponent'] or '0'}"


def _factor(fields: Fields, key: str) -> int:
    value = fields.decimal(key)
    if not 0 <= value <= 1:
        rule = "must lie between 0 and 1"
        raise InputError(fields.name(key), str(value), rule, "Write the fraction: 82.5 % is 0.825")
    return stored(value)


def write(value: CometConfiguration) -> str:
    """Canonical ``configuration.json``: fields left unchanged first, sorted, then the rest."""
    check(value)
    tree = Fields(load_json(value.others)).rest()
    tree |= {
        "borrowMin": value.borrow_min,
        "storeFrontPriceFactor": value.store_front_price_factor,
        "targetReserves": value.target_reserves,
        "assets": {asset.symbol: _tree(asset) for asset in value.assets},
    }
    return dump_json(tree)


def _tree(asset: CometAsset) -> dict[str, object]:
    where = {"address": asset.address, "priceFeed": asset.price_feed}
    return {
        **{key: value for key, value in where.items() if value is not None},
        "decimals": str(asset.decimals),
        "borrowCF": from_scale(asset.borrow_cf, _UNIT),
        "liquidateCF": from_scale(asset.liquidate_cf, _UNIT),
        "liquidationFactor": from_scale(asset.liquidation_factor, _UNIT),
        "supplyCap": asset.supply_cap,
    }


def check(value: CometConfiguration) -> None:
    """Refuse what Comet refuses, and a liquidation factor below the threshold."""
    if len(value.assets) > MAX_ASSETS:
        rule = f"must be at most {MAX_ASSETS}"
        raise InputError("assets", len(value.assets), rule, "Remove one, or open another market")
    symbols = [asset.symbol for asset in value.assets]
    if symbols != sorted(set(symbols)) or "" in symbols:
        rule = "must be named, differ, and be sorted by symbol"
        raise InputError("assets", symbols, rule, "Sort them")
    if not 0 <= value.store_front_price_factor <= 1:
        rule = "must lie between 0 and 1"
        factor = str(value.store_front_price_factor)
        raise InputError("storeFrontPriceFactor", factor, rule, "Write the fraction")
    for field, amount in (
        ("borrowMin", value.borrow_min),
        ("targetReserves", value.target_reserves),
        *((f"assets.{asset.symbol}.supplyCap", asset.supply_cap) for asset in value.assets),
    ):
        if not re.fullmatch(AMOUNT, amount):
            raise InputError(field, amount, "must be an amount like 350000e18", "Add its exponent")
    for asset in value.assets:
        _check_asset(f"assets.{asset.symbol}", asset)


def _check_asset(where: str, asset: CometAsset) -> None:
    for field, address in (("address", asset.address), ("priceFeed", asset.price_feed)):
        if address is not None:
            check_address(f"{where}.{field}", address)
    check_within(f"{where}.decimals", asset.decimals, 0, 255, "Give the token's decimals")
    borrow, liquidate = _shown(asset.borrow_cf), _shown(asset.liquidate_cf)
    if not 0 <= asset.borrow_cf < asset.liquidate_cf:
        rule = f"must lie in [0, liquidateCF = {liquidate}) after truncation to four decimals"
        remedy = "Widen the gap between maximum LTV and threshold"
        raise InputError(f"{where}.borrowCF", borrow, rule, remedy)
    if asset.liquidate_cf > ONE:
        raise InputError(f"{where}.liquidateCF", liquidate, "must be at most 1", "Lower it")
    if not asset.liquidate_cf <= asset.liquidation_factor <= ONE:
        rule = f"must lie between liquidateCF = {liquidate} and 1 (unchecked on chain)"
        remedy = "Lower the penalty or the threshold: absorption at the trigger would lose money"
        factor = _shown(asset.liquidation_factor)
        raise InputError(f"{where}.liquidationFactor", factor, rule, remedy)


def _shown(units: int) -> str:
    return str(from_scale(units, _UNIT))


def export(calibrated: CalibratedCollateral, context: CometContext) -> CometConfiguration:
    """The live market with one collateral replaced (or listed); all three factors rounded down.

    Buyers of absorbed collateral receive only ``storeFrontPriceFactor`` of the penalty, so the
    liquidation factor is ``1 - B / ((1 + B) storeFrontPriceFactor)`` for a bonus B.
    """
    check_collateral(calibrated)
    asset = CometAsset(
        symbol=context.asset,
        address=(listing := _listing(context)).address,
        price_feed=listing.price_feed,
        decimals=listing.decimals,
        borrow_cf=to_scale(calibrated.max_ltv, _UNIT, _DOWN),
        liquidate_cf=to_scale(calibrated.liquidation_threshold, _UNIT, _DOWN),
        liquidation_factor=_liquidation_factor(calibrated, context.live),
        supply_cap=listing.supply_cap,
    )
    if asset.borrow_cf == 0:
        rule = "must be at least 0.0001 after truncation"
        raise InputError("max_ltv", calibrated.max_ltv, rule, "Do not list this collateral")
    kept = [other for other in context.live.assets if other.symbol != context.asset]
    # The file does not say whether its market is extended: one that holds more than 15 is.
    if len(kept) + 1 > MAX_ASSETS_UNEXTENDED >= len(context.live.assets):
        rule = f"must be at most {MAX_ASSETS_UNEXTENDED} in a market without the extended list"
        raise InputError("assets", len(kept) + 1, rule, "Remove one, or extend the market first")
    assets = tuple(sorted([*kept, asset], key=lambda item: item.symbol))
    value = replace(context.live, assets=assets)
    check(value)
    return value


def _liquidation_factor(calibrated: CalibratedCollateral, live: CometConfiguration) -> int:
    bonus = Fraction(repr(float(calibrated.liquidation_bonus)))
    share = Fraction(live.store_front_price_factor)
    if bonus == 0:
        return ONE
    if share * (1 + bonus) <= bonus:
        rule = f"cannot be paid out of storeFrontPriceFactor = {live.store_front_price_factor}"
        remedy = "Raise the market's store front price factor"
        raise InputError("liquidation_bonus", calibrated.liquidation_bonus, rule, remedy)
    part = 1 - bonus / ((1 + bonus) * share)
    return ratio_to_scale(part.numerator, part.denominator, _UNIT, _DOWN)


def _listing(context: CometContext) -> CometListing:
    for asset in context.live.assets:
        if asset.symbol == context.asset:
            return CometListing(asset.address, asset.price_feed, asset.decimals, asset.supply_cap)
    if context.listing is None:
        rule = "is not in the live market, and no listing is given"
        remedy = "Give its address, price feed, decimals and supply cap"
        raise InputError("asset", context.asset, rule, remedy)
    return context.listing


def context_from(value: CometConfiguration, market: str) -> CometContext:
    """The live market and one of its collaterals."""
    context = CometContext(value, market)
    _listing(context)
    return context


def effective(value: CometConfiguration) -> tuple[EffectiveThresholds, ...]:
    """Fractions per collateral; the bonus is what buyers of absorbed collateral earn, floored."""
    factor = value.store_front_price_factor
    return tuple(
        EffectiveThresholds(
            asset.symbol,
            from_scale(asset.borrow_cf, _UNIT),
            from_scale(asset.liquidate_cf, _UNIT),
            _floor(buyer_bonus(asset, factor)),
        )
        for asset in value.assets
    )


def _floor(value: Fraction) -> Decimal:
    wad = ratio_to_scale(value.numerator, value.denominator, Scale.WAD, _DOWN)
    return from_scale(wad, Scale.WAD)


FORMAT = VenueFormat(
    name="compound-v3",
    title="Compound III configuration.json",
    suffix=".json",
    calibrated=CalibratedCollateral,
    read=read,
    write=write,
    check=check,
    export=export,
    context_from=context_from,
    effective=effective,
)
