"""Ten assets over five years of daily bars: a refit each day, every tail, and arch beside it.

The assets are stretches of 1,826 bars of the shipped real series (two of ETH, four each of the
S&P 500 and WTI; some overlap), the first forecast after 500. Stages are timed apart, in one process
per asset; arch fits a sample of the same windows, cold, in the same processes, and its total is
that sample scaled up. Times are CPU seconds but for the wall time of the whole run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from arch import arch_model
from joblib import Parallel, cpu_count, delayed
from report import write_section

from riskkit.market import PriceHistory, load_prices, load_sample, log_returns
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import BacktestPlan, backtest, refit_along
from riskkit.volatility.spec import VolatilitySpec

DATA = Path(__file__).resolve().parents[1] / "data"
SPEC = VolatilitySpec.parse("gjr-skewt")
PLAN = BacktestPlan(minimum_bars=500, refit_every=1)
FIVE_YEARS = 1826
Made = TypeVar("Made")


@dataclass
class Timed:
    """CPU seconds of each stage on one asset, and what they made."""

    stages: dict[str, float] = field(default_factory=dict)
    fits: int = 0
    rows: int = 0
    arch: float = 0.0

    def run(self, stage: str, job: Callable[[], Made]) -> Made:
        began = time.process_time()
        made = job()
        self.stages[stage] = self.stages.get(stage, 0.0) + time.process_time() - began
        return made


def assets() -> list[PriceHistory]:
    eth = load_prices(DATA / "eth_usd_daily.csv", asset="ETH")
    found = []
    for history, count in ((eth, 2), (load_sample("sp500"), 4), (load_sample("wti"), 4)):
        for k, start in enumerate(np.linspace(0, len(history) - FIVE_YEARS, count).astype(int)):
            times = history.bars.index[[start, start + FIVE_YEARS - 1]]
            part = history.between(times[0], times[1])
            found.append(replace(part, asset=f"{history.asset} {k + 1}"))
    return found


def arch_fits(history: PriceHistory, sample: int) -> float:
    """CPU seconds of arch on all windows, from a sample of them."""
    values = 100.0 * log_returns(history).values.to_numpy()
    ends = np.arange(PLAN.minimum_bars, len(values) + 1)
    chosen = ends[np.linspace(0, ends.size - 1, sample).astype(int)]
    began = time.process_time()
    for end in chosen:
        model = arch_model(values[:end], vol="GARCH", p=1, o=1, q=1, dist="skewt")
        model.fit(disp="off", show_warning=False)
    return (time.process_time() - began) / sample * ends.size


def measure(history: PriceHistory, sample: int) -> Timed:
    """Everything on one asset."""
    # Kernels are loaded, or compiled, outside the clock.
    refit_along(history, SPEC, replace(PLAN, refit_every=500))
    timed = Timed()
    refits = timed.run("fits", lambda: refit_along(history, SPEC, PLAN))
    timed.fits = len(refits)
    for method in TailMethod:
        result = timed.run(
            f"{method.value} tail",
            lambda m=method: backtest(history, SPEC, method=m, plan=PLAN, refits=refits),
        )
        timed.rows += len(result.table)
    timed.arch = arch_fits(history, sample)
    return timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=int, default=10)
    parser.add_argument("--sample", type=int, default=10, help="arch fits per asset")
    arguments = parser.parse_args()
    histories = assets()[: arguments.assets]
    workers = min(len(histories), cpu_count())
    began = time.perf_counter()
    timed = Parallel(n_jobs=workers)(delayed(measure)(h, arguments.sample) for h in histories)
    wall = time.perf_counter() - began
    stages = {name: sum(t.stages[name] for t in timed) for name in timed[0].stages}
    total, fits, arch = sum(stages.values()), sum(t.fits for t in timed), sum(t.arch for t in timed)
    lines = [
        f"{len(histories)} assets x {FIVE_YEARS:,} daily bars, {fits:,} fits of {SPEC.name}, "
        f"{len(TailMethod)} tails, both sides, {sum(t.rows for t in timed):,} forecasts; "
        f"{wall:.0f} s of wall time on {workers} processes, arch's sample included.",
        "",
        "| stage | CPU, s | share |",
        "|---|---|---|",
        *(f"| {name} | {cpu:.1f} | {cpu / total:.0%} |" for name, cpu in stages.items()),
        f"| all | {total:.1f} | 100% |",
        f"| arch, fits alone (scaled up from {arguments.sample} cold fits per asset) | "
        f"{arch:.0f} | |",
    ]
    result = {
        "assets": len(histories),
        "fits": fits,
        "wall_s": round(wall, 1),
        "cpu_s": round(total, 1),
        "fits_share": round(stages["fits"] / total, 3),
        "arch_fits_cpu_s": round(arch, 1),
        "fits_ratio_arch": round(arch / stages["fits"], 1),
    }
    body = "\n".join([*lines, "", "```", json.dumps(result), "```"])
    if arguments.assets == 10:
        write_section("backtest", "Walk-forward backtest: ten assets, five years", body)
    print(body.replace("```\n", "").removesuffix("\n```"))


if __name__ == "__main__":
    main()
