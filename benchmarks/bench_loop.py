"""The loop and the policies of closing, out of sample: regret on real series, proposals, tables.

    python benchmarks/bench_loop.py [--write] [--trials N] [--proposals N] [--only NAME]

Three parts. *Proposals*: ten thousand points of the loop's space, each made into a rule, a study
and a legal way from random margins under random limits; none may be refused. *Regret*: the loop on
research series, daily and minutes (five-minute bars, of which the rule is judged on every one),
each year chosen on its past; left out, in words, where the data is absent. *Policies*: the shipped
venue study, and the synthetic book of a billion on it, chosen on one half and judged on the other.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from report import write_section

from riskkit.closing.answer import choose_policy, judge_policy
from riskkit.errors import InputError
from riskkit.formats.guardrails import Guardrail, Limit
from riskkit.loop.answer import EVERY, bench_of, rule_changes
from riskkit.loop.evaluate import HeldRule
from riskkit.loop.legal import NAMES, legal_move, margins_of
from riskkit.loop.space import AXES, policy_at
from riskkit.loop.walk import walk_loop
from riskkit.market.load import TableSource, history_from_table
from riskkit.study.case import Case
from riskkit.study.study import Study, parse_study
from riskkit.units import Scale
from riskkit.venue.rule import PublishedRule, check_rule

ROOT = Path(__file__).resolve().parents[1]
RESEARCH = ROOT / ".." / "shared" / "data" / "research"
SERIES = {
    "BTC daily": ("daily/BTC-USD.parquet", "1d", 1_000, 90, 24.0, 4.0),
    "ETH daily": ("daily/ETH-USD.parquet", "1d", 1_000, 90, 24.0, 4.0),
    "LINK daily": ("daily/LINK-USD.parquet", "1d", 1_000, 90, 24.0, 4.0),
    "BTC 5 minutes": ("minute/BTCUSDT-spot-5m.parquet", "5min", 8_000, 8_640, 12.0, 12.0),
    "ETH 5 minutes": ("minute/ETHUSDT-spot-5m.parquet", "5min", 8_000, 8_640, 12.0, 12.0),
}
SECONDS = 1_150.0


def proposals(count: int, seed: int = 1) -> dict[str, float]:
    """Random points, margins and limits, each made into a proposal; counts those refused."""
    rng = np.random.default_rng(seed)
    study = parse_study(
        {
            "title": "proposals",
            "as_of": date(2024, 12, 31),
            "data": {"asset": "BTC/USD", "prices": "none.csv"},
        }
    )
    refused = withheld = steps = 0
    for _ in range(count):
        policy = policy_at(rng.random(len(AXES)))
        base = PublishedRule(6.0, int(rng.integers(1, 6)), float(rng.uniform(0.0, 0.05)))
        hours = float(rng.choice([1 / 60, 1 / 12, 1.0, 24.0]))
        horizon = int(rng.integers(1, 400))
        scale = (Scale.BPS, Scale.PPM, Scale.WAD)[int(rng.integers(3))]
        limit = Limit(
            Decimal(str(round(float(rng.uniform(0.0005, 0.1)), 4))),
            None if rng.random() < 0.5 else Decimal(str(round(float(rng.uniform(0.02, 0.9)), 2))),
            pd.Timedelta(days=int(rng.integers(0, 10))),
        )
        live, target = np.exp(rng.uniform(math.log(1e-4), math.log(0.9), 2))
        try:
            rule = policy.rule(
                base, bar_hours=hours, long_run=float(rng.uniform(1e-4, 0.1)), horizon=horizon
            )
            check_rule(rule, horizon)
            study.changed(
                rule_changes(HeldRule("x", policy.model, rule), pd.Timedelta(hours=hours))
            )
            move = legal_move(
                margins_of(float(live), 0.04, scale),
                margins_of(float(target), 0.04, scale),
                pd.Timestamp("2026-01-01"),
                Guardrail("a venue's", tuple((name, limit) for name in NAMES), scale),
            )
        except InputError:
            refused += 1
            continue
        withheld += bool(move.withheld)
        steps += len(move.path.steps)
    return {"proposals": count, "refused": refused, "withheld": withheld, "steps": steps}


def series_case(name: str) -> Case | None:
    """A research series as a study's case; None where it is absent."""
    file, bar, window, refit, _, multiple = SERIES[name]
    path = RESEARCH / file
    if not path.is_file():
        return None
    table = pd.read_parquet(path).rename(columns={"ts": "time"})
    history = history_from_table(table, TableSource(name, "research data"), bar=bar)
    study: Study = parse_study(
        {
            "schema_version": 2,
            "title": name,
            "as_of": history.close.index[-1].date() + pd.Timedelta(days=2),
            "data": {"asset": name.split()[0] + "/USD", "prices": file, "bar": bar},
            "model": {
                "spec": "gjr-normal",
                "minimum_bars": window,
                "refit_every_bars": refit,
            },
            "position": {"kind": "perpetual", "sides": ["long", "short"]},
            "rule": {"multiple": multiple},  # today's: at 12 sigma of a day it would be its cap
        }
    )
    return Case.of(study, history)


