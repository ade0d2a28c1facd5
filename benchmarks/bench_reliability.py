"""Do predictions hold, and what does each generation of liquidation rules cost: real history.

Rules set before any run: the shipped studies as they are; targets of 1, 2, 3 and 5 %; 400 simulated
histories behind the 95 % bands; cells with fewer than ten expected events are not judged; three
generations at 1 % defaults on the first half. The thirds by volatility were added after the first
runs, to find where predictions fail: they explain, and judge nothing. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pandas as pd
from report import write_section

from riskkit.calibration.generations import compare_generations
from riskkit.calibration.prices import load_study_prices
from riskkit.calibration.reliability import measure_reliability
from riskkit.calibration.study import read_study

STUDIES = Path(__file__).resolve().parents[1] / "studies"
NAMES = ("eth-perpetual-daily", "btc-perpetual-hourly")


def shown(title: str, table: pd.DataFrame) -> str:
    text = table.to_string(index=False, float_format=lambda v: f"{v:.4g}", na_rep="")
    return f"{title}\n\n{text}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the section of the README")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    parts, summary = [], {}
    for name in NAMES:
        study = read_study(STUDIES / f"{name}.toml")
        history = load_study_prices(study, STUDIES)
        began = time.perf_counter()
        result = measure_reliability(study, history, threads=arguments.threads)
        seconds = time.perf_counter() - began
        inside, judged = result.judged_inside
        # Above the band is the side that costs the venue; below it, the users.
        above = result.cells["judged"] & (result.cells["realised"] > result.cells["high"])
        compared = compare_generations(study, history, threads=arguments.threads)
        parts += [
            shown(f"{name}: {inside} of {judged} cells inside", result.cells),
            shown("Brier scores", result.brier),
            shown("Thirds by volatility at opening", result.by_volatility()),
            shown(f"Generations, matched before {compared.split:%Y-%m-%d}", compared.table),
            shown("Both sides", compared.headline()),
        ]
        summary[name] = {
            "inside": inside,
            "judged": judged,
            "above": int(above.sum()),
            "seconds": round(seconds, 1),
        }
    text = "\n".join([*parts, json.dumps(summary)])
    print(text)
    if arguments.write:
        write_section("reliability", "Predictions against history", f"```\n{text}\n```")


if __name__ == "__main__":
    main()
