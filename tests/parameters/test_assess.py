"""Live files of every venue under the evidence of real calibrations."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.evidence import published
from riskkit.calibration.result import Calibration
from riskkit.errors import InputError
from riskkit.formats.calibrated import SlippageLadder
from riskkit.formats.format import EffectiveMargins, EffectiveThresholds
from riskkit.formats.registry import venue
from riskkit.position import Instrument, Side
from riskkit.proof.assess import assess, check_rows, judge
from riskkit.proof.assess_file import AssessmentFile, LiveFile, assessment_file
from riskkit.proof.assess_words import combined, doubts, verdict
from riskkit.proof.assessment import AssessedSide, Assessment, Judgement
from riskkit.proof.context import find_market, rows_of
from riskkit.validation.coverage import conditional_coverage, proportion_of_failures, traffic_light
from riskkit.validation.crashes import CrashMarket
from tests.parameters import venue_cases as cases
from tests.support import small_study

# Market, and what runs there: MM and IM, or LT, max LTV and bonus. Sources: design of each case in
# venue_cases; Hyperliquid's MM is half of 1/40, Comet's buyers earn .025/.975 at a factor of .95.
PERPETUALS = [
    ("dydx-v4", cases.DYDX, "Large-Cap", (0.012, 0.02)),
    ("hyperliquid-hip3", cases.HYPERLIQUID, None, (0.0125, 0.025)),
    ("synthetix-v3", cases.SYNTHETIX, "btc", (0.00666, 0.02)),
]
LOANS = [
    ("aave-v3", cases.AAVE_V3, "dai", (0.88, 0.85, 0.05)),
    ("aave-v3-json", None, "AaveV3Ethereum/DAI", (0.88, 0.85, 0.05)),
    ("aave-v4", cases.AAVE_V4, None, (0.80, 0.80, 0.0666)),
    ("compound-v3", cases.COMPOUND_V3, "WETH", (0.895, 0.825, 0.025 / 0.975)),
]


@pytest.fixture(scope="module")
def loan(btc_daily) -> Calibration:
    return calibrate(small_study(venue={"kind": "loan"}), btc_daily)


def live_rows(name, text, market):
    format_ = venue(name, ())
    if text is None:
        ts = next(c for c in cases.CASES if c.format.name == name)
        text = ts.text
    value = format_.read(text)
    return rows_of(format_, value, find_market(format_, value, market))


def run(calibration, rows, **options) -> Assessment:
    return assess(calibration, rows, crashes=CrashMarket.CRYPTO, **options)


def margins(maintenance, initial, notional=0) -> EffectiveMargins:
    numbers = (Decimal(repr(float(x))) for x in (notional, initial, maintenance))
    return EffectiveMargins("X", *numbers)


def thresholds(lt, ltv, bonus=0.05) -> EffectiveThresholds:
    return EffectiveThresholds("X", *(Decimal(repr(x)) for x in (ltv, lt, bonus)))


@pytest.mark.parametrize(("name", "text", "market", "runs"), PERPETUALS)
def test_live_margins_of_every_venue_for_perpetuals(btc_calibration, name, text, market, runs):
    found = run(btc_calibration, live_rows(name, text, market)[:1])
    assert [s.side for s in found.sides] == [Side.LONG, Side.SHORT]
    for s in found.sides:
        values = [value for _, value in s.live.values]
        assert values == pytest.approx(runs, abs=1e-12)
        # On daily bars these margins are thin: one bar and one of delay pass before the close.
        assert s.defaults is s.early is Judgement.MISSES
        assert s.live.coverage.covered < 0.97 < s.recommended.coverage.covered
        assert s.recommended.value("maintenance_margin") > s.live.value("maintenance_margin")
        assert "misses the target of 1 %; MM should be" in verdict(found, s)


@pytest.mark.parametrize(("name", "text", "market", "runs"), LOANS)
def test_live_thresholds_of_every_venue_for_loans(loan, name, text, market, runs):
    found = run(loan, live_rows(name, text, market))
    (s,) = found.sides
    assert [value for _, value in s.live.values] == pytest.approx(runs, abs=1e-12)
    assert s.defaults is (Judgement.MISSES if runs[0] > 0.85 else Judgement.MEETS)
    lt, bonus = s.live.value("liquidation_threshold"), s.live.value("liquidation_bonus")
    table = found.table().set_index("quantity")
    gap = table.loc["liquidation_threshold", "difference"]
    assert gap == pytest.approx(s.recommended.value("liquidation_threshold") - lt)
    # LT (1 + LB) is the share of the collateral that the loss leaves: it does not depend on LB.
    recommended = s.recommended.value("liquidation_threshold") * 1.05
    assert s.at_live_bonus == pytest.approx(recommended / (1 + bonus))
    assert ("with the live one, LT is" in verdict(found, s)) == (name in ("aave-v4", "compound-v3"))


def test_the_recommendation_assessed_as_live_differs_by_nothing(btc_calibration, loan):
    for c in (btc_calibration, loan):
        for r in c.recommended:
            p = r.limits
            row = (
                thresholds(p.trigger.value, p.opening.value)
                if c is loan
                else margins(p.trigger.value, p.opening.value)
            )
            found = run(c, [row])
            (s,) = (s for s in found.sides if s.side is r.side)
            rows = found.table()
            mine = rows[rows["side"] == r.side.value].set_index("quantity")
            kept = mine["difference"].drop(["covered_periods", "worst_shortfall"])
            assert kept.abs().max() < 1e-12
            assert s.defaults is not Judgement.MISSES
            # The calibration's own outcome, of the same paths.
            for name in ("liquidation", "default", "default_given_liquidation"):
                a, b = getattr(s.live.held, name), getattr(r.outcome, name)
                assert float(a.value) == pytest.approx(float(b.value), rel=1e-9), name
            assert s.band == p.trigger
            assert s.floored is r.floored
            # Published along history from the bars before: the file's own evidence.
            (evidence,) = (e for e in c.evidence if e.side is r.side)
            coverage = s.recommended.coverage
            assert (coverage.periods, coverage.breaches) == (evidence.evaluated, evidence.breaches)
            assert coverage.worst_shortfall == pytest.approx(evidence.worst_shortfall)
            table = published(c.question, c.dynamic, r.side, c.loading[r.side])
            table = table[table["not_evaluated"] == ""]
            kept = (
                1.0 - table["liquidation_threshold"] if c is loan else table["maintenance_margin"]
            )
            assert coverage.mean_margin == pytest.approx(kept.mean())


def test_coverage_of_a_live_margin_by_hand(btc_calibration):
    """Every period counted from the closes, one at a time."""
    c, mm = btc_calibration, 0.06
    closes, h = c.history.close, c.periods.margin_period_of_risk
    cost = c.study.liquidity.rate_fraction + c.study.position.penalty_fraction
    found = run(c, [margins(mm, 0.10)])
    for s in found.sides:
        sign = 1 if s.side is Side.LONG else -1
        rows = c.dynamic.side(s.side)
        missing = []
        for origin in rows.loc[rows["not_evaluated"] == "", "origin"]:
            at = closes.index.get_loc(origin)
            loss = sign * (1 - closes.iloc[at + h] / closes.iloc[at])
            missing.append(loss + (1 - sign * loss) * cost - mm)
        assert s.live.coverage.periods == len(missing)
        assert s.live.coverage.breaches == sum(x > 0 for x in missing)
        assert s.live.coverage.worst_shortfall == pytest.approx(max(missing))
        assert s.live.coverage.mean_margin == pytest.approx(mm)
        apart = np.asarray(missing[::h]) > 0
        tests = (proportion_of_failures, conditional_coverage, traffic_light)
        assert s.live.coverage.tests == tuple(test(apart, 0.01) for test in tests)
        covered = found.table().set_index(["side", "quantity"]).loc[(s.side, "covered_periods")]
        assert covered["live"] == pytest.approx(1 - sum(x > 0 for x in missing) / len(missing))


def test_coverage_of_a_live_threshold_by_hand(loan):
    """A loan at its threshold clears iff what is left of its collateral pays debt and bonus."""
    lt, bonus, h = 0.86, 0.1, loan.periods.margin_period_of_risk
    (s,), (assumed,) = (run(loan, [thresholds(lt, 0.8, b)]).sides for b in (bonus, 0.05))
    closes, rows = loan.history.close, loan.dynamic.side(Side.LONG)
    left = []
    for origin in rows.loc[rows["not_evaluated"] == "", "origin"]:
        at = closes.index.get_loc(origin)
        left.append(closes.iloc[at + h] / closes.iloc[at])
    c = s.live.coverage
    assert c.mean_margin == pytest.approx(1 - lt)
    assert c.breaches == sum(lt * (1 + bonus) > x for x in left) > assumed.live.coverage.breaches
    assert c.worst_shortfall == pytest.approx(lt - min(left) / (1 + bonus))
    # What the recommendation needed does not depend on the live bonus.
    assert s.recommended.coverage.worst_shortfall == assumed.recommended.coverage.worst_shortfall
    assert s.recommended.coverage.breaches == assumed.recommended.coverage.breaches


def test_the_end_of_ftx_by_hand(btc_calibration):
    """The ledger's worst of the two-day periods that touch 8 to 10 November 2022."""
    closes = btc_calibration.history.close
    assert btc_calibration.periods.margin_period_of_risk == 2
    crashes = run(btc_calibration, [margins(0.06, 0.10)]).crash_table()
    row = crashes[(crashes["event"] == "2022-11") & (crashes["side"] == "long")].iloc[0]
    window = closes["2022-11-06":"2022-11-12"]
    losses = {end: 1 - after / before for end, before, after in zip(
        window.index[2:], window, window.iloc[2:], strict=False)}  # fmt: skip
    worst = max(losses, key=losses.get)
    assert row["worst"] == worst
    ledger = run(btc_calibration, [margins(0.06, 0.10)]).sides[0].live.coverage.ledger.rows
    assert ledger.set_index("event").loc["2022-11", "opened"] == len(losses)
    assert row["loss"] == pytest.approx(losses[worst])
    needed = losses[worst] + (1 - losses[worst]) * 0.0055
    assert row["needed"] == pytest.approx(needed)
    assert row["live_excess"] == pytest.approx(needed - 0.06)
    assert row["recommended_excess"] == pytest.approx(needed - row["recommended_margin"])
    assert row["recommended_margin"] > 0.06


