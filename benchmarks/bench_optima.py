"""How often a walk misses the best optimum known: short windows, every model, three series.

    python benchmarks/bench_optima.py [--windows 250 500 1000] [--walk 1000] [--sample 40]

Each walk refits every bar with the default settings. At a sample of its windows the best known
optimum is the better of a cold fit from every point of the starting grid, under four tails each
(the walk takes a few), and the single fit, which for EGARCH searches the kinks too. Where an
EGARCH likelihood only rises towards the edge of the filter's memory, no start settles: such a
window has no optimum, its fit is unhealthy and falls back; the table counts them. Writes its table
into ``benchmarks/README.md`` and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from bench_fit import MODELS, series
from report import write_section

from riskkit.volatility.engine.cold import MOMENTS, describe, fit_cold
from riskkit.volatility.engine.estimator import estimate, estimate_windows, window_spreads
from riskkit.volatility.engine.kernel import SIZE
from riskkit.volatility.engine.models import model_of
from riskkit.volatility.engine.newton import SETTLED, minimise
from riskkit.volatility.spec import VolatilitySpec

MISS = 1e-4
"""Log-likelihood below the best known that counts as a miss."""


def each_alone(grid: np.ndarray) -> np.ndarray:
    """The grid with every point a start of its own, under four tails each."""
    wide = np.repeat(grid, 4, axis=0)
    wide[:, 3] = np.tile([0.0, 0.05, 0.3, 0.45], len(grid))
    wide[:, 4] = np.arange(len(wide))
    return wide


def best_known(values: np.ndarray, spec: VolatilitySpec) -> float:
    """Log-likelihood of the best of many cold fits of one window; NaN if none settles."""
    model = model_of(spec)
    scale = float(values.std())
    y = np.ascontiguousarray(values / scale)
    moments, g = np.empty(MOMENTS), np.empty(SIZE + 1)
    describe(y, model.centred, model.sample, moments)
    n, m = len(model.free), len(model.bounds)
    x, curvature, active = model.fixed.copy(), np.zeros((n, n)), np.zeros(m, dtype=np.bool_)
    value, left, _, _ = fit_cold(
        minimise, model.likelihood, y, moments, model.log, model.constraints, model.bounds,
        model.free, each_alone(model.grid), model.tolerance, x, curvature, active, g,
        np.empty(SIZE),
    )  # fmt: skip
    many = -value - len(y) * float(np.log(scale))
    one = estimate(values, spec)
    settled = left < max(SETTLED, 10.0 * model.tolerance)
    found = [many] if settled else []
    found += [one.loglikelihood] if one.converged else []
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
                began = time.process_time()
                spreads = window_spreads(values, first, first + window)
                walk = estimate_windows(values, spec, first, first + window, spreads[:, 0])
                used = time.process_time() - began
                at = np.unique(np.linspace(0, len(first) - 1, arguments.sample).astype(int))
                best = np.array([best_known(values[i : i + window], spec) for i in at.tolist()])
                there = np.isfinite(best)
                gap = np.where(walk.converged[at], best - walk.loglikelihood[at], np.inf)[there]
                hit, none = float((gap < MISS).mean()), float((~there).mean())
                rows.append((window, name, label, 1e6 * used / len(first), hit, gap.max(), none))
                found[f"{window} {name} {label}"] = hit
                print(rows[-1], flush=True)
    lines = [
        f"{arguments.sample} windows of each walk of {arguments.walk}, refit every bar.",
        "",
        f"| window | model | series | us a fit | within {MISS:g} of the best known | worst gap "
        "| no optimum |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {w} | {m} | {s} | {u:.0f} | {h:.1%} | {max(g, 0.0):.1e} | {none:.0%} |"
            for w, m, s, u, h, g, none in rows
        ),
    ]
    if not arguments.dry:
        write_section("optima", "Optima found", "\n".join(lines))
    print(json.dumps({"least_share": min(found.values()), "worst": min(found, key=found.get)}))


if __name__ == "__main__":
    main()
