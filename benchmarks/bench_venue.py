"""The venue as a system: exactness, speed and memory of the cascade; real depth and real books.

    python benchmarks/bench_venue.py [--write] [--quick]

Exactness and speed need nothing but the package. The book is that of the design's own measure:
10,000 accounts, median leverage 5, tail 1.1, on 10,000 paths of 168 bars. `full_over_normals` is
the processor time of the whole run, its normals included, over that of the bare normals, both
measured in turn and the least of each taken. `two_threads` and the slider are by the clock, which
other work on the machine makes longer: its load and the slider's processor time stand beside them.

What is asked of real data (Curve's stETH pool, aggregator quotes, book depth, Aave's borrowers) is
read from the research data beside the project and left out, in words, where it is absent. Row 28 is
a synthetic book and week (own numbers of the design): medians of ten seeds with their range.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from report import write_section

from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.stress.paths import run_paths
from riskkit.stress.terms import StressedVenue
from riskkit.venue.accounts import AccountBook, book_of
from riskkit.venue.cascade import CascadeEngine, CascadePaths, EngineRule, run_cascade
from riskkit.venue.criticality import branching, cascade_map, criticality
from riskkit.venue.cross_margin import run_cross_margin
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.depth_fit import fit_book, fit_quotes, volatility_elasticity
from riskkit.venue.depth_pools import StableSwap
from riskkit.venue.layers import CascadeFund
from riskkit.venue.mechanism import Mechanism, Perpetual, Slippage, SlippageLaw
from riskkit.venue.oracle import Oracle
from riskkit.venue.run import run_mechanism
from riskkit.volatility.spec import Variance

ROOT = Path(__file__).resolve().parents[1]
RESEARCH = ROOT / ".." / "shared" / "data" / "research"
ENDLESS = CascadeFund(1e12, deleverages=False)
PATHS, BARS, ACCOUNTS = 10_000, 168, 10_000


def linear(slope: float, **more: float) -> MarketDepth:
    curve = OrderBookDepth(0.01 / slope if slope else 1e300)
    settings = {
        "mark_weight": 1.0,
        "permanent_share": 0.3,
        "refill_bars": math.log(2.0) / 0.1,
        "crash_fraction": 1.0,
        **more,
    }
    return MarketDepth(curve, curve, **settings)


def bench_book(accounts: int = ACCOUNTS) -> AccountBook:
    """Median leverage 5, size tail 1.1, a unit of interest on each side."""
    half = accounts // 2
    rng = np.random.default_rng(3)
    sizes = [rng.pareto(1.1, half) + 1.0 for _ in range(2)]
    quantity = np.concatenate([q / q.sum() for q in sizes])
    leverage = np.clip(np.exp(rng.normal(math.log(5.0), 0.8, 2 * half)), 1.0, 35.0)
    side = np.repeat([1.0, -1.0], half)
    return book_of(side, quantity, quantity / leverage - side * quantity, 0.0125)


def spent(job, runs: int = 3):
    """The least processor seconds of some runs, and what the last returned."""
    best, found = math.inf, None
    for _ in range(runs):
        began = time.process_time()
        found = job()
        best = min(best, time.process_time() - began)
    return best, found


def clocked(job, runs: int = 3) -> float:
    best = math.inf
    for _ in range(runs):
        began = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - began)
    return best


def exactness() -> dict[str, object]:
    rng = np.random.default_rng(1)
    returns = rng.standard_t(4, size=(2_000, BARS)) * 0.006 / math.sqrt(2.0)
    quantity = rng.pareto(1.2, ACCOUNTS) + 0.1
    quantity /= quantity.sum()
    trigger = np.exp(-rng.exponential(0.15, ACCOUNTS))
    longs = book_of(np.ones(ACCOUNTS), quantity, -trigger * quantity * 0.95, 0.05)
    found = run_cascade(
        longs, linear(0.02, permanent_share=1.0), CascadeEngine(), ENDLESS, CascadePaths(returns)
    )
    rows = longs.walked.longs
    lowest = np.minimum(np.cumsum(returns, axis=1).min(axis=1), 0.0)
    mapped = cascade_map(rows[:, 0], rows[:, 1], 0.02, lowest)
    book = bench_book()
    restore = CascadeEngine(EngineRule.RESTORE, 0.0375, fee=0.005)
    errors = [
        run_cascade(
            book, linear(0.05), engine, fund, CascadePaths(returns[:500]), audit=True
        ).money_error
        for engine, fund in (
            (CascadeEngine(fee=0.005), CascadeFund(1.0)),
            (restore, CascadeFund(1.0)),
            (restore, CascadeFund(0.0005)),
            (CascadeEngine(fee=0.005), CascadeFund(0.0)),
        )
    ]
    return {
        "map_equal_paths": int((mapped == found.of("closures")).sum()),
        "money_error": max(errors),
        "today_equal": today_equal(),
    }


def today_equal() -> bool:
    """One account, closed in full into a still market, against the position's own mechanism."""
    rng, horizon = np.random.default_rng(9), 60
    for number in range(30):
        side = Side.LONG if number % 2 else Side.SHORT
        s = float(side.sign)
        margin, mm = float(rng.uniform(0.03, 0.2)), float(rng.uniform(0.005, 0.02))
        position = Perpetual(side, margin, mm, penalty=0.001)
        mechanism = Mechanism(
            Oracle(int(rng.integers(0, 3)), float(rng.choice([0.0, 0.01]))),
            int(rng.integers(0, 4)),
            Slippage(SlippageLaw.FLAT, 0.003),
        )
        returns = rng.standard_t(3, size=(20, horizon + 6)) * 0.02
        returns = returns[:, : horizon + mechanism.delay + mechanism.oracle.latency]
        engine = CascadeEngine(
            delay=mechanism.delay,
            latency=mechanism.oracle.latency,
            deviation=mechanism.oracle.deviation,
            fee=0.001,
        )
        found = run_cascade(
            book_of([s], [1.0], [margin - s], mm),
            linear(0.0, spread=0.003),
            engine,
            ENDLESS,
            CascadePaths(returns, horizon=horizon),
        )
        for path in range(len(returns)):
            close = np.exp(np.append(0.0, np.cumsum(returns[path])))
            alone = run_mechanism(close, position, mechanism, horizon)
            mine = [found.of(name)[path] for name in ("first_trigger", "first_default", "closures")]
            if mine != [alone.trigger_bar, alone.default_bar, alone.liquidations]:
                return False
            if abs(found.of("shortfall")[path] - alone.loss) > 1e-12:
                return False
    return True


