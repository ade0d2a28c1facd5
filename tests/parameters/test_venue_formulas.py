"""The venues' own formulas and exports, against numbers whose source is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.formats import (
    aave_v3,
    aave_v3_text,
    aave_v4,
    compound_v3,
    dydx_v4,
    hyperliquid_hip3,
    synthetix_v3,
)
from riskkit.formats.calibrated import (
    CalibratedCollateral,
    CalibratedPerpetual,
    MarginRung,
    SlippageLadder,
    with_ladder,
)
from riskkit.formats.hyperliquid_hip3 import MarginTier
from tests.parameters import venue_cases as cases

TIER = dydx_v4.LiquidityTier(0, "x", 200_000, 500_000, 1, 1_000_000, 2_000_000)


class TestDydx:
    def test_effective_initial_margin_of_the_protocols_own_test(self) -> None:
        # dYdX v4 chain, x/perpetuals: base 200,000 ppm, caps 1e6 and 2e6, OI 1,234,567.
        assert dydx_v4.effective_initial_margin_ppm(TIER, 1_234_567) == 387_653

    @pytest.mark.parametrize(
        ("open_interest", "ppm"),
        [(0, 200_000), (1_000_000, 200_000), (2_000_000, 1_000_000), (9_000_000, 1_000_000)],
    )
    def test_the_margin_is_flat_below_the_caps_and_whole_above(
        self, open_interest: int, ppm: int
    ) -> None:
        assert dydx_v4.effective_initial_margin_ppm(TIER, open_interest) == ppm

    def test_caps_of_zero_switch_the_scaling_off(self) -> None:
        off = replace(TIER, open_interest_lower_cap=0, open_interest_upper_cap=0)
        assert dydx_v4.effective_initial_margin_ppm(off, 10**18) == 200_000

    def test_the_maintenance_fraction_is_of_the_initial_margin(self) -> None:
        # Live Large-Cap: 20000 ppm and 600000 ppm of it, that is 1.2 % of notional.
        large, small, tail = dydx_v4.effective(dydx_v4.read(cases.DYDX))
        assert (large.initial_margin, large.maintenance_margin) == (
            Decimal("0.02"),
            Decimal("0.012"),
        )
        assert small.maintenance_margin == Decimal("0.05")
        assert tail.maintenance_margin == Decimal("0.1")

    @pytest.mark.parametrize(
        ("ppm", "usdc"), [(50_000, 10_000), (100_000, 5_000), (200_000, 2_500)]
    )
    def test_research_impact_notional(self, ppm: int, usdc: int) -> None:
        # The genesis comments: "10_000 USDC (500 USDC / 5%)" for Large-Cap, and so on.
        assert dydx_v4.research_impact_notional(ppm) == usdc * 1_000_000

    def test_export_rounds_the_fraction_so_that_the_product_holds(self) -> None:
        context = dydx_v4.DydxContext(7, "Mid", dydx_v4.ImpactRule.RESEARCH, 0, 0)
        tier = dydx_v4.export(CalibratedPerpetual(0.0300001, 0.0100001), context).tiers[0]
        assert tier.initial_margin_ppm == 30_001
        assert tier.maintenance_fraction_ppm == 333_356  # 10001 / 30001 = 0.33335555…
        assert dydx_v4.maintenance_margin_ppm(tier) == 10_001

    def test_a_message_carries_its_authority(self) -> None:
        value = replace(dydx_v4.read(cases.DYDX), authority="dydx1")
        with pytest.raises(InputError, match="must be one in a message"):
            dydx_v4.write(value)
        one = replace(value, tiers=value.tiers[:1])
        assert '"@type": "/dydxprotocol.perpetuals.MsgSetLiquidityTier"' in dydx_v4.write(one)
        assert dydx_v4.read(dydx_v4.write(one)) == one

    def test_a_bare_tier_is_a_file_too(self) -> None:
        text = dydx_v4.write(dydx_v4.DydxTiers((TIER,)))
        bare = text[text.index("[") + 1 : text.rindex("]")]
        assert dydx_v4.read(bare) == dydx_v4.DydxTiers((TIER,))


class TestAaveV3:
    def test_percent_strings_become_basis_points(self) -> None:
        pool = aave_v3_text.read_typescript(cases.AAVE_V3).pools[0]
        dai, weth = pool.collaterals
        assert (dai.ltv, dai.liq_threshold, dai.liq_bonus, dai.liq_protocol_fee) == (
            8_500,
            8_800,
            500,
            1_000,
        )
        assert (weth.ltv, weth.liq_threshold, weth.debt_ceiling) == (None, 8_325, "")
        assert pool.emodes[0].category == "7"
        assert pool.block_number == 21_845_304

    def test_empty_strings_keep_today_s_values_in_the_engine(self) -> None:
        weth = aave_v3_text.read_typescript(cases.AAVE_V3).pools[0].collaterals[1]
        arguments = aave_v3.engine_arguments(weth)
        # EngineFlags.KEEP_CURRENT of the config engine: 2^256 - 1 - 42.
        keep = int("f" * 62 + "d5", 16)
        assert arguments == {
            "ltv": keep,
            "liqThreshold": 8_325,
            "liqBonus": keep,
            "liqProtocolFee": keep,
        }

    def test_features_that_riskkit_does_not_change_are_carried_along(self) -> None:
        text = aave_v3_text.write_typescript(aave_v3_text.read_typescript(cases.AAVE_V3))
        assert "supplyCap: '12000000'" in text
        assert "title: 'DAI\\'s thresholds'" in text

    def test_both_syntaxes_hold_the_same_value(self) -> None:
        value = aave_v3_text.read_typescript(cases.AAVE_V3)
        assert aave_v3_text.read_json(aave_v3_text.write_json(value)) == value

    def test_the_slip_of_8000_where_10800_was_meant_is_refused(self) -> None:
        # A real proposal set the bonus to 8000; here the excess of 8 % is written '8'.
        slip = cases.AAVE_V3.replace("liqBonus: '5'", "liqBonus: '8000'")
        with pytest.raises(InputError, match=r"liqBonus: got 800000; must lie between 0 and"):
            aave_v3_text.read_typescript(slip)

    def test_export_of_an_efficiency_mode(self) -> None:
        context = aave_v3.context_from(
            aave_v3_text.read_typescript(cases.AAVE_V3), "AaveV3Ethereum/eMode 7"
        )
        calibrated = CalibratedCollateral(0.83339, 0.85001, 0.02991)
        mode = aave_v3.export(calibrated, context).pools[0].emodes[0]
        assert (mode.ltv, mode.liq_threshold, mode.liq_bonus) == (8_333, 8_500, 300)


class TestAaveV4:
    def test_repay_to_target(self) -> None:
        # Aave V4: D 100, C 110, CF .8, T 1.24, b 1.0666 repays 93.0906 and leaves HF at 1.24.
        debt, collateral, factor, target, bonus = map(
            Decimal, ("100", "110", "0.8", "1.24", "1.0666")
        )
        repaid = aave_v4.debt_to_target(debt, collateral, factor, target, bonus)
        assert repaid.quantize(Decimal("0.0001")) == Decimal("93.0906")
        after = (collateral - repaid * bonus) * factor / (debt - repaid)
        assert after.quantize(Decimal("1e-20")) == target

    def test_all_is_repaid_when_the_target_is_out_of_reach(self) -> None:
        arguments = map(Decimal, ("100", "104", "0.95", "1", "1.06"))
        assert aave_v4.debt_to_target(*arguments) == 100

    def test_bonus_between_the_ends(self) -> None:
        # Aave V4: HF .992, factor .9, largest bonus 1.0666 (full at HF .9) pays 1.0604728.
        bonus = aave_v4.liquidation_bonus(*map(Decimal, ("0.992", "1.0666", "0.9", "0.9")))
        assert bonus == Decimal("1.0604728")

    @pytest.mark.parametrize(
        ("health", "bonus"), [("1", "1.05994"), ("0.9", "1.0666"), ("0.5", "1.0666")]
    )
    def test_bonus_at_the_ends(self, health: str, bonus: str) -> None:
        arguments = map(Decimal, (health, "1.0666", "0.9", "0.9"))
        assert aave_v4.liquidation_bonus(*arguments) == Decimal(bonus)

    def test_the_basis_chooses_the_collateral_factor(self) -> None:
        live = aave_v4.read(cases.AAVE_V4)
        context = aave_v4.context_from(live, live.reserves[0].underlying)
        calibrated = CalibratedCollateral(0.70019, 0.80019, 0.05)
        by_ltv = aave_v4.export(calibrated, context).reserves[0]
        context = replace(context, basis=aave_v4.FactorBasis.LIQUIDATION_THRESHOLD)
        by_threshold = aave_v4.export(calibrated, context).reserves[0]
        assert (by_ltv.collateral_factor, by_threshold.collateral_factor) == (7_001, 8_001)
        assert by_ltv.max_liquidation_bonus == 10_500


class TestCompound:
    def test_factors_are_truncated_to_four_decimals(self) -> None:
        assert compound_v3.stored(Decimal("0.82509")) == 8_250
        assert compound_v3.stored(Decimal("0.29")) == 2_900
        text = cases.COMPOUND_V3.replace('"borrowCF": 0.825,', '"borrowCF": 0.82509,')
        assert '"borrowCF": 0.825,' in compound_v3.write(compound_v3.read(text))

    def test_mainnet_usdc_factors(self) -> None:
        # cUSDCv3 on mainnet: WETH .825/.895/.95, WBTC .70/.77/.95, COMP .65/.70/.93.
        rows = {asset.symbol: asset for asset in compound_v3.read(cases.COMPOUND_V3).assets}
        weth, wbtc, comp = rows["WETH"], rows["WBTC"], rows["COMP"]
        assert (weth.borrow_cf, weth.liquidate_cf, weth.liquidation_factor) == (8_250, 8_950, 9_500)
        assert (wbtc.borrow_cf, wbtc.liquidate_cf, wbtc.liquidation_factor) == (7_000, 7_700, 9_500)
        assert (comp.borrow_cf, comp.liquidate_cf, comp.liquidation_factor) == (6_500, 7_000, 9_300)

    def test_buyers_receive_part_of_the_penalty(self) -> None:
        # Half of a 5 % penalty is a discount of 2.5 %: 1 / .975 - 1 on what is paid.
        weth = compound_v3.read(cases.COMPOUND_V3).assets[1]
        assert weth.symbol == "WBTC"
        assert compound_v3.discount(weth, Decimal("0.5")) == Fraction(25, 1000)
        assert compound_v3.buyer_bonus(weth, Decimal("0.5")) == Fraction(25, 975)

    def test_export_pays_the_bonus_out_of_the_buyers_share(self) -> None:
        live = compound_v3.read(cases.COMPOUND_V3)
        calibrated = CalibratedCollateral(0.7, 0.8, 0.025)
        weth = compound_v3.export(calibrated, compound_v3.CometContext(live, "WETH")).assets[-1]
        # 1 - .025 / 1.025 / .5 = .95121…, truncated.
        assert (weth.symbol, weth.liquidation_factor) == ("WETH", 9_512)
        others = compound_v3.write(live)
        assert '"supplySlopeLow": 0.0325' in others

    def test_a_new_collateral_needs_its_listing(self) -> None:
        live = compound_v3.read(cases.COMPOUND_V3)
        with pytest.raises(InputError, match="asset: got LINK; is not in the live market"):
            compound_v3.export(
                CalibratedCollateral(0.7, 0.8, 0.02), compound_v3.CometContext(live, "LINK")
            )


TIERS = (MarginTier(0, 40), MarginTier(150_000_000, 20))


class TestHyperliquid:
    def test_maintenance_with_deduction(self) -> None:
        # Hyperliquid: 40x from 0, 20x from 150 M; at 200 M m = .025, ded = 1,875,000.
        assert hyperliquid_hip3.maintenance_margin(TIERS, 200_000_000) == 3_125_000
        assert 200_000_000 * Fraction(25, 1000) - 3_125_000 == 1_875_000

    def test_maintenance_is_continuous_and_initial_margin_jumps(self) -> None:
        below, at = 149_999_999, 150_000_000
        gap = hyperliquid_hip3.maintenance_margin(TIERS, at) - hyperliquid_hip3.maintenance_margin(
            TIERS, below
        )
        assert 0 < gap < 1
        assert hyperliquid_hip3.initial_margin(TIERS, below) == Fraction(below, 40)
        assert hyperliquid_hip3.initial_margin(TIERS, at) == Fraction(at, 20)

    @pytest.mark.parametrize(
        ("initial", "maintenance", "leverage"),
        [
            ("0.1", "0.05", 10),
            ("0.1", "0.06", 8),  # 1 / .12 = 8.33: the maintenance margin binds
            ("0.11", "0.01", 9),
            ("0.001", "0.0001", 50),
            ("1", "0.5", 1),
            ("0.02", "0.01", 50),
        ],
    )
    def test_leverage_obeys_both_margins(
        self, initial: str, maintenance: str, leverage: int
    ) -> None:
        assert hyperliquid_hip3.leverage(Fraction(initial), Fraction(maintenance)) == leverage

    def test_a_maintenance_margin_above_a_half_cannot_be_held(self) -> None:
        with pytest.raises(InputError, match="must be at most 1 and 1/2"):
            hyperliquid_hip3.leverage(Fraction(1), Fraction(51, 100))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(10, 10**9), min_size=1, max_size=3, unique=True),
        st.lists(st.floats(0.0, 0.1), min_size=3, max_size=3),
        st.floats(0.005, 0.1),
        st.floats(0.005, 0.2),
    )
    def test_a_ladder_never_undercharges_any_size(
        self, sizes: list[int], marginal: list[float], base: float, excursion: float
    ) -> None:
        amount, before, costs = 0.0, 0, []
        for size, cost in zip(sorted(sizes), sorted(marginal), strict=False):
            amount, before = amount + (size - before) * cost, size
            costs.append(amount / size)

        def margins(slippage: float) -> tuple[float, float]:
            return base + slippage + excursion, base + slippage

        ladder = SlippageLadder(tuple(sorted(sizes)), tuple(costs))
        context = hyperliquid_hip3.HyperliquidContext("abc", "x")
        try:
            calibrated = with_ladder(CalibratedPerpetual(*margins(0.0)), ladder, margins)
            tiers = hyperliquid_hip3.export(calibrated, context).tiers
        except InputError:  # equal marginal costs can look concave in the last binary digit
            reject()
        for rung in calibrated.rungs:
            for size in {int(rung.notional), max(int(rung.notional) // 2, 1), 1}:
                charged = hyperliquid_hip3.maintenance_margin(tiers, size)
                assert charged >= _needed(calibrated.rungs, size)
            size = int(rung.notional)
            initial = hyperliquid_hip3.initial_margin(tiers, size)
            assert initial >= size * Fraction(repr(rung.initial_margin))

    def test_a_ladder_becomes_tiers(self) -> None:
        ladder = SlippageLadder((1e6, 1e7), (0.0, 0.02))
        calibrated = with_ladder(
            CalibratedPerpetual(0.05, 0.02), ladder, lambda s: (0.05 + s, 0.02 + s)
        )
        table = hyperliquid_hip3.export(calibrated, hyperliquid_hip3.HyperliquidContext("abc", "x"))
        # Up to 1 M: 1 / .05. Beyond: (10 M * .04 - 1 M * .02) / 9 M = .0422, so 1 / .0844 = 11.8,
        # less than 1 / .07 = 14.3.
        assert table.tiers == (MarginTier(0, 20), MarginTier(1_000_000, 11))

    def test_rungs_of_one_leverage_become_one_tier(self) -> None:
        ladder = SlippageLadder((1e6, 1e7), (0.0, 0.0001))
        calibrated = with_ladder(
            CalibratedPerpetual(0.0495, 0.02), ladder, lambda s: (0.0495 + s, 0.02 + s)
        )
        table = hyperliquid_hip3.export(calibrated, hyperliquid_hip3.HyperliquidContext("abc", "x"))
        assert table.tiers == (MarginTier(0, 20),)

    def test_open_interest_caps(self) -> None:
        text = '{"type": "perpDeploy", "setOpenInterestCaps": [["abc:A", 1000000], ["abc:B", 5e6]]}'
        with pytest.raises(InputError, match=r"abc:B: got 5E\+6; must be an integer"):
            hyperliquid_hip3.read_open_interest_caps(text)
        caps = hyperliquid_hip3.read_open_interest_caps(text.replace("5e6", "5000000"))
        written = hyperliquid_hip3.write_open_interest_caps(caps)
        assert hyperliquid_hip3.read_open_interest_caps(written) == caps
        with pytest.raises(InputError, match="must be at least 1,000,000"):
            hyperliquid_hip3.read_open_interest_caps(text.replace("5e6", "5"))


def _needed(rungs: tuple[MarginRung, ...], size: int) -> Fraction:
    """Maintenance margin in money: linear between the ladder's points, as a convex cost allows."""
    n0, a0 = Fraction(0), Fraction(0)
    for rung in rungs:
        n1 = Fraction(int(rung.notional))
        a1 = n1 * Fraction(repr(rung.maintenance_margin))
        if size <= n1:
            return a0 + (a1 - a0) * (size - n0) / (n1 - n0)
        n0, a0 = n1, a1
    raise AssertionError(size)


