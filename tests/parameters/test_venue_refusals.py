"""Every invariant of every venue, broken one at a time: field, value, rule and remedy are named."""

from __future__ import annotations

import re

import pytest

from riskkit.errors import InputError
from riskkit.formats import (
    aave_v3,
    aave_v3_text,
    aave_v4,
    compound_v3,
    dydx_v4,
    dydx_v4_liquidations,
    hyperliquid_hip3,
    synthetix_v3,
)
from riskkit.formats.calibrated import (
    CalibratedCollateral,
    CalibratedPerpetual,
    SlippageLadder,
    check_collateral,
    check_perpetual,
    with_ladder,
)
from tests.parameters import venue_cases as cases

LIQUIDATIONS = """{"liquidations_config": {"max_liquidation_fee_ppm": 15000,
"position_block_limits": {"min_position_notional_liquidated": "1000000000",
"max_position_portion_liquidated_ppm": 1000000},
"subaccount_block_limits": {"max_notional_liquidated": "100000000000000",
"max_quantums_insurance_lost": "1000000000000"},
"fillable_price_config": {"bankruptcy_adjustment_ppm": 1000000,
"spread_to_maintenance_margin_ratio_ppm": 100000}}}"""

DYDX = (dydx_v4.read, cases.DYDX)
LIQUID = (dydx_v4_liquidations.read, LIQUIDATIONS)
V3 = (aave_v3_text.read_typescript, cases.AAVE_V3)
V4 = (aave_v4.read, cases.AAVE_V4)
COMET = (compound_v3.read, cases.COMPOUND_V3)
HIP3 = (hyperliquid_hip3.read, cases.HYPERLIQUID)
SNX = (synthetix_v3.read, cases.SYNTHETIX)