def test_a_thinner_margin_fares_worse_and_a_thicker_one_is_told_to_meet(btc_calibration):
    tried = [run(btc_calibration, [margins(mm, 1.5 * mm)]).sides[0] for mm in (0.05, 0.15, 0.45)]
    for thin, thick in pairwise(tried):
        assert thin.live.coverage.breaches > thick.live.coverage.breaches
        for name in ("liquidation", "default"):
            thinner, thicker = (getattr(s.live.held, name).value for s in (thin, thick))
            assert float(thinner) > float(thicker)
        assert thin.live.bad_debt > thick.live.bad_debt
    assert tried[0].defaults is Judgement.MISSES
    assert tried[2].defaults is tried[2].early is Judgement.MEETS


def test_more_initial_margin_alone_is_not_called_less_safe(btc_calibration):
    """The wider the gap to the trigger, the rarer the liquidation, and the worse its times."""
    mm = 0.165
    near, far = (run(btc_calibration, [margins(mm, im)]) for im in (0.20, 0.50))
    held = [a.sides[0].live.held for a in (near, far)]
    conditional = [float(h.default_given_liquidation.value) for h in held]
    assert conditional[0] < 0.01 < conditional[1]
    assert float(held[1].default.value) < 0.2 * float(held[0].default.value)
    assert [a.sides[0].defaults for a in (near, far)] == [Judgement.MEETS, Judgement.RARER]
    said = verdict(far, far.sides[0])
    assert (
        "it misses the target of 1 % by liquidating rarely and in worse times: P(default) is "
        f"{float(held[1].default.value):.3%}, and "
        f"{float(far.sides[0].recommended.held.default.value):.3%} at the recommendation" in said
    )
    assert "at the recommendation; the recommendation is" in said


