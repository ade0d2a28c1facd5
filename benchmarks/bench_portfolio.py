"""Accounts of several positions: coverage of every kind of book, holders who choose, speed.

Research data: eight assets on days (2017-11 to 2024-06), seven on hours. Everything is out of
sample; nothing is chosen on what it is judged on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from report import write_section
from rivals import walk_rivals

from riskkit.dependence.correlation import fit_dcc
from riskkit.dependence.joint import JointKind, JointModel, JointSpec
from riskkit.market import load_prices
from riskkit.market.panel import Panel
from riskkit.portfolio.books import CHOOSABLE, Books, hedged_books, reference_books
from riskkit.portfolio.measure import account_tails
from riskkit.proof.panel_generations import (
    ACCOUNT,
    ISOLATED,
    PORTFOLIO,
    PanelGenerations,
    compare_panel_generations,
)
from riskkit.proof.panel_walk import (
    Forecasts,
    PanelWalk,
    WalkPlan,
    dcc_before,
    scenarios_at,
    stretches,
    walk_panel,
)
from riskkit.validation.coverage import binomial_interval
from riskkit.validation.scores import diebold_mariano, fz0_score
from riskkit.volatility.spec import VolatilitySpec

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "research"
DAILY = ["BTC", "ETH", "LINK", "DOGE", "ADA", "TRX", "LTC", "BCH"]
HOURLY = ["BTC", "ETH", "LINK", "SOL", "AAVE", "MKR", "CRV"]
SPEC, HOURLY_SPEC = VolatilitySpec.parse("gjr-skewt"), VolatilitySpec.parse("gjr-normal")
END = "2024-06-30"
GROUPS = ("pairs", "hedged", "neutral", "long_short")
ROTATED, PLAIN = JointKind.ROTATED, JointKind.PLAIN
ALL_ROWS = JointSpec(PLAIN, None, 200_000)
DAYS, HOURS = WalkPlan(760, 20), WalkPlan(6016, 336, step=7)
CHEAPEST = 5
PARTS = 4
CANDIDATES, ROUNDS, WEEK = 120, 4, 7


def panel(folder: Path, names: list[str], pattern: str) -> Panel:
    histories = [load_prices(folder / pattern.format(name), asset=name) for name in names]
    return Panel.of([history.between(None, END) for history in histories])


def inside_band(walk: PanelWalk) -> dict[str, float]:
    """Share of the books of a group whose exceptions lie in the 95 % binomial band."""
    low, high = binomial_interval(len(walk.loss), 0.01)
    counts = walk.exceeded(ROTATED).sum(axis=0)
    within = (counts >= low) & (counts <= high)
    return {group: round(float(within[walk.of(group)].mean()), 3) for group in GROUPS}


def rivals(days: Panel, books: Books, walk: PanelWalk) -> dict[str, dict[str, object]]:
    """Other laws of dependence on the same margins: inside the band, rates, cheapest holder."""
    found = {}
    for name, (var, es) in walk_rivals(days, SPEC, books, DAYS, JointSpec()).items():
        made = replace(walk, forecasts={ROTATED: Forecasts(var, es)})
        found[name] = {
            "inside_band": inside_band(made),
            "daily_pct": rates(made),
            "cheapest_holder_pct": cheapest(made),
        }
    return found


def rates(walk: PanelWalk, kind: JointKind = ROTATED) -> dict[str, float]:
    hit = walk.exceeded(kind)
    return {group: round(100.0 * float(hit[:, walk.of(group)].mean()), 3) for group in GROUPS}


def cheapest(walk: PanelWalk, kind: JointKind = ROTATED) -> float:
    """Exceptions, in percent, of a holder who takes each day the five books of least margin."""
    choose = np.flatnonzero(np.isin(walk.groups, CHOOSABLE))
    var = walk.forecasts[kind].var[:, choose]
    least = choose[np.argsort(var, axis=1, kind="stable")[:, :CHEAPEST]]
    rows = np.arange(len(var))[:, None]
    return round(100.0 * float(walk.exceeded(kind)[rows, least].mean()), 3)


def half_life_choice(days: Panel) -> dict[str, dict[str, float]]:
    """What the half-life of rows was chosen on: hedges that are not among the judged books.

    Hedges by the last 120 and 500 days, and by BTC or ETH alone: share of them inside the band,
    for half-lives of 250, 350 and 500 days.
    """
    values = days.joint_returns().to_numpy()
    made = list(stretches(days, SPEC, JointSpec(), DAYS))
    found = {}
    for half in (250.0, 350.0, 500.0):
        spec, hits, names = replace(JointSpec(), half_life=half), [], []
        for stretch in made:
            weights, names = other_hedges(values[: stretch.begin])
            model = JointModel.of(stretch.residuals, spec, dcc=dcc_before(stretch))
            for t in range(stretch.begin, stretch.end):
                tails = account_tails(weights, scenarios_at(stretch, model, t, DAYS), 0.99)
                hits.append(-weights @ np.expm1(values[t]) > tails.var)
        low, high = binomial_interval(len(hits), 0.01)
        counts, groups = np.sum(hits, axis=0), np.array(names)
        within = (counts >= low) & (counts <= high)
        found[f"{half:g}"] = {
            name: round(float(within[groups == name].mean()), 3) for name in dict.fromkeys(names)
        }
    return found


def other_hedges(past: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Books of gross 1 that hedge each asset in other ways, and the way of each."""
    parts, names = [], []
    for window in (120, 500):
        parts.append(hedged_books(past[-window:]))
        names += [f"{window} days"] * len(parts[-1])
    moment = np.cov(past[-250:].T)
    for by in (0, 1):
        for i in range(moment.shape[0]):
            if i != by:
                weights = np.zeros(moment.shape[0])
                weights[i], weights[by] = 1.0, -moment[by, i] / moment[by, by]
                weights /= np.abs(weights).sum()
                parts.append(np.array([weights, -weights]))
                names += [f"by {DAILY[by]}"] * 2
    return np.vstack(parts), names


