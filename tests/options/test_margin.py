"""Accounts with options: full revaluation, holes of a grid, hedging, and a file's words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.load import TableSource, history_from_table
from riskkit.options.black import black76
from riskkit.options.grid import (
    Structure,
    calibrate_structures,
    grid_loss,
    hole,
    library,
    verify_structures,
)
from riskkit.options.hedging import book_delta, hedging_need, rehedging_costs
from riskkit.options.joint_law import JointVolatility
from riskkit.options.law import VolatilityLaw, law_of_file
from riskkit.options.legs import OptionBook, OptionKind, OptionLeg, Reserve, Settlement
from riskkit.options.margin import leg_losses, margin_options
from riskkit.options.reserve import fully_covered
from riskkit.options.scenarios import OptionScenarios
from riskkit.options.smile import StrikeRule
from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle, UnderlyingShock
from riskkit.venue.depth import OrderBookDepth

NOW = pd.Timestamp("2024-06-01", tz="UTC")
RNG = np.random.default_rng(11)
MOVES = np.expm1(0.03 * RNG.standard_t(5, size=(4_000, 2)))
LAW = VolatilityLaw()
SCENARIOS = OptionScenarios.of({"BTC": 60_000.0, "ETH": 3_000.0}, MOVES, 1.0, LAW, 3)


def leg(
    kind: OptionKind, strike: float, days: float, quantity: float, account: str = "a",
    underlying: str = "BTC", **more: object,
) -> OptionLeg:  # fmt: skip
    expiry = NOW + pd.Timedelta(days=days)
    return OptionLeg(account, underlying, kind, strike, expiry, quantity, 0.6, **more)  # type: ignore[arg-type]


CALL, PUT = OptionKind.CALL, OptionKind.PUT


def book(*legs: OptionLeg) -> OptionBook:
    return OptionBook.of(legs, NOW, ("BTC", "ETH"))


def test_a_call_less_a_put_loses_what_the_forward_does() -> None:
    held = book(leg(CALL, 61_000, 30, 1.0), leg(PUT, 61_000, 30, -1.0))
    lost = leg_losses(held.legs, ("a",), held, SCENARIOS)[0]
    assert np.abs(lost + 60_000.0 * MOVES[:, 0]).max() < 60_000.0 * 1e-12


def test_contributions_sum_to_the_shortfall_and_threads_change_nothing() -> None:
    held = book(leg(CALL, 60_000, 30, -1.0), leg(PUT, 55_000, 7, -2.0), leg(CALL, 3_000, 9, 5.0,
                underlying="ETH"))  # fmt: skip
    linear = {"a": np.array([30_000.0, -9_000.0])}
    found = [margin_options(held, SCENARIOS, linear=linear, threads=n) for n in (1, 2)]
    es = float(found[0].table["es"].iloc[0])
    assert float(found[0].contributions["es"].sum()) == pytest.approx(es, rel=1e-12)
    assert np.array_equal(found[0].losses, found[1].losses)


def test_without_options_it_is_the_linear_tail() -> None:
    """A leg of nothing, nearly: the account's loss is that of its position, to the quantile."""
    held = book(leg(CALL, 60_000, 30, 1e-12))
    found = margin_options(held, SCENARIOS, linear={"a": np.array([1e6, 0.0])})
    losses = np.sort(-1e6 * MOVES[:, 0])[::-1]
    assert float(found.table["var"].iloc[0]) == pytest.approx(losses[40], rel=1e-9)
    assert float(found.table["es"].iloc[0]) == pytest.approx(losses[:40].mean(), rel=1e-9)


def test_a_mirrored_book_cancels_and_a_covered_writer_needs_nothing_more() -> None:
    held = book(
        leg(CALL, 60_000, 30, 1.0), leg(CALL, 60_000, 30, -1.0),
        leg(CALL, 70_000, 30, -2.0, "w", reserve=Reserve.COVERED),
        leg(PUT, 50_000, 30, -1.0, "p", reserve=Reserve.CASH),
    )  # fmt: skip
    rows = margin_options(held, SCENARIOS).table.set_index("account")
    assert rows.loc["a", "var"] == 0.0
    assert (rows.loc[["w", "p"], "maintenance"] == 0.0).all()
    assert rows.loc["w", "reserve"] == 120_000.0
    assert rows.loc["p", "reserve"] == 50_000.0