def speed() -> dict[str, object]:
    rng = np.random.default_rng(np.random.SFC64(7))
    book = bench_book()
    shape = (PATHS, BARS)
    depth, full = linear(0.05), CascadeEngine(fee=0.003)
    restore = CascadeEngine(EngineRule.RESTORE, 0.0375, fee=0.003)
    returns = rng.standard_normal(shape) * 0.006
    run_cascade(book, depth, full, ENDLESS, CascadePaths(returns[:100]))
    bare, whole, events = math.inf, math.inf, 0.0
    only = math.inf
    for _ in range(4):
        t, _ = spent(lambda: rng.standard_normal(shape), 1)
        bare = min(bare, t)
        t, found = spent(lambda: run_cascade(book, depth, full, ENDLESS, CascadePaths(returns)), 1)
        only, events = min(only, t), float(found.of("closures").sum())
        t, _ = spent(
            lambda: run_cascade(
                book, depth, full, ENDLESS, CascadePaths(rng.standard_normal(shape) * 0.006)
            ),
            1,
        )
        whole = min(whole, t)
    partial, part = spent(
        lambda: run_cascade(book, depth, restore, ENDLESS, CascadePaths(returns[:1_000]))
    )
    one = clocked(lambda: run_cascade(book, depth, full, ENDLESS, CascadePaths(returns)))
    two = clocked(lambda: run_cascade(book, depth, full, ENDLESS, CascadePaths(returns), threads=2))

    def slid() -> object:
        return run_cascade(book, depth, full, ENDLESS, CascadePaths(returns[:1_000]))

    slider, (slider_cpu, _) = clocked(slid, 20), spent(slid, 20)
    critical, _ = spent(lambda: criticality(book, depth, full, Side.LONG), 10)
    return {
        "closures_per_path": events / PATHS,
        "ns_per_event": {
            "full": only / events * 1e9,
            "partial": partial / float(part.of("closures").sum()) * 1e9,
        },
        "full_over_normals": whole / bare,
        "two_threads": one / two,
        "slider_1000_paths_ms": slider * 1e3,
        "slider_1000_paths_cpu_ms": slider_cpu * 1e3,
        "criticality_ms": critical * 1e3,
        "cross_margined_account_bars_per_s": cross_margined(),
        "load": os.getloadavg()[0],
        "normals_ns": bare / PATHS / BARS * 1e9,
    }


