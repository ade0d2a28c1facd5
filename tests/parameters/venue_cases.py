"""One case per venue format: a real file, and strategies for calibrations and contexts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from riskkit.formats import (
    aave_v3,
    aave_v3_text,
    aave_v4,
    compound_v3,
    dydx_v4,
    hyperliquid_hip3,
    synthetix_v3,
)
from riskkit.formats.calibrated import CalibratedCollateral, CalibratedPerpetual
from riskkit.formats.format import VenueFormat

# dYdX v4, live liquidity tiers (values of the chain's governance; caps in quote quantums).
DYDX = """{
  "liquidity_tiers": [
    {"id": 0, "name": "Large-Cap", "initial_margin_ppm": 20000,
     "maintenance_fraction_ppm": 600000, "base_position_notional": "0",
     "impact_notional": "10000000000",
     "open_interest_lower_cap": "0", "open_interest_upper_cap": "0"},
    {"id": 1, "name": "Small-Cap", "initial_margin_ppm": 100000,
     "maintenance_fraction_ppm": 500000, "impact_notional": 5000000000,
     "open_interest_lower_cap": 20000000000000, "open_interest_upper_cap": 50000000000000},
    {"id": 2, "name": "Long-Tail", "initial_margin_ppm": 200000,
     "maintenance_fraction_ppm": 500000, "impact_notional": 2500000000,
     "open_interest_lower_cap": 5000000000000, "open_interest_upper_cap": 10000000000000}
  ]
}
"""

# The shape of a proposal in the public repository of Aave proposals.
AAVE_V3 = """import {ConfigFile} from '../../generator/types';
export const config: ConfigFile = {
  rootOptions: {
    pools: ['AaveV3Ethereum'],
    title: "DAI's thresholds", // a comment
    shortName: 'DaiThresholds',
    date: '20260131',
    author: 'A risk team',
    discussion: '',
  },
  poolOptions: {
    AaveV3Ethereum: {
      configs: {
        CAPS_UPDATE: [{asset: 'CRV', supplyCap: '12000000', borrowCap: ''}],
        COLLATERALS_UPDATE: [
          {asset: 'DAI', ltv: '85', liqThreshold: '88', liqBonus: '5', liqProtocolFee: '10'},
          {
            asset: 'WETH',
            ltv: '',
            liqThreshold: '83.25',
            liqBonus: '',
            debtCeiling: '',
            liqProtocolFee: '',
          },
        ],
        EMODES_UPDATES: [
          {eModeCategory: 7, ltv: '83', liqThreshold: '85', liqBonus: '3', label: 'eBTC/WBTC'},
        ],
      },
      cache: {blockNumber: 21_845_304},
    },
  },
};
"""

_A, _B, _C, _D = ("0x" + digit * 40 for digit in "1234")

AAVE_V4 = f"""{{
  "dynamicReserveConfigUpdates": [
    {{"spokeConfigurator": "{_A}", "spoke": "{_B}", "hub": "{_C}", "underlying": "{_D}",
      "dynamicConfigKey": 3, "collateralFactor": 8000, "maxLiquidationBonus": 10666,
      "liquidationFee": "1000"}}
  ],
  "liquidationConfigUpdates": [
    {{"spokeConfigurator": "{_A}", "spoke": "{_B}", "targetHealthFactor": "1240000000000000000",
      "healthFactorForMaxBonus": 900000000000000000, "liquidationBonusFactor": 9000}}
  ]
}}
"""

# Compound III, cUSDCv3 on mainnet: factors of three of its collaterals.
COMPOUND_V3 = """{
  "name": "Compound USDC",
  "symbol": "cUSDCv3",
  "baseToken": "USDC",
  "borrowMin": "100e6",
  "storeFrontPriceFactor": 0.5,
  "targetReserves": "5000000e6",
  "rates": {"supplyKink": 0.8, "supplySlopeLow": 0.0325, "supplyBase": 0},
  "assets": {
    "WETH": {
      "address": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
      "priceFeed": "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
      "decimals": "18", "borrowCF": 0.825, "liquidateCF": 0.895,
      "liquidationFactor": 0.95, "supplyCap": "350000e18"
    },
    "WBTC": {
      "address": "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599",
      "priceFeed": "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c",
      "decimals": "8", "borrowCF": 0.70, "liquidateCF": 0.77,
      "liquidationFactor": 0.95, "supplyCap": "12000e8"
    },
    "COMP": {
      "address": "0xc00e94cb662c3520282e6f5717214004a7f26888",
      "priceFeed": "0xdbd020CAeF83eFd542f4De03e3cF0C28A4428bd5",
      "decimals": "18", "borrowCF": 0.65, "liquidateCF": 0.70,
      "liquidationFactor": 0.93, "supplyCap": "900000e18"
    }
  }
}
"""

HYPERLIQUID = """{"type": "perpDeploy", "insertMarginTable": {"dex": "abc", "marginTable": {
  "description": "majors",
  "marginTiers": [{"lowerBound": 0, "maxLeverage": 40},
                  {"lowerBound": 150000000, "maxLeverage": 20}]}}}