def test_a_short_coin_settled_call_loses_less_than_its_coin() -> None:
    far = OptionScenarios.of({"BTC": 60_000.0}, np.linspace(0.1, 50.0, 4_000)[:, None], 1.0, LAW, 1)
    one = leg(CALL, 60_000, 30, -1.0, settlement=Settlement.INVERSE)
    held = OptionBook.of([one], NOW, ("BTC",))
    assert leg_losses(held.legs, ("a",), held, far).max() < 60_000.0
    straight = leg(CALL, 60_000, 30, -1.0)
    assert leg_losses([straight], ("a",), held, far).max() > 60_000.0


def test_ignoring_volatility_and_greeks_miss_a_short_straddle() -> None:
    held = book(leg(CALL, 60_000, 30, -1.0), leg(PUT, 60_000, 30, -1.0))
    full = margin_options(held, SCENARIOS)
    still = OptionScenarios(
        SCENARIOS.names, SCENARIOS.prices, MOVES, np.zeros_like(MOVES), 1.0, LAW
    )
    assert full.table["var"].iloc[0] > 1.15 * margin_options(held, still).table["var"].iloc[0]
    # A far wing's worst day is beyond what its Greeks say.
    wing = margin_options(book(leg(CALL, 72_000, 7, -1.0)), SCENARIOS)
    assert wing.table["var"].iloc[0] > 1.2 * wing.table["greeks"].iloc[0]


def test_an_option_that_expires_inside_the_period_is_settled() -> None:
    held = book(leg(CALL, 60_000, 0.5, -1.0))
    lost = leg_losses(held.legs, ("a",), held, SCENARIOS)[0]
    intrinsic = np.maximum(60_000.0 * MOVES[:, 0], 0.0)
    assert np.ptp(lost - intrinsic) < 1e-9


def test_an_option_that_expires_on_the_way_is_settled_at_its_own_bar() -> None:
    """Two bars of a day: a leg of a day and a half is worth its bar's price, not the last one's."""
    path = np.stack([np.full((4_000, 2), 0.05), np.full((4_000, 2), -0.2)])
    two = replace(SCENARIOS, days=2.0, moves=path[1], path=path)
    for days, move in ((0.5, 0.05), (1.0, 0.05), (1.5, -0.2), (2.0, -0.2)):
        held = book(leg(PUT, 60_000, days, -1.0), leg(CALL, 60_000, days, -1.0, "b"))
        lost = leg_losses(held.legs, ("a", "b"), held, two)[:, 0]
        worth = [two.prices[0] * max(s * move, 0.0) for s in (-1.0, 1.0)]
        now = [float(black76(60e3, 60e3, days / 365, 0.6, call)) for call in (False, True)]
        assert lost == pytest.approx(np.array(worth) - np.array(now), abs=1e-8)


def test_sticky_delta_moves_along_the_smile_and_a_flat_one_changes_nothing() -> None:
    smile = {48_000: 0.8, 60_000: 0.6, 75_000: 0.7}
    legs = [
        OptionLeg("a", "BTC", PUT, float(k), NOW + pd.Timedelta(days=20), -1.0, v)
        for k, v in smile.items()
    ]
    held = OptionBook.of(legs, NOW, ("BTC", "ETH"))
    one = replace(SCENARIOS, moves=np.full((10, 2), -0.2), volatility=np.zeros((10, 2)))
    moved = replace(one, strikes=StrikeRule.STICKY_DELTA)
    after = 48_000.0
    # After a fall to 48,000 a strike of 48,000 stands at the money, at .6; one of 60,000 where
    # 75,000 stood.
    for at, volatility in ((0, 0.6), (1, 0.7), (2, 0.7)):
        then = float(black76(after, legs[at].strike, 19 / 365, volatility, False))
        now = float(black76(60e3, legs[at].strike, 20 / 365, legs[at].volatility, False))
        lost = leg_losses([legs[at]], ("a",), held, moved)[0]
        assert lost == pytest.approx(np.full(10, then - now), rel=1e-9)
    flat = OptionBook.of([replace(x, volatility=0.6) for x in legs], NOW, ("BTC", "ETH"))
    both = [leg_losses(flat.legs, ("a",), flat, s) for s in (one, moved)]
    assert both[0] == pytest.approx(both[1], rel=1e-12)
    table = margin_options(held, SCENARIOS).table.iloc[0]
    assert table["sticky_strike"] == table["var"] != table["sticky_delta"]
    swapped = margin_options(held, replace(SCENARIOS, strikes=StrikeRule.STICKY_DELTA))
    assert swapped.table.iloc[0]["var"] == table["sticky_delta"]


