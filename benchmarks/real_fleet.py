"""A thousand real markets in one night, through the command: time, failures by reason.

Every market is a block of consecutive bars of a research series (dead, depegged and untraded ones
among them), with a study of its own; the night is run twice, so that the second one resumes. Reads
`../shared/data/research`, and says so when it is absent. The budget of a market is small (see
`STUDY`), so that a thousand end within 20 minutes on two cores: what is measured is the fleet, and
no margin here is one to use.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
RESEARCH = ROOT.parent / "shared" / "data" / "research"
#: Folder: bars of a block; holding horizon, reaction time and delay of the liquidation in hours.
BLOCKS = {
    "daily": (700, 720.0, 24.0, 1.0),
    "daily_tradfi": (1000, 720.0, 24.0, 1.0),
    "hourly_perp": (1500, 48.0, 4.0, 1.0),
    "hourly_spot": (1500, 48.0, 4.0, 1.0),
    "minute": (2500, 4.0, 0.5, 0.1),
}
STUDY = """title = "{name}"
as_of = {day}
[data]
asset = "{asset}"
prices = "{name}.parquet"
[model]
spec = "garch-t"
minimum_bars = {minimum}
refit_every_bars = {bars}
[mechanism]
oracle_latency_seconds = 0.0
holding_horizon_hours = {holding}
reaction_time_hours = {reaction}
liquidation_delay_hours = {delay}
[simulation]
paths = 10_000
seed = 1
bootstrap_refits = 2
"""


def write_blocks(place: Path, count: int) -> int:
    """Studies and their prices, series by series in turn, until there are so many."""
    place.mkdir(parents=True, exist_ok=True)
    parts = []
    for folder, (bars, *_) in BLOCKS.items():
        for path in sorted((RESEARCH / folder).glob("*.parquet")):
            table = pd.read_parquet(path)
            for n in range(len(table) // bars):
                parts.append((n, folder, path.stem, table.iloc[n * bars : (n + 1) * bars]))
    # Every series' first block, then every series' second, and so on: no series is left out.
    parts.sort(key=lambda part: (part[0], part[1], part[2]))
    for n, folder, stem, block in parts[:count]:
        name = f"{folder}-{stem}-{n:03d}".lower()
        block.to_parquet(place / f"{name}.parquet", index=False)
        day = (block["ts"].iloc[-1] + pd.Timedelta(days=1)).date()
        bars, holding, reaction, delay = BLOCKS[folder]
        text = STUDY.format(
            name=name,
            day=day,
            asset=stem,
            bars=bars,
            minimum=bars * 2 // 3,
            holding=holding,
            reaction=reaction,
            delay=delay,
        )
        (place / f"{name}.toml").write_text(text, encoding="utf-8")
    return min(count, len(parts))


def night(studies: Path, out: Path, workers: int) -> tuple[float, float, float, str]:
    """Wall and CPU seconds of a run, the driver's memory at its peak in MB, what it printed."""
    command = [sys.executable, "-m", "riskkit", "fleet", "run", str(studies), "--out", str(out)]
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, "--workers", str(workers)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    took = time.perf_counter() - began
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def reasons(out: Path) -> Counter[str]:
    """Failed markets by the rule that they break."""
    (manifest,) = sorted((out / "nights").glob("*.json"))[-1:]
    rows = json.loads(manifest.read_text(encoding="utf-8"))["markets"]
    return Counter(_rule(row["reason"]) for row in rows if row["status"] == "failed")


def _rule(reason: str) -> str:
    """A reason without the value that it names, cut short: failures of one kind look alike."""
    rule = reason.partition("; ")[2] or reason
    return " ".join(word for word in rule.split() if not any(c.isdigit() for c in word))[:90]


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Scratch: studies and the fleet go here.")
    parser.add_argument("--markets", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    if not RESEARCH.is_dir():
        raise SystemExit(f"needs the research data at {RESEARCH}")
    studies, out = asked.folder / "studies", asked.folder / "fleet"
    count = write_blocks(studies, asked.markets)
    took, cpu, peak, said = night(studies, out, asked.workers)
    again, *_ = night(studies, out, asked.workers)
    print(said)
    failed = reasons(out)
    for rule, times in failed.most_common():
        print(f"{times:5d}  {rule}")
    print(
        json.dumps(
            {
                "markets": count,
                "workers": asked.workers,
                "night_s": round(took),
                "cpu_s": round(cpu),
                "cpu_s_per_market": round(cpu / count, 2),
                "failed": sum(failed.values()),
                "reasons": len(failed),
                "driver_peak_mb": round(peak),
                "second_run_s": round(again, 1),
                "load": round(os.getloadavg()[0], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