class TestSynthetix:
    def test_margins_of_a_hundred_bitcoin(self) -> None:
        # BTC on Arbitrum (35000, 1.07, .02, .333): 100 BTC need 2.3057 % and .7678 %.
        market = synthetix_v3.read(cases.SYNTHETIX)
        initial = synthetix_v3.initial_margin_ratio(market, Decimal(100))
        maintenance = synthetix_v3.maintenance_margin_ratio(market, Decimal(-100))
        assert initial.quantize(Decimal("0.000001")) == Decimal("0.023057")
        assert maintenance.quantize(Decimal("0.000001")) == Decimal("0.007678")

    def test_all_three_spellings_of_a_number(self) -> None:
        market = synthetix_v3.read(cases.SYNTHETIX)
        assert market.skew_scale == 35_000 * 10**18
        assert market.minimum_initial_margin_ratio == 2 * 10**16
        assert market.locked_oi_ratio == 25 * 10**16
        assert market.max_seconds_in_liquidation_window == 30

    def test_export_keeps_the_live_market_but_for_two_values(self) -> None:
        live = synthetix_v3.read(cases.SYNTHETIX)
        value = synthetix_v3.export(
            CalibratedPerpetual(0.03, 0.01), synthetix_v3.SynthetixContext(live)
        )
        assert value.minimum_initial_margin_ratio == 3 * 10**16
        assert value.maintenance_margin_scalar == 333_333_333_333_333_334
        assert (
            replace(
                value,
                minimum_initial_margin_ratio=live.minimum_initial_margin_ratio,
                maintenance_margin_scalar=live.maintenance_margin_scalar,
            )
            == live
        )
        row = synthetix_v3.effective(value)[0]
        assert row.maintenance_margin >= Decimal("0.01")

    def test_the_eighteenth_decimal_is_rounded_up(self) -> None:
        context = synthetix_v3.SynthetixContext(synthetix_v3.read(cases.SYNTHETIX))
        small = CalibratedPerpetual(0.00012345678901234567, 0.0001)
        assert (
            synthetix_v3.export(small, context).minimum_initial_margin_ratio == 123_456_789_012_346
        )
