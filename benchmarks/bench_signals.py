"""Do leading signals forecast the next day's variance better than ranges alone? The nulls stay.

    python benchmarks/bench_signals.py [--write]

Each signal is added, with a coefficient of its own, to a log-HAR with leverage on realised variance
(hourly squares; Garman-Klass where there are no hours), refitted every 30 days on what came before.
A gradient-boosted learner, 60 trees of one split on all of the signals at once, is fitted to what
the log-HAR leaves over, every 90 days. Forecasts of the next day are scored by QLIKE against
squared returns. Looked at on the choice assets; a signal passes if on the proof assets, pooled day
by day, Diebold-Mariano (HAC) rejects at 5 % in its favour and the 90 % model confidence set holds
it and not the log-HAR. Assets without a signal's data take no part in it. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd
from bench_forecast import CHOICE, DAILY, END, FROM_HOURS, RESEARCH, prices
from joblib import Parallel, delayed
from report import write_section

from riskkit.market import PriceHistory, load_prices, log_returns
from riskkit.market.measures import garman_klass, realised_variance
from riskkit.validation.scores import diebold_mariano, model_confidence_set

FIRST, REFIT, REBOOST, TREES, RATE = 500, 30, 90, 60, 0.1
PERPETUALS = ("BTC", "ETH", "LINK", "SOL")
SIGNIFICANCE = 0.05


def trailing(values: pd.Series, days: int) -> pd.Series:
    return values.rolling(days, min_periods=1).mean()


def hourly(folder: str, name: str) -> PriceHistory:
    return load_prices(RESEARCH / folder / f"{name}USDT.parquet", asset=name, bar="1h")


def signals_of(name: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Regressors of the log-HAR, signals, and squared returns; row t is known when day t ends."""
    days = prices("daily", name)
    returns = log_returns(days).values
    measure = garman_klass(days).reindex(returns.index)
    found: dict[str, pd.Series] = {}
    if name in FROM_HOURS:
        hours = hourly("hourly_spot", name).between(None, END)
        realised = realised_variance(hours, "1d").reindex(returns.index)
        measure = realised["variance"].fillna(measure)
        ratio = np.sqrt(realised["quarticity"]) / realised["variance"]
        found["measurement error"] = np.log(ratio.clip(lower=1e-6)).fillna(0.0)
        moves = log_returns(hours).values
        late = moves[moves.index.hour >= 20]
        last = (late**2).groupby(late.index.floor("1D")).sum().reindex(returns.index) * 6.0
        found["last four hours"] = np.log((last / measure).clip(1e-3, 1e3)).fillna(0.0)
        if name in PERPETUALS:
            perpetual = hourly("hourly_perp", name).close
            basis = np.log(perpetual / hours.close.reindex(perpetual.index)).dropna()
            of_day = basis.groupby(basis.index.floor("1D"))
            found["basis"] = of_day.mean().reindex(returns.index)
            found["size of the basis"] = (
                basis.abs().groupby(basis.index.floor("1D")).mean().reindex(returns.index)
            )
    before = returns.iloc[:FIRST]
    floor = 0.5 * float(np.quantile(before[before != 0.0] ** 2, 0.2))
    measure = measure.clip(lower=floor)
    falls = np.minimum(returns / before.std(), 0.0)
    base = {f"{k} d": np.log(trailing(measure, k)) for k in (1, 5, 22)}
    base |= {"fall": falls, "falls": trailing(falls, 5)}
    following = returns.index + pd.Timedelta("1D")
    for day, word in ((0, "Monday"), (5, "Saturday"), (6, "Sunday")):
        found[word] = pd.Series((following.day_of_week == day).astype(float), returns.index)
    volume = days.bars["volume"].reindex(returns.index).clip(lower=1e-9)
    found["volume"] = np.log(volume / trailing(volume, 22)).clip(-3.0, 3.0)
    tether = load_prices(RESEARCH / "daily" / "USDT-USD.parquet", asset="USDT", bar="1d").close
    found["stablecoin premium"] = (tether.reindex(returns.index) - 1.0).fillna(0.0)
    if name != "BTC":
        leader = garman_klass(prices("daily", "BTC")).reindex(returns.index)
        found["BTC's variance"] = np.log(leader / trailing(leader, 22)).fillna(0.0)
    return pd.DataFrame(base).assign(m=measure), pd.DataFrame(found), returns**2


GROUPS = {
    "weekday": ("Monday", "Saturday", "Sunday"),
    "perp-spot basis": ("basis", "size of the basis"),
    "measurement error": ("measurement error",),
    "last four hours": ("last four hours",),
    "BTC leading": ("BTC's variance",),
    "volume": ("volume",),
    "stablecoin premium": ("stablecoin premium",),
}