def test_time_to_react_is_judged_over_the_reaction_time_at_its_own_target(btc_calibration):
    s = run(btc_calibration, [margins(0.165, 0.20)]).sides[0]
    within, held = s.live.reaction.liquidation, s.live.held.liquidation
    assert 0.01 < float(within.low) < float(within.high) < 0.05 < float(held.low)
    assert s.early is Judgement.MEETS


@pytest.mark.parametrize(
    ("low", "value", "high", "told"),
    [
        (0.006, 0.008, 0.010, Judgement.MEETS),
        (0.008, 0.009, 0.011, Judgement.CLOSE),
        (0.009, 0.011, 0.013, Judgement.CLOSE),
        (0.010, 0.012, 0.014, Judgement.CLOSE),
        (0.011, 0.013, 0.015, Judgement.MISSES),
    ],
)
def test_an_interval_judges_and_not_its_middle(btc_calibration, low, value, high, told):
    estimate = btc_calibration.recommended[0].outcome.default
    numbers = {"low": low, "value": value, "high": high}
    found = replace(estimate, **{name: np.asarray(x) for name, x in numbers.items()})
    assert judge(found, 0.01) is told


def test_a_loss_that_no_path_shows_is_missing_and_said_to_be(btc_calibration):
    found = run(btc_calibration, [margins(0.45, 0.6)])
    s = next(s for s in found.sides if s.side is Side.SHORT)
    assert bool(s.live.held.expected_bad_debt.bound)
    assert s.live.bad_debt is None
    refused = replace(s.recommended.held, expected_bad_debt=None, refused="why")
    sides = (s, replace(s, live=s.recommended, recommended=replace(s.recommended, held=refused)))
    table = replace(found, sides=sides).table()
    rows = table[table["quantity"] == "expected_bad_debt"]
    assert rows["note"].tolist() == ["none seen", "why"]
    assert rows["live"].isna().tolist() == [True, False]
    assert rows["recommended"].isna().tolist() == [False, True]
    assert rows["difference"].isna().all()


