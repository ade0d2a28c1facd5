"""Simulation against its peers and against exact values, in one run.

Peers and riskkit are interleaved, so that their ratios share the machine's mood; CPU time of the
calling thread, medians. Ends with one line of JSON. Run it with ``make bench-simulation`` or
``python benchmarks/bench_simulation.py`` (``--write`` also puts the figures into the README here).
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from arch import arch_model
from report import write_section
from scipy import special, stats

from riskkit.paths.bits import Use, stream_key
from riskkit.paths.draws import LANES
from riskkit.paths.kernel import new_block, simulate_block
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.sampler import parametric_table_error, plain_sampler
from riskkit.paths.simulate import simulate_paths
from riskkit.paths.source import source_of
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.default import Execution, Weighting, simulate_default, simulate_grid
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Mechanism, Perpetual, Slippage
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.volatility.spec import Innovation, Variance

PATHS, BARS, DELAYS = 100_096, 48, tuple(range(10))
ROOT = Path(__file__).parent
RARE_PATHS = 150_000
ALPHA, BETA = 0.08, 0.90


def cpu_medians(candidates: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Median CPU milliseconds of each candidate, interleaved; each is run once to warm up."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for candidate in candidates.values():
        candidate()
    for _ in range(rounds):
        for name, candidate in candidates.items():
            start = time.thread_time()
            candidate()
            times[name].append(time.thread_time() - start)
    return {name: 1e3 * float(np.median(t)) for name, t in times.items()}


def residuals() -> np.ndarray:
    """Standardised residuals of ETH: its daily log returns over their own EWMA volatility."""
    closes = pd.read_csv(ROOT.parent / "data" / "eth_usd_daily.csv", comment="#").iloc[:, -1]
    r = np.diff(np.log(closes.to_numpy(dtype=float)))
    h, z = r[:50].var(), np.empty(r.size)
    for t, x in enumerate(r):
        z[t] = x / math.sqrt(h)
        h = 0.94 * h + 0.06 * x * x
    z = z[50:]
    return (z - z.mean()) / z.std()


def model_at(sigma: float, shocks: np.ndarray | None) -> PathModel:
    omega = sigma**2 * (1 - ALPHA - BETA)
    law = Innovation.STUDENT_T, {"nu": 5.0}
    return PathModel(Variance.GARCH, 0.0, omega, ALPHA, 0.0, BETA, *law, residuals=shocks)


def egarch_at(sigma: float, shocks: np.ndarray | None) -> PathModel:
    model = model_at(sigma, shocks)
    omega = 2.0 * (1.0 - 0.95) * math.log(sigma)
    return replace(model, variance=Variance.EGARCH, omega=omega, alpha=0.15, gamma=-0.05, beta=0.95)


def paths_only(model: PathModel, sigma: float) -> Callable[[], None]:
    """All paths through the kernel, block by block, stored nowhere else."""
    key = stream_key(1, Use.SHOCKS)
    source = source_of(model, plain_sampler(model), key, np.array([sigma]))
    block = new_block(source, BARS, False)

    def run() -> None:
        for first in range(0, PATHS, LANES):
            simulate_block(source, first, block)

    return run


def arch_bootstrap(shocks: np.ndarray) -> Callable[[], object]:
    """arch's filtered historical simulation of as many paths and bars."""
    returns = 3.0 * shocks[-1_500:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = arch_model(returns, mean="Zero", dist="t", rescale=False).fit(disp="off")
    rng = np.random.RandomState(1)
    return lambda: fit.forecast(
        horizon=BARS, method="bootstrap", simulations=PATHS, random_state=rng, reindex=False
    )


def positions(side: Side = Side.LONG) -> list[Perpetual]:
    return [Perpetual(side, im, 0.2 * im) for im in np.linspace(0.02, 0.5, 50)]


def grid_run(sigma: float, shocks: np.ndarray | None, threads: int = 1, paths: int = PATHS):
    model, book = model_at(sigma, shocks), positions()
    return lambda: simulate_grid(
        World.one(model, Start.measured(sigma)),
        Run(paths, 1, threads),
        book,
        Execution(DELAYS, slippage=0.003),
        horizon=BARS - max(DELAYS),
        weighting=Weighting.PLAIN,
    )


def wall_times(
    candidates: dict[str, Callable[[], object]], rounds: int = 15
) -> dict[str, tuple[float, float]]:
    """Median and best wall milliseconds of each candidate, interleaved."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate()
            times[name].append(time.perf_counter() - start)
    return {name: (1e3 * float(np.median(t)), 1e3 * min(t)) for name, t in times.items()}


def speed(shocks: np.ndarray) -> dict[str, float]:
    rng, out = np.random.Generator(np.random.SFC64(1)), np.empty(PATHS * BARS)
    ms = cpu_medians(
        {
            "numpy SFC64 normals": lambda: rng.standard_normal(out=out),
            "paths, resampled residuals": paths_only(model_at(0.03, shocks), 0.03),
            "paths, Student t": paths_only(model_at(0.03, None), 0.03),
            "paths, EGARCH, resampled residuals": paths_only(egarch_at(0.03, shocks), 0.03),
            "paths, EGARCH, Student t": paths_only(egarch_at(0.03, None), 0.03),
            "grid 50 x 10, residuals, 0.8 % a bar": grid_run(0.008, shocks),
            "grid 50 x 10, residuals, 3 % a bar": grid_run(0.03, shocks),
            "grid 50 x 10, Student t, 3 % a bar": grid_run(0.03, None),
            "grid 50 x 10, residuals, 8.5 % a bar": grid_run(0.085, shocks),
        }
    )
    ms |= cpu_medians({"arch bootstrap": arch_bootstrap(shocks)}, rounds=3)
    for name, value in ms.items():
        rate = PATHS * BARS / value / 1e3
        print(
            f"{name:42s} {value:8.1f} ms CPU  {rate:8.1f} M draws/s"
            f"  x{ms['numpy SFC64 normals'] / value:.2f} of normals"
        )
    return ms


def slider(shocks: np.ndarray) -> dict[str, float]:
    """One slider move: the whole grid anew, its errors and its table; then two threads."""
    one = grid_run(0.03, shocks)
    long_run = {
        f"{threads} threads": grid_run(0.03, shocks, threads, 10 * PATHS) for threads in (1, 2)
    }
    wall = wall_times({"slider": lambda: one().table()})
    cpu = cpu_medians({"slider": lambda: one().table()})["slider"]
    wall |= wall_times(long_run, rounds=5)
    median, best = wall["slider"]
    print(f"slider move end to end: {median:.1f} ms wall (best {best:.1f}), {cpu:.1f} ms CPU")
    ratio = wall["1 threads"][0] / wall["2 threads"][0]
    load = os.getloadavg()[0]
    print(f"two threads on 1,000,960 paths: x{ratio:.2f} (load of the machine {load:.1f})")
    return {"slider_ms": median, "two_threads": ratio}


def memory(shocks: np.ndarray) -> None:
    for paths in (100_000, 1_000_000, 4_000_000):
        grid_run(0.008, shocks, 1, paths)()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory after {paths:>9,} paths of the grid: {peak:.0f} MB")


def rare(shocks: np.ndarray) -> dict[str, float]:
    """Relative error and time at probabilities down to 1e-6, and the gain over plain paths."""
    worst, slowest = 0.0, 0.0
    for name, model in (
        ("residuals", model_at(0.01, shocks)),
        ("Student t", model_at(0.01, None)),
    ):
        for side in Side:
            book = [Perpetual(side, im, 0.2 * im) for im in np.geomspace(0.03, 1.5, 80)]
            book = [p for p in book if side is Side.SHORT or p.initial_margin < 1]
            world = World.one(model, Start.measured(0.01))
            asked = (book, Execution((2,), slippage=0.003))

            def tilted(world=world, asked=asked):
                run = Run(RARE_PATHS, 2)
                return simulate_grid(world, run, *asked, horizon=46, weighting=Weighting.TILTED)

            start = time.thread_time()
            found = tilted().estimates.default
            ms = 1e3 * (time.thread_time() - start)
            run = Run(10_000_000, 3, threads=2)
            brute = simulate_grid(
                world, run, *asked, horizon=46, weighting=Weighting.PLAIN
            ).estimates.default
            line = []
            for target in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
                k = int(np.argmin(np.abs(np.log(found.value[:, 0, 0] / target))))
                cell, check = found[k, 0, 0], brute[k, 0, 0]
                p, error = float(cell), float(cell.error)
                apart = (p - float(check)) / math.hypot(error, float(check.error))
                gain = p * (1 - p) / RARE_PATHS / error**2
                note = f", {apart:+.1f} se of brute force" if target >= 1e-4 else ""
                line.append(f"{p:.1e}: {error / p:.1%}{note}, x{gain:.0f} less variance")
                if target == 1e-5:
                    worst, slowest = max(worst, error / p), max(slowest, ms)
            print(f"{name}, {side.value}: {ms:.0f} ms CPU; " + "; ".join(line))
    return {"rare_rel_error": worst, "rare_ms": slowest}


def exact_first_passage() -> None:
    """10^7 plain paths against discrete first passage by quadrature, in standard errors."""
    sigma, horizon, nodes = 0.02, 24, np.polynomial.legendre.leggauss(24)
    model = PathModel(Variance.GARCH, 0.0, sigma**2, 0.0, 0.0, 0.0)
    for side in Side:
        s = side.sign
        found = simulate_grid(
            World.one(model, Start.measured(sigma)),
            Run(10_000_000, 5, threads=2),
            [Perpetual(side, 0.12, 0.04)],
            Execution((0,)),
            horizon=horizon,
            weighting=Weighting.PLAIN,
        ).estimates.liquidation[0, 0, 0]
        trigger = s * math.log((1 - s * 0.12) / (1 - s * 0.04))
        edges = np.arange(trigger, 9 * sigma * math.sqrt(horizon), sigma)
        y = (edges[:, None] + 0.5 * sigma * (nodes[0] + 1)).ravel()
        w = np.tile(0.5 * sigma * nodes[1], edges.size)
        density = stats.norm.pdf(y, 0.0, sigma)
        transition = stats.norm.pdf(y[:, None], y[None, :], sigma)
        exact = float(special.ndtr(trigger / sigma))
        for _ in range(horizon - 1):
            exact += float(density @ (w * special.ndtr((trigger - y) / sigma)))
            density = transition @ (w * density)
        apart = (float(found) - exact) / float(found.error)
        print(
            f"first passage, {side.value}: {float(found):.6f}, exact {exact:.6f}: {apart:+.2f} se"
        )


def general_mechanism(shocks: np.ndarray) -> None:
    lag = ConditionalLag((0.8, 0.2), (0.2, 0.3, 0.5), 0.05, 0.1, 4)
    mechanism = Mechanism(
        Oracle(lag, 0.005), lag, Slippage(rate=0.003), CloseOut(CloseOutRule.RESTORE, 0.08)
    )
    position, run = Perpetual(Side.LONG, 0.10, 0.05), Run(PATHS, 1)
    world = World.one(model_at(0.03, shocks), Start.measured(0.03))
    ms = cpu_medians(
        {
            "every option of the mechanism, one position": lambda: simulate_default(
                world, run, position, mechanism, horizon=36, weighting=Weighting.PLAIN
            ),
            "paths stored in an array": lambda: simulate_paths(world, run, bars=BARS),
        },
        rounds=5,
    )  # fmt: skip
    for name, value in ms.items():
        print(f"{name:42s} {value:8.1f} ms CPU")


def table_error() -> None:
    u = np.concatenate([np.geomspace(1e-12, 0.5, 20_001), 1 - np.geomspace(1e-12, 0.5, 20_001)])
    u = u[(u > 0) & (u < 1)]
    for nu in (3.0, 5.0, 30.0):
        shape = {"nu": nu, "lambda": -0.2}
        error = np.abs(parametric_table_error(Innovation.SKEW_T, shape, u))
        near = float(stats.t.ppf(0.999, nu))
        print(f"quantile table, skew-t nu {nu:g}: error {(error / np.maximum(near, 1)).max():.1e}")


def write_readme(lines: list[str]) -> None:
    """Replace this benchmark's marked section of the README."""
    write_section("simulation", "Simulation", "\n".join(["```", *lines, "```"]))


class Tee:
    """Standard output, kept as well."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        return sys.__stdout__.write(text)

    def flush(self) -> None:
        sys.__stdout__.flush()


def main() -> None:
    kept = Tee()
    sys.stdout = kept
    shocks = residuals()
    print(f"{PATHS:,} paths x {BARS} bars; {os.cpu_count()} cores; ETH residuals: {shocks.size}")
    memory(shocks)
    ms = speed(shocks)
    figures = {
        "paths_vs_normals": ms["numpy SFC64 normals"] / ms["paths, resampled residuals"],
        "paths_vs_arch": ms["arch bootstrap"] / ms["paths, resampled residuals"],
        "grid_vs_normals": ms["numpy SFC64 normals"] / ms["grid 50 x 10, residuals, 3 % a bar"],
    }
    figures |= slider(shocks)
    general_mechanism(shocks)
    exact_first_passage()
    figures |= rare(shocks)
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    sys.stdout = sys.__stdout__
    if "--write" in sys.argv:
        write_readme("".join(kept.lines).splitlines())


if __name__ == "__main__":
    main()