def boosted(rows: np.ndarray, rest: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Gradient boosting of squared error by trees of one split at one of 15 quantiles."""
    cuts = np.quantile(rows, np.linspace(0.06, 0.94, 15), axis=0)
    below = rows[None] <= cuts[:, None]
    count = below.sum(axis=1)
    left, answer = rest.copy(), np.zeros(len(asked))
    n = len(rows)
    for _ in range(TREES):
        low = np.einsum("knf,n->kf", below, left)
        high = left.sum() - low
        usable = (count >= 20) & (count <= n - 20)
        gain = np.where(
            usable, low**2 / np.maximum(count, 1) + high**2 / np.maximum(n - count, 1), 0
        )
        k, f = np.unravel_index(int(gain.argmax()), gain.shape)
        one, other = RATE * low[k, f] / count[k, f], RATE * high[k, f] / (n - count[k, f])
        left -= np.where(below[k, :, f], one, other)
        answer += np.where(asked[:, f] <= cuts[k, f], one, other)
    return answer


def scores_of(name: str) -> pd.DataFrame:
    """QLIKE of every day under the log-HAR, with each group of signals, and under the learner."""
    base, signals, squares = signals_of(name)
    measure, columns = base["m"], base.drop(columns="m")
    came = np.log(measure.shift(-1))
    squared = squares.shift(-1)
    kinds = {"log-HAR": ()}
    kinds |= {g: names for g, names in GROUPS.items() if set(names) <= set(signals)}
    n, table = len(base), {}
    everything = signals.dropna(axis=1).to_numpy()
    for kind, names in [*kinds.items(), ("gradient-boosted scale", None)]:
        extra = signals[list(names)] if names else pd.DataFrame(index=base.index)
        whole = pd.concat([columns, extra], axis=1)
        known = whole.notna().all(axis=1).to_numpy()
        x = np.column_stack([np.ones(n), whole.fillna(0.0)])
        made = np.full(n, np.nan)
        learned: np.ndarray | None = None
        for k in range(FIRST, n - 1, REFIT):
            fitted = np.flatnonzero(known[: k - 1])
            if len(fitted) < 250:
                continue
            y = came.to_numpy()[fitted]
            b = np.linalg.lstsq(x[fitted], y, rcond=None)[0]
            rest = y - x[fitted] @ b
            level = squares.to_numpy()[:k].sum() / measure.to_numpy()[:k].sum()
            ahead = slice(k, min(k + REFIT, n - 1))
            said = x[ahead] @ b
            if names is None:
                if learned is None or (k - FIRST) % REBOOST == 0:
                    learned = fitted
                rows = np.column_stack([x[:, 1:], everything])
                own = boosted(rows[learned], rest[: len(learned)], rows)
                said, rest = said + own[ahead], rest - own[fitted]
            made[ahead] = np.exp(said) * np.mean(np.exp(rest)) * level
        made[~known] = np.nan
        table[kind] = np.log(made) + squared.to_numpy() / made
    return pd.DataFrame(table, index=base.index).assign(asset=name)


def gate(scores: pd.DataFrame, kind: str) -> dict[str, float]:
    """Whether a signal passes on some assets, pooled day by day."""
    both = scores[["log-HAR", kind]].dropna().groupby(level=0).mean()
    test = diebold_mariano(both[kind], both["log-HAR"])
    held = model_confidence_set({c: both[c] for c in both}, size=0.1, seed=1)
    kept = held.loc[kind, "included"] and not held.loc["log-HAR", "included"]
    better = test.p_value < SIGNIFICANCE and test.mean_difference < 0.0
    return {
        "days": len(both),
        "difference": round(1000.0 * float(both[kind].mean() - both["log-HAR"].mean()), 1),
        "statistic": round(float(test.statistic), 2),
        "alone_in_set": float(kept),
        "passes": float(better and kept),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    arguments = parser.parse_args()
    if not RESEARCH.exists():
        print(
            "no research data: put daily, hourly_spot and hourly_perp into ../shared/data/research"
        )
        print(json.dumps({"signals": None}))
        return
    done = Parallel(n_jobs=2)(delayed(scores_of)(name) for name in (*FROM_HOURS, *DAILY))
    scores = pd.concat(done)
    chosen = scores["asset"].isin(CHOICE["daily"])
    answer: dict[str, dict] = {}
    lines = [
        "| signal | assets | choice set | proof set | DM | alone in the set | passes |",
        "|" + "---|" * 7,
    ]
    for kind in [*GROUPS, "gradient-boosted scale"]:
        count = scores.dropna(subset=[kind])["asset"].nunique()
        there = [gate(part, kind) for part in (scores[chosen], scores[~chosen])]
        answer[kind] = {"assets": count, "choice": there[0], "proof": there[1]}
        lines.append(
            f"| {kind} | {count} | {there[0]['difference']} | {there[1]['difference']} | "
            f"{there[1]['statistic']} | {'yes' if there[1]['alone_in_set'] else 'no'} | "
            f"{'yes' if there[1]['passes'] else 'no'} |"
        )
    print("\n".join(lines))
    text = "\n".join(["QLIKE of the next day less the log-HAR's, times 1,000.", "", *lines])
    if arguments.write:
        write_section("signals", "Signals at the gate", text)
    passing = [kind for kind, row in answer.items() if row["proof"]["passes"]]
    print(
        json.dumps({"passes": passing, "nulls": [k for k in answer if k not in passing], **answer})
    )


if __name__ == "__main__":
    main()
