"""From a real calibration's parameter file to venue texts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.formats import aave_v4, compound_v3, dydx_v4, hyperliquid_hip3
from riskkit.formats.calibrated import CalibratedCollateral, CalibratedPerpetual, SlippageLadder
from riskkit.formats.format import EffectiveMargins
from riskkit.formats.hyperliquid_hip3 import HyperliquidContext
from riskkit.formats.registry import venue
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import Loan, ParameterFile
from riskkit.position import Side
from riskkit.proof.export import (
    calibrated_from,
    check_exported,
    export_parameters,
    margins_at_slippage,
)
from tests.parameters import venue_cases as cases
from tests.support import small_study


@pytest.fixture(scope="module")
def file(btc_calibration) -> ParameterFile:
    return build_parameter_file(btc_calibration)


@pytest.fixture(scope="module")
def loan(file: ParameterFile) -> ParameterFile:
    rows = tuple(
        Loan(
            side="long",
            start_state="now",
            covered_loss_fraction=0.1,
            covered_loss_monte_carlo_se=0.0,
            excursion_fraction=0.05,
            excursion_monte_carlo_se=0.0,
            liquidation_threshold_fraction=threshold,
            liquidation_threshold_monte_carlo_se=0.0,
            liquidation_threshold_low_fraction=threshold - 0.01,
            liquidation_threshold_high_fraction=threshold + 0.01,
            max_loan_to_value_fraction=ltv,
            max_loan_to_value_monte_carlo_se=0.0,
            max_loan_to_value_low_fraction=ltv - 0.01,
            max_loan_to_value_high_fraction=ltv + 0.01,
            liquidation_bonus_fraction=0.0512,
        )
        for threshold, ltv in ((0.856789, 0.8), (0.85, 0.812345))
    )
    parameters = file.parameters.model_copy(update={"recommended": rows})
    study = file.study.changed({"position.kind": "loan"})
    return file.model_copy(update={"parameters": parameters, "study": study})


def test_a_historical_example_is_refused_unless_overridden(file: ParameterFile) -> None:
    assert file.header.status == "HISTORICAL EXAMPLE"
    with pytest.raises(InputError, match=r"header\.status: got HISTORICAL EXAMPLE; is from data"):
        calibrated_from(file)
    assert isinstance(calibrated_from(file, allow_historical=True), CalibratedPerpetual)


def test_the_larger_margin_of_both_sides_is_exported(file: ParameterFile) -> None:
    rows = file.parameters.recommended
    assert {row.side for row in rows} == {"long", "short"}
    calibrated = calibrated_from(file, allow_historical=True)
    assert calibrated.initial_margin == max(row.initial_margin_fraction for row in rows)
    assert calibrated.maintenance_margin == max(row.maintenance_margin_fraction for row in rows)
    assert calibrated.initial_margin > min(row.initial_margin_fraction for row in rows)


def test_the_smaller_threshold_is_exported(loan: ParameterFile) -> None:
    calibrated = calibrated_from(loan, allow_historical=True)
    assert calibrated == CalibratedCollateral(0.8, 0.85, 0.0512)


def test_a_whole_export(file: ParameterFile) -> None:
    context = dydx_v4.DydxContext(1, "BTC", dydx_v4.ImpactRule.RESEARCH, 0, 0)
    text = export_parameters(file, venue("dydx-v4", ()), context, allow_historical=True)
    row = dydx_v4.effective(dydx_v4.read(text))[0]
    calibrated = calibrated_from(file, allow_historical=True)
    # The file holds millionths, which dYdX stores as they are.
    assert row.initial_margin == Decimal(repr(calibrated.initial_margin))
    assert row.maintenance_margin == Decimal(repr(calibrated.maintenance_margin))


def test_a_whole_export_of_a_loan(loan: ParameterFile) -> None:
    live = compound_v3.read(cases.COMPOUND_V3)
    context = compound_v3.CometContext(live, "WBTC")
    text = export_parameters(loan, venue("compound-v3", ()), context, allow_historical=True)
    asset = next(a for a in compound_v3.read(text).assets if a.symbol == "WBTC")
    assert (asset.borrow_cf, asset.liquidate_cf) == (8_000, 8_500)


def test_a_file_of_the_other_kind_is_refused(file: ParameterFile, loan: ParameterFile) -> None:
    with pytest.raises(InputError, match="kind: got perpetual; must be a loan for aave-v4"):
        export_parameters(file, aave_v4.FORMAT, None, allow_historical=True)
    with pytest.raises(InputError, match="kind: got loan; must be a perpetual for dydx-v4"):
        export_parameters(loan, dydx_v4.FORMAT, None, allow_historical=True)


def test_margins_grow_with_slippage_by_what_closing_out_costs(file: ParameterFile) -> None:
    assumed = file.study.liquidity.rate_fraction
    base = calibrated_from(file, allow_historical=True)
    assert margins_at_slippage(file, assumed) == pytest.approx(
        (base.initial_margin, base.maintenance_margin), abs=1e-6
    )
    assert margins_at_slippage(file, 0.0) == margins_at_slippage(file, assumed)
    initial, maintenance = margins_at_slippage(file, assumed + 0.01)
    # Paid on the notional at close-out, which is larger than at the mark for a losing short.
    sign = {"long": -1.0, "short": 1.0}
    expected = max(
        row.maintenance_margin_fraction + 0.01 * (1 + sign[row.side] * row.covered_loss_fraction)
        for row in file.parameters.recommended
    )
    assert maintenance == pytest.approx(expected, rel=1e-9)
    assert initial > base.initial_margin


def calm(file: ParameterFile) -> ParameterFile:
    """The file with margins of a calm market, where a ladder's rungs differ in leverage."""
    rows = tuple(
        row.model_copy(
            update={
                "covered_loss_fraction": 0.015,
                "maintenance_margin_fraction": 0.021,
                "initial_margin_fraction": 0.035,
            }
        )
        for row in file.parameters.recommended
    )
    return file.model_copy(
        update={"parameters": file.parameters.model_copy(update={"recommended": rows})}
    )


