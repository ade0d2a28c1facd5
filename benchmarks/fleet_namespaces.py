"""A fleet on a cluster whose links are pulled: scheduler, workers and client in network namespaces.

Each has a namespace of its own, joined by a bridge in another one; nothing of the machine's own
network is touched. Eight times one worker's link goes down while the command runs: the run must end
with the bytes of a serial one. Then the client's own link, and the scheduler is killed: the command
must say so and end, and its next run go on. Needs Linux, root, `ip` and the extra `cluster`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_fleet import answers, markets_folder, run
from riskkit.fleet.task import solve
from riskkit.fleet.workers import ThreadWorkers

PULLS = 8
MARKETS = 6
HUB = "riskkit-hub"
PLACES = {"scheduler": 1, "one": 2, "two": 3, "client": 4}
ADDRESS = "tcp://10.213.7.1:8786"
BIN = Path(sys.executable).parent


def ip(*words: str) -> None:
    """Run `ip`, which must succeed."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def link(place: str, state: str) -> None:
    """Pull a namespace's link out (down), or put it back (up)."""
    ip("-n", HUB, "link", "set", f"to-{place}", state)


@contextmanager
def namespaces() -> Iterator[None]:
    """Four namespaces on one bridge; gone when the block ends."""
    names = [HUB, *(f"riskkit-{place}" for place in PLACES)]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", HUB, "link", "add", "bridge", "type", "bridge")
        ip("-n", HUB, "link", "set", "bridge", "up")
        for place, number in PLACES.items():
            own = f"riskkit-{place}"
            ip(
                "-n",
                HUB,
                "link",
                "add",
                f"to-{place}",
                "type",
                "veth",
                "peer",
                "eth0",
                "netns",
                own,
            )
            ip("-n", HUB, "link", "set", f"to-{place}", "master", "bridge", "up")
            ip("-n", own, "address", "add", f"10.213.7.{number}/24", "dev", "eth0")
            ip("-n", own, "link", "set", "eth0", "up")
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


class Cluster:
    """A scheduler and two workers, each in its namespace; those that died are started again."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def stand(self) -> None:
        """Start what does not run; the rest goes on."""
        host, port = ADDRESS.removeprefix("tcp://").split(":")
        words = ["scheduler", "--host", host, "--port", port, "--no-dashboard"]
        self._start("scheduler", words)
        for place in ("one", "two"):
            words = ["worker", ADDRESS, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            words += ["--death-timeout", "60", "--local-directory", str(self._scratch)]
            self._start(place, words)
        code = f"import distributed as d; d.Client({ADDRESS!r}, timeout=60).wait_for_workers(2, 90)"
        subprocess.run([*_inside("client"), sys.executable, "-c", code], check=True)

    def kill(self, place: str) -> None:
        """Signal 9."""
        process = self._running.pop(place)
        process.kill()
        process.wait()

    def close(self) -> None:
        """End every process."""
        for place in tuple(self._running):
            self.kill(place)

    def _start(self, place: str, words: Sequence[str]) -> None:
        running = self._running.get(place)
        if running is not None and running.poll() is None:
            return
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [*_inside(place), str(BIN / "dask"), *words]
        self._running[place] = subprocess.Popen(command, **quiet)


def _inside(place: str) -> list[str]:
    return ["ip", "netns", "exec", f"riskkit-{place}"]


def fleet_run(studies: Path, out: Path) -> subprocess.Popen[str]:
    """The command, begun in the client's namespace."""
    words = ["fleet", "run", str(studies), "--cluster", ADDRESS, "--out", str(out)]
    return subprocess.Popen(
        [*_inside("client"), sys.executable, "-m", "riskkit", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def first_answer(out: Path, process: subprocess.Popen[str]) -> None:
    """Wait until one market has ended."""
    while process.poll() is None and not answers(out):
        time.sleep(0.05)


def pulled(studies: Path, out: Path, cluster: Cluster, place: str) -> tuple[int, str, float]:
    """A run during which a link is pulled: its code, its last words, seconds after the pull."""
    process = fleet_run(studies, out)
    first_answer(out, process)
    link(place, "down")
    began = time.monotonic()
    try:
        said = process.communicate(timeout=600)[0]
    finally:
        link(place, "up")
    return process.returncode, said, time.monotonic() - began


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pulls", type=int, default=PULLS)
    pulls = parser.parse_args().pulls
    if os.geteuid() != 0:
        raise SystemExit("needs root: network namespaces are made")
    with tempfile.TemporaryDirectory() as folder, namespaces():
        scratch = Path(folder)
        studies = markets_folder(scratch / "markets", MARKETS)
        run(studies, scratch / "serial", ThreadWorkers(solve))
        serial, cluster = answers(scratch / "serial"), Cluster(scratch)
        survived, seconds = 0, []
        try:
            for attempt in range(pulls):
                cluster.stand()
                out = scratch / f"pull-{attempt}"
                code, said, took = pulled(studies, out, cluster, ("one", "two")[attempt % 2])
                good = code == 0 and answers(out) == serial
                cluster.kill(("one", "two")[attempt % 2])  # cut off, it would end by itself later
                survived += good
                seconds.append(round(took, 1))
                print(f"pull {attempt + 1}: code {code}, {took:.0f} s, {'same' if good else said}")
            cluster.stand()
            code, said, took = pulled(studies, scratch / "cut-off", cluster, "client")
            print(f"client cut off: code {code}, {took:.0f} s: {said.strip()[-220:]}")
            cut_off = code == 2 and "does not answer any more" in " ".join(said.split())
            cluster.stand()
            out = scratch / "gone"
            process = fleet_run(studies, out)
            first_answer(out, process)
            cluster.kill("scheduler")
            said = process.communicate(timeout=600)[0]
            print(f"scheduler killed: code {process.returncode}: {said.strip()[-220:]}")
            told = process.returncode == 2 and "does not answer any more" in " ".join(said.split())
            kept = len(answers(out))
            cluster.stand()
            again = fleet_run(studies, out)
            said = again.communicate(timeout=600)[0]
            print(said.strip().splitlines()[0])
            goes_on = again.returncode == 0 and f"{kept} kept" in said
            goes_on = goes_on and answers(out) == serial
        finally:
            cluster.close()
    print(
        json.dumps(
            {
                "links_pulled_survived": [survived, pulls],
                "seconds_after_pull": seconds,
                "client_cut_off_told": cut_off,
                "scheduler_killed_told": told,
                "kept_then": kept,
                "next_run_goes_on": goes_on,
            }
        )
    )


if __name__ == "__main__":
    main()