def cross_margined() -> float:
    rng = np.random.default_rng(5)
    quantity = (rng.pareto(1.1, (ACCOUNTS, 4)) + 1.0) * rng.choice([1.0, -1.0], (ACCOUNTS, 4))
    equity = np.abs(quantity).sum(axis=1) * rng.uniform(0.05, 0.5, ACCOUNTS)
    cash = equity - quantity.sum(axis=1)
    slopes = 0.05 / np.abs(quantity).sum(axis=0)
    returns = rng.standard_normal((100, BARS, 4)) * 0.006

    def job():
        return run_cross_margin(
            cash, quantity, np.full(4, 0.0125), returns, slopes, mark_weight=1.0
        )

    job()
    seconds, _ = spent(job)
    return ACCOUNTS * BARS * len(returns) / seconds


def week(paths: int) -> None:
    """A child's whole work: a week of hourly bars on so many paths, its peak memory printed."""
    model = PathModel(Variance.GARCH, 0.0, 0.36e-6, 0.09, 0.0, 0.90)
    venue = StressedVenue(
        bench_book(),
        linear(0.05, volatility_elasticity=0.4),
        CascadeEngine(fee=0.003),
        CascadeFund(0.01),
        pd.Timedelta("1h"),
        BARS,
        0.3,
        paths,
        20.0,
    )
    run_paths(venue, World.one(model, Start.at(0.006)), Run(paths, 1))
    print(peak_now())


def peak_now() -> float:
    """Peak memory of this process, in MB.

    The counter of `getrusage` begins at what the parent held, and says nothing of the child.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text().splitlines()
        return next(float(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def peaks() -> list[float]:
    found = []
    for paths in (1_000, 100_000):
        words = [sys.executable, __file__, "--week", str(paths)]
        done = subprocess.run(words, capture_output=True, check=True, text=True, cwd=ROOT)
        found.append(float(done.stdout.strip().splitlines()[-1]))
    return found


def million() -> dict[str, float]:
    """A million accounts: seconds of processor for the book, and for 200 weeks."""
    rng = np.random.default_rng(1)
    made, book = spent(lambda: bench_book(1_000_000), 1)
    returns = rng.standard_normal((200, BARS)) * 0.006
    ran, found = spent(
        lambda: run_cascade(
            book, linear(0.05), CascadeEngine(fee=0.003), ENDLESS, CascadePaths(returns)
        ),
        1,
    )
    return {
        "book_s": made,
        "weeks": 200,
        "run_s": ran,
        "closures_per_path": float(found.of("closures").mean()),
    }


def knee_book(interest: float, seed: int) -> AccountBook:
    rng, half = np.random.default_rng(seed), ACCOUNTS // 2
    sides = []
    for _ in range(2):
        q = rng.pareto(1.1, half) + 1.0
        for _ in range(20):
            q = np.minimum(q, 0.05 * q.sum())
        sides.append(q / q.sum() * interest)
    quantity, side = np.concatenate(sides), np.repeat([1.0, -1.0], half)
    leverage = np.clip(np.exp(rng.normal(math.log(5.0), 0.8, 2 * half)), 1.05, 32.0)
    return book_of(side, quantity, quantity / leverage - side * quantity, 0.0125)


def weeks_of_row_28(paths: int, seed: int) -> np.ndarray:
    """A t5-GARCH from .6 % an hour."""
    rng = np.random.default_rng(np.random.SFC64(seed))
    a, b, usual, nu = 0.09, 0.90, 0.006, 5.0
    h, out = np.full(paths, usual**2), np.empty((paths, BARS))
    for t in range(BARS):
        out[:, t] = np.sqrt(h) * rng.standard_t(nu, paths) * math.sqrt((nu - 2.0) / nu)
        h = usual**2 * (1.0 - a - b) + a * out[:, t] ** 2 + b * h
    return out


def knee(seeds: int, paths: int) -> dict[str, object]:
    """VaR99 of bad debt over a week, bps of OI: 43.6, 46.2, 56.6 and 235 in the design."""
    rows: dict[str, list[float]] = {"none": []}
    for seed in range(21, 21 + seeds):
        returns = weeks_of_row_28(paths, seed)
        for billions in (1, 2, 4, 8):
            interest = billions * 1e9
            book = knee_book(interest, 3)
            depth = linear(
                0.01 / 300e6,
                permanent_share=0.2,
                refill_bars=math.log(2.0) / 0.5,
                volatility_elasticity=0.4,
                volatility_bars=math.log(2.0) / 0.1,
            )
            engine = CascadeEngine(fee=0.005)
            if billions == 1:
                still = run_cascade(book, linear(0.0), engine, ENDLESS, CascadePaths(returns))
                rows["none"].append(float(np.quantile(still.of("bad_debt"), 0.99)) / 1e5)
            found = run_cascade(
                book, depth, engine, ENDLESS, CascadePaths(returns, volatility=0.006)
            )
            loss = float(np.quantile(found.of("bad_debt"), 0.99)) / interest * 1e4
            rows.setdefault(f"{billions} bn", []).append(loss)
    return {
        name: {"median": float(np.median(x)), "low": min(x), "high": max(x)}
        for name, x in rows.items()
    }


def curve_depeg() -> dict[str, float]:
    """Curve's invariant with A = 50 against 89 days of stETH over ETH."""
    pool = pd.read_csv(RESEARCH / "events" / "curve_steth_pool.csv.gz")
    pool.columns = [name.strip() for name in pool.columns]
    pool["day"] = pd.to_datetime(pool["UNIX TimeStamp"], unit="s").dt.normalize()
    closes = []
    for name in ("ETH-USD", "STETH-USD"):
        daily = pd.read_parquet(RESEARCH / "daily" / f"{name}.parquet")
        stamps = daily.get("ts", daily.index)
        days = pd.DatetimeIndex(pd.to_datetime(stamps))
        days = days.tz_localize(None) if days.tz is not None else days
        closes.append(pd.Series(daily["close"].to_numpy(), index=days.normalize()))
    ratio = closes[1] / closes[0]
    pool["market"] = pool["day"].map(ratio)
    pool = pool[pool["day"] >= "2022-04-01"].dropna()
    spot = [
        StableSwap(float(eth) / 1e18, float(steth) / 1e18, 50.0).price
        for eth, steth in zip(pool["ETH Balance"], pool["stETH Balance"], strict=True)
    ]
    error = np.array(spot) - pool["market"].to_numpy()
    return {
        "days": len(pool),
        "mean_absolute": float(np.abs(error).mean()),
        "bias": float(error.mean()),
    }