def test_noises_of_stated_laws_belong_together_and_one_alone_keeps_its_own() -> None:
    still = np.zeros((100_000, 2))
    both = JointVolatility((LAW, LAW), 0.8).changes(still, 1.0, 5)
    assert np.corrcoef(both.T)[0, 1] == pytest.approx(0.8, abs=0.01)
    assert both.std(axis=0) == pytest.approx([LAW.noise] * 2, rel=0.01)
    apart = JointVolatility((LAW, LAW), 0.0).changes(still, 1.0, 5)
    assert abs(np.corrcoef(apart.T)[0, 1]) < 0.02


def test_rows_of_files_take_what_was_left_on_their_own_day() -> None:
    days = pd.date_range("2023-01-01", periods=200, tz="UTC")
    left = np.linspace(-0.5, 0.5, 200)
    laws = tuple(
        VolatilityLaw(0.0, 0.0, 0.0, float(left.std()), sign * left, days) for sign in (1.0, -2.0)
    )
    joint = JointVolatility(laws)
    stamps = days.tz_localize(None).to_numpy()
    # Two bars a scenario: what both days left, over the root of two bars of half a day each.
    rows = np.stack([stamps[:100], stamps[100:]], axis=1)
    found = joint.changes(np.zeros((100, 2)), 1.0, 3, rows)
    wanted = (left[:100] + left[100:]) / np.sqrt(2.0)
    assert found[:, 0] == pytest.approx(wanted)
    assert found[:, 1] == pytest.approx(-2.0 * wanted)
    assert joint.matched(rows) == 1.0
    unknown = rows + np.timedelta64(3_650, "D")
    assert joint.matched(unknown) == 0.0
    drawn = joint.changes(np.zeros((100, 2)), 1.0, 3, unknown)
    assert drawn[:, 1] == pytest.approx(-2.0 * drawn[:, 0])
    apart = replace(laws[1], dates=days + pd.Timedelta(days=150))
    with pytest.raises(InputError, match="share at least 100"):
        JointVolatility((laws[0], apart)).changes(np.zeros((1, 2)), 1.0, 3)


def test_row_18_a_fully_covered_structure_locks_three_coins() -> None:
    """Ithaca's documents: calls -1 x 2,200, +2 x 2,300, -4 x 2,400 ask 3 ETH."""
    legs = [
        leg(CALL, k, 30, q, "f", "ETH", reserve=Reserve.FULL)
        for k, q in ((2_200.0, -1.0), (2_300.0, 2.0), (2_400.0, -4.0))
    ]
    assert fully_covered(legs) == (3.0, 0.0)
    table = margin_options(book(*legs), SCENARIOS)
    assert table.table.iloc[0]["reserve"] == 3.0 * 3_000.0
    assert table.table.iloc[0]["maintenance"] == 0.0
    assert table.locked.iloc[0][["coins", "money"]].tolist() == [3.0, 0.0]


def test_nobody_is_asked_for_more_than_can_be_lost() -> None:
    """A short butterfly: its wing less what it was sold for; a bought call: its value."""
    wings = [leg(CALL, k, 7, q) for k, q in ((59_400, -1.0), (60_000, 2.0), (60_600, -1.0))]
    held = book(*wings, leg(CALL, 61_000, 7, 1.0, "b"), leg(CALL, 61_000, 7, -1.0, "c"))
    table = margin_options(held, SCENARIOS, loading=500.0).table.set_index("account")
    assert table.loc["a", "most"] == pytest.approx(600.0 + table.loc["a", "value"])
    assert table.loc["a", "maintenance"] == table.loc["a", "most"]
    assert table.loc["b", "maintenance"] == pytest.approx(table.loc["b", "value"])
    assert np.isinf(table.loc["c", "most"])
    lost = leg_losses(held.legs, held.accounts, held, SCENARIOS)
    assert (lost.max(axis=1) <= table["most"].to_numpy() + 1e-9).all()


