"""A fleet of markets: bits, deaths, speed, resumption. Prints one JSON line.

Real processes on loopback: a Dask scheduler with two workers, of which one is killed with signal 9
while it works, eight times; and a pool of two processes likewise. Needs the extra `cluster`.
`--before COMMIT` measures the API's CPU seconds a market there too, in the same run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pandas as pd

from riskkit.fleet.archive import Archive
from riskkit.fleet.cluster import ClusterAddress, ClusterWorkers
from riskkit.fleet.identity import this_machine
from riskkit.fleet.night import night_of, write_night
from riskkit.fleet.plan import plan_markets, read_case, study_files
from riskkit.fleet.run import Asking, Ended, Status, run_markets
from riskkit.fleet.task import solve
from riskkit.fleet.workers import ProcessWorkers, ThreadWorkers, Workers

ROOT = Path(__file__).resolve().parents[1]
KILLS = 8
PORT = 18_786
NOW = pd.Timestamp("2025-01-05", tz="UTC")
LIGHT = """
title = "Market {n}"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc_usd_daily.csv"
[model]
spec = "gjr-t"
refit_every_bars = 300
[mechanism]
oracle_latency_seconds = 0.0
[simulation]
paths = {paths}
seed = {n}
bootstrap_refits = {refits}
"""
#: What two workers are timed on: markets of the size that `cpu_s_per_market` counts, so many that
#: starting two processes (2.6 s) does not decide.
TIMED = 16
ONE = """
import json, sys, time
sys.path.insert(0, {root!r})
from datetime import date
from riskkit.calibration.calibrate import calibrate
from riskkit.market import load_prices
from riskkit.study.study import read_study
from riskkit.parameters.build import build_parameter_file
study = read_study({study!r})
history = load_prices({prices!r}, asset=study.data.asset)
build_parameter_file(calibrate(study, history))
began = time.process_time()
build_parameter_file(calibrate(study, history))
print(json.dumps(time.process_time() - began))
"""


def markets_folder(place: Path, count: int, paths: int = 10_000, refits: int = 3) -> Path:
    """A folder of studies on one real series, told apart by their seeds; light ones by default."""
    place.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "btc_usd_daily.csv", place)
    for n in range(count):
        text = LIGHT.format(n=n + 1, paths=paths, refits=refits)
        (place / f"market-{n:04d}.toml").write_text(text, encoding="utf-8")
    return place


def run(studies: Path, out: Path, workers: Workers, progress=None) -> tuple[Ended, ...]:
    """Run a folder as of a fixed moment."""
    identity = workers.identity()
    asking = Asking(partial(read_case, now=NOW), NOW, identity)
    markets = plan_markets(study_files([studies]), identity)
    tell = progress or (lambda done, failed, total: None)
    with workers:
        return run_markets(markets, Archive(out), workers, asking, tell)


def answers(out: Path) -> dict[str, bytes]:
    """Every parameter file of an archive, by its key."""
    return {path.stem: path.read_bytes() for path in (out / "answers").glob("*/*.json")}


def process_kills(studies: Path, serial: dict[str, bytes], scratch: Path) -> int:
    """How many of the runs with a killed process end with the serial bytes."""
    survived = 0
    for attempt in range(KILLS):
        killed: list[int] = []

        def kill_one(done: int, failed: int, total: int, killed: list[int] = killed) -> None:
            if not killed:
                victim = multiprocessing.active_children()[0].pid
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

        out = scratch / f"processes-{attempt}"
        run(studies, out, ProcessWorkers(solve, 2), kill_one)
        survived += bool(killed) and answers(out) == serial
    return survived


def cluster_kills(studies: Path, serial: dict[str, bytes], scratch: Path) -> int:
    """The same with a Dask worker process, killed a second after the first market ended."""
    dask = str(Path(sys.executable).with_name("dask"))
    address = f"tcp://127.0.0.1:{PORT}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [dask, "scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"], **quiet
    )

    def worker() -> subprocess.Popen[bytes]:
        words = [dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        return subprocess.Popen([*words, "--local-directory", str(scratch)], **quiet)

    pool = [worker(), worker()]
    survived = 0
    try:
        for attempt in range(KILLS):
            _wait_for(address, 2)
            killed: list[int] = []

            def kill_one(done: int, failed: int, total: int, killed: list[int] = killed) -> None:
                if not killed:
                    killed.append(pool[0].pid)
                    threading.Timer(1.0, pool[0].send_signal, [signal.SIGKILL]).start()

            out = scratch / f"cluster-{attempt}"
            run(studies, out, ClusterWorkers(solve, ClusterAddress(address)), kill_one)
            survived += bool(killed) and pool[0].wait() != 0 and answers(out) == serial
            pool[0] = worker()
    finally:
        for process in (*pool, scheduler):
            process.kill()
    return survived


def _wait_for(address: str, count: int) -> None:
    import distributed

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with distributed.Client(address, timeout=5) as client:
                client.wait_for_workers(count, timeout=60)
                return
        except (OSError, TimeoutError):
            time.sleep(0.5)
    raise SystemExit("the cluster did not start")


def cpu_per_market(root: Path) -> float:
    """CPU seconds of one warm calibration of the daily ETH perpetual through the API there."""
    code = ONE.format(
        root=str(root),
        study=str(root / "studies" / "eth-perpetual-daily.toml"),
        prices=str(ROOT / "data" / "eth_usd_daily.csv"),
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    return float(found.stdout)


def resumed(scratch: Path, count: int = 1000) -> tuple[float, float]:
    """Seconds of a finished fleet's next run, and the driver's memory at its peak in MB.

    Every market's answer is that of one real calibration: what is measured is the way to it.
    """
    studies, out = markets_folder(scratch / "thousand", count), scratch / "thousand-out"
    identity = this_machine()
    archive = Archive(out)
    asking = Asking(partial(read_case, now=NOW), NOW, identity)
    first = plan_markets(study_files([studies]), identity)
    with ThreadWorkers(solve) as workers:
        (one,) = run_markets(first[:1], archive, workers, asking)
    text = archive.parameters(one.key).read_text(encoding="utf-8")
    with ThreadWorkers(partial(_again, text=text)) as workers:
        ended = run_markets(first, archive, workers, asking)
    assert all(e.status is not Status.FAILED for e in ended)
    write_night(out, *night_of(NOW.date(), identity, ended, archive))
    command = [sys.executable, "-m", "riskkit", "fleet", "run", str(studies), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(status) == 0, "the fleet's next run failed"
    return took, usage.ru_maxrss / 1024


def _again(task, text: str):
    from riskkit.fleet.task import Solved

    return Solved(task.name, text, None)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="A commit to compare the CPU seconds a market with.")
    before = parser.parse_args().before
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        studies = markets_folder(scratch / "markets", 4)
        times = []
        for workers in (ThreadWorkers(solve), ProcessWorkers(solve, 2)):
            timed = markets_folder(scratch / f"timed-{len(times)}", TIMED, 100_000, 20)
            began = time.perf_counter()
            run(timed, scratch / f"t{len(times)}", workers)
            times.append(time.perf_counter() - began)
        run(studies, scratch / "serial", ThreadWorkers(solve))
        serial = answers(scratch / "serial")
        kills = [cluster_kills(studies, serial, scratch), process_kills(studies, serial, scratch)]
        cpu, ratio = cpu_per_market(ROOT), None
        if before is not None:
            tree = scratch / "before"
            git = ["git", "-C", str(ROOT), "worktree"]
            subprocess.run([*git, "add", "--detach", str(tree), before], check=True,
                           capture_output=True)  # fmt: skip
            try:
                ratio = cpu / cpu_per_market(tree)
            finally:
                subprocess.run([*git, "remove", "--force", str(tree)], check=True)
        resume_s, driver_mb = resumed(scratch)
        print(
            json.dumps(
                {
                    "bits_equal": answers(scratch / "t0") == answers(scratch / "t1"),
                    "kills_survived": kills,
                    "kills": [KILLS, KILLS],
                    "cpu_s_per_market": round(cpu, 2),
                    "ratio_to_before": None if ratio is None else round(ratio, 3),
                    "two_workers": round(times[0] / times[1], 2),
                    "resume_s": round(resume_s, 2),
                    "driver_peak_mb": round(driver_mb),
                    "own_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                }
            )
        )


if __name__ == "__main__":
    main()