def test_words_name_the_numbers_and_both_sides_at_once(btc_calibration):
    found = run(btc_calibration, [margins(0.45, 0.6)])
    said = verdict(found, found.sides[0])
    c = found.sides[0].live.coverage
    assert said.startswith("X, long: the live MM of 45 % covers 100.00% of the periods of 2 bars")
    assert f"losses beyond it in 0 of {c.periods:,}, and in 0 of 3 named crashes" in said
    assert "it meets the target of 1 %; the recommendation is" in said
    band = found.sides[0].band
    assert f"(90 % band {band.low:.2%} to {band.high:.2%}). Opened at the live IM of 60 %, " in said
    wanted = max(s.recommended.value("maintenance_margin") for s in found.sides)
    assert f"X, one number for both sides: MM {wanted:.2%}" in combined(found)[0]


def interval(e) -> str:
    none = "at most " if e.hits == 0 else ""
    return f"{none}{float(e.value):.2%} [{float(e.low):.2%}, {float(e.high):.2%}]"


def test_a_verdict_in_full(btc_calibration):
    found = run(btc_calibration, [margins(0.05, 0.20)])
    crashes = found.crash_table()
    for s, r in zip(found.sides, btc_calibration.recommended, strict=True):
        c, p, side = s.live.coverage, r.limits, s.side.value
        beyond = crashes.loc[crashes["side"] == side, "live_excess"] > 0
        mm, im = p.trigger, p.opening.value
        source = (
            "the floor, at the volatility of the whole history" if r.floored else "today's state"
        )
        assert verdict(found, s) == (
            f"X, {side}: the live MM of 5 % covers {1 - c.breaches / c.periods:.2%} of the periods "
            f"of 2 bars of 1 d (losses beyond it in {c.breaches:,} of {c.periods:,}, and in "
            f"{beyond.sum()} of 3 named crashes). Of positions liquidated at it, "
            f"{interval(s.live.held.default_given_liquidation)} default: it misses the target of "
            f"1 %; MM should be {mm.value:.2%} ({100 * (mm.value - 0.05):+.2f} points), from "
            f"{source} (90 % band {mm.low:.2%} to {mm.high:.2%}). Opened at the live IM of 20 %, "
            f"{interval(s.live.reaction.liquidation)} are liquidated within 1 d: it meets the "
            f"target of 5 %; the recommendation is {im:.2%} ({100 * (im - 0.2):+.2f} points)."
        )
    (both,) = combined(found)
    highest = [
        max(getattr(r.limits, name).value for r in btc_calibration.recommended)
        for name in ("trigger", "opening")
    ]
    assert both == f"X, one number for both sides: MM {highest[0]:.2%}, IM {highest[1]:.2%}"
    longs = replace(found, sides=found.sides[:1])
    assert combined(longs) == ()