@settings(max_examples=40)
@given(
    quantities=st.lists(st.floats(-5, 5).filter(bool), min_size=1, max_size=5),
    strikes=st.lists(st.floats(10, 200), min_size=5, max_size=5),
    puts=st.lists(st.booleans(), min_size=5, max_size=5),
    at=st.floats(0.0, 5_000.0),
)
def test_what_is_locked_covers_any_settlement(
    quantities: list[float], strikes: list[float], puts: list[bool], at: float
) -> None:
    legs = [
        leg(PUT if put else CALL, k, 30, q, reserve=Reserve.FULL)
        for q, k, put in zip(quantities, strikes, puts, strict=False)
    ]
    coins, money = fully_covered(legs)
    paid = sum(one.quantity * max(one.kind.sign * (at - one.strike), 0.0) for one in legs)
    assert coins * at + money + paid >= -1e-9 * (1.0 + at)


def test_time_and_volatility_pass_as_they_are_said_to() -> None:
    """A day of time and nothing else; then a shock at 30 days, times (30/9)^.3 at ten less one."""
    nothing = replace(SCENARIOS, moves=np.zeros((10, 2)), volatility=np.zeros((10, 2)))
    held = book(leg(CALL, 60_000, 10, -1.0))
    before, after = (float(black76(60e3, 60e3, d / 365, 0.6)) for d in (10, 9))
    lost = leg_losses(held.legs, ("a",), held, nothing)[0]
    assert lost == pytest.approx(np.full(10, after - before), rel=1e-9)
    shocked = replace(nothing, volatility=np.full((10, 2), 0.2))
    volatility = 0.6 * np.exp(0.2 * (30 / 9) ** 0.3)
    then = float(black76(60e3, 60e3, 9 / 365, volatility))
    lost = leg_losses(held.legs, ("a",), held, shocked)[0]
    assert lost == pytest.approx(np.full(10, then - before), rel=1e-9)


def test_the_law_grows_with_days_and_its_noise_with_their_root() -> None:
    still = np.zeros(200_000)
    law = JointVolatility((LAW,))
    one, four = (law.changes(still[:, None], days, 5) for days in (1.0, 4.0))
    assert float(one.mean()) == pytest.approx(LAW.level, abs=4e-4)
    assert float(four.mean()) == pytest.approx(4.0 * LAW.level, abs=8e-4)
    assert float(four.std() / one.std()) == pytest.approx(2.0, rel=1e-9)
    assert float(one.std()) == pytest.approx(LAW.noise, rel=0.01)
    moved = law.changes(np.full((200_000, 1), -0.1), 1.0, 5)
    assert (moved - one).mean() == pytest.approx(0.1 * LAW.response - 0.1 * LAW.slope)


def test_the_butterfly_that_falls_between_two_points() -> None:
    """Body 59,000, wings 600 away: .54 % of the price at the pin, and nothing asked.

    The page's number is for a day of which a fiftieth is left; at expiry it is .87 %.
    """
    legs = (leg(CALL, 58_400, 1, -1.0), leg(CALL, 59_000, 1, 2.0), leg(CALL, 59_600, 1, -1.0))
    short = Structure("short butterfly", tuple(
        OptionLeg("s", "BTC", CALL, one.strike, one.expiry, one.quantity, 0.6) for one in legs
    ))  # fmt: skip
    grid = ScenarioSet.of(SetStyle.DERIBIT, {"BTC": UnderlyingShock(0.16)})
    assert grid_loss(grid, short, NOW, 60_000.0) < 0.0001 * 60_000.0
    lost, at = hole(grid, short, NOW, 60_000.0, 0.98)
    assert lost == pytest.approx(0.0054 * 60_000.0, rel=0.01)
    assert at == pytest.approx(59_000 / 60_000 - 1.0, abs=0.001)
    assert hole(grid, short, NOW, 60_000.0, 1.0, decayed=True)[0] == 0.0


def test_a_calibrated_set_covers_its_library() -> None:
    alone = OptionScenarios(
        ("BTC",), SCENARIOS.prices[:1], MOVES[:, :1].copy(), SCENARIOS.volatility[:, :1].copy(),
        1.0, LAW,
    )  # fmt: skip
    structures = library(NOW, "BTC", 60_000.0, (1.0,))
    narrow = ScenarioSet.of(SetStyle.DERIBIT, {"BTC": UnderlyingShock(0.05)})
    before = verify_structures(narrow, structures, alone, NOW)
    after = calibrate_structures(narrow, structures, alone, NOW)
    assert before.uncovered(0.01) > 0
    assert after.uncovered(0.01) == 0
    assert after.scenario_set.shocks["BTC"].range > 0.05
    assert (after.table["hole"] == 0.0).all()