BROKEN = [
    # dYdX v4: x/perpetuals, LiquidityTier.Validate
    (*DYDX, ": 20000,", ": 0,", "initial_margin_ppm: got 0; must lie between 1"),
    (*DYDX, ": 20000,", ": 1000001,", "initial_margin_ppm: got 1000001"),
    (*DYDX, ": 600000,", ": 1000001,", "maintenance_fraction_ppm: got 1000001"),
    (*DYDX, ": 600000,", ": 1,", "must leave a maintenance margin of at least"),
    (*DYDX, '"10000000000"', "0", "impact_notional: got 0; must lie between 1"),
    (*DYDX, ": 20000000000000", ": 50000000000001", "open_interest_lower_cap"),
    (*DYDX, '"id": 1', '"id": 0', "id: got [0, 0, 2]; must not repeat"),
    (*DYDX, '"id": 1', '"id": 4294967296', "[1].id: got 4294967296"),
    (*DYDX, '"id": 1', '"id": true', "id: got True; must be an integer"),
    (*DYDX, '"Large-Cap"', '""', "name: got ''; must not be empty"),
    (
        *LIQUID,
        '"bankruptcy_adjustment_ppm": 1000000',
        '"bankruptcy_adjustment_ppm": 999999',
        "bankruptcy_adjustment_ppm: got 999999; must lie between 1,000,000",
    ),
    (*LIQUID, ": 15000,", ": 1000001,", "max_liquidation_fee_ppm"),
    # Aave V3: PoolConfigurator
    (*V3, "ltv: '85'", "ltv: '88.01'", "ltv: got 8801"),
    (
        *V3,
        "liqThreshold: '88'",
        "liqThreshold: '95.24'",
        "liqThreshold: got 9524; times (100_00 + liqBonus = 500) must be at most",
    ),
    (*V3, "Fee: '10'", "Fee: '100'", "liqProtocolFee"),
    (*V3, "'85'", "'85.125'", "whole number of bps"),
    (*V3, "'85'", "'-1'", "must be percent in digits"),
    (*V3, "'85'", "85", "ltv: got 85; must be a string"),
    (*V3, "'85'", "f('85')", "must hold a literal here"),
    (*V3, "'WETH'", "'DAI'", "must be updated once"),
    (*V3, "Category: 7", "Category: 256", "eModeCategory"),
    (*V3, "'20260131'", "'31.1.26'", "must be YYYYMMDD"),
    (*V3, "'A risk team'", "''", "rootOptions.author"),
    (*V3, "pools: [", "pools: ['X', ", "rootOptions.pools"),
    (*V3, "21_845_304", "-1", "blockNumber: got -1"),
    # Aave V4: Spoke
    (*V4, ": 8000,", ": 10000,", "collateralFactor: got 10000"),
    (*V4, ": 10666,", ": 6,", "maxLiquidationBonus: got 6; must lie"),
    (*V4, ": 10666,", ": 12500,", "rounded up, must be below 100_00"),
    (*V4, ": 10666,", ": 12499,", "maxLiquidationBonus: got 12499; times"),  # 99_99.2
    (*V4, '"1000"', "10001", "liquidationFee: got 10001"),
    (*V4, '"1240000000000000000"', '"124"', "targetHealthFactor: got 124"),
    (*V4, ": 900000000000000000", ": 1000000000000000000", "ForMaxBonus"),
    (*V4, ": 9000}", ": 10001}", "liquidationBonusFactor: got 10001"),
    (*V4, "0x1", "0xg", "must be an address"),
    # Compound III: Comet's constructor, after truncation
    (*COMET, "0.825", "0.89509", "borrowCF: got 0.895; must lie in"),
    (*COMET, "0.895", "1.01", "liquidateCF: got 1.01"),
    (*COMET, "0.0325", "NaN", "number: got NaN; must be finite"),
    (*COMET, "0.0325", "1e400", "must lie between"),
    (*COMET, "0.93", "0.69", "liquidationFactor: got 0.69"),
    (*COMET, '"350000e18"', '"350000e"', "supplyCap: got 350000e"),
    (*COMET, '"350000e18"', '"_350000e18"', "supplyCap: got _350000e18"),
    (*COMET, '"100e6"', '"1__00e6"', "borrowMin: got 1__00e6"),
    (*COMET, '"100e6"', "100", "borrowMin: got 100; must be a string"),
    (*COMET, 'PriceFactor": 0.5', 'PriceFactor": 2', "storeFrontPriceFactor: got 2"),
    (*COMET, '"8", "borrow', '"256", "borrow', "decimals: got 256"),
    # Hyperliquid HIP-3
    (*HIP3, ": 40}", ": 51}", "maxLeverage: got 51"),
    (*HIP3, ": 20}", ": 0}", "maxLeverage: got 0"),
    (*HIP3, ": 20}", ": 40}", "must be below 40"),
    (*HIP3, ": 20}", ": 2.5}", "must be an integer"),
    (*HIP3, ": 0,", ": 1,", "lowerBound: got 1; must be 0"),
    (*HIP3, ": 150000000,", ": 0,", "must be above 0"),
    (*HIP3, '"abc"', '"abcdefg"', "dex: got abcdefg"),
    # Synthetix v3
    (*SNX, "'0.333'", "'1.01'", "maintenance_margin_scalar: got 1.01"),
    (*SNX, "'0.02'", "'0'", "minimum_initial_margin_ratio: got 0"),
    (*SNX, "'0.02'", "'0.0000000000000000001'", "whole number of 1e18"),
    (*SNX, "String(35_000)", "String(0)", "skew_scale: got 0"),
    (*SNX, "'0.0005'", "'1.5'", "taker_fee_ratio: got 1.5"),
    (*SNX, "parseEther('9')", "settings.x", "must be <%= parseEther"),
    (*SNX, "settings_BTC]", "settings_ETH]", "must name the market of its keys, btc"),
    (*SNX, "perps_market_settings_BTC]", "perps_eth_market_settings]", "of its keys, btc"),
    (*SNX, "'0.333'", "settings.a", "must be <%= parseEther"),
    (*SNX, '"30"', '"soon"', "must be an integer"),
]


@pytest.mark.parametrize(("read", "text", "old", "new", "message"), BROKEN)
def test_a_broken_invariant_is_refused(read, text: str, old: str, new: str, message: str) -> None:
    read(text)
    assert old in text
    with pytest.raises(InputError, match=re.escape(message)) as refusal:
        read(text.replace(old, new, 1))
    assert refusal.value.remedy


def test_liquidations_config_is_read_and_written() -> None:
    value = dydx_v4_liquidations.read(LIQUIDATIONS)
    assert value.max_liquidation_fee_ppm == 15_000
    text = dydx_v4_liquidations.write(value)
    assert '"max_notional_liquidated": "100000000000000"' in text
    assert dydx_v4_liquidations.read(text) == value


def test_more_tiers_than_the_venue_holds_are_refused() -> None:
    table = hyperliquid_hip3.read(cases.HYPERLIQUID)
    tiers = tuple(hyperliquid_hip3.MarginTier(i, 50 - i) for i in range(4))
    with pytest.raises(InputError, match="marginTiers: got 4 tiers; must hold 1 to 3"):
        hyperliquid_hip3.check(hyperliquid_hip3.MarginTable(table.dex, "x", tiers))


