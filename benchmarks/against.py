"""This checkout's kernels beside those of another commit: interleaved, in one run, as ratios.

``python benchmarks/against.py COMMIT [--cases simulation|fit|all] [--rounds N]`` (or ``make
bench-against COMMIT=...``) checks COMMIT out into a second worktree, starts one process on each,
and has them run every case in turn, round after round, changing who goes first. A round gives one
ratio, CPU time here over CPU time there; printed are the medians, beside the ratio of the best
times, and whether both trees give the same bits. Ends with one line of JSON. Uncommitted changes of
this checkout take part.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
LEAST_ROUNDS = 7


class Tree:
    """A process that runs the cases with the riskkit of one checkout."""

    def __init__(self, path: Path, which: str) -> None:
        own = path / "benchmarks" / "cases.py"
        here = own.parent if own.exists() else ROOT / "benchmarks"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(here)])}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve", which],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=path,
        )  # fmt: skip
        self.names: list[str] = self.read()
        if not Path(str(self.read())).is_relative_to(path):
            raise SystemExit(f"the process of {path} runs another checkout's riskkit")
        self.digests: dict[str, str] = self.read()

    def read(self) -> object:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a tree's process ended: its message is above")
        return json.loads(line)

    def seconds(self, name: str) -> float:
        """CPU seconds of one run of a case."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(name) + "\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def digest(found: object) -> str:
    """The bits of a result: of every array and number in it, by the names of its fields."""
    import dataclasses
    import hashlib

    import numpy as np
    import pandas as pd

    seen = hashlib.sha256()

    def take(value: object) -> None:
        if isinstance(value, pd.DataFrame):
            take([value[name] for name in value.columns])
        elif isinstance(value, pd.Series):
            take(value.to_numpy())
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            seen.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, float):
            seen.update(np.float64(value).tobytes())
        elif isinstance(value, (list, tuple)):
            for item in value:
                take(item)
        elif dataclasses.is_dataclass(value):
            take([getattr(value, field.name) for field in dataclasses.fields(value)])

    take(found)
    return seen.hexdigest()


def serve(which: str) -> None:
    """Answer names on standard input with CPU seconds."""
    import riskkit

    sys.path.pop(0)  # this script's own folder: each tree is to find its own cases first
    from cases import cases

    found = cases(which)
    print(json.dumps(list(found)), flush=True)
    print(json.dumps(riskkit.__file__), flush=True)
    # Compiles, fills the caches, and says what came out.
    print(json.dumps({name: digest(run()) for name, run in found.items()}), flush=True)
    for line in sys.stdin:
        run = found[json.loads(line)]
        began = time.thread_time()
        run()
        print(time.thread_time() - began, flush=True)


def compare(here: Tree, there: Tree, rounds: int) -> dict[str, dict[str, float | bool]]:
    """Median of the rounds' ratios, ratio of the best times, and the best times (ms)."""
    from statistics import median

    names = [name for name in here.names if name in there.names]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names:
            if turn % 2:
                other = there.seconds(name)
                times[name].append((here.seconds(name), other))
            else:
                times[name].append((here.seconds(name), there.seconds(name)))
    return {
        name: {
            "ratio": round(median(a / b for a, b in pairs), 4),
            "best": round(min(a for a, _ in pairs) / min(b for _, b in pairs), 4),
            "here_ms": round(1e3 * min(a for a, _ in pairs), 2),
            "there_ms": round(1e3 * min(b for _, b in pairs), 2),
            "same_bits": here.digests[name] == there.digests[name],
        }
        for name, pairs in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--cases", choices=("simulation", "fit", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    if asked.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}: fewer say nothing of 3 %")
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder).resolve() / "other"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(other), asked.commit], check=True)
        try:
            trees = Tree(ROOT, asked.cases), Tree(other, asked.cases)
            found = compare(*trees, asked.rounds)
            for tree in trees:
                tree.close()
        finally:
            subprocess.run([*git, "remove", "--force", str(other)], check=True)
    print(f"{'case':34s} {'ratio':>7s} {'best':>7s} {'here ms':>9s} {'there ms':>9s}  bits")
    for name, row in found.items():
        figures = f"{row['ratio']:7.3f} {row['best']:7.3f} {row['here_ms']:9.2f}"
        bits = "same" if row["same_bits"] else "OTHER"
        print(f"{name:34s} {figures} {row['there_ms']:9.2f}  {bits}")
    print(json.dumps({"commit": asked.commit, "rounds": asked.rounds, "cases": found}))


if __name__ == "__main__":
    main()
