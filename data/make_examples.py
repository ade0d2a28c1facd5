"""Make the files of `data/examples`: made-up coins, token, fund and loans, each of a known law.

    python data/make_examples.py

Nobody's prices but ETH's, beside this folder, and the S&P 500's, which arch brings, are in them;
the rest is drawn from laws that are written here, so that what an estimate says can be held to
what is true.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent

#: Breaks a coin-year and law of their depth beyond 1 %: exponential of this mean. A day's loss
#: exceeded once in 1,000 is 1 % + mean x log(1000 (1 - exp(-rate / 365))).
RATE, MEAN_DEPTH = 0.9, 0.015
COINS = {
    "usda": ("fiat-backed", False),
    "usdb": ("fiat-backed", False),
    "usdx": ("fiat-backed", True),
    "daia": ("crypto-backed", False),
    "daib": ("crypto-backed", True),
    "alga": ("algorithmic", False),
}
PEG_DAYS = pd.date_range("2019-01-01", "2022-12-31", tz="UTC")
#: One coin breaks as the law cannot know beforehand: from this day to nothing much.
COLLAPSE, COLLAPSED = "2022-05-09", (0.82, 0.61, 0.35, 0.2)
ACCRUAL = 0.034  # of the staked token's rate, a year


def pegged(rng: np.random.Generator, days: pd.DatetimeIndex) -> np.ndarray:
    """Closes of a coin on its peg but for breaks that heal by a third a day."""
    price = 1.0 + 0.0006 * rng.standard_normal(len(days))
    for start in np.flatnonzero(rng.random(len(days)) < -np.expm1(-RATE / 365.0)):
        depth, at = 0.01 + rng.exponential(MEAN_DEPTH), int(start)
        while depth > 0.002 and at < len(days):
            price[at] = 1.0 - depth
            depth, at = depth * 0.6, at + 1
    return price


def coins() -> dict[str, pd.DataFrame]:
    """A table of daily closes by coin."""
    found = {}
    for number, name in enumerate(COINS):
        price = pegged(np.random.default_rng(100 + number), PEG_DAYS)
        if name == "alga":
            at = int(np.flatnonzero(pd.Timestamp(COLLAPSE, tz="UTC") == PEG_DAYS)[0])
            price[at:] = 0.1
            price[at : at + len(COLLAPSED)] = COLLAPSED
        found[name] = table(PEG_DAYS, np.round(price, 5))
    return found


def coins_file() -> str:
    """The file that names the coins."""
    lines = ['title = "Six made-up coins"', ""]
    for name, (stratum, thin) in COINS.items():
        lines += ["[[coins]]", f'name = "{name.upper()}"', f'prices = "{name}.csv"']
        lines += [f'stratum = "{stratum}"', f"thin = {str(thin).lower()}", ""]
    return "\n".join(lines)


def staked(base: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A staked token over a real base: its price, and its redemption rate."""
    days = base.index
    rng = np.random.default_rng(21)
    elapsed = np.asarray((days - days[0]) / pd.Timedelta(days=365), dtype=np.float64)
    rate = 1.05 * np.exp(ACCRUAL * elapsed)
    level, slow = np.zeros(len(days)), 0.0
    for t in range(1, len(days)):
        slow = 0.97 * slow + 0.0006 * rng.standard_normal()
        level[t] = slow
    # A crowded exit: 5 % within a month, half of it back within two, the rest once exits open.
    at = int(np.searchsorted(days, pd.Timestamp("2022-05-10", tz="UTC")))
    path = np.interp(np.arange(300), [0, 30, 90, 250, 299], [0.0, -0.05, -0.025, -0.005, 0.0])
    stretch = min(300, len(days) - at)
    level[at : at + stretch] += path[:stretch]
    noise = 0.002 * rng.standard_t(5, len(days))
    price = base.to_numpy() * rate * np.exp(level + noise)
    return table(days, np.round(price, 2)), table(days, np.round(rate, 6))


def fund(closes: pd.Series) -> pd.DataFrame:
    """What is told of an index every fifth session, half of it old: its truth is known."""
    every = closes.iloc[::5]
    told = every.to_numpy().copy()
    for t in range(1, len(told)):
        told[t] = told[t - 1] * (every.iloc[t] / every.iloc[t - 1]) ** 0.5 * past(every, t) ** 0.5
    return table(pd.DatetimeIndex(every.index).tz_localize("UTC"), np.round(told, 2))


def past(every: pd.Series, t: int) -> float:
    """The gross return of the period before; 1 in the first."""
    return float(every.iloc[t - 1] / every.iloc[t - 2]) if t > 1 else 1.0


def loans() -> pd.DataFrame:
    """Loans of the base against the token: 34 of them within 2.85 % of their threshold."""
    rng = np.random.default_rng(34)
    debt = rng.uniform(50.0, 5_000.0, 500)
    health = np.concatenate([rng.uniform(1.0005, 1.029, 34), rng.uniform(1.031, 1.6, 466)])
    collateral = health * debt / (0.955 * 1.22914)
    return pd.DataFrame({"collateral": collateral.round(4), "debt": debt.round(4)})


CAP_CHANGE = """\
# A snapshot of a capped oracle moves: ratio and time together, 3 % a step.
rate = 1.22914                      # base per token, true at the moment
moment = 2026-03-10T00:00:00Z
growth_per_year_fraction = 0.0968
largest_change_fraction = 0.03
together = true                     # false: the time in full at the first step, and a refusal
liquidation_threshold = 0.955
positions = "token-loans.csv"

[live]
ratio = 1.1572
time = 2025-07-01T00:00:00Z

[target]
ratio = 1.2272
time = 2026-03-03T00:00:00Z
"""


def table(days: pd.DatetimeIndex, close: np.ndarray) -> pd.DataFrame:
    """Two columns, as price files have them."""
    return pd.DataFrame({"time": days.strftime("%Y-%m-%d"), "close": close})


def made() -> dict[str, str]:
    """Every file by its name."""
    from arch.data import sp500

    base = pd.read_csv(HERE / "eth_usd_daily.csv")
    eth = pd.Series(base["close"].to_numpy(), pd.to_datetime(base["time"], utc=True))
    token, rate = staked(eth["2021-01-01":])
    tables = {
        **{f"{name}.csv": rows for name, rows in coins().items()},
        "staked.csv": token,
        "staked-rate.csv": rate,
        "fund.csv": fund(sp500.load()["Adj Close"]),
        "token-loans.csv": loans(),
    }
    texts = {name: rows.to_csv(index=False, lineterminator="\n") for name, rows in tables.items()}
    return {**texts, "coins.toml": coins_file(), "cap-change.toml": CAP_CHANGE}


def main(folder: Path) -> None:
    """Write them."""
    folder.mkdir(exist_ok=True)
    for name, text in made().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "examples")
