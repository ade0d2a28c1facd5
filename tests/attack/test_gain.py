"""What a wrong price brings, and the best attack."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution

from riskkit.attack.cost import PriceMean
from riskkit.attack.gain import (
    AttackedMark,
    Prey,
    attack,
    best_attack,
    borrowed_against,
    interest_without_profit,
    takeover_pays_from,
)
from riskkit.attack.incidents import INCIDENTS
from riskkit.errors import InputError
from riskkit.venue.depth import OrderBookDepth

BOOK = OrderBookDepth(200e3)
MARK = AttackedMark(BOOK, BOOK, weight=0.67, window=5.0, fee=5e-4)
PREY = Prey(fund=1e6, backstop=5e6)

marks = st.builds(
    AttackedMark,
    st.just(BOOK),
    st.just(BOOK),
    weight=st.floats(0.2, 1.0),
    window=st.floats(1.0, 20.0),
    mean=st.sampled_from(list(PriceMean)),
    traded_back=st.booleans(),
    fee=st.floats(0.0, 0.01),
)


@given(
    mark=marks,
    multiple=st.floats(0.6, 2.0),
    interest=st.floats(0.0, 1e8),
    margin=st.floats(0.001, 0.5),
    share=st.floats(0.0, 1.0),
)
def test_money_adds_up(
    mark: AttackedMark, multiple: float, interest: float, margin: float, share: float
) -> None:
    found = attack(
        mark, PREY, multiple=multiple, held=1.0, interest=interest, margin=margin, realisable=share
    )
    if math.isfinite(found.cost.loss):
        flows = found.flows()
        assert sum(flows.values()) == pytest.approx(0.0, abs=1e-12 * (1.0 + max(flows.values())))
        assert found.gain <= PREY.total


def test_nothing_open_is_nothing_to_gain() -> None:
    assert attack(MARK, PREY, multiple=1.5, held=1.0, interest=0.0, margin=0.1).gain == 0.0
    assert attack(MARK, Prey(), multiple=1.5, held=1.0, interest=1e9, margin=0.1).gain == 0.0


@given(fee=st.floats(0.0, 0.02), more=st.floats(0.0, 0.05), interest=st.floats(1e5, 1e8))
def test_more_fee_never_raises_profit(fee: float, more: float, interest: float) -> None:
    cheap, dear = (AttackedMark(BOOK, BOOK, 0.67, 5.0, fee=f) for f in (fee, fee + more))
    found = [attack(m, PREY, multiple=1.4, held=3.0, interest=interest, margin=0.1)
             for m in (cheap, dear)]  # fmt: skip
    assert found[1].profit <= found[0].profit


@pytest.mark.parametrize("interest", [2e6, 20e6, 200e6])
def test_an_independent_search_finds_nothing_better(interest: float) -> None:
    """Differential evolution over the factor and the time held, within the same bounds."""

    def worth(x) -> float:  # type: ignore[no-untyped-def]
        found = attack(
            MARK, PREY, multiple=math.exp(x[0]), held=float(x[1]), interest=interest, margin=0.2
        )
        return -found.profit if math.isfinite(found.profit) else 1e12

    best = best_attack(MARK, PREY, interest=interest, margin=0.2)
    other = differential_evolution(
        worth, [(-math.log(100.0), math.log(100.0)), (1.0, 5.0)], seed=1, maxiter=60, popsize=12
    )
    assert -other.fun <= max(best.profit, 0.0) * 1.01 + 1.0


def test_no_attack_pays_below_the_cap_and_one_does_above() -> None:
    cap, first = interest_without_profit(MARK, PREY, margin=0.2)
    below, above = (best_attack(MARK, PREY, interest=f * cap, margin=0.2) for f in (0.999, 1.01))
    assert below.profit <= 0.0 < above.profit
    assert above.multiple == pytest.approx(first, rel=0.05)


def test_the_bound_of_a_mark_of_its_own_book() -> None:
    """2f/kappa as the factor goes to 1, with nothing averaged and hardly a margin to lose."""
    slope, fee = 0.01 / 200e3, 5e-4
    mark = AttackedMark(BOOK, BOOK, fee=fee)
    cap, first = interest_without_profit(mark, Prey(fund=1e15), margin=1e-9)
    assert cap == pytest.approx(2.0 * fee / slope, rel=0.06)
    assert first == pytest.approx(1.0, abs=1e-3)


@settings(max_examples=25)
@given(st.floats(1.0, 30.0), st.floats(1.0, 30.0))
def test_a_longer_average_never_lowers_the_cap(window: float, more: float) -> None:
    caps = [
        interest_without_profit(
            AttackedMark(BOOK, BOOK, 0.67, w, PriceMean.GEOMETRIC, traded_back=False, fee=5e-4),
            Prey(fund=1e6),
            margin=0.2,
        )[0]
        for w in (window, window + more)
    ]
    # Held for all of the window a price that stays costs the same: longer is never cheaper.
    assert caps[1] >= caps[0] * (1.0 - 1e-3)


def test_borrowing_against_a_moved_collateral() -> None:
    """Nothing to borrow, nothing gained; a loan that never reaches its collateral's worth loses."""
    assert borrowed_against(10.0, 5.0, 0.8, 0.0) == -10.0
    assert borrowed_against(10.0, 1.2, 0.8, 1e9) < 0.0
    assert borrowed_against(10.0, 5.0, 0.8, 1e9) == pytest.approx(30.0)


def test_being_taken_over_pays_where_slippage_passes_the_margin() -> None:
    size = takeover_pays_from(BOOK, 0.01)
    assert float(BOOK.slippage(size)) == pytest.approx(0.01, rel=1e-9)
    assert takeover_pays_from(BOOK, 0.01, 2.0 / 3.0) < size


def test_incidents_come_to_their_published_numbers() -> None:
    derived = {incident.name: incident.derived for incident in INCIDENTS}
    assert derived["Mango Markets"] == pytest.approx(421.18e6, rel=1e-5)
    assert derived["Hyperliquid, JELLY"] == pytest.approx(11.17e6, rel=1e-3)
    assert derived["dYdX, YFI"] == pytest.approx(0.40, abs=0.005)
    # The whale's 1.30 % lies between two thirds of the margins at 50x and at 25x.
    assert 2 / 3 * 0.01 < derived["Hyperliquid, ETH whale"] < 2 / 3 * 0.02
    assert derived["Hyperliquid, ETH whale"] == pytest.approx(0.0130, abs=5e-5)


def test_mango_was_a_hundred_times_too_large() -> None:
    """4.04 m spent; at x24 a mark of its own book bears .176 m, and 18.35 m were open."""
    multiple, spent = 0.91 / 0.038, 4.04e6
    slope = (multiple - 1.0) / spent
    allowed = (1.0 - math.log(multiple) / (multiple - 1.0)) / slope / (multiple - 1.0) * 1.0
    bearable = (multiple - 1.0 - math.log(multiple)) / slope / (multiple - 1.0)
    assert bearable / (multiple - 1.0) == pytest.approx(allowed)
    assert 483e6 * 0.038 / (spent / (multiple - 1.0)) == pytest.approx(104.0, rel=0.01)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"margin": 0.0}, "margin"),
        ({"interest": -1.0}, "interest"),
        ({"realisable": 2.0}, "realisable"),
    ],
)
def test_bad_input_is_told(change: dict[str, float], argument: str) -> None:
    asked = {"multiple": 1.2, "held": 1.0, "interest": 1.0, "margin": 0.1} | change
    with pytest.raises(InputError) as caught:
        attack(MARK, PREY, **asked)
    assert caught.value.argument == argument