def optimised(assets: Panel, seed: int = 5) -> dict[str, float]:
    """A holder who looks each week for the weights of least margin to their tail in all history.

    The tail is that of plain history up to the day (98.5 %), the holder's own estimate; the
    search is random, then local; the weights are held for the week, margined anew each day.
    """
    rng = np.random.default_rng(seed)
    values = assets.joint_returns().to_numpy()
    size, weights = len(assets), np.zeros((1, len(assets)))
    spec = JointSpec()
    hits, margins, worst = 0, [], 0.0
    for stretch in stretches(assets, SPEC, spec, DAYS):
        model = JointModel.of(stretch.residuals, spec, dcc=dcc_before(stretch))
        for t in range(stretch.begin, stretch.end):
            scenarios = scenarios_at(stretch, model, t, DAYS)
            if (t - DAYS.first) % WEEK == 0:
                past = np.expm1(values[:t])

                def ratio(books: np.ndarray, now=scenarios, then=past) -> np.ndarray:
                    return (
                        account_tails(books, now, 0.99).var / account_tails(books, then, 0.985).var
                    )

                tried = rng.standard_normal((CANDIDATES, size))
                tried /= np.abs(tried).sum(axis=1, keepdims=True)
                for turn in range(ROUNDS):
                    best = tried[np.argsort(ratio(tried))[: CANDIDATES // 8]]
                    near = np.repeat(best, 8, axis=0)
                    near = near + 0.2 / (turn + 1) / size * rng.standard_normal(near.shape)
                    tried = np.vstack([best, near])
                    tried /= np.abs(tried).sum(axis=1, keepdims=True)
                weights = tried[[int(np.argmin(ratio(tried)))]]
            var = float(account_tails(weights, scenarios, 0.99).var[0])
            loss = -float(weights[0] @ np.expm1(values[t]))
            hits += loss > var
            worst = max(worst, loss / var)
            margins.append(var)
    return {
        "rate_pct": round(100.0 * hits / len(margins), 3),
        "mean_margin_pct": round(100.0 * float(np.mean(margins)), 2),
        "worst_loss_over_margin": round(worst, 2),
    }


def scores_against(one: PanelWalk, other: PanelWalk) -> dict[str, float]:
    """Diebold-Mariano t of the mean FZ0 score of a group, rotated rows less all plain rows."""
    found = {}
    for group in GROUPS:
        series = []
        for walk, kind in ((one, ROTATED), (other, PLAIN)):
            made = walk.forecasts[kind]
            columns = np.flatnonzero(walk.of(group))
            each = [
                fz0_score(walk.loss[:, a], made.var[:, a], made.es[:, a], 0.01) for a in columns
            ]
            series.append(np.mean(each, axis=0))
        found[group] = round(diebold_mariano(series[0], series[1], lags=10).statistic, 2)
    return found


def generation3(found: PanelGenerations) -> dict[str, float]:
    table = found.table.set_index(["rule", "equal"])
    even, debt = table.loc[(PORTFOLIO, "frequency")], table.loc[(PORTFOLIO, "bad debt")]
    return {
        "saved_frequency_pct": round(100.0 * even["saved"], 1),
        "saved_bad_debt_pct": round(100.0 * debt["saved"], 1),
        "saved_bad_debt_against_account_pct": round(100.0 * debt["saved_account"], 1),
        "worst_group_default_pct": round(100.0 * even["worst_group_defaults"], 2),
        "bad_debt_bps": round(debt["bad_debt_bps"], 2),
        "bad_debt_bps_isolated": round(table.loc[(ISOLATED, "frequency")]["bad_debt_bps"], 2),
        "bad_debt_bps_account": round(table.loc[(ACCOUNT, "frequency")]["bad_debt_bps"], 2),
    }


def cpu(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


def wall(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def accounts_speed(accounts: int, scenarios: int = 100_000, assets: int = 50) -> dict[str, float]:
    """Many accounts, exact, beside blocked products with partition, in double and in single."""
    rng = np.random.default_rng(0)
    books = rng.standard_normal((accounts, assets))
    moves = rng.standard_t(4, (scenarios, assets)) * 0.03
    small = account_tails(books[:50], moves[:20_000], 0.99)
    ordered = np.sort(-np.einsum("an,mn->am", books[:50], moves[:20_000]), axis=1)
    assert np.allclose(small.var, ordered[:, 19_799], rtol=1e-12)
    assert np.allclose(small.es, ordered[:, 19_800:].mean(axis=1), rtol=1e-12)
    account_tails(books[:256], moves, 0.99)

    def plainly(kind: type, some: np.ndarray) -> Callable[[], None]:
        weights, columns = (-some).astype(kind), np.ascontiguousarray(moves.T.astype(kind))
        last = int(np.ceil(scenarios * 0.99))

        def run() -> None:
            for begin in range(0, len(weights), 50):
                part = np.partition(weights[begin : begin + 50] @ columns, last - 1, axis=1)
                part[:, last:].mean(axis=1)

        return run

    # In turns, a part of the accounts each: a neighbour's load then falls on all three alike.
    parts = np.array_split(books, PARTS)
    times = {"ours": [], "double": [], "single": []}
    for part in parts:
        times["ours"].append(cpu(lambda some=part: account_tails(some, moves, 0.99)))
        times["double"].append(cpu(plainly(np.float64, part)))
        times["single"].append(cpu(plainly(np.float32, part)))
    ours = sum(times["ours"])
    ratio = {kind: float(np.median(np.divide(times["ours"], times[kind]))) for kind in times}
    some = books[: accounts // 3]
    turns = [
        wall(lambda: account_tails(some, moves, 0.99))
        / wall(lambda: account_tails(some, moves, 0.99, threads=2))
        for _ in range(3)
    ]
    return {
        "accounts_over_numpy": round(ratio["double"], 3),
        "accounts_over_numpy_single": round(ratio["single"], 3),
        "accounts_cpu_s": round(ours, 2),
        "two_threads": round(max(turns), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(json.dumps({"absent": "research data at ../shared/data/research"}))
        return
    began = time.process_time()
    days = panel(arguments.data / "daily", DAILY, "{}-USD.parquet")
    hours = panel(arguments.data / "hourly_spot", HOURLY, "{}USDT.parquet")
    books = reference_books(len(DAILY))
    daily = walk_panel(days, SPEC, books, DAYS)
    plain = walk_panel(days, SPEC, books, DAYS, joint=ALL_ROWS, kinds=(PLAIN,))
    three = walk_panel(days, SPEC, books, replace(DAYS, bars=3, step=3))
    hourly = walk_panel(hours, HOURLY_SPEC, reference_books(len(HOURLY)), HOURS)
    last = next(stretches(days, SPEC, JointSpec(), replace(DAYS, first=2400, every=1000)))
    rows = last.residuals.values[:2400]
    fit_dcc(rows)
    result = {
        "inside_band": inside_band(daily),
        "daily_pct": rates(daily),
        "three_bar_pct": rates(three),
        "cheapest_holder_pct": {"daily": cheapest(daily), "hourly": cheapest(hourly)},
        "cheapest_holder_plain_pct": cheapest(plain, PLAIN),
        "optimised_holder": optimised(days),
        "generation3": generation3(compare_panel_generations(daily)),
        "rivals": rivals(days, books, daily),
        "half_life_choice": half_life_choice(days),
        "fz0_t": scores_against(daily, plain),
        **accounts_speed(arguments.accounts),
        "dcc_fit_ms": round(1e3 * median(cpu(lambda: fit_dcc(rows)) for _ in range(5)), 1),
        "origins": {"daily": len(daily.loss), "three": len(three.loss), "hourly": len(hourly.loss)},
        "hourly_pct": rates(hourly),
        "hourly_inside_band": inside_band(hourly),
    }
    result["cpu_s"] = round(time.process_time() - began)
    if arguments.write:
        body = (
            f"{len(daily.groups)} books of 8 assets on {len(daily.loss):,} days and "
            f"{len(hourly.groups)} of 7 on {len(hourly.loss):,} hours, out of sample, one bar "
            "ahead, 99 %.\n\n```\n" + json.dumps(result, indent=1) + "\n```"
        )
        write_section("portfolio", "Accounts of several positions", body)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
