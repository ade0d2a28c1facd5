"""How often a walk misses the best optimum known: short windows, every model, three series.

    python benchmarks/bench_optima.py [--windows 250 500 1000] [--walk 1000] [--sample 40]

Each walk refits every bar with the default settings. At a sample of its windows the best known
optimum is the best of a cold fit from every point of the starting grid, under four tails each
(the walk takes a few), and the single fit. An EGARCH with a mean has kinks: there every cold fit
that ends near the best is searched through its kinks, and the profile in mu is then followed
return by return, 0.15 standard deviations either way, from the best of them and from the walk's
own optimum. Where no start settles, a window has no optimum and a walk should say so: the table
counts such windows, and among them those where the walk does claim one; shares are of the others.
A walk that does not settle where an optimum is known is a miss. Writes its table into
``benchmarks/README.md`` and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from bench_fit import MODELS, series
from report import write_section

from riskkit.volatility.engine.cold import MOMENTS, ROUNDS, adapt, describe, fit_cold
from riskkit.volatility.engine.estimator import estimate, estimate_windows, window_spreads
from riskkit.volatility.engine.kernel import SIZE, Domain, Point
from riskkit.volatility.engine.kinks import search_kinks
from riskkit.volatility.engine.models import CompiledModel, model_of
from riskkit.volatility.engine.newton import JAGGED, SETTLED, minimise
from riskkit.volatility.spec import VolatilitySpec

MISS = 1e-4
"""Log-likelihood below the best known that counts as a miss."""
NEAR = 10.0
"""Cold fits that end within this log-likelihood of the best are searched through their kinks."""
PROFILE_REACH = 0.15
"""How far either side mu is followed, in standard deviations; the walk's search goes to 0.1."""
FINE = 1e-10


def each_alone(grid: np.ndarray) -> np.ndarray:
    """The grid with every point a start of its own, under four tails each."""
    wide = np.repeat(grid, 4, axis=0)
    wide[:, 3] = np.tile([0.0, 0.05, 0.3, 0.45], len(grid))
    wide[:, 4] = np.arange(len(wide))
    return wide


@dataclass(frozen=True)
class Window:
    """A window in the engine's terms: unit variance, constraints adapted to it."""

    model: CompiledModel
    y: np.ndarray
    moments: np.ndarray
    low: np.ndarray
    size: np.ndarray
    shift: float

    @classmethod
    def of(cls, values: np.ndarray, spec: VolatilitySpec) -> Window:
        model = model_of(spec)
        scale = float(values.std())
        y = np.ascontiguousarray(values / scale)
        moments, low, size = np.empty(MOMENTS), np.empty(len(model.bounds)), np.empty((2, SIZE))
        describe(y, model.centred, model.sample, moments)
        adapt(moments, model.log, model.bounds, low, size, model.fixed.copy())
        return cls(model, y, moments, low, size, len(y) * float(np.log(scale)))

    def settle(self, x: np.ndarray, held: bool, tolerance: float) -> tuple[End, np.ndarray]:
        """Minimise from ``x``, with mu held or not; the end and the curvature there."""
        model, x = self.model, x.copy()
        free = model.free[1:] if held else model.free
        b, active = np.zeros((len(free), len(free))), np.zeros(len(self.low), dtype=np.bool_)
        value, left, _ = minimise(
            model.likelihood.native, self.y, self.moments[:4],
            Domain(model.constraints, self.low, free, self.size),
            Point(x, b, active, np.empty(SIZE + 1)), False, tolerance, ROUNDS,
        )  # fmt: skip
        return End(value, left, x, active), b

    def through_kinks(self, end: End, b: np.ndarray) -> End:
        model, x, active = self.model, end.x.copy(), end.active.copy()
        value, left, _ = search_kinks(
            minimise.native, model.likelihood.native, self.y, self.moments[:4],
            Domain(model.constraints, self.low, model.free, self.size),
            Point(x, b, active, np.empty(SIZE + 1)), end.value, True,
        )  # fmt: skip
        return End(value, left, x, active)

    def along_profile(self, end: End) -> End:
        """The lowest point of the profile in mu: every return nearby, and between them."""
        best, _ = self.settle(end.x, True, FINE)
        for side in (1.0, -1.0):
            gaps = np.unique(side * (self.y - end.x[0]))
            before, x = 0.0, end.x
            for gap in gaps[(gaps > 0.0) & (gaps < PROFILE_REACH)].tolist():
                for share in (0.25, 0.5, 0.75, 1.0):
                    trial = x.copy()
                    trial[0] = end.x[0] + side * (before + share * (gap - before))
                    found, _ = self.settle(trial, True, FINE)
                    if found.value < best.value and found.left < SETTLED:
                        best = found
                    x = found.x if found.value < np.inf else x
                before = gap
        return best


@dataclass(frozen=True)
class End:
    """Where a search stopped: -log likelihood, predicted decrease left, variables, faces."""

    value: float
    left: float
    x: np.ndarray
    active: np.ndarray


