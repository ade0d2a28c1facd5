"""The timed cases of `against`: simulation kernels, fits and walks, named, each a callable.

They are run by the tree that they are imported with. A tree from before `World` and `Run` is asked
in its own words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.paths.model import PathModel
from riskkit.position import Side
from riskkit.simulation.default import Weighting, simulate_default, simulate_grid
from riskkit.simulation.exits import simulate_exits
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Mechanism, Perpetual, Slippage
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

PATHS, BARS, SIGMA = 100_096, 48, 0.03
Simulate = Callable[..., object]
DELAYS, SLIPPAGE = tuple(range(10)), 0.003
DATA = Path(__file__).parent.parent / "data" / "eth_usd_daily.csv"


def returns() -> pd.Series:
    closes = pd.read_csv(DATA, comment="#", index_col=0, parse_dates=True).iloc[:, -1]
    return np.log(closes.astype(float)).diff().dropna()


def model_of(shocks: np.ndarray | None, egarch: bool = False) -> PathModel:
    law = Innovation.STUDENT_T, {"nu": 5.0}
    if egarch:
        omega = 0.1 * math.log(SIGMA)
        egarch_terms = (Variance.EGARCH, 0.0, omega, 0.15, -0.05, 0.95)
        return PathModel(*egarch_terms, *law, residuals=shocks)
    omega = SIGMA**2 * 0.02
    return PathModel(Variance.GARCH, 0.0, omega, 0.08, 0.0, 0.90, *law, residuals=shocks)


def simulation() -> dict[str, Callable[[], object]]:
    r = returns().to_numpy()
    z = (r - r.mean()) / r.std()
    drawn, resampled = model_of(None), model_of(z)
    book = [Perpetual(Side.LONG, im, 0.2 * im) for im in np.linspace(0.02, 0.5, 50)]
    lag = ConditionalLag((0.8, 0.2), (0.2, 0.3, 0.5), 0.05, 0.1, 4)
    every_option = Mechanism(
        Oracle(lag, 0.005), lag, Slippage(rate=0.003), CloseOut(CloseOutRule.RESTORE, 0.08)
    )
    words = _words()

    def grid(model: PathModel, weighting: Weighting, **more: object) -> Callable[[], object]:
        return lambda: words.grid(model, book, weighting=weighting, horizon=38, **more)

    return {
        "moves, residuals": lambda: words.moves(resampled),
        "moves, Student t": lambda: words.moves(drawn),
        "moves, EGARCH t": lambda: words.moves(model_of(None, egarch=True)),
        "paths stored, residuals": lambda: words.paths(resampled),
        "grid 50 x 10, residuals": grid(resampled, Weighting.PLAIN),
        "grid 50 x 10, Student t": grid(drawn, Weighting.PLAIN),
        "grid 50 x 10, with losses": grid(resampled, Weighting.PLAIN, detail=True, loss_cap=1.0),
        "grid 50 x 10, tilted residuals": grid(resampled, Weighting.TILTED),
        "grid 50 x 10, tilted t": grid(drawn, Weighting.TILTED),
        "exits at one trigger": lambda: words.ask(
            simulate_exits, resampled, sign=1, trigger=-0.1, lags=range(1, 6), horizon=38
        ),
        "every option of the mechanism": lambda: numbers(
            words.ask(
                simulate_default,
                resampled,
                Perpetual(Side.LONG, 0.10, 0.05),
                every_option,
                horizon=36,
                weighting=Weighting.PLAIN,
            )
        ),
    }


def numbers(found: object) -> list[np.ndarray]:
    """What a simulation of defaults found: by name, since trees keep it in classes of their own."""
    estimates = getattr(found, "estimates", found)
    parts = (estimates.liquidation, estimates.default, estimates.default_given_liquidation)
    return [np.asarray(x) for part in parts for x in (part.value, part.low, part.high, part.hits)]


class _Before:
    """How paths are asked for before `World`."""

    def ask(
        self, simulate: Callable[..., object], model: PathModel, *what: object, **asked: object
    ):
        return simulate(model, *what, start_sigma=SIGMA, paths=PATHS, seed=1, **asked)

    def moves(self, model: PathModel) -> object:
        from riskkit.paths.moves import simulate_moves

        return self.ask(simulate_moves, model, bars=BARS)

    def paths(self, model: PathModel) -> object:
        from riskkit.paths.model import simulate_paths

        return self.ask(simulate_paths, model, bars=BARS)

    def grid(self, model: PathModel, book: list[Perpetual], **asked: object) -> object:
        mechanism = {"delays": DELAYS, "slippage": SLIPPAGE}
        return numbers(self.ask(simulate_grid, model, book, **mechanism, **asked))


class _Now(_Before):
    """How a `World` is asked for its paths."""

    def ask(
        self, simulate: Callable[..., object], model: PathModel, *what: object, **asked: object
    ):
        from riskkit.paths.run import Run
        from riskkit.paths.start import Start
        from riskkit.paths.world import World

        world = World.one(model, Start.measured(SIGMA))
        return simulate(world, Run(PATHS, 1), *what, **asked)

    def paths(self, model: PathModel) -> object:
        from riskkit.paths.simulate import simulate_paths

        return self.ask(simulate_paths, model, bars=BARS)

    def grid(self, model: PathModel, book: list[Perpetual], **asked: object) -> object:
        from riskkit.simulation.default import Execution

        execution = Execution(DELAYS, (0,), SLIPPAGE)
        return numbers(self.ask(simulate_grid, model, book, execution, **asked))


def _words() -> _Before:
    return _Now() if find_spec("riskkit.paths.world") else _Before()


def fits() -> dict[str, Callable[[], object]]:
    r = returns()
    cases: dict[str, Callable[[], object]] = {}
    for name in ("garch-normal", "garch-t", "gjr-skewt", "egarch-t"):
        spec = VolatilitySpec.parse(name)
        cases[f"fit {name}"] = lambda spec=spec: [
            fit_volatility(r.iloc[-n:], spec) for n in (900, 1000)
        ]
        cases[f"walk {name}"] = lambda spec=spec: walk_forward(r.iloc[-1200:], spec, 1000)
    return cases


def cases(which: str) -> dict[str, Callable[[], object]]:
    """Cases of ``simulation``, of ``fit`` or of both (``all``)."""
    found: dict[str, Callable[[], object]] = {}
    if which in ("simulation", "all"):
        found |= simulation()
    if which in ("fit", "all"):
        found |= fits()
    return found