def real_depth() -> dict[str, object]:
    """Binance's BTC book of 2025-10-10 to 14:00: depth, exponent and elasticity, with bands."""
    rows = pd.read_csv(RESEARCH / "events" / "binance_btc_bookdepth_2025-10-10.csv.gz")
    rows["ts"] = pd.to_datetime(rows["timestamp"].str.strip())
    table = rows.pivot_table(index="ts", columns="percentage", values="notional").sort_index()
    calm = table[table.index < "2025-10-10 14:00"].dropna()
    found: dict[str, object] = {}
    for name, sign in (("bids", -1), ("offers", 1)):
        columns = [sign * k for k in range(1, 6)]
        fit = fit_book(np.arange(1, 6) / 100.0, calm[columns].to_numpy())
        found[name] = {
            "at_one_percent_m": fit.depth.at_one_percent / 1e6,
            "band_m": [x / 1e6 for x in fit.at_one_percent],
            "exponent": fit.depth.exponent,
            "exponent_band": list(fit.exponent),
        }
    bars = pd.read_csv(RESEARCH / "events" / "BTCUSD_PERP-1m-2025-10-10.csv")
    stamps = pd.DatetimeIndex(pd.to_datetime(bars["open_time"], unit="ms"))
    closes = pd.Series(np.log(bars["close"].to_numpy()), index=stamps)
    sigma = (closes.diff() ** 2).rolling(60).sum() ** 0.5
    # to 21:00 only: a feed with a phantom bid from about 15:00 shifts the later levels
    offers = table[1][table.index < "2025-10-10 15:00"].resample("5min").median().dropna()
    at = sigma.reindex(offers.index, method="ffill")
    good = (at > 0.0) & (offers > 0.0)
    elasticity = volatility_elasticity(offers[good], at[good])
    found["elasticity_calm_hours"] = dict(
        zip(("value", "low", "high", "r2"), elasticity, strict=True)
    )
    return found