def starts(window: Window) -> list[np.ndarray]:
    """Every point of the widened grid, as `cold.fit_cold` completes it."""
    found, moments = [], window.moments
    for alpha, gamma, beta, rho, _ in each_alone(window.model.grid):
        x = window.model.fixed.copy()
        x[0], x[1] = moments[4], (1.0 - beta) * np.log(moments[5])
        x[2:6] = alpha, gamma, beta, rho if rho > 0.0 else 1.0 / moments[6]
        found.append(x)
    return found


def best_kinked(values: np.ndarray, spec: VolatilitySpec, walked: np.ndarray) -> float:
    """Log-likelihood of the best optimum of a window under an EGARCH with a mean, or NaN."""
    window = Window.of(values, spec)
    ends = [window.settle(x, False, window.model.tolerance) for x in starts(window)]
    lowest = min(end.value for end, _ in ends)
    near = [window.through_kinks(end, b) for end, b in ends if end.value < lowest + NEAR]
    settled = [end for end in near if end.left < SETTLED]
    if not settled:
        return float("nan")
    best = min(settled, key=lambda end: end.value)
    scale = float(values.std())
    x = window.model.fixed.copy()
    x[:6] = walked[:6]
    x[0] /= scale
    x[1] -= 2.0 * np.log(scale) * (1.0 - x[4])
    x[5] = 1.0 / x[5]
    own, _ = window.settle(x, True, FINE)
    follow = [best, own] if own.value < np.inf else [best]
    return -min(window.along_profile(end).value for end in follow) - window.shift


def best_smooth(values: np.ndarray, spec: VolatilitySpec) -> float:
    """Log-likelihood of the best of many cold fits of one window; NaN if none settles."""
    window = Window.of(values, spec)
    model = window.model
    n, m = len(model.free), len(model.bounds)
    x, curvature, active = model.fixed.copy(), np.zeros((n, n)), np.zeros(m, dtype=np.bool_)
    value, left, _, _ = fit_cold(
        minimise.native, model.likelihood.native, window.y, window.moments,
        model.terms(model.tolerance)._replace(grid=each_alone(model.grid)),
        Point(x, curvature, active, np.empty(SIZE + 1)), np.empty(SIZE),
    )  # fmt: skip
    return -value - window.shift if left < SETTLED else float("nan")


def best_known(values: np.ndarray, spec: VolatilitySpec, walked: np.ndarray) -> float:
    """Log-likelihood of the best optimum found by any search; NaN if none settles."""
    kinked = model_of(spec).tolerance > JAGGED
    many = best_kinked(values, spec, walked) if kinked else best_smooth(values, spec)
    one = estimate(values, spec)
    found = [v for v in (many, one.loglikelihood if one.converged else np.nan) if np.isfinite(v)]
    return max(found, default=float("nan"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, nargs="*", default=[250, 500, 1000])
    parser.add_argument("--walk", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--dry", action="store_true", help="leave README.md alone")
    arguments = parser.parse_args()
    data = series()
    rows, found = [], {}
    for window in arguments.windows:
        for name in arguments.models:
            spec = VolatilitySpec.parse(MODELS[name])
            for label, r in data.items():
                values = r.to_numpy(copy=True)[-(window + arguments.walk) :]
                first = np.arange(len(values) - window, dtype=np.int64)
                estimate_windows(values, spec, first[:1], first[:1] + window, np.array([1.0]))
                began = time.process_time()
                spreads = window_spreads(values, first, first + window)
                walk = estimate_windows(values, spec, first, first + window, spreads[:, 0])
                used = time.process_time() - began
                at = np.unique(np.linspace(0, len(first) - 1, arguments.sample).astype(int))
                best = np.array(
                    [best_known(values[i : i + window], spec, walk.params[i]) for i in at.tolist()]
                )
                there = np.isfinite(best)
                gap = np.where(walk.converged[at], best - walk.loglikelihood[at], np.inf)[there]
                hit, none = float((gap < MISS).mean()), int((~there).sum())
                claimed = int(walk.converged[at][~there].sum())
                cost = 1e6 * used / len(first)
                rows.append((window, name, label, cost, hit, gap.max(), none, claimed))
                found[f"{window} {name} {label}"] = hit
                print(rows[-1], flush=True)
    lines = [
        f"{arguments.sample} windows of each walk of {arguments.walk}, refit every bar.",
        "",
        f"| window | model | series | us a fit | within {MISS:g} of the best known | worst gap "
        "| windows without an optimum (and claimed one) |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {w} | {m} | {s} | {u:.0f} | {h:.1%} | {max(g, 0.0):.1e} | {none} ({claimed}) |"
            for w, m, s, u, h, g, none, claimed in rows
        ),
    ]
    if not arguments.dry:
        write_section("optima", "Optima found", "\n".join(lines))
    print(json.dumps({"least_share": min(found.values()), "worst": min(found, key=found.get)}))


if __name__ == "__main__":
    main()