def test_a_verdict_on_a_loan_names_threshold_value_and_bonus(loan):
    (r,) = loan.recommended
    lt, ltv = r.limits.trigger.value, r.limits.opening.value
    live = round(lt, 4)
    found = run(loan, [thresholds(live, 0.5, bonus=0.06)])
    said = verdict(found, found.sides[0])
    assert f"X, long: the live LT of {100 * live:.6g} % covers" in said
    assert f"the recommendation is {lt:.2%} (as it is), from" in said
    assert "Opened at the live max LTV of 50 %, " in said
    assert f"the recommendation is {ltv:.2%} ({100 * (ltv - 0.5):+.2f} points)." in said
    assert said.endswith(
        "The study's liquidation bonus is 5.00% and the live one 6.00%: with the live one, LT is "
        f"{lt * 1.05 / 1.06:.2%}."
    )


def test_the_threshold_at_the_live_bonus_ends_at_98_percent(loan):
    (r,) = loan.recommended
    covered = replace(r.limits.covered_loss, value=0.01)
    calm = replace(r, limits=replace(r.limits, covered_loss=covered))
    (s,) = run(replace(loan, recommended=(calm,)), [thresholds(0.9, 0.8, 0.0)]).sides
    assert s.recommended.value("liquidation_threshold") == pytest.approx(0.99 / 1.05)
    assert s.at_live_bonus == 0.98


def test_a_tier_is_closed_out_at_the_ladders_cost(btc_calibration):
    rows = live_rows("hyperliquid-hip3", cases.HYPERLIQUID, None)
    assert [row.notional for row in rows] == [0, 150_000_000]
    ladder = SlippageLadder((1e6, 1e8), (0.01, 0.04))
    found = run(btc_calibration, rows, ladder=ladder)
    small, large = (s for s in found.sides if s.side is Side.LONG)
    r = btc_calibration.recommended[0].limits
    loss = r.covered_loss.value
    # Slippage and fee on the notional at close-out: .005 assumed below the ladder, .04 beyond it.
    for s, cost in ((small, 0.0055), (large, 0.0405)):
        assert s.recommended.value("maintenance_margin") == pytest.approx(loss + (1 - loss) * cost)
    # The margin published along history pays it too: 1 - MM = (1 - L)(1 - cost), bar by bar.
    kept = [1 - s.recommended.coverage.mean_margin for s in (small, large)]
    assert kept[1] / kept[0] == pytest.approx((1 - 0.0405) / (1 - 0.0055))
    missed = [s.recommended.coverage for s in (small, large)]
    assert missed[0].breaches == missed[1].breaches
    assert missed[1].worst_shortfall == pytest.approx(
        missed[0].worst_shortfall * (1 - 0.0405) / (1 - 0.0055)
    )
    assert large.live.coverage.breaches > small.live.coverage.breaches
    told = verdict(found, large)
    assert "majors from 150,000,000, long" in told
    # The band is that of the number at the study's own cost, and not of this one.
    assert "band" in verdict(found, small)
    assert "band" not in told


def test_a_costlier_close_out_defaults_more_often_on_the_same_liquidations(btc_calibration):
    rows = [margins(0.08, 0.12), margins(0.08, 0.12, notional=1e8)]
    found = run(btc_calibration, rows, ladder=SlippageLadder((1e8,), (0.04,)))
    for side in Side:
        small, large = (s.live.held for s in found.sides if s.side is side)
        assert float(large.liquidation.value) == float(small.liquidation.value)
        assert float(large.default.value) > 1.5 * float(small.default.value)


def test_one_factor_for_both_limits_leaves_no_time(loan):
    (s,) = run(loan, live_rows("aave-v4", cases.AAVE_V4, None)).sides
    assert s.live.value("max_loan_to_value") == s.live.value("liquidation_threshold")
    assert float(s.live.reaction.liquidation.value) > 0.3
    assert s.early is Judgement.MISSES


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (thresholds(0.8, 0.7), "venue.kind: got perpetual; must be a perpetual's for margins"),
        (margins(0.5, 1.0, 1e6), "X, long: live IM: got 1; must allow leverage"),
        (margins(0.004, 0.01), "X, long: live margin: got 0.4000%; is gone before an oracle"),
    ],
)
def test_rows_that_cannot_be_assessed_are_refused(btc_calibration, row, message):
    question = btc_calibration.question.changed(study=small_study(venue={"sides": ["long"]}))
    longs = replace(btc_calibration, question=question)
    with pytest.raises(InputError, match=message):
        run(longs, [row])


def test_a_long_that_is_fully_paid_is_left_out(btc_calibration):
    (s,) = run(btc_calibration, [margins(0.5, 1.0)]).sides
    assert s.side is Side.SHORT