def aave() -> dict[str, object]:
    """The stETH borrowers of June 2023, half the debt sold at a fall: n at two depths."""
    found: dict[str, object] = {}
    for version, unit, bonus in (("v2", 1847.86124623, 1.075), ("v3", 1.0, 1.06)):
        name = f"aave_{version}_steth_positions_2023-06.csv.gz"
        rows = pd.read_csv(RESEARCH / "events" / name)
        collateral, debt = rows["collateral"] * unit, rows["debt"] * unit
        eth = np.minimum(rows["ethdebt"] * 1847.86124623, debt)
        stable = (debt > 1.0) & (eth < 0.5 * debt)
        threshold = rows["threshold"] / 1e4
        moving = (collateral * threshold - eth)[stable]
        with np.errstate(divide="ignore", invalid="ignore"):
            x = -np.log(((debt - eth)[stable] / moving).where(moving > 0.0, np.inf)).to_numpy()
        sold = 0.5 * debt[stable].to_numpy() * bonus
        good = np.isfinite(x) & (x > 0.0)
        order = np.argsort(x[good], kind="stable")
        x, sold = x[good][order], sold[good][order]
        grid = np.arange(0.01, 0.51, 0.01)
        peaks = {}
        for label, liquidity in (("1860m", 1.86e9), ("quarter", 0.465e9), ("tenth", 0.186e9)):
            depth = linear(2.0 / liquidity, permanent_share=1.0)
            # a fall of x leaves sold / price units of collateral to be sold: money at today's price
            n, _ = branching(x, sold, depth, Side.LONG, grid, 0.05)
            peaks[label] = {"n": float(n.max()), "at": float(grid[int(n.argmax())])}
        found[version] = {"accounts": len(x), "peak_n": peaks}
        knees = {}
        closes = np.log(
            pd.read_parquet(RESEARCH / "hourly_spot" / "ETHUSDT.parquet").sort_values("ts")["low"]
        ).to_numpy()
        last = np.log(
            pd.read_parquet(RESEARCH / "hourly_spot" / "ETHUSDT.parquet").sort_values("ts")["close"]
        ).to_numpy()
        lowest = np.minimum(
            pd.Series(closes[::-1]).rolling(BARS).min().to_numpy()[::-1][1 : -BARS + 1]
            - last[: len(last) - BARS],
            0.0,
        )
        total = np.append(0.0, np.cumsum(sold))
        for scale in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
            count = cascade_map(-x, scale * sold, 2.0 / 1.86e9, lowest)
            still = cascade_map(-x, scale * sold, 0.0, lowest)
            extra = total[count].mean() / total[still].mean()
            knees[f"{scale:g}x"] = {
                "sold_over_still": float(extra),
                "whole_book_share": float((total[count] > 0.999 * total[-1]).mean()),
            }
        found[version]["interest_scaled"] = knees
    return found


WETH = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


def quotes() -> dict[str, object]:
    """Aggregator quotes of one day for WETH into USDC: a ladder, and what it costs."""
    rows = pd.read_csv(RESEARCH / "events" / "oneinch_quotes_2023-11-20.csv.gz")
    pair = rows[(rows["src"] == WETH) & (rows["dst"] == USDC)]
    units, dollars = pair["in_amount"] / 1e18, pair["out_amount"] / 1e6
    price = dollars / units
    value = units * float(price.quantile(0.9))
    fit = fit_quotes(pd.to_datetime(pair["timestamp"], unit="s"), value, price, small=3e5, levels=8)
    at = np.array([3.3e6, 1.4e7, 5.5e7])
    return {
        "quotes": len(pair),
        "left_out": fit.left_out,
        "slippage_bps": dict(
            zip(["3.3m", "14m", "55m"], fit.depth.slippage(at) * 1e4, strict=True)
        ),
        "design_bps": [15, 68, 210],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without row 28 and the million")
    parser.add_argument("--week", type=int, default=0)
    wanted = parser.parse_args()
    if wanted.week:
        week(wanted.week)
        return
    found: dict[str, object] = {**exactness(), **speed()}
    peak = peaks()
    found["peak_mb"] = peak
    found["peak_ratio"] = peak[1] / peak[0]
    if not wanted.quick:
        found["million_accounts"] = million()
        found["row_28_bps"] = knee(10, 10_000)
    if RESEARCH.is_dir():
        found["curve_steth"] = curve_depeg()
        found["depth_2025_10_10"] = real_depth()
        found["quotes_weth_2023_11_20"] = quotes()
        found["aave_2023_06"] = aave()
    else:
        print("research data is absent: Curve, depth and Aave are left out", file=sys.stderr)
    print(json.dumps(found))
    if wanted.write:
        body = "```json\n" + json.dumps(found, indent=1) + "\n```"
        write_section("venue", "The venue as a system", body)


if __name__ == "__main__":
    main()