def test_sixteen_collaterals_are_refused() -> None:
    live = compound_v3.read(cases.COMPOUND_V3)
    listing = compound_v3.CometListing(
        live.assets[0].address, live.assets[0].price_feed, 18, "1e18"
    )
    calibrated = CalibratedCollateral(0.5, 0.6, 0.02)
    for i in range(12):
        live = compound_v3.export(calibrated, compound_v3.CometContext(live, f"T{i:02}", listing))
    with pytest.raises(InputError, match="assets: got 16; must be at most 15"):
        compound_v3.export(calibrated, compound_v3.CometContext(live, "T12", listing))


@pytest.mark.parametrize(
    ("initial", "maintenance", "message"),
    [
        (1.2, 0.5, r"initial_margin: got 1\.2; must lie in \(0, 1\]"),
        (float("nan"), 0.5, "initial_margin: got nan"),
        (0.1, 0.0, r"maintenance_margin: got 0\.0"),
        (0.1, 0.2, r"maintenance_margin: got 0\.2"),
    ],
)
def test_impossible_margins(initial: float, maintenance: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_perpetual(CalibratedPerpetual(initial, maintenance))


@pytest.mark.parametrize(
    ("ltv", "threshold", "bonus", "message"),
    [
        (0.5, 1.0, 0.0, r"liquidation_threshold: got 1\.0"),
        (0.0, 0.8, 0.05, r"max_ltv: got 0\.0"),
        (0.81, 0.8, 0.05, r"max_ltv: got 0\.81"),
        (0.7, 0.8, -0.01, r"liquidation_bonus: got -0\.01"),
        (0.7, 0.8, 0.26, r"liquidation_bonus: got 0\.26; must be at most 1 / .* = 0\.25"),
        (0.7, 0.8, float("inf"), "liquidation_bonus: got inf"),
    ],
)
def test_impossible_thresholds(ltv: float, threshold: float, bonus: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_collateral(CalibratedCollateral(ltv, threshold, bonus))


@pytest.mark.parametrize(
    ("sizes", "costs", "message"),
    [
        ((), (), "one slippage per notional"),
        ((1.0, 2.0), (0.1,), "one slippage per notional"),
        ((2.0, 1.0), (0.1, 0.2), r"ladder\.notional: .* must increase strictly"),
        ((1.0, 2.0), (0.2, 0.1), r"ladder\.slippage: .* must not fall with size"),
        ((1.0, float("inf")), (0.1, 0.2), "must be finite and positive"),
    ],
)
def test_a_ladder_must_be_a_ladder(
    sizes: tuple[float, ...], costs: tuple[float, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        with_ladder(
            CalibratedPerpetual(0.1, 0.05), SlippageLadder(sizes, costs), lambda s: (0.1, 0.05)
        )


@pytest.mark.parametrize("module", [dydx_v4, synthetix_v3])
def test_a_ladder_is_refused_where_margins_know_no_size(module) -> None:
    calibrated = with_ladder(
        CalibratedPerpetual(0.1, 0.05), SlippageLadder((1e6,), (0.01,)), lambda s: (0.1, 0.05)
    )
    live = module.read(cases.DYDX if module is dydx_v4 else cases.SYNTHETIX)
    name = "Large-Cap" if module is dydx_v4 else "BTC"
    with pytest.raises(InputError, match="rungs: got 1 rungs; cannot be stored"):
        module.export(calibrated, module.context_from(live, name))


def test_a_bonus_that_buyers_cannot_be_paid_is_refused() -> None:
    live = compound_v3.read(cases.COMPOUND_V3.replace('Factor": 0.5', 'Factor": 0.01'))
    with pytest.raises(InputError, match=r"cannot be paid out of storeFrontPriceFactor = 0\.01"):
        compound_v3.export(
            CalibratedCollateral(0.5, 0.6, 0.05), compound_v3.CometContext(live, "WETH")
        )


@pytest.mark.parametrize("ltv", [0.00001, 1e-9])
def test_an_ltv_that_rounds_to_nothing_is_refused(ltv: float) -> None:
    calibrated = CalibratedCollateral(ltv, 0.8, 0.05)
    context = aave_v3.context_from(
        aave_v3_text.read_typescript(cases.AAVE_V3), "AaveV3Ethereum/DAI"
    )
    with pytest.raises(InputError, match=r"max_ltv: .* at least 1 basis point after rounding"):
        aave_v3.export(calibrated, context)
    live = aave_v4.read(cases.AAVE_V4)
    with pytest.raises(InputError, match=r"max_ltv: .* at least 1 basis point after rounding"):
        aave_v4.export(calibrated, aave_v4.context_from(live, live.reserves[0].underlying))
    comet = compound_v3.CometContext(compound_v3.read(cases.COMPOUND_V3), "WETH")
    with pytest.raises(InputError, match=r"max_ltv: .* at least 0\.0001 after truncation"):
        compound_v3.export(calibrated, comet)
