"""Where paths end and how far they ran = the paths, read in plain numpy."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.paths.model import PathModel
from riskkit.paths.moves import simulate_moves
from riskkit.paths.simulate import simulate_paths
from riskkit.volatility.spec import Innovation, Variance
from tests.support import simulated

GJR = PathModel(
    Variance.GJR, 1e-4, 2e-5, 0.06, 0.04, 0.9, Innovation.SKEW_T, {"nu": 4.0, "lambda": -0.1}
)
MODELS = {
    "gjr-skewt": GJR,
    "residuals": replace(GJR, residuals=np.random.default_rng(2).standard_t(4, 700) / 1.4),
    "egarch-t": PathModel(
        Variance.EGARCH, 1e-4, -0.15, 0.12, -0.05, 0.98, Innovation.STUDENT_T, {"nu": 5.0}
    ),
}


@pytest.mark.usefixtures("shared_by_threads")
@pytest.mark.parametrize("bars", [1, 2, 31])
@pytest.mark.parametrize("name", MODELS)
def test_moves_are_those_of_the_paths(name: str, bars: int) -> None:
    run = {"start_sigma": np.geomspace(0.005, 0.05, 4_500), "bars": bars, "paths": 4_500, "seed": 5}
    paths = simulated(simulate_paths, MODELS[name], **run)
    for threads in (1, 2):
        found = simulated(simulate_moves, MODELS[name], threads=threads, **run)
        np.testing.assert_array_equal(found.terminal, paths[:, -1])
        np.testing.assert_array_equal(found.lowest, np.minimum(paths.min(axis=1), 0.0))
        np.testing.assert_array_equal(found.highest, np.maximum(paths.max(axis=1), 0.0))


@pytest.mark.parametrize(("bars", "within"), [(2, 7), (7, 2)])
def test_one_simulation_serves_two_periods(bars: int, within: int) -> None:
    run = {"start_sigma": 0.02, "paths": 4_500, "seed": 5}
    both = simulated(simulate_moves, MODELS["residuals"], bars=bars, within=within, **run)
    ends = simulated(simulate_moves, MODELS["residuals"], bars=bars, **run)
    runs = simulated(simulate_moves, MODELS["residuals"], bars=within, **run)
    np.testing.assert_array_equal(both.terminal, ends.terminal)
    np.testing.assert_array_equal(both.lowest, runs.lowest)
    np.testing.assert_array_equal(both.highest, runs.highest)


def test_no_paths_are_refused() -> None:
    with pytest.raises(InputError, match="paths: got 0"):
        simulated(simulate_moves, GJR, start_sigma=0.01, bars=3, paths=0, seed=1)