def test_a_venue_that_is_short_options_sells_into_a_fall() -> None:
    held = book(leg(CALL, 60_000, 7, -10.0), leg(PUT, 60_000, 7, -10.0))
    curve = OrderBookDepth(1e6)
    needs = {n.move: n for n in hedging_need(held, "BTC", 60_000.0, (curve, curve), 0.1)}
    # Whoever holds the short straddle is longer after a fall, and sells.
    assert book_delta(held.legs, held, 60_000.0, -0.2) > 0.0
    assert needs[-0.2].trade < 0.0 < needs[0.2].trade
    assert needs[-0.2].impact < 0.0
    assert needs[-0.2].cost == pytest.approx(
        -needs[-0.2].trade * float(curve.slippage(-needs[-0.2].trade / 0.1))
    )
    flat = hedging_need(held, "BTC", 60_000.0, None, 0.1, rate=0.01)
    assert [n.cost for n in flat] == pytest.approx([0.01 * abs(n.trade) for n in flat])
    assert all(np.isnan(n.impact) for n in flat)
    still = rehedging_costs(held, "BTC", 60_000.0, np.zeros((3, 4)), 1e-9, 0.001)
    assert np.abs(still).max() < 1e-3


def test_a_law_is_read_from_a_file(tmp_path: Path) -> None:
    days = pd.date_range("2023-01-01", periods=400, freq="D", tz="UTC")
    r = 0.03 * np.random.default_rng(1).standard_normal(400)
    change = -0.01 + 0.2 * r + 0.9 * np.abs(r)
    close = 100.0 * np.exp(np.cumsum(r))
    frame = pd.DataFrame({"time": days, "close": close})
    history = history_from_table(
        frame, TableSource("BTC", "test"), bar="1d", calendar=Calendar.ALWAYS
    )
    lines = [f"{d.date()},{0.6 * np.exp(c)}" for d, c in zip(days, np.cumsum(change), strict=True)]
    path = tmp_path / "iv.csv"
    path.write_text("time,volatility\n" + "\n".join(lines))
    found = law_of_file(path, history)
    assert (found.level, found.slope, found.response) == pytest.approx((-0.01, 0.2, 0.9))
    assert found.noise < 1e-9
    path.write_text("time,volatility\n" + "\n".join(lines[:50]))
    with pytest.raises(InputError, match="at least 100"):
        law_of_file(path, history)


HEAD = "account,underlying,kind,strike,expiry,quantity,volatility,settlement,reserve\n"


@pytest.mark.parametrize(
    ("row", "argument"),
    [
        ("a,BTC,call,60000,2024-05-01,1,0.6,,", "expiry"),
        ("a,BTC,call,0,2024-07-01,1,0.6,,", "line 2: strike"),
        ("a,BTC,call,60000,2024-07-01,1,-1,,", "line 2: volatility"),
        ("a,BTC,call,60000,2024-07-01,1,60,,", "line 2: volatility"),
        ("a,DOGE,call,60000,2024-07-01,1,0.6,,", "underlying"),
        ("a,BTC,straddle,60000,2024-07-01,1,0.6,,", "line 2: kind"),
        ("a,BTC,call,60000,someday,1,0.6,,", "line 2: expiry"),
        ("a,BTC,call,60000,2024-07-01,x,0.6,,", "line 2: quantity"),
        ("a,BTC,call,60000,2024-07-01,1,0.6,,covered-call", "line 2: reserve"),
        ("a,BTC,put,60000,2024-07-01,-1,0.6,,covered-call", "line 2: reserve"),
    ],
)
def test_a_bad_leg_is_told(tmp_path: Path, row: str, argument: str) -> None:
    path = tmp_path / "legs.csv"
    path.write_text(HEAD + row + "\n")
    with pytest.raises(InputError) as caught:
        OptionBook.read(path, NOW, ("BTC", "ETH"))
    assert caught.value.argument == argument


def test_other_columns_are_told(tmp_path: Path) -> None:
    path = tmp_path / "legs.csv"
    path.write_text("account,iv\na,0.6\n")
    with pytest.raises(InputError, match="no column underlying"):
        OptionBook.read(path, NOW, ("BTC",))