"""

# Synthetix v3 perps, BTC on Arbitrum.
SYNTHETIX = """[var.perps_market_settings_BTC]
btc_perps_market_id = "200"
btc_perps_market_skew_scale = "<%= parseEther(String(35_000)) %>"
btc_perps_market_max_funding_velocity = "<%= parseEther('9') %>"
btc_perps_maker_fee_ratio = "<%= parseEther('0') %>"
btc_perps_taker_fee_ratio = "<%= parseEther('0.0005') %>"
btc_perps_max_market_size = "<%= parseEther(String(1_200)) %>"
btc_perps_max_market_value = "<%= parseEther(String(50_000_000)) %>"
btc_perps_initial_margin_ratio = "<%= parseEther('1.07') %>"
btc_perps_maintenance_margin_scalar = "<%= parseEther('0.333') %>"
btc_perps_minimum_initial_margin_ratio = "<%= parseEther('0.02') %>"
btc_perps_flag_reward_ratio_d18 = "<%= parseEther('0.0003') %>"
btc_perps_max_liquidation_limit_accumulation_multiplier = "<%= parseEther('1.5') %>"
btc_perps_max_seconds_in_liquidation_window = "30"
btc_perps_minimum_position_margin = "<%= parseEther('50') %>"
btc_perps_locked_oi_ratio = "250000000000000000"
btc_perps_max_liquidation_pd = "<%= parseEther('0.0005') %>"
btc_perps_endorsed_liquidator = "0x95A61Fa7454CA5f6A3CE01724e306Cd14a22D306"

[invoke.PerpsMarketProxy_setLockedOiRatio_BTC]
target = ["perpsFactory.PerpsMarketProxy"]
func = "setLockedOiRatio"
"""


@dataclass(frozen=True)
class Case:
    """A format, a file of it, the unit its fractions are rounded to, and what to export."""

    format: VenueFormat[Any, Any, Any]
    text: str
    unit: float
    calibrated: st.SearchStrategy[Any]
    context: st.SearchStrategy[Any]


@st.composite
def perpetuals(draw: st.DrawFn) -> CalibratedPerpetual:
    initial = draw(st.floats(1e-4, 1.0))
    return CalibratedPerpetual(initial, initial * draw(st.floats(0.02, 1.0)))


@st.composite
def collaterals(draw: st.DrawFn) -> CalibratedCollateral:
    threshold = draw(st.floats(0.01, 0.99))
    bonus = draw(st.floats(0.0, 1.0)) * min(1 / threshold - 1, 0.9)
    if threshold * (1 + bonus) > 1:
        bonus = math.nextafter(bonus, 0.0) * 0.999
    return CalibratedCollateral(threshold * draw(st.floats(0.02, 1.0)), threshold, bonus)


_QUANTUMS = st.integers(1, 2**64 - 1)
_NAMES = st.text(min_size=1, max_size=30)


@st.composite
def _dydx_contexts(draw: st.DrawFn) -> dydx_v4.DydxContext:
    lower, upper = sorted((draw(_QUANTUMS), draw(_QUANTUMS)))
    return dydx_v4.DydxContext(
        draw(st.integers(0, 2**32 - 1)),
        draw(_NAMES),
        draw(st.one_of(_QUANTUMS, st.just(dydx_v4.ImpactRule.RESEARCH))),
        lower,
        upper,
        draw(st.one_of(st.none(), st.just("dydx10d07y265gmmuvt4z0w9aw880jnsr700jnmapky"))),
    )


@st.composite
def _aave_v3_contexts(draw: st.DrawFn) -> aave_v3.AaveV3Context:
    root = {"title": draw(_NAMES), "shortName": "X", "date": "20260131", "author": draw(_NAMES)}
    return aave_v3.AaveV3Context(
        tuple(root.items()),
        "AaveV3Ethereum",
        "WETH",
        draw(st.integers(0, 2**53)),
        draw(st.one_of(st.none(), st.integers(0, 9_999))),
        draw(st.one_of(st.none(), st.just("7"))),
    )


_AAVE_V4 = aave_v4.AaveV4Context(_A, _B, _C, _D, 3, 1_000, aave_v4.FactorBasis.MAX_LTV)
_COMET = compound_v3.read(COMPOUND_V3)
_LISTING = compound_v3.CometListing(_A, _B, 18, "1e18")

CASES = (
    Case(dydx_v4.FORMAT, DYDX, 1e-6, perpetuals(), _dydx_contexts()),
    Case(aave_v3_text.FORMAT, AAVE_V3, 1e-4, collaterals(), _aave_v3_contexts()),
    Case(
        aave_v3_text.JSON_FORMAT,
        aave_v3_text.write_json(aave_v3_text.read_typescript(AAVE_V3)),
        1e-4,
        collaterals(),
        _aave_v3_contexts(),
    ),
    Case(aave_v4.FORMAT, AAVE_V4, 1e-4, collaterals(), st.just(_AAVE_V4)),
    Case(
        compound_v3.FORMAT,
        COMPOUND_V3,
        1e-4,
        collaterals(),
        st.sampled_from(
            [
                compound_v3.CometContext(_COMET, "WETH"),
                compound_v3.CometContext(_COMET, "NEW", _LISTING),
            ]
        ),
    ),
    Case(
        hyperliquid_hip3.FORMAT,
        HYPERLIQUID,
        1.0,
        perpetuals(),
        st.just(hyperliquid_hip3.HyperliquidContext("abc", "majors")),
    ),
    Case(
        synthetix_v3.FORMAT,
        SYNTHETIX,
        1e-18,
        perpetuals(),
        st.just(synthetix_v3.SynthetixContext(synthetix_v3.read(SYNTHETIX))),
    ),
)
