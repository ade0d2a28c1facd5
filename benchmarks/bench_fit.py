"""Walk-forward fits: riskkit, arch cold and warm, scivol, multigarch, interleaved in one run.

    python benchmarks/bench_fit.py [--rounds 3] [--sample 14] [--every-window]

Window 1,000, refit every bar, CPU seconds per fit. riskkit walks 1,000 windows; the others are
timed on a sample of the same windows (``--sample`` per round). Ratios compare within a round:
the machine drifts, the ratio does not. ``--every-window`` also holds the log-likelihood of every
window to arch's (all models but EGARCH; minutes more). Writes its table into
``benchmarks/README.md`` and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from report import write_section

from riskkit.volatility.archfit import arch_model
from riskkit.volatility.many import walk_forward_many
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

MODELS = {"garch-n": "garch-normal", "garch-t": "garch-t", "gjr-t": "gjr-t",
          "gjr-skewt": "gjr-skewt", "egarch-t": "egarch-t"}  # fmt: skip
PEER_MODELS = ("garch-t", "gjr-t")
WINDOW, WALK = 1000, 1000
ROOT = Path(__file__).parents[1]
CODE = {
    "import": (
        "import time\n"
        "t = time.perf_counter(); import riskkit.volatility.fit; print(time.perf_counter() - t)"
    ),
    "fit": (
        "import numpy as np, pandas as pd, time\n"
        "r = pd.Series(np.random.default_rng(0).standard_t(5, 1000) / 100)\n"
        "from riskkit.volatility.fit import fit_volatility\n"
        "t = time.perf_counter(); fit_volatility(r); print(time.perf_counter() - t)"
    ),
    "numba": (
        "import time, pandas, riskkit.volatility.fit\n"
        "t = time.perf_counter()\n"
        "import numba\n"
        "from numba.core.registry import cpu_target\n"
        "cpu_target.typing_context.refresh()\n"
        "cpu_target.target_context.refresh()\n"
        "print(time.perf_counter() - t)"
    ),
}
"""``numba`` is the floor under any first fit: its import and its registries."""


@dataclass
class Tally:
    """CPU seconds per fit by round, and log-likelihood gaps to arch."""

    cpu: dict[str, list[float]] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)

    def add(self, who: str, seconds: float) -> None:
        self.cpu.setdefault(who, []).append(seconds)

    def ratios(self, who: str) -> np.ndarray:
        return np.array(self.cpu[who]) / np.array(self.cpu["riskkit"])


def series() -> dict[str, pd.Series]:
    from arch.data import sp500

    found = {"S&P 500": np.log(sp500.load()["Adj Close"]).diff().dropna()}
    for label, name in (("ETH daily", "eth_usd_daily"), ("BTC hourly", "btc_usd_hourly")):
        path = ROOT / "data" / f"{name}.csv"
        if path.exists():
            table = pd.read_csv(path, index_col=0, parse_dates=True)
            found[label] = np.log(table["close"]).diff().dropna()
        else:
            print(f"{path.name} is not there: {label} is left out")
    return {label: r.iloc[-(WINDOW + WALK) :] for label, r in found.items()}


def clock(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def peers(name: str, values: np.ndarray) -> dict[str, Callable[[np.ndarray], object]]:
    found: dict[str, Callable[[np.ndarray], object]] = {}
    if name not in PEER_MODELS:
        return found
    scale = 100.0
    if find_spec("scivol"):
        import scivol

        scivol.settings.show_progress = False
        volatility = scivol.GARCH if name == "garch-t" else scivol.GJRGARCH
        spec = volatility(1, 1) + scivol.StudentT()
        found["scivol"] = lambda y: spec.fit(scale * (y - y.mean()))
    if find_spec("multigarch"):
        import multigarch

        o = int(name == "gjr-t")
        found["multigarch"] = lambda y: multigarch.GARCH(o=o, dist="t").fit(scale * y)
    return found


def run_round(name: str, r: pd.Series, sample: int, seed: int, tally: Tally) -> None:
    spec = VolatilitySpec.parse(f"{MODELS[name]}-backcast")
    values = r.to_numpy(copy=True)
    others = peers(name, values)
    tables: list[pd.DataFrame] = []
    seconds = clock(lambda: tables.append(walk_forward(r, spec, WINDOW)))
    tally.add("riskkit", seconds / len(tables[0]))
    at = np.sort(np.random.default_rng(seed).choice(len(r) - WINDOW, sample, replace=False))
    cold = warm = 0.0
    for i in at.tolist():
        y = 100.0 * values[i : i + WINDOW]
        fits: list[float] = []
        model = arch_model(y, spec)
        before = arch_model(100.0 * values[i - 1 : i - 1 + WINDOW], spec) if i else model
        start = np.asarray(before.fit(disp="off", show_warning=False).params)
        cold += clock(
            lambda m=model, f=fits: f.append(m.fit(disp="off", show_warning=False).loglikelihood)
        )
        warm += clock(
            lambda m=model, s=start: m.fit(disp="off", show_warning=False, starting_values=s)
        )
        theirs = fits[0] + WINDOW * np.log(100.0)
        ours = float(tables[0]["loglikelihood"].iloc[i])
        tally.gaps.append((theirs - ours) if name == "egarch-t" else (theirs - ours) / abs(theirs))
    tally.add("arch cold", cold / sample)
    tally.add("arch warm", warm / sample)
    for who, fit in others.items():
        fit(values[:WINDOW])
        used = clock(lambda f=fit: [f(values[i : i + WINDOW]) for i in at.tolist()])
        tally.add(who, used / sample)


def gaps_of_every_window(name: str, r: pd.Series) -> np.ndarray:
    """arch's log-likelihood less riskkit's on every window, relative, arch's convention."""
    spec = VolatilitySpec.parse(f"{MODELS[name]}-backcast")
    ours = walk_forward(r, spec, WINDOW)["loglikelihood"].to_numpy()
    y = 100.0 * r.to_numpy()
    fits = (arch_model(y[i : i + WINDOW], spec) for i in range(len(ours)))
    theirs = np.array([m.fit(disp="off", show_warning=False).loglikelihood for m in fits])
    theirs += WINDOW * np.log(100.0)
    return np.asarray((theirs - ours) / np.abs(theirs))


