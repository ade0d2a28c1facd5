"""Many positions in one run: each as if alone, and the fast readers where the case is simple."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.default import (
    Execution,
    Weighting,
    simulate_default,
    simulate_grid,
    simulate_sweep,
)
from riskkit.venue.mechanism import (
    CloseOut,
    CloseOutRule,
    Loan,
    Mechanism,
    Perpetual,
    Slippage,
    SlippageLaw,
)
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.volatility.spec import Innovation, Variance

MODEL = PathModel(
    Variance.GJR, 1e-4, 2e-5, 0.06, 0.04, 0.9, Innovation.SKEW_T, {"nu": 4.0, "lambda": -0.1}
)
WORLD = World.one(MODEL, Start.measured(0.025))
RUN = Run(paths=3_000, seed=7)
CONGESTED = ConditionalLag((0.7, 0.3), (0.1, 0.2, 0.3, 0.4), 0.03, 0.2, 3)
ROOT = Slippage(SlippageLaw.SQUARE_ROOT, 0.02, 1e5)
EVERYTHING = Mechanism(
    Oracle(CONGESTED, 0.01), CONGESTED, ROOT, CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5, 1e5)
)
BOOKS = {
    "long": [Perpetual(Side.LONG, m + 0.05, m, 2e5, 0.002, 1e-4) for m in (0.02, 0.05, 0.1)],
    "short": [Perpetual(Side.SHORT, m + 0.05, m, 2e5, 0.002, 1e-4) for m in (0.02, 0.05, 0.1)],
    "loan": [Loan(0.95 * t, t, 0.05, 2e5, 1e-4) for t in (0.9, 0.8, 0.7)],
}
QUANTITIES = (
    "liquidation",
    "default",
    "default_given_liquidation",
    "unfair",
    "expected_bad_debt",
    "time_to_liquidation",
)
MORE = {"horizon": 30, "loss_cap": 1e9}


def without_carry(position):
    carry = "interest" if isinstance(position, Loan) else "funding"
    return replace(position, **{carry: 0.0})


@pytest.mark.parametrize("kind", BOOKS)
@pytest.mark.parametrize("weighting", [Weighting.PLAIN, Weighting.TILTED])
def test_a_position_of_a_sweep_is_that_position_alone(kind, weighting):
    more = {**MORE, "weighting": weighting}
    swept = simulate_sweep(WORLD, RUN, BOOKS[kind], EVERYTHING, **more)
    for k, position in enumerate(BOOKS[kind]):
        alone = simulate_default(WORLD, RUN, position, EVERYTHING, **more)
        for name in QUANTITIES:
            a, b = getattr(swept, name)[k], getattr(alone, name)
            assert (int(a.hits), float(a)) == (int(b.hits), float(b))
    hits = swept.default.hits
    assert hits.min() > 0
    assert len(set(hits.tolist())) > 1


@pytest.mark.parametrize("kind", BOOKS)
@pytest.mark.parametrize(("latency", "delay"), [(0, 0), (2, 1)])
def test_the_fast_grid_and_the_general_run_count_the_same_on_the_simple_case(kind, latency, delay):
    positions = [without_carry(p) for p in BOOKS[kind]]
    mechanism = Mechanism(Oracle(latency), delay, Slippage(rate=0.005))
    more = {**MORE, "weighting": Weighting.PLAIN}
    general = simulate_sweep(WORLD, RUN, positions, mechanism, **more)
    execution = Execution([delay], [latency], 0.005)
    fast = simulate_grid(WORLD, RUN, positions, execution, detail=True, **more).estimates[:, 0, 0]
    for name in QUANTITIES:
        a, b = getattr(general, name), getattr(fast, name)
        assert (a.hits == b.hits).all()
        np.testing.assert_allclose(a.value, b.value, rtol=1e-9)
    assert general.default.hits.max() > 0


@pytest.mark.usefixtures("shared_by_threads")
@pytest.mark.parametrize("weighting", [Weighting.PLAIN, Weighting.TILTED])
def test_threads_change_no_bit_of_a_sweep(weighting):
    run = replace(RUN, paths=20_000)
    one, many = (
        simulate_sweep(
            WORLD, replace(run, threads=n), BOOKS["short"], EVERYTHING, weighting=weighting, **MORE
        )
        for n in (1, 3)
    )
    for name in QUANTITIES:
        assert (getattr(one, name).value == getattr(many, name).value).all()


def test_losses_without_a_bound_rest_on_plain_paths():
    rare = replace(BOOKS["long"][2], initial_margin=0.3, maintenance_margin=0.2, funding=0.0)
    for position, tilted in ((rare, True), (replace(rare, funding=1e-4), False)):
        found = simulate_sweep(WORLD, RUN, [position], EVERYTHING, horizon=30)
        assert found.default.tilted.all()
        for loss in (found.expected_bad_debt, found.loss_given_default):
            assert loss.tilted.all() == tilted


def test_a_target_no_better_than_the_trigger_closes_everything():
    restore = Mechanism(close_out=CloseOut(CloseOutRule.RESTORE, 0.04), slippage=ROOT)
    full = Mechanism(slippage=ROOT)
    thick = [p for p in BOOKS["long"] if p.maintenance_margin >= 0.04]
    a, b = (simulate_sweep(WORLD, RUN, thick, m, **MORE) for m in (restore, full))
    assert (a.default.hits == b.default.hits).all()
    assert (a.expected_bad_debt.value == b.expected_bad_debt.value).all()


def test_waiting_under_a_cap_adds_defaults_at_flat_cost():
    # At flat cost a slice is as dear as the whole: only waiting differs.
    whole = Mechanism(slippage=Slippage(rate=0.005))
    capped = replace(whole, close_out=CloseOut(largest_per_bar=4e4))
    positions = [without_carry(p) for p in BOOKS["long"]]
    more = {**MORE, "weighting": Weighting.PLAIN}
    a, b = (simulate_sweep(WORLD, RUN, positions, m, **more) for m in (whole, capped))
    assert (a.liquidation.hits == b.liquidation.hits).all()
    assert (b.default.hits > a.default.hits).all()


def test_mixed_positions_are_refused_in_words():
    mixed = [BOOKS["long"][0], BOOKS["loan"][0]]
    with pytest.raises(InputError, match=r"positions: .*all of one kind and exposure"):
        simulate_sweep(WORLD, RUN, mixed, EVERYTHING, **MORE)
    with pytest.raises(InputError, match="must be one or more"):
        simulate_sweep(WORLD, RUN, [], EVERYTHING, **MORE)
