"""Aave V4: dynamic reserve configurations and liquidation configurations of a spoke.

One collateral factor serves as maximum LTV and as liquidation threshold, so a calibration of two
numbers must choose which of them it keeps. ``maxLiquidationBonus`` holds the whole: 105_00 is 5 %.
A threshold of V4 binds the positions of its configuration key only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedCollateral, check_collateral
from riskkit.formats.fields import Fields, check_address, check_within
from riskkit.formats.format import EffectiveThresholds, VenueFormat
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Rounding, Scale, from_scale, to_scale

BPS, WAD = Scale.BPS.per_one, Scale.WAD.per_one
U16, U32, U64, U128 = 2**16 - 1, 2**32 - 1, 2**64 - 1, 2**128 - 1


class FactorBasis(Enum):
    """Which calibrated fraction becomes the collateral factor.

    MAX_LTV keeps both calibrated limits and liquidates earlier than calibrated.
    LIQUIDATION_THRESHOLD liquidates as calibrated and lets users borrow up to their trigger.
    """

    MAX_LTV = "max_ltv"
    LIQUIDATION_THRESHOLD = "liquidation_threshold"


@dataclass(frozen=True)
class ReserveUpdate:
    """A ``DynamicReserveConfigUpdate``.

    Attributes
    ----------
    spoke_configurator, spoke, hub, underlying : str
        Addresses.
    dynamic_config_key : int
    collateral_factor : int
        Basis points, below 100_00.
    max_liquidation_bonus : int
        Basis points of the debt repaid, 100_00 or more.
    liquidation_fee : int
        Basis points of the bonus.
    """

    spoke_configurator: str
    spoke: str
    hub: str
    underlying: str
    dynamic_config_key: int
    collateral_factor: int
    max_liquidation_bonus: int
    liquidation_fee: int


@dataclass(frozen=True)
class LiquidationUpdate:
    """A ``LiquidationConfigUpdate``: health factors on the 1e18 scale, the factor in bps."""

    spoke_configurator: str
    spoke: str
    target_health_factor: int
    health_factor_for_max_bonus: int
    liquidation_bonus_factor: int


@dataclass(frozen=True)
class AaveV4Config:
    """A payload: updates of reserves and of spokes."""

    reserves: tuple[ReserveUpdate, ...]
    liquidations: tuple[LiquidationUpdate, ...] = ()


@dataclass(frozen=True)
class AaveV4Context:
    """What riskkit does not calibrate, and the choice of what the collateral factor stands for."""

    spoke_configurator: str
    spoke: str
    hub: str
    underlying: str
    dynamic_config_key: int
    liquidation_fee: int
    basis: FactorBasis


def liquidation_bonus(
    health_factor: Decimal, max_bonus: Decimal, full_at: Decimal, factor: Decimal
) -> Decimal:
    """Bonus (1.05 is 5 %) paid at a health factor below 1.

    Linear from ``1 + (max_bonus - 1) factor`` at health 1 to ``max_bonus`` at ``full_at`` and
    below.
    """
    if not 0 <= full_at < 1:
        rule = "must lie in [0, 1)"
        raise InputError("full_at", full_at, rule, "Give the health factor of the full bonus")
    least = 1 + (max_bonus - 1) * factor
    depth = (1 - health_factor) / (1 - full_at)
    return least + (max_bonus - least) * min(max(depth, Decimal(0)), Decimal(1))


def debt_to_target(
    debt: Decimal, collateral: Decimal, factor: Decimal, target: Decimal, bonus: Decimal
) -> Decimal:
    """Debt to repay so that the health factor reaches its target: ``D (T - HF) / (T - b CF)``.

    All of the debt when the target cannot be reached (``T <= b CF``).
    """
    shrinking = target - bonus * factor
    if shrinking <= 0:
        return debt
    return min(debt * (target - collateral * factor / debt) / shrinking, debt)


def read(text: str) -> AaveV4Config:
    """A payload from JSON with the names of the engine's structs."""
    fields = Fields(load_json(text))
    reserves = fields.children("dynamicReserveConfigUpdates")
    spokes = (
        fields.children("liquidationConfigUpdates") if "liquidationConfigUpdates" in fields else []
    )
    value = AaveV4Config(
        tuple(_read_reserve(item) for item in reserves),
        tuple(_read_liquidation(item) for item in spokes),
    )
    fields.finish()
    check(value)
    return value


def _read_reserve(fields: Fields) -> ReserveUpdate:
    value = ReserveUpdate(
        spoke_configurator=fields.address("spokeConfigurator"),
        spoke=fields.address("spoke"),
        hub=fields.address("hub"),
        underlying=fields.address("underlying"),
        dynamic_config_key=fields.integer("dynamicConfigKey", 0, U32),
        collateral_factor=fields.integer("collateralFactor", 0, U16),
        max_liquidation_bonus=fields.integer("maxLiquidationBonus", 0, U32),
        liquidation_fee=fields.integer("liquidationFee", 0, U16),
    )
    fields.finish()
    return value


def _read_liquidation(fields: Fields) -> LiquidationUpdate:
    value = LiquidationUpdate(
        spoke_configurator=fields.address("spokeConfigurator"),
        spoke=fields.address("spoke"),
        target_health_factor=fields.integer("targetHealthFactor", 0, U128),
        health_factor_for_max_bonus=fields.integer("healthFactorForMaxBonus", 0, U64),
        liquidation_bonus_factor=fields.integer("liquidationBonusFactor", 0, U16),
    )
    fields.finish()
    return value


