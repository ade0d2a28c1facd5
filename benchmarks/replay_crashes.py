"""Three crashes replayed as pages: the margin in force, what fills cost, who defaulted.

2021-05-19 on one-minute bars, 2024-01-03 and 2024-04-13 on five-minute ones, BTC and ETH, by the
rule and the accounts that `riskkit replay` takes where a study says nothing, with the model of
`make bench-minutes`. Positions are opened every six hours from a week before. Pages go to
out/replays; the table to the README of the benchmarks.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import pandas as pd
from report import write_section

from riskkit.lab.replay_page import render_replay
from riskkit.market.load import load_prices
from riskkit.parameters.write import write_atomically
from riskkit.proof.rule_judgement import RuleJudgement, judge_rule
from riskkit.proof.rule_words import rule_words, worst_days
from riskkit.study.case import Case
from riskkit.study.study import parse_study

ROOT = Path(__file__).resolve().parents[1]
RESEARCH = ROOT.parent / "shared" / "data" / "research" / "minute"
CRASHES = (("2021-05-19", "1m"), ("2024-01-03", "5m"), ("2024-04-13", "5m"))
WEEK = pd.Timedelta(days=7)


def case_of(asset: str, bar: str, day: pd.Timestamp) -> Case:
    """A perpetual on the bars up to the day after the crash, closed out five minutes late."""
    name = f"{asset}USDT-spot-{bar}"
    history = load_prices(RESEARCH / f"{name}.parquet", asset=asset, bar=bar)
    study = parse_study(
        {
            "schema_version": 2,
            "title": f"{asset}, {day:%Y-%m-%d}, {bar} bars",
            "as_of": date(day.year, day.month, day.day),
            "data": {"asset": asset, "prices": f"{name}.parquet"},
            # One-minute bars begin seven weeks before the crash.
            "model": {
                "spec": "gjr-normal",
                "minimum_history_days": 90.0 if bar == "5m" else 21.0,
                "refit_every_days": 30.0 if bar == "5m" else 7.0,
            },
            "oracle": {"deviation_fraction": 0.0},
            "liquidation": {"delay": {"kind": "constant", "seconds": 300.0}},
            "liquidity": {"kind": "flat", "rate_fraction": 0.001},
            "position": {"kind": "perpetual", "penalty_fraction": 0.0005},
        }
    )
    return Case.of(study, history)


def row_of(judged: RuleJudgement, day: pd.Timestamp) -> dict[str, object]:
    """The crash day in one row, and what each fill would have cost over the week."""
    days = worst_days(judged, 10)
    found = days[days["day"] == f"{day:%Y-%m-%d}"]
    row: dict[str, object] = {"asset": judged.base.asset, "day": f"{day:%Y-%m-%d}"}
    if found.empty:
        margin = judged.base.margin
        row |= {
            "before, %": 100.0 * margin[: day - pd.Timedelta(seconds=1)].iloc[-1],
            "at most, %": 100.0 * margin[day:].max(),
            "defaulted": 0,
        }
    else:
        one = found.iloc[0]
        row |= {
            "before, %": 100.0 * one["margin before"],
            "at most, %": 100.0 * one["margin at most"],
            "liquidated": one["liquidated"],
            "by requirement, %": 100.0 * one["by requirement"],
            "defaulted": one["defaulted"],
            "largest bad debt, %": 100.0 * one["largest bad debt"],
        }
    fills = judged.fills.set_index("fill")["oi_year_bps"] * len(judged.base.judged.days) / 365.0
    for fill, bps in fills.items():
        row[f"{fill}, bps of OI"] = bps
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the section of the README")
    arguments = parser.parse_args()
    if not RESEARCH.is_dir():
        print("no research data: put minute/*.parquet into ../shared/data/research")
        return
    rows, rules = [], {}
    for text, bar in CRASHES:
        day = pd.Timestamp(text, tz="UTC")
        for asset in ("BTC", "ETH"):
            case = case_of(asset, bar, day)
            end = case.history.last + case.bar
            judged = judge_rule(case, start=day - WEEK, end=end, histories=0)
            place = ROOT / "out" / "replays" / f"{asset.lower()}-{text}.html"
            print("page:", write_atomically(place, render_replay(case.name, judged)).name)
            rows.append({"bars": bar, **row_of(judged, day)})
            rules[bar] = rule_words(judged)
    table = pd.DataFrame(rows).to_string(index=False, na_rep="", float_format=lambda v: f"{v:.3g}")
    rule = "\n".join(f"{bar} bars: {words}" for bar, words in rules.items())
    print(f"{rule}\n\n{table}")
    if arguments.write:
        body = f"```\n{rule}\n\n{table}\n```"
        write_section("replay-crashes", "Three crashes replayed", body, "make replay-crashes")


if __name__ == "__main__":
    main()
