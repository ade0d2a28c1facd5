"""Damaged files of every kind: does riskkit crash, refuse what is right, or lie in silence?

Prints one JSON line. Inputs are those of ``tests/fuzz``, each a function of its number; run
``python -m benchmarks.bench_robustness --show`` to see what was wrong with which. True collapses
beyond the fuzzer's own are taken from ``../shared/data/research`` if that folder is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.report import write_section
from riskkit.market import load_prices
from tests.fuzz.inputs import KINDS, inputs
from tests.fuzz.judge import Judged, Verdict, judge, memory_megabytes

ROOT = Path(__file__).resolve().parents[1]
RESEARCH = ROOT.parent / "shared" / "data" / "research"
COUNTS = {"price file": 2_600} | {kind: 260 for kind in KINDS if kind != "price file"}
BATCH = 65


def run(kind: str, first: int, last: int) -> tuple[list[Judged], float]:
    """The judged inputs of a batch, and the most memory its process ever held."""
    return list(inputs(kind, range(first, last))), memory_megabytes()


def run_real(path: Path) -> tuple[list[Judged], float]:
    """A real file, which must be taken."""
    return [judge("price file", "", path.name, lambda: load_prices(path), None)], memory_megabytes()


def main() -> None:
    """Judge every input in two processes, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name every input that went wrong")
    parser.add_argument("--write", action="store_true", help="write the section of the README")
    parser.add_argument("--times", type=int, default=1, help="so many times the inputs")
    asked = parser.parse_args()
    began = time.perf_counter()
    batches = [
        (kind, first, min(first + BATCH, asked.times * count))
        for kind, count in COUNTS.items()
        for first in range(0, asked.times * count, BATCH)
    ]
    # Price bars only; the folder of events holds other tables.
    real = [p for p in sorted(RESEARCH.glob("*/*.parquet")) if p.parent.name != "events"]
    if not real:
        print(
            f"no research data at {RESEARCH.name}: real collapses are not among the inputs",
            file=sys.stderr,
        )
    judged: list[Judged] = []
    memory = 0.0
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(run, *batch) for batch in batches]
        waiting += [pool.submit(run_real, path) for path in real]
        for future in waiting:
            found, held = future.result()
            judged += found
            memory = max(memory, held)
    verdicts = Counter(j.verdict for j in judged)
    if asked.show:
        wrong = (Verdict.SILENT, Verdict.TRACEBACK, Verdict.FALSE_ALARM)
        for j in judged:
            if j.verdict in wrong:
                print(
                    f"{j.verdict}: {j.kind}, {j.damage or 'clean'}, {j.name}: {j.words}",
                    file=sys.stderr,
                )
    slowest = max(judged, key=lambda j: j.seconds)
    found = {
        "inputs": len(judged),
        "by_kind": dict(Counter(j.kind for j in judged)),
        "price_damages": dict(
            Counter(j.damage for j in judged if j.kind == "price file" and j.damage)
        ),
        "refused": verdicts[Verdict.REFUSED],
        "said": verdicts[Verdict.SAID],
        "tracebacks": verdicts[Verdict.TRACEBACK],
        "silent_wrong": verdicts[Verdict.SILENT],
        "false_alarms": verdicts[Verdict.FALSE_ALARM],
        "worst_memory_mb": round(memory),
        "worst_s": round(slowest.seconds, 2),
        "worst_input": f"{slowest.kind}, {slowest.damage or 'clean'}, {slowest.name}",
        "seconds": round(time.perf_counter() - began),
    }
    print(json.dumps(found))
    if asked.write:
        write_section("robustness", "Damaged files", _page(found, len(real)))


def _page(found: dict[str, Any], real: int) -> str:
    """The section: what was read, what became of it, and what it took."""
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in found["by_kind"].items())
    damages = ", ".join(f"{n} {name}" for name, n in sorted(found["price_damages"].items()))
    rows = {
        "inputs": f"{found['inputs']:,} ({kinds}), {real} of them real histories",
        "refused in words": f"{found['refused']:,}",
        "read otherwise, and said so": f"{found['said']:,}",
        "read as if undamaged, and wrong": found["silent_wrong"],
        "clean files and true collapses refused": found["false_alarms"],
        "tracebacks": found["tracebacks"],
        "most memory of a process": f"{found['worst_memory_mb']:,} MB",
        "slowest input": f"{found['worst_s']} s ({found['worst_input']})",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"| | |\n|---|---|\n{table}\n\nDamages of price files: {damages}."


if __name__ == "__main__":
    main()