def test_loans_that_cannot_be_assessed_are_refused(loan):
    keeps = live_rows("aave-v3", cases.AAVE_V3, "WETH")
    with pytest.raises(InputError, match=r"AaveV3Ethereum/WETH\.max_ltv: got nothing; must be in"):
        run(loan, keeps)
    with pytest.raises(InputError, match=r"X\.max_ltv: got 0; must be above 0: nothing is lent"):
        run(loan, [thresholds(0.8, 0.0)])
    check_rows(Instrument.LOAN, (Side.LONG,), [thresholds(0.8, 0.7, bonus=0.0)])
    with pytest.raises(InputError, match="market: got X; must name one market"):
        check_rows(Instrument.LOAN, (Side.LONG,), [thresholds(0.8, 0.7)] * 2)
    with pytest.raises(InputError, match="ladder: got 1 rungs; is for a live market with margin"):
        run(loan, [thresholds(0.8, 0.7)], ladder=SlippageLadder((1e6,), (0.01,)))
    with pytest.raises(InputError, match=r"venue\.kind: got loan; .* got margins"):
        check_rows(Instrument.LOAN, (Side.LONG,), [margins(0.1, 0.2)])


def test_a_market_is_found_by_its_name_or_the_last_part_of_it():
    aave, dydx = venue("aave-v3", ()), venue("dydx-v4", ())
    live = aave.read(cases.AAVE_V3)
    assert find_market(aave, live, "weth") == "AaveV3Ethereum/WETH"
    names = "AaveV3Ethereum/DAI, AaveV3Ethereum/WETH, AaveV3Ethereum/eMode 7"
    for asked, got in ((None, "nothing"), ("WBTC", "WBTC")):
        with pytest.raises(InputError, match=f"market: got {got}; must .* {names}"):
            find_market(aave, live, asked)
    with pytest.raises(InputError, match=r"must be one of .* Large-Cap, Small-Cap, Long-Tail"):
        find_market(dydx, dydx.read(cases.DYDX), "ETH")
    v4 = venue("aave-v4", ())
    nothing = v4.read('{"dynamicReserveConfigUpdates": []}')
    with pytest.raises(InputError, match="markets: it has none"):
        find_market(v4, nothing, None)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ((0.006, 0.0015), ["X: the live IM of 0.1500% is a leverage of 667"]),
        ((0.012, 0.02), []),
    ],
)
def test_numbers_in_the_wrong_unit_raise_a_doubt(btc_calibration, slip, said):
    found = run(btc_calibration, [margins(*slip)])
    assert list(doubts(found)) == said


def test_percent_read_as_a_fraction_of_a_percent_raises_a_doubt(loan):
    text = cases.AAVE_V3.replace(
        "ltv: '85', liqThreshold: '88'", "ltv: '0.85', liqThreshold: '0.88'"
    )
    assert text != cases.AAVE_V3
    found = run(loan, live_rows("aave-v3", text, "DAI"))
    assert doubts(found) == ("AaveV3Ethereum/DAI: the live LT is 0.8800%",)
    assert doubts(run(loan, [thresholds(0.06, 0.05)])) == ()


def test_the_file_says_what_the_table_says(btc_calibration):
    found = run(btc_calibration, live_rows("dydx-v4", cases.DYDX, "Small-Cap"))
    live = LiveFile(venue="dydx-v4", market="Small-Cap", source="tiers.json", sha256="0" * 64)
    file = assessment_file(found, live)
    assert AssessmentFile.model_validate_json(file.model_dump_json()) == file
    assert file.status == "HISTORICAL EXAMPLE"
    assert file.data.sha256 == btc_calibration.history.provenance.sha256
    table = found.table().set_index(["side", "quantity"])
    for s in file.sides:
        assert s.live.parameters_fraction == {"maintenance_margin": 0.05, "initial_margin": 0.1}
        for name in ("default", "default_given_liquidation", "liquidation"):
            told = getattr(s.live, name).point_probability
            assert told == pytest.approx(table.loc[(s.side, name), "live"], rel=1e-9)
        gap = table.loc[(s.side, "initial_margin"), "difference"]
        assert s.recommended_less_live_fraction["initial_margin"] == pytest.approx(gap, rel=1e-9)
        assert len(s.live.crashes) == len(s.recommended.crashes) == 3
    with pytest.raises(ValueError, match="surprise"):
        AssessmentFile.model_validate({**file.model_dump(), "surprise": 1})