def write(value: AaveV4Config) -> str:
    """Canonical JSON; integers on the 1e18 scale as strings."""
    check(value)
    tree: dict[str, object] = {
        "dynamicReserveConfigUpdates": [
            {
                "spokeConfigurator": update.spoke_configurator,
                "spoke": update.spoke,
                "hub": update.hub,
                "underlying": update.underlying,
                "dynamicConfigKey": update.dynamic_config_key,
                "collateralFactor": update.collateral_factor,
                "maxLiquidationBonus": update.max_liquidation_bonus,
                "liquidationFee": update.liquidation_fee,
            }
            for update in value.reserves
        ]
    }
    if value.liquidations:
        tree["liquidationConfigUpdates"] = [
            {
                "spokeConfigurator": update.spoke_configurator,
                "spoke": update.spoke,
                "targetHealthFactor": str(update.target_health_factor),
                "healthFactorForMaxBonus": str(update.health_factor_for_max_bonus),
                "liquidationBonusFactor": update.liquidation_bonus_factor,
            }
            for update in value.liquidations
        ]
    return dump_json(tree)


def check(value: AaveV4Config) -> None:
    """Refuse what the spoke refuses."""
    for i, reserve in enumerate(value.reserves):
        where = f"dynamicReserveConfigUpdates[{i}]"
        for field in ("spoke_configurator", "spoke", "hub", "underlying"):
            check_address(f"{where}.{field}", getattr(reserve, field))
        _check_reserve(where, reserve)
    for i, update in enumerate(value.liquidations):
        where = f"liquidationConfigUpdates[{i}]"
        for field in ("spoke_configurator", "spoke"):
            check_address(f"{where}.{field}", getattr(update, field))
        wad = "Multiply by 1e18"
        check_within(f"{where}.targetHealthFactor", update.target_health_factor, WAD, U128, wad)
        health = update.health_factor_for_max_bonus
        check_within(f"{where}.healthFactorForMaxBonus", health, 0, WAD - 1, wad)
        bonus = update.liquidation_bonus_factor
        check_within(f"{where}.liquidationBonusFactor", bonus, 0, BPS, "Give basis points")


def _check_reserve(where: str, update: ReserveUpdate) -> None:
    factor, bonus = update.collateral_factor, update.max_liquidation_bonus
    unit = "Give basis points: 80 % is 8000"
    check_within(f"{where}.dynamicConfigKey", update.dynamic_config_key, 0, U32, "Give the key")
    check_within(f"{where}.collateralFactor", factor, 0, BPS - 1, unit)
    remedy = "Give the whole in basis points: a bonus of 5 % is 10500"
    check_within(f"{where}.maxLiquidationBonus", bonus, BPS, U32, remedy)
    check_within(f"{where}.liquidationFee", update.liquidation_fee, 0, BPS, unit)
    if -(-bonus * factor // BPS) >= BPS:  # rounded up, as the contract does
        rule = f"times collateralFactor = {factor}, rounded up, must be below 100_00"
        remedy = "Lower the bonus or the collateral factor"
        raise InputError(f"{where}.maxLiquidationBonus", bonus, rule, remedy)


def export(calibrated: CalibratedCollateral, context: AaveV4Context) -> AaveV4Config:
    """A reserve update: the collateral factor rounded down, the bonus rounded up."""
    check_collateral(calibrated)
    source = context.basis.value
    fraction = getattr(calibrated, source)
    factor = to_scale(fraction, Scale.BPS, Rounding.DOWN)
    if factor == 0:
        rule = "must be at least 1 basis point after rounding"
        raise InputError(source, fraction, rule, "Do not list this collateral")
    bonus = BPS + to_scale(calibrated.liquidation_bonus, Scale.BPS, Rounding.UP)
    update = ReserveUpdate(
        spoke_configurator=context.spoke_configurator,
        spoke=context.spoke,
        hub=context.hub,
        underlying=context.underlying,
        dynamic_config_key=context.dynamic_config_key,
        collateral_factor=factor,
        max_liquidation_bonus=bonus,
        liquidation_fee=context.liquidation_fee,
    )
    value = AaveV4Config((update,))
    check(value)
    return value


def context_from(value: AaveV4Config, market: str) -> AaveV4Context:
    """Addresses, key and fee of the live reserve with underlying ``market``.

    The basis is MAX_LTV, which breaks neither calibrated limit; change it with
    `dataclasses.replace`.
    """
    for update in value.reserves:
        if update.underlying.lower() == market.lower():
            return AaveV4Context(
                update.spoke_configurator,
                update.spoke,
                update.hub,
                update.underlying,
                update.dynamic_config_key,
                update.liquidation_fee,
                FactorBasis.MAX_LTV,
            )
    names = ", ".join(update.underlying for update in value.reserves) or "nothing"
    raise InputError("market", market, f"must be one of {names}", "Give the underlying's address")


def effective(value: AaveV4Config) -> tuple[EffectiveThresholds, ...]:
    """Fractions per reserve; one factor is both limits, and the bonus is the largest one paid."""
    return tuple(
        EffectiveThresholds(
            update.underlying,
            from_scale(update.collateral_factor, Scale.BPS),
            from_scale(update.collateral_factor, Scale.BPS),
            from_scale(update.max_liquidation_bonus - BPS, Scale.BPS),
        )
        for update in value.reserves
    )


FORMAT = VenueFormat(
    name="aave-v4",
    title="Aave V4 reserve configuration",
    suffix=".json",
    calibrated=CalibratedCollateral,
    read=read,
    write=write,
    check=check,
    export=export,
    context_from=context_from,
    effective=effective,
    asset_of=lambda value, market: None,  # a reserve is an address
)
