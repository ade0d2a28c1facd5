"""Processor seconds of the command line, from typing to the answer, everything compiled before.

    python benchmarks/bench_start.py [--write]

Each command runs in a process of its own, five times (the calibration three times), and its user
and system time is taken; the figure is the least of the runs, since other work on the machine only
adds. `calibrate_wall_s` is the shortest calibration by the clock. One warm-up and one run of each
come before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import write_section

ROOT = Path(__file__).resolve().parents[1]
RISKKIT = (sys.executable, "-m", "riskkit")
STUDY = ROOT / "studies" / "eth-perpetual-daily.toml"


def spent(words: list[str]) -> tuple[float, float]:
    """Processor and clock seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([*RISKKIT, *words], capture_output=True, check=False, cwd=ROOT)
    clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock


def least(words: list[str], runs: int) -> tuple[float, float]:
    """The least processor and clock seconds of some runs, after one that is not counted."""
    spent(words)
    found = [spent(words) for _ in range(runs)]
    return min(cpu for cpu, _ in found), min(clock for _, clock in found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    wanted = parser.parse_args()
    subprocess.run([*RISKKIT, "warm-up"], capture_output=True, check=True, cwd=ROOT)
    with tempfile.TemporaryDirectory() as out:
        calibrate = ["calibrate", str(STUDY), "--out", out]
        cpu, clock = least(calibrate, 3)
    line = json.dumps(
        {
            "version_cpu_s": round(least(["--version"], 5)[0], 3),
            "help_cpu_s": round(least(["--help"], 5)[0], 3),
            "wrong_option_cpu_s": round(least(["calibrate", "--nothing"], 5)[0], 3),
            "calibrate_cpu_s": round(cpu, 2),
            "calibrate_wall_s": round(clock, 2),
        }
    )
    print(line)
    if wanted.write:
        load = f"(load of the machine at the end {os.getloadavg()[0]:.1f})"
        body = f"{__doc__.split('[--write]')[1].strip()}\n\n```text\n{line}\n{load}\n```"
        write_section("start", "From a command to its answer", body)


if __name__ == "__main__":
    main()
