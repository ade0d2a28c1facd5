"""What stands behind accounts: every layer keeps its money, and pays in its turn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.accounts import book_of
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine, CascadePaths, EngineRule, VenueOutcome, run_cascade
from riskkit.venue.depth import LadderDepth, MarketDepth, OrderBookDepth
from riskkit.venue.layers import Backstop, CascadeFund, Tranche
from riskkit.venue.loan_engine import LoanEngine, LoanKind, check_bonus, loan_engine

BOOK = SyntheticBook(
    1.0, 600, 6.0, most_leverage=20.0, maintenance=0.025, hedger_share=0.3, maker_share=0.2, seed=4
).draw()
RETURNS = np.random.default_rng(3).standard_t(4, size=(200, 100)) * 0.009 / math.sqrt(2.0)
CURVE = OrderBookDepth(0.2)
DEPTH = MarketDepth(CURVE, CURVE, 0.7, 0.3, 3.0, 0.0, 24.0, 0.1, 0.03, 24.0, 0.001)
LAYERS = CascadeFund(
    0.001,
    maker_depth=0.5,
    backstop=Backstop(0.002, 4.0, 0.3),
    tranche=Tranche(0.001, 0.5, 10),
    income=1e-6,
    late_fees=True,
    exposed=0.5,
    haircut=0.1,
    drained=1e-4,
)
ENDLESS = CascadeFund(0.0, deleverages=False, late_fees=True)
FULL = CascadeEngine(fee=0.004)


def run(
    fund: CascadeFund, engine: CascadeEngine = FULL, *, replaces: bool = False, audit: bool = False
) -> VenueOutcome:
    paths = CascadePaths(RETURNS, replaces=replaces)
    return run_cascade(BOOK, DEPTH, engine, fund, paths, audit=audit)


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize(
    "engine",
    [
        FULL,
        CascadeEngine(EngineRule.RESTORE, 0.06, fee=0.004),
        CascadeEngine(
            EngineRule.CLIP, 0.2, clip_above=0.001, rest_bars=1, delay=1, throughput=0.02, fee=0.004
        ),
    ],
)
def test_money_is_conserved_through_every_layer(engine, replaces):
    found = run(LAYERS, engine, replaces=replaces, audit=True)
    assert found.money_error <= 1e-12
    assert found.of("vault_taken").max() > 0.0
    assert found.of("tranche").min() < 0.0005
    assert found.of("deleveraged").max() > 0.0
    assert (found.of("tranche") >= 0.0).all()
    assert (found.of("vault_taken") > 0.0).sum() >= (found.of("deleveraged") > 0.0).sum() * 0.5


def test_one_run_without_a_fund_says_what_every_fund_would_need():
    needed = run(ENDLESS).of("fund_needed")
    assert (needed > 0.0).any()
    for fund in (0.0005, 0.002, 0.01):
        finite = run(replace(ENDLESS, fund=fund))
        assert np.array_equal(finite.of("fund_lowest") < 0.0, needed > fund)
    # in the coin, at a haircut, with withdrawals and income: what is needed at the start
    moving = replace(ENDLESS, exposed=0.8, haircut=0.2, drained=1e-3, income=2e-6)
    needed = run(moving).of("fund_needed")
    for fund in (0.001, 0.004):
        finite = run(replace(moving, fund=fund))
        assert np.array_equal(finite.of("fund_lowest") < 0.0, needed > fund)


def test_fees_of_a_bar_do_not_pay_its_own_losses():
    soon, late = run(replace(ENDLESS, late_fees=False)), run(ENDLESS)
    assert soon.of("fees").sum() == late.of("fees").sum()
    assert (late.of("fund_needed") >= soon.of("fund_needed") - 1e-14).all()
    assert late.of("fund_needed").sum() > soon.of("fund_needed").sum()


def test_whoever_is_closed_is_followed_and_interest_stays():
    once = run(ENDLESS)
    again = run(ENDLESS, replaces=True)
    assert again.of("closures").mean() > 1.2 * once.of("closures").mean()
    assert (again.of("closures") >= once.of("closures")).all()
    # a book that never trades at a move: nobody follows anybody
    still = run_cascade(BOOK, DEPTH, FULL, ENDLESS, CascadePaths(0.0 * RETURNS, replaces=True))
    assert still.of("closures").sum() == 0


def test_a_backstop_takes_over_within_its_own_capital_and_sells_with_impact():
    one = book_of([1.0], [1.0], [-0.95], 0.03)
    fall = CascadePaths([[-0.08, 0.0, 0.0, 0.0]])
    still = MarketDepth(
        OrderBookDepth(2.0), OrderBookDepth(2.0), 0.0, 1.0, math.inf, crash_fraction=1.0
    )
    fund = CascadeFund(0.0, backstop=Backstop(0.3, 4.0, 0.5))
    found = run_cascade(one, still, CascadeEngine(), fund, fall, audit=True)
    p = math.exp(-0.08)
    assert found.of("vault_taken")[0] == pytest.approx(p)
    assert found.of("deleveraged")[0] == 0.0
    # half of it goes a bar, at the mean of its own impact of 1 % to 2 units
    cash, held, f = 0.3 - 0.95, 1.0, -0.08
    for _ in range(3):
        x = 0.5 * held
        cash += x * math.exp(f) * -math.expm1(-0.005 * x) / (0.005 * x)
        held, f = held - x, f - 0.005 * x
    assert found.of("vault")[0] == pytest.approx(cash + held * math.exp(f), rel=1e-12)
    small = replace(fund, backstop=Backstop(0.1, 4.0, 0.5))
    # a short wins what the long loses
    two = book_of([1.0, -1.0], [1.0, 1.0], [-0.95, 1.5], 0.03)
    assert run_cascade(two, still, CascadeEngine(), small, fall).of("deleveraged")[0] > 0.0


@pytest.mark.parametrize(("cost", "share"), [(0.0, 0.2), (0.005, 0.2222222)])
def test_a_restored_account_sells_the_published_share(cost, share):
    # design row 12: equity 4,000 of 100,000, to 5 %
    p = math.exp(-0.05)
    one = book_of([1.0], [1e5 / p], [4e3 - 1e5], 0.045)
    still = MarketDepth(OrderBookDepth(1e15), OrderBookDepth(1e15), 0.0, crash_fraction=1.0)
    engine = CascadeEngine(EngineRule.RESTORE, 0.05, fee=cost)
    found = run_cascade(one, still, engine, ENDLESS, CascadePaths([[-0.05]]))
    assert found.of("sold")[0] / 1e5 == pytest.approx(share, abs=1e-6)


def test_a_tranche_pays_after_the_fund_and_before_winners():
    one = book_of([1.0], [1.0], [-0.95], 0.03)
    fall = CascadePaths([[-0.08]])
    still = MarketDepth(OrderBookDepth(1e9), OrderBookDepth(1e9), 0.0, crash_fraction=1.0)
    missing = 0.95 - math.exp(-0.08)
    both = CascadeFund(0.01, tranche=Tranche(0.1))
    found = run_cascade(one, still, CascadeEngine(), both, fall, audit=True)
    assert found.of("fund")[0] == pytest.approx(0.0, abs=1e-12)
    assert found.of("tranche")[0] == pytest.approx(0.1 - (missing - 0.01), abs=1e-9)
    assert found.of("bad_debt")[0] == pytest.approx(missing, abs=1e-9)
    assert found.money_error < 1e-15
    # half of it asked to leave at the first crash, and has left before the second
    left = replace(both, tranche=Tranche(0.02, 0.5, 1))
    crash = replace(still, crash_fraction=1.0, crash_move=0.01)
    two = book_of([1.0, -1.0], [1.0, 1.0], [-0.95, 1.5], 0.03)
    twice = run_cascade(two, crash, CascadeEngine(), left, CascadePaths([[-0.011, -0.069]]))
    assert twice.of("tranche")[0] == pytest.approx(0.01)
    assert twice.of("deleveraged")[0] > 0.0


def loans(kind: LoanKind, collateral: float = 1.0, *, health: float = 0.97, lt: float = 0.8):
    """One loan of which a step to ``health`` is made at a price that keeps its collateral 1."""
    debt = 1.0 * lt / health
    return book_of([1.0], [collateral], [-debt * collateral], 1.0 - lt), debt


@pytest.mark.parametrize(
    ("kind", "health", "repaid"),
    [
        (LoanKind.AAVE_V3, 0.97, 0.5),  # and again, until it is healthy
        (LoanKind.COMPOUND, 0.97, 1.0),
    ],
)
def test_a_loan_is_repaid_by_its_kinds_rule(kind, health, repaid):
    # the collateral falls by 5 % so that the health factor is `health`
    lt, bonus = 0.8, 0.05
    debt = lt * math.exp(-0.05) / health
    book = book_of([1.0], [1.0], [-debt], 1.0 - lt)
    engine = CascadeEngine(EngineRule.LOAN, loan=loan_engine(kind, bonus, dust=0.0))
    still = MarketDepth(OrderBookDepth(1e9), OrderBookDepth(1e9), 0.0, crash_fraction=1.0)
    found = run_cascade(book, still, engine, ENDLESS, CascadePaths([[-0.05]]), audit=True)
    p = math.exp(-0.05)
    sold = min(repaid * debt * (1.0 + bonus) / p, 1.0)
    assert found.of("sold")[0] == pytest.approx(sold * p, rel=1e-6)
    assert found.of("keepers")[0] == pytest.approx(sold * p * bonus / (1.0 + bonus), rel=1e-6)
    assert found.money_error < 1e-15


def test_a_target_is_restored_at_the_published_repayment():
    # design row 17: D 100, C 110, CF .8, T 1.24, b 1.0666 repays 93.0906082
    engine = CascadeEngine(
        EngineRule.LOAN, loan=LoanEngine(target=1.24, bonus=0.0666, whole_below=0.95)
    )
    still = MarketDepth(OrderBookDepth(1e15), OrderBookDepth(1e15), 0.0, crash_fraction=1.0)
    book = book_of([1.0], [110.0 / math.exp(-0.2)], [-100.0], 0.2)
    found = run_cascade(book, still, engine, ENDLESS, CascadePaths([[-0.2]]))
    assert found.of("sold")[0] / 1.0666 == pytest.approx(93.0906082, abs=1e-6)


def test_keepers_stay_away_where_the_market_is_below_the_oracle_or_gas_eats_the_bonus():
    debt = 0.8 * math.exp(-0.05) / 0.97
    book = book_of([1.0], [1.0], [-debt], 0.2)
    still = MarketDepth(OrderBookDepth(1e9), OrderBookDepth(1e9), 0.0, crash_fraction=1.0)
    terms = loan_engine(LoanKind.COMPOUND, 0.05)
    dear = CascadeEngine(EngineRule.LOAN, loan=replace(terms, gas=0.05))
    # the oracle shows the bar before, and the market has fallen by more than the bonus since
    stale = CascadeEngine(EngineRule.LOAN, loan=terms, latency=1)
    for engine, path in ((dear, [-0.05]), (stale, [-0.05, -0.06])):
        late = run_cascade(book, still, engine, ENDLESS, CascadePaths([path]), audit=True)
        assert late.of("closures")[0] == 0
        assert late.of("unclosed")[0] > 0.0
        assert late.money_error < 1e-15
    # depth that cannot take it all: what pays today, and the rest as it refills
    thin = MarketDepth(
        OrderBookDepth(0.02), OrderBookDepth(0.02), 0.0, 0.0, 1.0, crash_fraction=1.0
    )
    slow = run_cascade(
        book, thin, CascadeEngine(EngineRule.LOAN, loan=terms), ENDLESS, CascadePaths([[-0.05]])
    )
    assert slow.of("sold")[0] == pytest.approx(
        math.log(1.05) * 0.02 / 0.01 * math.exp(-0.05), rel=1e-9
    )
    assert slow.of("unclosed")[0] > 0.0


def test_beyond_the_toxic_line_a_halt_takes_nothing():
    # D 100, C 104, b 5 %: 1.0096 > 1
    book = book_of([1.0], [104.0 / math.exp(-0.3)], [-100.0], 0.2)
    still = MarketDepth(OrderBookDepth(1e12), OrderBookDepth(1e12), 0.0, crash_fraction=1.0)
    terms = LoanEngine(close_factor=1.0, bonus=0.05)
    paths = CascadePaths([[-0.3]])
    goes_on = run_cascade(book, still, CascadeEngine(EngineRule.LOAN, loan=terms), ENDLESS, paths)
    assert goes_on.of("bad_debt")[0] == pytest.approx(0.9523810, abs=1e-6)
    halted = CascadeEngine(EngineRule.LOAN, loan=replace(terms, halts=True))
    assert run_cascade(book, still, halted, ENDLESS, paths).of("closures")[0] == 0


def test_money_is_conserved_in_a_lending_book():
    rng = np.random.default_rng(5)
    q = rng.pareto(1.5, 500) + 0.1
    q /= q.sum()
    book = book_of(np.ones(500), q, -q * 0.8 / (1.0 + rng.exponential(0.2, 500) + 0.01), 0.2)
    ladder = LadderDepth((0.05, 0.2, 0.5), (0.003, 0.02, 0.08))
    for kind in LoanKind:
        engine = CascadeEngine(EngineRule.LOAN, loan=loan_engine(kind, 0.06, gas=1e-5, dust=1e-4))
        for depth in (DEPTH, replace(DEPTH, bids=ladder)):
            fund = CascadeFund(1e-4, deleverages=False, tranche=Tranche(1e-3))
            found = run_cascade(
                book, depth, engine, fund, CascadePaths(3.0 * RETURNS[:60]), audit=True
            )
            assert found.money_error <= 1e-12
            assert found.of("keepers").min() >= 0.0 < found.of("keepers").max()
            assert found.of("bad_debt").max() > 0.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: run(replace(LAYERS, haircut=1.0)), "sells for nothing"),
        (lambda: run(replace(LAYERS, tranche=Tranche(-1.0))), "must not be negative"),
        (lambda: run(replace(LAYERS, backstop=Backstop(1.0, 0.0))), "positive leverage"),
        (lambda: check_bonus(0.3, 0.8), r"1/LT - 1 = 0\.25"),
        (
            lambda: run(ENDLESS, CascadeEngine(EngineRule.LOAN, loan=LoanEngine(gas=-1.0))),
            "nobody is paid",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, words):
    with pytest.raises(InputError, match=words):
        make()
