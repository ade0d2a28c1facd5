"""Options: speed of full revaluation, parity, a set held to a library, the table of structures.

    make bench-options

`ns_per_leg_scenario`: processor time of the kernel, 200 legs on 100,000 scenarios, one thread.
`parity_error`: largest |call - put - (F - K)| over them, of the larger of forward and strike.
`library_uncovered` and `library_overcharge_median`: after calibration on 100,000 scenarios (a
Student t law of 4 degrees, 4 % a day) of 122 structures. `butterfly_hole_pct`: what a short
butterfly (body 59,000, wings of 600, a day to expiry, 60,000 now) loses at its pin and a grid of
+-16 % by 4 % does not ask, percent of the price; and with decayed scenarios. `structures`: 99 %
loss of a day, percent of the price, full beside spot only and beside delta, gamma and decay, for
six structures; BTC's daily returns of 2022-11-07 to 2024-06-30 (research data) with the stated law
of volatility; `page` is what was measured on that market's own volatility index, one draw of what
the law calls noise; `deviations` its distance from the mean of 50 draws, in their own.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.market import load_prices
from riskkit.options.black import LegTable, MovedScenarios, black_values, normal_table, revalue
from riskkit.options.grid import Structure, calibrate_structures, hole_sweep, library
from riskkit.options.law import VolatilityLaw
from riskkit.options.legs import OptionBook, OptionKind, OptionLeg
from riskkit.options.margin import margin_options
from riskkit.options.scenarios import OptionScenarios
from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle, UnderlyingShock

NOW = pd.Timestamp("2024-06-01", tz="UTC")
RESEARCH = Path("../shared/data/research/daily")
SPOT = 60_000.0
DRAWS = 50
#: (kind, strike, days, volatility, quantity); full VaR99, spot only, delta-gamma of the page.
STRUCTURES = {
    "short straddle 30 d": ([("call", 1.0, 30, 0.6, -1), ("put", 1.0, 30, 0.6, -1)], 0.0,
                            (3.33, 2.34, 2.45)),
    "short strangle 30 d": ([("call", 7 / 6, 30, 0.6, -1), ("put", 52 / 60, 30, 0.62, -1)], 0.0,
                            (2.38, 1.40, 1.46)),
    "short call +20 % 7 d": ([("call", 1.2, 7, 0.65, -1)], 0.0, (0.66, 0.53, 0.45)),
    "hedged short call 30 d": ([("call", 1.1, 30, 0.6, -1)], None, (1.53, 0.83, 0.83)),
    "calendar 7 d/60 d": ([("call", 1.0, 7, 0.6, -1), ("call", 1.0, 60, 0.58, 1)], 0.0,
                          (0.71, 0.87, 0.96)),
    "short put -20 % 30 d": ([("put", 0.8, 30, 0.68, -1)], 0.0, (1.01, 0.80, 0.79)),
}  # fmt: skip


def speed(legs: int = 200, scenarios: int = 100_000) -> tuple[float, float]:
    """Nanoseconds a leg and scenario, and the largest error of parity."""
    rng = np.random.default_rng(0)
    strikes = np.repeat(np.linspace(30e3, 120e3, legs // 2), 2)
    call = np.where(np.arange(legs) % 2, -1.0, 1.0)
    grown = np.exp(0.04 * rng.standard_normal((1, scenarios)))
    shock = np.exp(0.05 * rng.standard_normal((1, scenarios)))
    zeros = np.zeros(legs, dtype=np.int64)
    pair = np.arange(legs, dtype=np.int64) // 2
    table = LegTable(
        zeros, zeros, pair, np.full(legs, SPOT), strikes, call,
        np.full(legs, 0.6 * math.sqrt(30 / 365)), call, np.zeros(legs),
    )  # fmt: skip
    moved = MovedScenarios(grown, 1.0 / grown, np.log(grown), shock, 1.0 / shock)
    normal, out = normal_table(), np.zeros((legs // 2, scenarios))
    revalue(table, normal, moved, 0, 1_000, out)
    times = []
    for _ in range(9):
        out[:] = 0.0
        began = time.process_time()
        revalue(table, normal, moved, 0, scenarios, out)
        times.append(time.process_time() - began)
    gap = out - (SPOT * grown - strikes[::2, None])
    error = float((np.abs(gap) / np.maximum(SPOT * grown, strikes[::2, None])).max())
    return 1e9 * min(times) / legs / scenarios, error


def held_to_library() -> dict[str, float]:
    """A set calibrated and held to the library."""
    moves = np.expm1(0.04 / math.sqrt(2.0) * np.random.default_rng(1).standard_t(4, (100_000, 1)))
    moves = np.clip(moves, -0.9, 9.0)
    scenarios = OptionScenarios.of({"BTC": SPOT}, moves, 1.0, VolatilityLaw(), 7)
    start = ScenarioSet.of(
        SetStyle.DERIBIT,
        {"BTC": UnderlyingShock(float(np.abs(np.quantile(moves, [0.01, 0.99])).max()))},
    )
    found = calibrate_structures(start, library(NOW, "BTC", SPOT), scenarios, NOW)
    return {
        "library_uncovered": found.uncovered(0.01),
        "library_overcharge_median": round(found.median_overcharge, 3),
        "library": len(found.table),
    }


def butterfly() -> dict[str, float]:
    """The published butterfly between two points: its hole, and the same with decayed scenarios."""
    quantities = {58_400.0: -1.0, 59_000.0: 2.0, 59_600.0: -1.0}
    day = NOW + pd.Timedelta(days=1)
    legs = tuple(
        OptionLeg("b", "BTC", OptionKind.CALL, k, day, q, 0.6) for k, q in quantities.items()
    )
    grid = ScenarioSet.of(SetStyle.DERIBIT, {"BTC": UnderlyingShock(0.16)})
    # A fiftieth of the day is left, as in the page's own number.
    row = hole_sweep(grid, [Structure("b", legs)], NOW, SPOT, 0.98).iloc[0]
    names = {"at_once": "hole", "with_decayed": "with decayed scenarios"}
    return {name: round(100.0 * float(row[column]) / SPOT, 3) for name, column in names.items()}


def structures(path: Path) -> dict[str, dict[str, object]]:
    """The page's six structures from the stated law on the market's own returns."""
    close = load_prices(path, bar="1d").close["2022-11-06":"2024-06-30"]
    returns = np.tile(np.diff(np.log(close.to_numpy())), DRAWS)
    law = VolatilityLaw()
    moves = np.expm1(returns)[:, None]
    joint = OptionScenarios.of({"BTC": SPOT}, moves, 1.0, law, 3)
    still = replace(joint, volatility=np.zeros_like(moves))
    found = {}
    for name, (legs, straight, page) in STRUCTURES.items():
        made = [
            OptionLeg("a", "BTC", OptionKind(kind), SPOT * k, NOW + pd.Timedelta(days=days), q, s)
            for kind, k, days, s, q in legs
        ]
        book = OptionBook.of(made, NOW, ["BTC"])
        delta = 0.0 if straight is not None else _delta(made[0])
        linear = {"a": np.array([delta * SPOT])}
        full = margin_options(book, joint, linear=linear).losses[0].reshape(DRAWS, -1)
        draws = np.quantile(full, 0.99, axis=1) / SPOT * 100.0
        alone = margin_options(book, still, linear=linear)
        spot = float(np.quantile(alone.losses[0], 0.99)) / SPOT * 100.0
        greeks = float(alone.table["greeks"].iloc[0]) / SPOT * 100.0
        found[name] = {
            "here": [round(v, 2) for v in (float(draws.mean()), spot, greeks)],
            "page": list(page),
            "deviations": round(float((page[0] - draws.mean()) / draws.std(ddof=1)), 1),
        }
    return found


def _delta(leg: OptionLeg) -> float:
    h = 1e-4
    sd = leg.volatility * math.sqrt(leg.days(NOW) / 365)
    up, down = (black_values(SPOT * (1 + d), leg.strike, sd, leg.kind.sign) for d in (h, -h))
    return float(-leg.quantity * (up - down) / (2 * h * SPOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="record it in benchmarks/README.md")
    asked = parser.parse_args()
    ns, error = speed()
    answer: dict[str, object] = {
        "ns_per_leg_scenario": round(ns, 1),
        "parity_error": error,
        **held_to_library(),
        "butterfly_hole_pct": butterfly(),
    }
    path = next(iter(sorted(RESEARCH.glob("BTC*USD*"))), None)
    if path is None:
        print("structures are left out: no research data beside the project")
    else:
        answer["structures"] = structures(path)
    line = json.dumps(answer)
    print(line)
    if asked.write:
        from benchmarks.report import write_section

        write_section("options", "Options", f"```text\n{line}\n```")


if __name__ == "__main__":
    main()