def regret(name: str, trials: int) -> pd.DataFrame | None:
    """The loop on one series, every year."""
    case = series_case(name)
    if case is None:
        return None
    bench = bench_of(case, every=max(EVERY, pd.Timedelta(hours=SERIES[name][4])))
    return walk_loop(bench, trials=trials).table()


def policies(name: str) -> tuple[str, list[tuple[str, pd.DataFrame]]]:
    """The table of policies of one book on the shipped venue study."""
    path = ROOT / "studies" / "btc-venue-hourly.toml"
    case = Case.read(path)
    if name != "shipped":
        changes = {"book": {"open_interest_notional": 1e9, "median_leverage": 4.0, "seed": 3}}
        case = Case(case.study.changed(changes), case.history)
    found = judge_policy(choose_policy(case, path.parent, threads=2))
    return found.verdict(), [(t.sample.name, t.table) for t in found.tables]


def markdown(table: pd.DataFrame, columns: dict[str, str]) -> str:
    """A table of Markdown."""
    flat = table.reset_index()
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for _, row in flat.iterrows():
        cells = []
        for head, form in columns.items():
            value = row[head]
            cells.append(form.format(value) if isinstance(value, float) else str(value))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


YEARS = {
    "year": "{}",
    "capital_loop": "{:.2%}",
    "bad_debt_loop": "{:.1f}",
    "capital_nothing": "{:.2%}",
    "bad_debt_nothing": "{:.1f}",
    "deflated_gain": "{:.1f}",
    "regret_nothing": "{:+.1f}",
    "regret_fixed": "{:+.1f}",
    "kept_its_promise": "{}",
}
COSTS = {
    "policy": "{}",
    "bad_debt": "{:.2f}",
    "owners_cost": "{:.2f}",
    "missed": "{:.1f}",
    "total": "{:.1f}",
    "total_low": "{:.1f}",
    "total_high": "{:.1f}",
    "against": "{:+.1f}",
    "against_low": "{:+.1f}",
    "against_high": "{:+.1f}",
    "unfair": "{:.1%}",
    "deeper": "{:.2%}",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--proposals", type=int, default=10_000)
    parser.add_argument("--only", help="proposals, policies, or the name of a series")
    given = parser.parse_args()
    began = time.perf_counter()
    found: dict[str, object] = {}

    def tell(part: str, title: str, body: str) -> None:
        print(f"{part}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
        if given.write:
            slug = part.replace(" ", "-").lower()
            write_section(f"loop-{slug}", title, body, "make bench-loop")

    for part in [given.only] if given.only else ["policies", *SERIES, "proposals"]:
        if time.perf_counter() - began > SECONDS:
            print(f"{part}: left out, the time was over", file=sys.stderr)
        elif part == "proposals":
            made = proposals(given.proposals)
            found |= made
            body = (
                f"{made['proposals']:,} proposals, random limits: {made['refused']} refused by "
                f"rule, study, guardrail or steps; {made['withheld']:,} withheld by "
                f"the loop itself; {made['steps']:,} legal steps."
            )
            tell(part, "The loop: legal proposals", body)
        elif part == "policies":
            bodies = []
            for book in ("shipped", "a billion, leverage 4"):
                verdict, tables = policies(book)
                bodies.append(f"**{book} book**: {verdict}.")
                bodies += [f"{title}\n\n{markdown(table, COSTS)}" for title, table in tables]
                found[f"policy_{book}"] = verdict
            tell(part, "Policies of closing, on the shipped venue study", "\n\n".join(bodies))
        else:
            table = regret(part, given.trials)
            if table is None:
                print(f"{part}: the research data is absent", file=sys.stderr)
                continue
            whole = table.loc["all"]
            found[f"regret_to_nothing_{part}"] = round(float(whole["regret_nothing"]), 2)
            found[f"regret_to_fixed_{part}"] = round(float(whole["regret_fixed"]), 2)
            body = (
                f"{given.trials} trials a year; losses and regret in bps of open interest a year."
            )
            tell(part, f"The loop out of sample: {part}", f"{body}\n\n{markdown(table, YEARS)}")
    found["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
