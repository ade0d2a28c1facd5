"""Collateral: joint haircuts, pegs, staked tokens, closed hours and baskets, out of sample.

Research data. What was chosen on other series is said beside each number.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bench_portfolio import DAILY, DAYS, SPEC, panel
from report import write_section

from riskkit.collateral.aftermath import basis_aftermath, peg_aftermath
from riskkit.collateral.basis import basis_margins, basis_of
from riskkit.collateral.baskets import walk_baskets
from riskkit.collateral.closed_hours import closed_margins, closures, exceptions
from riskkit.collateral.haircut import MONEY, TailRule, collateral_needs
from riskkit.collateral.peg import PeggedCoin, fit_pegs
from riskkit.collateral.peg_record import leave_one_out
from riskkit.dependence.joint import JointModel, JointSpec
from riskkit.market.panel import Panel
from riskkit.proof.panel_walk import dcc_before, scenarios_at, stretches
from riskkit.validation.coverage import binomial_interval

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "research"
SINGLE_NAMES = ("AAPL", "NVDA", "TSLA")
RULE = TailRule(0.99)


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet").set_index("ts")


def haircuts(days: Panel) -> dict[str, dict[str, object]]:
    """One day, 99 %, every origin: ETH long and short in money, ETH and BTC."""
    names, values = list(days.names), days.joint_returns().to_numpy()
    eth, btc = names.index("ETH"), names.index("BTC")
    books = np.zeros((2, len(names)))
    books[0, eth], books[1, eth] = 1.0, -1.0
    joint, separate, hits, hits_separate = [], [], [], []
    spec = JointSpec()
    for stretch in stretches(days, SPEC, spec, DAYS):
        model = JointModel.of(stretch.residuals, spec, dcc=dcc_before(stretch))
        for t in range(stretch.begin, stretch.end):
            moves = scenarios_at(stretch, model, t, DAYS)
            kinds = {MONEY: np.zeros(len(moves)), "ETH": moves[:, eth], "BTC": moves[:, btc]}
            need = collateral_needs(books, moves, kinds, RULE)
            came = np.expm1(values[t])
            left = 1.0 + np.array([0.0, came[eth], came[btc]])
            lost = -(books @ came)[:, None]
            joint.append(need.joint)
            separate.append(need.separate)
            hits.append(need.joint * left < lost)
            hits_separate.append(need.separate * left < lost)
    found: dict[str, dict[str, object]] = {}
    low, high = binomial_interval(len(hits), 0.01)
    for a, side in enumerate(("long", "short")):
        for k, kind in enumerate((MONEY, "ETH", "BTC")):
            n = int(np.sum(hits, axis=0)[a, k])
            found[f"{side} in {kind}"] = {
                "margin_pct": round(100 * float(np.mean(joint, axis=0)[a, k]), 2),
                "schedule_pct": round(100 * float(np.mean(separate, axis=0)[a, k]), 2),
                "exceptions": {
                    "n": n, "of": len(hits), "low": low, "high": high,
                    "inside": bool(low <= n <= high),
                },
                "schedule_exceptions": int(np.sum(hits_separate, axis=0)[a, k]),
            }  # fmt: skip
    return found


def coins(data: Path) -> list[PeggedCoin]:
    spot, daily = data / "hourly_spot", data / "daily"
    before = read(daily, "USDC-USD").close[:"2022-02-03"]
    return [
        PeggedCoin("USDC", read(spot, "USDCUSD_cdd").close),
        PeggedCoin("USDC", before),
        PeggedCoin("USDT", read(daily, "USDT-USD").close),
        PeggedCoin("BUSD", read(spot, "BUSDUSDT").close.dropna()),
        PeggedCoin("TUSD", read(spot, "TUSDUSDT").close.dropna()),
        PeggedCoin("DAI", read(spot, "DAIUSD_cdd").close, "crypto-backed", thin=True),
        PeggedCoin("UST", read(spot, "USTUSDT").close, "algorithmic"),
    ]


def pegs(data: Path) -> dict[str, object]:
    """Laws by stratum, and each coin held to the law of the others, with and without thin ones."""
    panel_, found = coins(data), {}
    for name, thin in (("depeg_covered", True), ("depeg_covered_without_thin", False)):
        kept = leave_one_out(panel_, thin=thin)
        found[name] = {
            "n": kept.exceeded, "of": kept.days, "low": round(kept.low, 5),
            "high": round(kept.high, 5), "inside": kept.covered and kept.probability <= kept.high,
            "every_day_n": kept.losing, "every_day_of": kept.every,
        }  # fmt: skip
    found["peg_laws"] = {
        law.stratum: {
            "episodes": len(law.episodes), "coin_years": round(law.years, 1),
            "one_in_1000_pct": round(100 * law.loss(1e-3), 2),
            "band_pct": [round(100 * x, 2) for x in law.band(1e-3)],
            "one_in_10000_pct": round(100 * law.loss(1e-4), 2),
        }
        for law in fit_pegs(panel_).values()
    }  # fmt: skip
    return found


def staked(data: Path) -> dict[str, object]:
    """STETH against ETH: settings were chosen on WBTC against BTC."""
    daily = data / "daily"
    basis = basis_of(read(daily, "STETH-USD").close, read(daily, "ETH-USD").close)
    walked = basis_margins(basis)
    found = {}
    for bars in (1, 10, 30):
        (n, hits), (low, high) = walked.exceptions(bars), walked.band(bars)
        rows = walked.walk[bars]["margin"]
        found[f"{bars}d"] = {
            "n": hits, "of": n, "due": round(0.01 * n, 1), "low": low, "high": high,
            "inside": bool(low <= 0.01 * n <= high),
            "margin_pct": round(100 * float(rows.mean()), 2),
        }  # fmt: skip
    return {"lst_exceptions": found, "lst_variance_ratio": round(walked.variance_ratio, 2)}


def closed(data: Path) -> dict[str, dict[str, object]]:
    """Close to open of single names; the decay was chosen on four funds."""
    found = {}
    for name in SINGLE_NAMES:
        rows = read(data / "daily_tradfi", name)["1990":]
        walk = closed_margins(closures(rows["open"], rows["close"])).walk
        for kind in (None, "night", "weekend"):
            for side, (n, hits) in exceptions(walk, kind).items():
                low, high = binomial_interval(n, 0.01)
                found[f"{name} {kind or 'all'} {side}"] = {
                    "n": hits, "of": n, "low": low, "high": high,
                    "inside": bool(low <= hits <= high),
                }  # fmt: skip
    return found


def published(data: Path) -> dict[str, object]:
    """What a study would have published on a day, and what came within 60 days."""
    daily, found = data / "daily", {}
    panel_ = coins(data)
    for coin, day in (("USDC", "2023-03-09"), ("UST", "2022-05-01")):
        case = next(each for each in peg_aftermath(panel_, day) if each.coin == coin)
        found[f"{coin} as of {day}"] = {
            "one_in_1000_pct": round(100 * case.once_in_1000, 2),
            "one_in_10000_pct": round(100 * case.once_in_10000, 2),
            "band_10000_pct": [round(100 * x, 2) for x in (case.low, case.high)],
            "came_pct": round(100 * case.came, 2),
        }
    for token, day in (("STETH", "2022-05-01"), ("WBETH", "2024-03-01")):
        basis = basis_of(read(daily, f"{token}-USD").close, read(daily, "ETH-USD").close)
        case = basis_aftermath(basis, day)
        found[f"{token} as of {day}"] = {
            "margin_30d_pct": round(100 * case.margins[30], 2),
            "largest_margin_30d_pct": round(100 * case.largest[30], 2),
            "came_30d_pct": round(100 * case.came[30], 2),
            "came_pct": round(100 * case.worst, 2),
        }
    return found


def baskets(days: Panel) -> dict[str, dict[str, float]]:
    """Baskets of eight assets, and the best single one; nothing is chosen on them."""
    table = walk_baskets(days.joint_returns().iloc[250:]).table.set_index("basket")
    columns = ["volatility", "haircut", "shortfall", "turnover", "effective"]
    columns += ["variance_ratio", "low", "high"]
    return table[columns].round(3).T.to_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(json.dumps({"absent": "research data at ../shared/data/research"}))
        return
    began = time.process_time()
    data = arguments.data
    days = panel(data / "daily", DAILY, "{}-USD.parquet")
    result = {
        "haircuts": haircuts(days),
        **pegs(data),
        **staked(data),
        "closed_hours_exceptions": closed(data),
        "published_and_came": published(data),
        "baskets": baskets(days),
    }
    result["cpu_s"] = round(time.process_time() - began)
    if arguments.write:
        # Beside the section in words, which is kept by hand.
        body = "```\n" + json.dumps(result) + "\n```"
        write_section("collateral-figures", "Collateral, as printed", body, "make bench-collateral")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
