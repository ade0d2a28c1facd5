"""Margins of accounts: one leg keeps its own, offsets, add-ons, contributions, order of legs."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import DataError, InputError
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.liquidation import close_legs, liquidation_price, liquidation_prices
from riskkit.portfolio.margin import LegMargins, MarginRule, Requirement, leg_tails, margin_accounts

RNG = np.random.default_rng(9)
COMMON = RNG.standard_t(4, (4_000, 1))
LOGS = 0.03 * (0.8 * COMMON + 0.6 * RNG.standard_t(4, (4_000, 3)))
MOVES = np.expm1(LOGS)
REACTION = np.expm1(0.03 * RNG.standard_normal((2, 1_000, 3)).cumsum(axis=0))
PRICES = {"A": 100.0, "B": 50.0, "C": 2.0}
PLAIN = MarginRule()


def requirement(rule: MarginRule = PLAIN, **changes: object) -> Requirement:
    tails = leg_tails(MOVES, rule)
    legs = LegMargins(np.array([[0.2, 0.15, 0.3], [0.25, 0.18, 0.4]]), tails)
    return replace(Requirement(MOVES, REACTION, legs, rule), **changes)


def book(**accounts: dict[str, float]) -> Accounts:
    positions = [(a, asset, q) for a, held in accounts.items() for asset, q in held.items()]
    return Accounts.of(positions, PRICES, dict.fromkeys(accounts, 40.0))


def maintenance(accounts: Accounts, rule: MarginRule = PLAIN) -> list[float]:
    return margin_accounts(accounts, requirement(rule)).table["maintenance"].tolist()


@pytest.mark.parametrize("measure", ["value-at-risk", "expected-shortfall"])
def test_a_book_of_one_leg_gets_the_solved_margin_to_the_bit(measure):
    rule = MarginRule(measure, decorrelation=0.2)
    found = maintenance(book(long={"A": 1.0}, short={"B": -3.0}), rule)
    assert found == [0.2 * 100.0, 0.18 * 150.0]


def test_twins_need_nothing_and_a_zero_position_changes_nothing():
    twins = Accounts.of([("x", "A", 2.0), ("x", "A", -2.0), ("y", "B", 1.0)], PRICES)
    assert maintenance(twins)[0] == 0.0
    wider = Accounts.of([("y", "B", 1.0), ("y", "C", 0.0)], PRICES)
    assert maintenance(wider) == [maintenance(twins)[1]]


def test_offsets_lower_the_margin_and_add_ons_raise_it():
    pair = book(pair={"A": 1.0, "B": -2.0})
    base = maintenance(pair)[0]
    legs = 20.0 + 18.0
    assert 0.0 < base < legs
    assert maintenance(pair, MarginRule(decorrelation=0.2))[0] == pytest.approx(
        base + 0.2 * (legs - base), rel=1e-12
    )
    assert maintenance(pair, MarginRule(decorrelation=1.0))[0] == pytest.approx(legs, rel=1e-12)
    assert maintenance(pair, MarginRule(floor=0.3))[0] == pytest.approx(0.3 * 200.0, rel=1e-12)


def test_row_8_the_rule_of_80_percent_leaves_a_fifth_of_what_offsets_save():
    # EMIR RTS 153/2013 Art. 27: legs 180 and portfolio 90 need at least 108.
    portfolio, legs = 90.0, 180.0
    assert portfolio + MarginRule(decorrelation=0.2).decorrelation * (legs - portfolio) == 108.0


def test_contributions_sum_to_the_requirement_with_every_add_on():
    accounts = book(one={"A": 1.0, "B": 1.0, "C": -30.0}, two={"A": -2.0, "C": 40.0})
    rule = MarginRule(floor=0.15, decorrelation=0.1)
    found = margin_accounts(accounts, requirement(rule, closing=lambda e: 0.01 * np.abs(e)))
    sums = found.contributions.sum(axis=1).to_numpy()
    assert sums == pytest.approx(found.table["maintenance"].to_numpy(), rel=1e-12)
    assert found.table["concentration"].tolist() == pytest.approx([2.1, 2.8])


def test_the_initial_margin_of_one_leg_is_the_engines():
    # IM = MM + E (1 - s MM), E the quantile of the running maximum over the reaction time.
    for units, side, own in ((1.0, 1.0, 0.2), (-1.0, -1.0, 0.25)):
        worst = np.maximum((-side * REACTION[:, :, 0]).max(axis=0), 0.0)
        excursion = np.sort(worst)[949]
        row = margin_accounts(book(x={"A": units}), requirement()).table.iloc[0]
        assert row["initial"] == pytest.approx(100.0 * (own + excursion * (1.0 - side * own)))


def test_states_say_who_is_short():
    accounts = Accounts.of(
        [(name, "A", 1.0) for name in ("rich", "short", "gone", "silent")],
        PRICES,
        {"rich": 90.0, "short": 21.0, "gone": 20.0},
    )
    table = margin_accounts(accounts, requirement()).table
    assert table["state"].tolist() == ["ok", "short", "liquidatable", ""]


def test_a_leg_without_a_margin_is_a_row_with_its_reason():
    legs = requirement().legs
    none = LegMargins(np.where(legs.maintenance == 0.2, np.nan, legs.maintenance), legs.tail)
    found = margin_accounts(book(x={"A": 1.0}, y={"B": 1.0}), requirement(legs=none))
    assert found.table["state"].tolist() == ["no margin meets the target", "ok"]
    assert found.table["maintenance"].isna().tolist() == [True, False]


def test_row_17_the_other_leg_counts_in_a_liquidation_price():
    # TorchTrade 344: equity 5, long 1 at 100, MM .4 %, other positions need 4.
    one = np.ones(1)
    cross = liquidation_price(5.0 * one, one, 100.0 * one, 4.4 * one, 0.4 * one)
    assert cross[0] == pytest.approx(99.39759036, abs=1e-8)
    isolated = liquidation_price(5.0 * one, one, 100.0 * one, 0.4 * one, 0.4 * one)
    assert isolated[0] == pytest.approx(95.38152610, abs=1e-8)


def test_at_its_liquidation_price_an_account_has_what_it_needs():
    accounts = book(pair={"A": 2.0, "B": -2.0}, long={"A": 1.0}, safe={"C": 1.0})
    need = requirement(MarginRule(decorrelation=0.1))
    prices = liquidation_prices(margin_accounts(accounts, need), need)
    assert prices.loc["long", "A"] == pytest.approx((100.0 - 40.0) / (1.0 - 0.2))
    assert np.isnan(prices.loc["safe", "C"])
    assert np.isnan(prices.loc["long", "B"])
    price = prices.loc["pair", "A"]
    moved = Accounts.of([("p", "A", 2.0), ("p", "B", -2.0)], {**PRICES, "A": price})
    left = 40.0 + 2.0 * (price - 100.0)
    assert need.maintenance(moved.exposures)[0] == pytest.approx(left, rel=1e-6)


def test_a_hedge_is_not_closed_first_and_a_close_is_never_blocked():
    need = requirement()
    book_of = np.array([100.0, -40.0, 60.0])
    cost = lambda e: 0.001 * np.abs(e)  # noqa: E731
    mm = float(need.maintenance(book_of[None])[0])
    marginal = close_legs(book_of, 0.7 * mm, need, cost)
    assert marginal.solvent
    assert 1 not in marginal.steps["asset"].tolist()
    everything = close_legs(book_of, 0.7 * mm, need, cost, order="all")
    assert everything.cost == pytest.approx(0.2)
    assert marginal.cost < everything.cost
    largest = close_legs(book_of, 0.7 * mm, need, cost, order="largest")
    assert largest.steps["asset"].iloc[0] == 0
    hopeless = close_legs(book_of, -50.0, need, cost)
    assert len(hopeless.steps) == 3
    assert not hopeless.solvent
    assert close_legs(book_of, 2.0 * mm, need, cost).steps.empty


def test_accounts_are_read_from_a_file(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text("account,asset,quantity,equity\nx,A,1.5,20\nx,B,-2,\ny,C,7,3\nx,A,0.5,20\n")
    found = Accounts.read(path, PRICES)
    assert found.names == ("x", "y")
    assert found.quantity.tolist() == [[2.0, -2.0, 0.0], [0.0, 0.0, 7.0]]
    assert found.equity.tolist() == [20.0, 3.0]
    assert found.gross.tolist() == [300.0, 14.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("account,asset,quantity\nx,DOGE,1\n", "must be an asset of the study: A, B, C"),
        ("account,asset,quantity\nx,A,nan\n", "line 2"),
        ("account,asset,quantity\nx,A,1\n,A,1\n", "line 3"),
        ("account,asset,quantity,equity\nx,A,1,5\nx,B,1,6\n", "line 3"),
        ("account,asset\nx,A\n", "no column quantity"),
        ("account,asset,quantity\nx,A,1,2,3\n", "as many fields"),
        ("account,asset,quantity\n", "must hold one"),
    ],
)
def test_a_file_that_is_no_book_is_refused_in_words(tmp_path, text, words):
    path = tmp_path / "book.csv"
    path.write_text(text)
    with pytest.raises((InputError, DataError), match=words):
        Accounts.read(path, PRICES)


def test_a_missing_file_and_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="file that can be read"):
        Accounts.read(tmp_path / "none.csv", PRICES)
    with pytest.raises(InputError, match="account x"):
        Accounts.of([("x", "A", float("nan"))], PRICES)
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        MarginRule(floor=2.0)
    with pytest.raises(InputError, match="value-at-risk"):
        MarginRule("variance")
