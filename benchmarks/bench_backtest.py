"""Ten assets over five years of daily bars: a refit each day, all four tails, and arch beside it.

The assets are stretches of 1,826 bars of the shipped real series (two of ETH, four each of the
S&P 500 and WTI; some overlap), the first forecast after 500. Stages are timed apart; arch fits a
sample of the same windows, cold, in the same run, and its total is that sample scaled up.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from arch import arch_model
from report import write_section

from riskkit.market import PriceHistory, load_prices, load_sample, log_returns
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import BacktestPlan, backtest, refit_along
from riskkit.validation.refits import Refits
from riskkit.volatility.spec import VolatilitySpec

DATA = Path(__file__).resolve().parents[1] / "data"
SPEC = VolatilitySpec.parse("gjr-skewt")
PLAN = BacktestPlan(minimum_bars=500, refit_every=1)
FIVE_YEARS = 1826


def assets() -> list[PriceHistory]:
    eth = load_prices(DATA / "eth_usd_daily.csv", asset="ETH")
    found = []
    for history, count in ((eth, 2), (load_sample("sp500"), 4), (load_sample("wti"), 4)):
        for k, start in enumerate(np.linspace(0, len(history) - FIVE_YEARS, count).astype(int)):
            times = history.bars.index[[start, start + FIVE_YEARS - 1]]
            part = history.between(times[0], times[1])
            found.append(replace(part, asset=f"{history.asset} {k + 1}"))
    return found


def clocked(job: Callable[[], object]) -> tuple[object, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = job()
    return made, time.perf_counter() - wall, time.process_time() - cpu


def arch_fits(history: PriceHistory, refits: Refits, sample: int) -> None:
    values = 100.0 * log_returns(history).values.to_numpy()
    for position in np.linspace(refits.positions[0], refits.positions[-1], sample).astype(int):
        model = arch_model(values[: position + 1], vol="GARCH", p=1, o=1, q=1, dist="skewt")
        model.fit(disp="off", show_warning=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=int, default=10)
    parser.add_argument("--sample", type=int, default=10, help="arch fits per asset")
    arguments = parser.parse_args()
    wall: dict[str, float] = {}
    cpu: dict[str, float] = {}
    refits_done, arch_cpu = 0, 0.0

    def add(stage: str, w: float, c: float) -> None:
        wall[stage], cpu[stage] = wall.get(stage, 0.0) + w, cpu.get(stage, 0.0) + c

    histories = assets()[: arguments.assets]
    refit_along(histories[0], SPEC, replace(PLAN, refit_every=500))  # compile outside the clock
    for history in histories:
        made, w, c = clocked(lambda h=history: refit_along(h, SPEC, PLAN))
        assert isinstance(made, Refits)
        add("fits", w, c)
        refits_done += len(made)
        for method in TailMethod:
            _, w, c = clocked(
                lambda h=history, m=method, r=made: backtest(h, SPEC, method=m, plan=PLAN, refits=r)
            )
            add(f"{method.value} tail", w, c)
        _, _, c = clocked(lambda h=history, r=made: arch_fits(h, r, arguments.sample))
        arch_cpu += c / arguments.sample * len(made)
    total, busy = sum(wall.values()), sum(cpu.values())
    lines = [
        f"{len(histories)} assets x {FIVE_YEARS:,} daily bars, {refits_done:,} fits of "
        f"{SPEC.name}, four tails, both sides, one process.",
        "",
        "| stage | wall, s | CPU, s | share of CPU |",
        "|---|---|---|---|",
        *(f"| {s} | {wall[s]:.1f} | {cpu[s]:.1f} | {cpu[s] / busy:.0%} |" for s in wall),
        f"| all | {total:.1f} | {busy:.1f} | 100% |",
        f"| arch, fits alone (scaled up from {arguments.sample} cold fits per asset) | "
        f"| {arch_cpu:.0f} | |",
    ]
    result = {
        "assets": len(histories),
        "fits": refits_done,
        "wall_s": round(total, 1),
        "cpu_s": round(busy, 1),
        "fits_share": round(cpu["fits"] / busy, 3),
        "arch_fits_cpu_s": round(arch_cpu, 1),
        "fits_ratio_arch": round(arch_cpu / cpu["fits"], 1),
    }
    body = "\n".join([*lines, "", "```", json.dumps(result), "```"])
    if arguments.assets == 10:
        write_section("backtest", "Walk-forward backtest: ten assets, five years", body)
    print(body.replace("```\n", "").removesuffix("\n```"))


if __name__ == "__main__":
    main()
