"""One assumption at a time, on common random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question, venue_of
from riskkit.lab.proof_figures import tornado
from riskkit.market import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.proof.sensitivity import Sensitivity, measure_sensitivity
from riskkit.study.case import Case
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.support import small_study

SPECS = ("gjr-t", "garch-t")


@pytest.fixture(scope="module")
def measured(btc_daily: PriceHistory) -> Sensitivity:
    return measure_sensitivity(Case.of(small_study(), btc_daily), specs=SPECS, paths=10_000)


def row(measured: Sensitivity, side: Side, assumption: str, change: str):
    t = measured.table
    return t[
        (t["side"] == side.value) & (t["assumption"] == assumption) & (t["change"] == change)
    ].iloc[0]


def solved(btc_daily: PriceHistory, side: Side):
    study = small_study()
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    return solve_buffer(Question.of(study, fit, btc_daily.bar).changed(paths=10_000), side)


@pytest.mark.parametrize("side", list(Side))
def test_the_base_is_the_solved_study(btc_daily, measured, side):
    buffer = solved(btc_daily, side)
    venue = venue_of(small_study(), btc_daily.bar)
    position = venue.open_position(side, buffer.covered.value, buffer.excursion.value)
    base = measured.base[measured.base["side"] == side.value].iloc[0]
    assert (base["trigger"], base["opening"]) == (
        position.maintenance_margin,
        position.initial_margin,
    )


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("assumption", "value"), [("slippage", 0.005), ("penalty and fee", 0.0005)]
)
def test_costs_move_the_margin_by_exactly_their_share(btc_daily, measured, side, assumption, value):
    # MM = L + (1 - s L) c, and the solved L does not depend on c.
    covered = solved(btc_daily, side).covered.value
    for change, factor in (("/ 2", -0.5), ("x 2", 1.0)):
        moved = row(measured, side, assumption, change)["trigger_change"]
        assert moved == pytest.approx((1 - side.sign * covered) * factor * value, rel=1e-6)


@pytest.mark.parametrize("side", list(Side))
def test_a_harder_mechanism_and_stricter_targets_ask_for_more(measured, side):
    for assumption in ("liquidation delay", "reaction time", "oracle deviation", "holding horizon"):
        assert row(measured, side, assumption, "x 2")["opening_change"] > 0.0
    for assumption in ("P(default | liq.)", "P(liq. in reaction time)"):
        assert row(measured, side, assumption, "/ 2")["opening_change"] > 0.0
        assert row(measured, side, assumption, "x 2")["opening_change"] < 0.0


def test_what_cannot_change_says_why(measured):
    for change in ("/ 2", "x 2"):
        r = row(measured, Side.LONG, "oracle latency", change)
        assert r["note"] == "0 bars before and after: times round up to bars"
        assert np.isnan(r["trigger"])
    assert "1 bar before and after" in row(measured, Side.LONG, "liquidation delay", "/ 2")["note"]
    assert (measured.table["note"] == "").equals(measured.table["trigger"].notna())
    assert list(measured.table.query("assumption == 'volatility model'")["change"].unique()) == [
        "garch-t"
    ]


def test_what_has_no_solution_is_a_row_with_its_reason(btc_daily):
    study = small_study(
        mechanism={"liquidation_delay_hours": 24 * 24.0},
        targets={"default_given_liquidation_probability": 0.001},
        venue={"sides": ["short"]},
    ).changed({"position.largest_short_margin_fraction": 0.98})
    result = measure_sensitivity(Case.of(study, btc_daily), specs=(), paths=10_000)
    late = row(result, Side.SHORT, "liquidation delay", "x 2")
    assert "no short buffer below 98 % meets it" in late["note"]


def test_the_largest_effect_comes_first_and_is_drawn_at_the_top(measured):
    for side in Side:
        ranked = measured.ranked(side)
        reach = ranked.groupby("assumption", sort=False)["trigger_change"].apply(
            lambda x: x.abs().max()
        )
        assert (np.diff(reach) <= 0).all()
    figure = tornado(measured)
    top = figure.layout.yaxis.categoryarray[-1]
    assert top == measured.ranked(Side.LONG)["assumption"].iloc[0]
    drawn = sum(len(t.x) for t in figure.data)
    assert drawn == 2 * int(measured.table["trigger"].notna().sum())


def test_a_loan_is_moved_by_its_bonus(btc_daily):
    study = small_study(venue={"kind": "loan"})
    result = measure_sensitivity(Case.of(study, btc_daily), specs=(), paths=10_000)
    assert "slippage" not in set(result.table["assumption"])
    larger = row(result, Side.LONG, "liquidation bonus", "x 2")
    base = result.base.iloc[0]
    # LT (1 + LB) is the covered part of the collateral, whatever the bonus.
    assert larger["trigger"] * 1.10 == pytest.approx(base["trigger"] * 1.05, rel=1e-6)
