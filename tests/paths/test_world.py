"""Starts, worlds and runs: whose sigma it is, which stream it is, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.paths.bits import Use, stream_key, uniforms
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run, Stream
from riskkit.paths.simulate import simulate_paths
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import Asset, World
from riskkit.tail.forecast import forecast_moves
from riskkit.volatility.result import FitHealth, VolatilityFit
from riskkit.volatility.spec import Variance, VolatilitySpec

FLAT = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0)
DOUBLE = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0, sigma_scale=2.0)
SIGMA = np.linspace(0.01, 0.05, 400)
RUN = Run(50, 1)


@pytest.fixture(scope="module")
def fit() -> VolatilityFit:
    index = pd.date_range("2024-01-01", periods=SIGMA.size, tz="UTC")
    z = np.random.default_rng(4).standard_t(4, SIGMA.size)
    spec = VolatilitySpec.parse("garch-normal")
    return VolatilityFit(
        spec=spec,
        requested=spec,
        params=pd.Series({"mu": 0.0, "omega": 1e-5, "alpha": 0.08, "beta": 0.9}),
        covariance={},
        sigma=pd.Series(SIGMA, index=index),
        residuals=pd.Series(z, index=index),
        next_sigma=0.03,
        origin=index[-1],
        loglikelihood=0.0,
        health=FitHealth(()),
        fallbacks=(),
        evaluations=1,
        engine="arch",
    )


def test_a_fits_sigma_is_scaled_once_and_a_measured_volatility_never():
    assert Start.at(0.03).volatilities(DOUBLE, RUN).tolist() == [0.06]
    assert Start.measured(0.03).volatilities(DOUBLE, RUN).tolist() == [0.03]


def test_resampled_paths_start_at_the_spread_of_the_next_return(fit):
    # One bar ahead a filtered path is sigma times the raw residual, whatever their variance.
    raw = fit.next_sigma * float(fit.residuals.std(ddof=0))
    x = simulate_paths(World.of_fit(fit), Run(400_000, 3), bars=1)[:, 0]
    assert x.std() == pytest.approx(raw, rel=0.01)
    assert raw != pytest.approx(fit.next_sigma, rel=0.1)


def test_states_are_those_of_the_fit(fit):
    history = np.append(SIGMA, 0.03)
    assert Start.now(fit).volatilities(FLAT, RUN).tolist() == [0.03]
    assert Start.stressed(fit).volatilities(FLAT, RUN).tolist() == [np.quantile(history, 0.99)]
    run = Run(20_000, 1)
    cycle = Start.through_the_cycle(fit).volatilities(FLAT, run)
    u = uniforms(stream_key(1, Use.START), 0, 20_000, [0])[:, 0]
    assert (cycle == history[(u * history.size).astype(int)]).all()
    fewer = Start.through_the_cycle(fit).volatilities(FLAT, run.with_paths(100))
    assert (fewer == cycle[:100]).all()


@pytest.mark.parametrize("state", StartState)
def test_a_stated_policy_is_its_start(fit, state):
    named = {
        StartState.NOW: Start.now,
        StartState.STRESSED: Start.stressed,
        StartState.THROUGH_THE_CYCLE: Start.through_the_cycle,
    }[state](fit)
    found = Start.of(fit, state)
    assert (found.volatilities(FLAT, RUN) == named.volatilities(FLAT, RUN)).all()


def test_streams_are_those_of_the_seed_sequence():
    # As studies have drawn them since version 1: a file's seed names these paths.
    for stream in Stream:
        words = np.random.SeedSequence([20240101, stream]).generate_state(1, np.uint64)
        assert Run(1, 20240101).stream(stream).stream_seed == int(words[0]) >> 1
    assert Run(1, 20240101).stream_seed == 20240101
    assert [stream.value for stream in Stream] == list(range(12))


def test_every_stream_of_a_seed_draws_its_starts_alike(fit):
    start = Start.through_the_cycle(fit)
    drawn = [start.volatilities(FLAT, RUN.stream(stream)) for stream in Stream]
    assert all((other == drawn[0]).all() for other in drawn)
    shocks = {RUN.stream(stream).shocks_key for stream in Stream}
    assert len(shocks) == len(Stream)


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_change_nothing(fit):
    world = World.of_fit(fit, Start.through_the_cycle(fit))
    one, three = (simulate_moves(world, Run(9_000, 2, threads), bars=5) for threads in (1, 3))
    assert (one.terminal == three.terminal).all()


def test_a_bare_number_is_no_start(fit):
    for give in (
        lambda: World.one(FLAT, 0.02),
        lambda: World.of_fit(fit, fit.next_sigma),
        lambda: World.of_fit(fit).starting(0.02),
    ):
        with pytest.raises(
            InputError, match=r"start: got 0.0[23]; must be a Start, which says.*Use"
        ):
            give()


@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan, np.inf, [0.1, 0.0]])
def test_a_volatility_that_is_none_is_refused(bad):
    for make in (Start.at, Start.measured):
        with pytest.raises(InputError, match="must be positive and finite"):
            make(bad)


def test_a_start_for_other_paths_is_refused():
    with pytest.raises(InputError, match="must hold one volatility, or 50 of them"):
        Start.at([0.1, 0.2]).volatilities(FLAT, RUN)
    with pytest.raises(InputError, match="must be a number or a row of them"):
        Start.at([[0.1, 0.2]])


def test_a_run_that_is_none_is_refused():
    with pytest.raises(InputError, match="run: got 1000; must be a Run"):
        simulate_paths(World.one(FLAT, Start.at(0.02)), 1000, bars=1)


def test_a_world_of_two_is_not_asked_for_one():
    asset = Asset("a", FLAT, Start.at(0.02))
    world = World((asset, Asset("b", FLAT, Start.at(0.02))))
    with pytest.raises(InputError, match=r"world: got \('a', 'b'\); must hold one asset"):
        simulate_paths(world, RUN, bars=1)


def test_a_forecast_needs_the_dates_of_its_world():
    with pytest.raises(InputError, match="must say its origin and its bar"):
        forecast_moves(World.one(FLAT, Start.at(0.02)), RUN, bars=1)


def test_a_world_of_a_fit_keeps_its_origin_and_its_law(fit):
    world = World.of_fit(fit, bar=pd.Timedelta("1D"), shocks=Shocks.PARAMETRIC)
    assert (world.origin, world.bar) == (fit.origin, pd.Timedelta("1D"))
    assert world.model.residuals is None
    assert world.starting(Start.at(0.05)).start.levels.tolist() == [0.05]
