"""dYdX v4 ``liquidations_config``: fees and block limits of liquidation, for the whole chain.

riskkit does not calibrate these; it reads them, because the liquidation fee is an assumption of
every margin calibrated for the venue.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from riskkit.formats.fields import Fields, check_within
from riskkit.formats.text import dump_json, load_json
from riskkit.units import Scale

U32, U64 = 2**32 - 1, 2**64 - 1
ONE = Scale.PPM.per_one


@dataclass(frozen=True)
class PositionBlockLimits:
    """Limits per position and block: quote quantums, and ppm of the position."""

    min_position_notional_liquidated: int
    max_position_portion_liquidated_ppm: int


@dataclass(frozen=True)
class SubaccountBlockLimits:
    """Limits per subaccount and block, in quote quantums."""

    max_notional_liquidated: int
    max_quantums_insurance_lost: int


@dataclass(frozen=True)
class FillablePriceConfig:
    """How the price of a liquidation order falls from the oracle's, in ppm."""

    bankruptcy_adjustment_ppm: int
    spread_to_maintenance_margin_ratio_ppm: int


@dataclass(frozen=True)
class LiquidationsConfig:
    """The chain's liquidation parameters."""

    max_liquidation_fee_ppm: int
    position_block_limits: PositionBlockLimits
    subaccount_block_limits: SubaccountBlockLimits
    fillable_price_config: FillablePriceConfig


def read(text: str) -> LiquidationsConfig:
    """The configuration from JSON, alone or under ``liquidations_config``."""
    outer = Fields(load_json(text))
    fields = outer.child("liquidations_config") if "liquidations_config" in outer else outer
    position = fields.child("position_block_limits")
    account = fields.child("subaccount_block_limits")
    price = fields.child("fillable_price_config")
    value = LiquidationsConfig(
        fields.integer("max_liquidation_fee_ppm", 0, U32),
        PositionBlockLimits(
            position.integer("min_position_notional_liquidated", 0, U64),
            position.integer("max_position_portion_liquidated_ppm", 0, U32),
        ),
        SubaccountBlockLimits(
            account.integer("max_notional_liquidated", 0, U64),
            account.integer("max_quantums_insurance_lost", 0, U64),
        ),
        FillablePriceConfig(
            price.integer("bankruptcy_adjustment_ppm", 0, U32),
            price.integer("spread_to_maintenance_margin_ratio_ppm", 0, U32),
        ),
    )
    for part in (position, account, price, fields, outer):
        part.finish()
    check(value)
    return value


def write(value: LiquidationsConfig) -> str:
    """Canonical JSON; 64-bit integers as strings."""
    check(value)
    tree = asdict(value)
    for part in tree.values():
        if isinstance(part, dict):
            part.update({k: v if k.endswith("_ppm") else str(v) for k, v in part.items()})
    return dump_json({"liquidations_config": tree})


def check(value: LiquidationsConfig) -> None:
    """Refuse what the chain refuses."""
    position, account = value.position_block_limits, value.subaccount_block_limits
    price = value.fillable_price_config
    portion = "max_position_portion_liquidated_ppm"
    ratio = "spread_to_maintenance_margin_ratio_ppm"
    for field, amount, low, high in (
        ("max_liquidation_fee_ppm", value.max_liquidation_fee_ppm, 1, ONE),
        (portion, position.max_position_portion_liquidated_ppm, 1, ONE),
        ("min_position_notional_liquidated", position.min_position_notional_liquidated, 1, U64),
        ("max_notional_liquidated", account.max_notional_liquidated, 1, U64),
        ("max_quantums_insurance_lost", account.max_quantums_insurance_lost, 1, U64),
        ("bankruptcy_adjustment_ppm", price.bankruptcy_adjustment_ppm, ONE, U32),
        (ratio, price.spread_to_maintenance_margin_ratio_ppm, 1, U32),
    ):
        check_within(field, amount, low, high, "Check the unit: ppm, or quote quantums")