def test_a_ladder_makes_tiers(file: ParameterFile) -> None:
    file = calm(file)
    ladder = SlippageLadder((1e6, 1e7, 1e8), (0.002, 0.05, 0.10))
    context = HyperliquidContext("abc", "BTC")
    text = export_parameters(
        file, hyperliquid_hip3.FORMAT, context, ladder=ladder, allow_historical=True
    )
    tiers = hyperliquid_hip3.read(text).tiers
    assert [tier.lower_bound for tier in tiers] == [0, 1_000_000, 10_000_000]
    for size, slippage in zip(ladder.notional, ladder.slippage, strict=True):
        initial, maintenance = margins_at_slippage(file, slippage)
        notional = int(size)
        assert hyperliquid_hip3.maintenance_margin(tiers, notional) >= notional * maintenance
        assert hyperliquid_hip3.initial_margin(tiers, notional) >= notional * initial


def test_loans_have_no_ladder(loan: ParameterFile) -> None:
    live = aave_v4.read(cases.AAVE_V4)
    context = replace(aave_v4.context_from(live, live.reserves[0].underlying))
    with pytest.raises(InputError, match="ladder: got 1 rungs; is for perpetuals"):
        export_parameters(
            loan,
            aave_v4.FORMAT,
            context,
            ladder=SlippageLadder((1.0,), (0.1,)),
            allow_historical=True,
        )


def test_a_venue_left_without_leverage_is_no_export(btc_calibration, file):
    study, c = small_study(venue={"sides": ["long"]}), btc_calibration
    question = Question.of(study, c.fit, c.history.bar)
    row = EffectiveMargins("BTC", Decimal(0), Decimal(1), Decimal("0.5"))
    with pytest.raises(InputError, match="must allow leverage"):
        check_exported(file, question, [row])
    both = question.changed(study=small_study())
    (short,) = check_exported(file, both, [row])
    assert short.side is Side.SHORT