def two_threads(r: pd.Series) -> float:
    assets = {str(k): r.iloc[k:] for k in range(8)}
    specs = [VolatilitySpec.parse(name) for name in ("gjr-t", "gjr-skewt")]
    ratios = []
    for _ in range(3):
        walls = []
        for workers in (1, 2):
            began = time.perf_counter()
            walk_forward_many(assets, specs, WINDOW, workers=workers)
            walls.append(time.perf_counter() - began)
        ratios.append(walls[0] / walls[1])
    return float(np.median(ratios))


def many_assets(r: pd.Series, counts: tuple[int, ...]) -> dict[int, float]:
    """CPU seconds per fit of three models on that many assets (the series, bootstrapped)."""
    specs = [VolatilitySpec.parse(name) for name in ("garch-t", "gjr-t", "gjr-skewt")]
    rng, values, out = np.random.default_rng(1), r.to_numpy(), {}
    for count in counts:
        assets = {}
        for k in range(count):
            blocks = rng.integers(0, len(values) - 100, len(values) // 100)
            assets[str(k)] = pd.Series(np.concatenate([values[b : b + 100] for b in blocks]))
        began = time.process_time()
        table = walk_forward_many(assets, specs, WINDOW)
        out[count] = (time.process_time() - began) / len(table)
    return out


def in_new_process(code: str, cache: str) -> float:
    """Seconds printed by code; compiled kernels and, as after any installation, bytecode kept."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": f"{cache}/kernels",
        "PYTHONPYCACHEPREFIX": f"{cache}/bytecode",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=14)
    parser.add_argument("--assets", type=int, nargs="*", default=[4, 20, 200])
    parser.add_argument("--every-window", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # arch refuses some warm starts by a warning
    data = series()
    tallies: dict[tuple[str, str], Tally] = {}
    for name in MODELS:
        walk_forward(data["S&P 500"].iloc[:1100], VolatilitySpec.parse(MODELS[name]), WINDOW)
    for seed in range(arguments.rounds):
        for label, r in data.items():
            for name in MODELS:
                tally = tallies.setdefault((name, label), Tally())
                run_round(name, r, arguments.sample, seed, tally)
    lines = [
        "| model | series | riskkit, us a fit | arch cold / riskkit (min, median, max) "
        "| arch warm | scivol | multigarch | worst log-likelihood gap to arch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    best_peer: list[float] = []
    for (name, label), t in tallies.items():
        low, mid, high = np.quantile(t.ratios("arch cold"), [0.0, 0.5, 1.0])
        cells = {
            who: f"{np.median(t.ratios(who)):.0f}" if who in t.cpu else "–"
            for who in ("arch warm", "scivol", "multigarch")
        }
        best_peer += (
            [min(float(np.median(t.ratios(w))) for w in ("scivol", "multigarch") if w in t.cpu)]
            if {"scivol", "multigarch"} & set(t.cpu)
            else []
        )
        kind = "absolute" if name == "egarch-t" else "relative"
        lines.append(
            f"| {name} | {label} | {1e6 * np.median(t.cpu['riskkit']):.0f} "
            f"| {low:.0f}, **{mid:.0f}**, {high:.0f} | {cells['arch warm']} | {cells['scivol']} "
            f"| {cells['multigarch']} | {max(t.gaps):.1e} {kind} |"
        )
    smooth = [g for (name, _), t in tallies.items() if name != "egarch-t" for g in t.gaps]
    kinked = np.array([g for (name, _), t in tallies.items() if name == "egarch-t" for g in t.gaps])
    held = []
    for name, label in tallies if arguments.every_window else ():
        if name != "egarch-t":
            gaps = gaps_of_every_window(name, data[label])
            smooth += gaps.tolist()
            held.append(
                f"| {name} | {label} | {len(gaps)} | {(gaps > 1e-9).sum()} | {gaps.max():.1e} "
                f"| {(gaps < -1e-9).sum()} |"
            )
    threads = two_threads(data["S&P 500"])
    flat = many_assets(data["S&P 500"], tuple(arguments.assets))
    with tempfile.TemporaryDirectory() as cache:
        in_new_process(CODE["numba"], cache)
        first = in_new_process(CODE["fit"], cache)
        cached, imported, floor = (
            min(in_new_process(CODE[what], cache) for _ in range(5))
            for what in ("fit", "import", "numba")
        )
    lines += [
        "",
        f"EGARCH within 5e-4 of arch in {(kinked < 5e-4).mean():.1%} of the windows compared. "
        f"Two threads {threads:.2f}x. First GARCH-t fit {first:.1f} s with an empty compile cache "
        f"(run `riskkit warm-up` once), {cached:.2f} s cached, of which "
        f"numba's own start takes {floor:.2f} s; "
        f"`import riskkit.volatility.fit` {imported:.2f} s.",
        "CPU per fit, three models, 1,000 refits each: "
        + ", ".join(f"{1e6 * v:.0f} us on {k} assets" for k, v in flat.items())
        + ".",
        "Peers that are not installed are left out (–). scivol has no mean: it is given demeaned "
        "returns, one parameter fewer.",
    ]
    if held:
        lines += [
            "",
            "| model | series | windows | riskkit lower by > 1e-9 | by at most "
            "| arch lower by > 1e-9 |",
            "|---|---|---|---|---|---|",
            *held,
        ]
    ratio = {
        name: round(min(float(np.median(t.ratios("arch cold"))) for (n, _), t in tallies.items()
                        if n == name), 1)
        for name in MODELS
    }  # fmt: skip
    write_section("fit", "Speed of the fit", "\n".join(lines))
    print("\n".join(lines))
    print(
        json.dumps(
            {
                "ratio_arch": ratio,
                "ratio_best_peer": round(min(best_peer), 1) if best_peer else None,
                "worst_loglik_gap": max(smooth),
                "two_threads": round(threads, 2),
                "first_fit_s": round(first, 2),
                "cached_fit_s": round(cached, 2),
                "import_s": round(imported, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