def test_table_and_file_hold_every_number_of_the_assessment(btc_calibration):
    found = run(btc_calibration, [margins(0.05, 0.20)])
    file = assessment_file(found, LiveFile(venue="x", market="X", source="x.json", sha256="0" * 64))
    table = found.table().set_index(["side", "quantity"])
    for s, told in zip(found.sides, file.sides, strict=True):
        assert told.default_given_liquidation is s.defaults is Judgement.MISSES
        assert told.liquidation_within_reaction_time is s.early is Judgement.MEETS
        for column in ("live", "recommended"):
            t, numbers = getattr(s, column), getattr(told, column)
            for name, estimate in (
                ("liquidation", t.held.liquidation),
                ("default", t.held.default),
                ("default_given_liquidation", t.held.default_given_liquidation),
                ("liquidation_within_reaction_time", t.reaction.liquidation),
            ):
                point = float(estimate.value)
                assert table.loc[(s.side.value, name), column] == point
                section = getattr(numbers, name)
                assert section.point_probability == pytest.approx(point, rel=1e-9)
            c, debt = t.coverage, float(t.held.expected_bad_debt.value)
            for name, value in (
                ("expected_bad_debt", debt),
                ("covered_periods", 1 - c.breaches / c.periods),
                ("worst_shortfall", c.worst_shortfall),
            ):
                assert table.loc[(s.side.value, name), column] == value
            assert numbers.expected_bad_debt_fraction == pytest.approx(debt, rel=1e-9)
            assert (numbers.periods_evaluated, numbers.breaches) == (c.periods, c.breaches)
            assert numbers.covered_probability == pytest.approx(1 - c.breaches / c.periods)
            assert numbers.worst_shortfall_fraction == pytest.approx(c.worst_shortfall)
            assert numbers.mean_margin_fraction == pytest.approx(c.mean_margin)
            for crash, (_, row) in zip(numbers.crashes, c.ledger.rows.iterrows(), strict=True):
                written = (
                    crash.loss_fraction,
                    crash.needed_margin_fraction,
                    crash.margin_in_force_fraction,
                    crash.excess_fraction,
                )
                assert written == pytest.approx(
                    [row[name] for name in ("loss", "needed", "margin", "excess")]
                )
                assert crash.excess_fraction == pytest.approx(
                    crash.needed_margin_fraction - crash.margin_in_force_fraction
                )


def test_the_file_says_what_is_refused_doubted_and_old(btc_calibration, loan):
    live = LiveFile(venue="x", market="X", source="x.json", sha256="0" * 64)
    found = run(btc_calibration, [margins(0.0065, 0.0015, notional=2e6)])
    s = found.sides[0]
    held = replace(s.live.held, expected_bad_debt=None, refused="why")
    sides = (replace(s, live=replace(s.live, held=held)), *found.sides[1:])
    file = assessment_file(replace(found, sides=sides), live)
    assert file.doubts_about_units == doubts(found) != ()
    assert file.data_age_days == btc_calibration.data_age_days > 0
    told = file.sides[0]
    assert told.from_notional == 2e6
    assert told.threshold_at_live_bonus_fraction is None
    assert (told.live.losses_refused, told.live.expected_bad_debt_fraction) == ("why", None)
    assert told.recommended.losses_refused == ""
    (side,) = assessment_file(run(loan, [thresholds(0.8, 0.7, 0.07)]), live).sides
    lt = side.recommended.parameters_fraction["liquidation_threshold"]
    assert side.threshold_at_live_bonus_fraction == pytest.approx(lt * 1.05 / 1.07)


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_change_nothing(btc_calibration):
    rows = live_rows("dydx-v4", cases.DYDX, "Small-Cap")
    one, two = (run(btc_calibration, rows, threads=n).table() for n in (1, 2))
    assert one.equals(two)


def test_a_wide_interval_decides_nothing(btc_calibration):
    side: AssessedSide = run(btc_calibration, [margins(0.05, 0.1)]).sides[0]
    assert side.defaults is Judgement.MISSES
    close = replace(side, defaults=Judgement.CLOSE)
    found = Assessment(btc_calibration, CrashMarket.CRYPTO, (close,))
    assert "it cannot be told from the target of 1 %; the recommendation is" in verdict(
        found, close
    )
