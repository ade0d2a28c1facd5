"""Processes that are killed, and processes that write at once: real ones, and SIGKILL."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path
from threading import Event

import pandas as pd
import pytest

from riskkit.market.download import update_series
from riskkit.market.store import PriceStore, SeriesSource
from tests.market.downloading import (
    KEY,
    SYMBOL,
    Halt,
    append_in_process,
    client,
    fetch_in_process,
    hours_ago,
    stamp,
    truth,
)
from tests.market.exchange_server import HOUR, NOW, Venue, serve


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Children forked from a server that has imported everything: they start in no time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.market.downloading", "ccxt", "duckdb"])
    return context


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Gate:
    """Pages of a venue that stops answering after so many: no process runs ahead of its kill."""

    def __init__(self) -> None:
        self.left, self.used_up, self.opened = 0, Event(), Event()

    def __call__(self, page: list[list[object]], _: int) -> list[list[object]]:
        if self.left == 0:
            self.used_up.set()
            self.opened.wait()
        else:
            self.left -= 1
        return page[:40]  # small pages: many commits to be killed in

    def close_after(self, pages: int) -> None:
        self.opened.set()
        self.left, self.used_up, self.opened = pages, Event(), Event()


def test_killed_twenty_times_it_stays_readable_and_the_next_update_completes_it(
    processes, tmp_path: Path
):
    """Ten times before a call inside a commit, ten times wherever it is after some pages."""
    gate = Gate()
    venue, moments = Venue(distort=gate), random.Random(8)
    store, begin = PriceStore(tmp_path), hours_ago(16_000)
    grown, left = [0], 0
    with serve(venue) as url:
        for kill in range(20):
            gate.close_after(moments.randint(2, 6) if kill % 2 == 0 else 40)
            call = ("replace", "fsync", "unlink")[kill // 2 % 3]
            halt = Halt(call, moments.randint(2, 7), processes.Event()) if kill % 2 else None
            child = processes.Process(target=fetch_in_process, args=(url, tmp_path, begin, halt))
            child.start()
            assert (halt.reached if halt else gate.used_up).wait(600)
            child.kill()
            child.join()
            assert child.exitcode == -9
            assert store.series()
            assert store.verify(KEY) == ()
            rows = store.rows(KEY)
            pd.testing.assert_frame_equal(rows, truth(range(begin, NOW, HOUR)[: len(rows)]))
            grown.append(len(rows))
            named = {p.file for p in store.manifest(KEY).parts}
            files = [p for p in store.folder(KEY).rglob("*") if p.suffix in (".parquet", ".part")]
            left += len(files) - len(named)
        assert grown == sorted(grown)  # nothing that was committed is ever lost
        assert 0 < grown[-1] < 16_000
        gate.close_after(0)
        venue.distort = lambda page, _: page
        update = update_series(client(url), store, KEY)
    assert left > 0  # some were killed in the middle of a commit
    assert update.added == 16_000 - grown[-1]
    pd.testing.assert_frame_equal(store.rows(KEY), truth(range(begin, hours_ago(0), HOUR)))
    assert store.verify(KEY) == ()
    assert store.manifest(KEY).seal is not None


def test_two_updates_at_once_lose_nothing(processes, tmp_path: Path):
    venue = Venue(distort=lambda page, _: page[:100])
    begin = hours_ago(3_000)
    with serve(venue) as url:
        pair = [
            processes.Process(target=fetch_in_process, args=(url, tmp_path, begin))
            for _ in range(2)
        ]
        for child in pair:
            child.start()
        for child in pair:
            child.join(120)
        assert [child.exitcode for child in pair] == [0, 0]
    store = PriceStore(tmp_path)
    assert store.verify(KEY) == ()
    pd.testing.assert_frame_equal(store.rows(KEY), truth(range(begin, hours_ago(0), HOUR)))
    manifest = store.manifest(KEY)
    assert (manifest.exchange_holes, manifest.revisions) == ((), ())
    assert manifest.seal is not None
    files = {f.relative_to(store.folder(KEY)).as_posix() for f in tmp_path.rglob("*.parquet")}
    assert files == {p.file for p in manifest.parts}


def test_commits_of_two_processes_to_one_series_all_stay(processes, tmp_path: Path):
    """No second look here as an update takes: a commit that overwrote another's would show."""
    opens = list(range(hours_ago(400), hours_ago(0), HOUR))
    store = PriceStore(tmp_path)
    store.create(KEY, SYMBOL, SeriesSource(client="test"), stamp(opens[0]))
    ready = processes.Event()
    batches = [[opens[i : i + 5] for i in range(first, 400, 10)] for first in (0, 5)]
    pair = [
        processes.Process(target=append_in_process, args=(tmp_path, work, ready))
        for work in batches
    ]
    for child in pair:
        child.start()
    ready.set()
    reads = 0
    while any(child.is_alive() for child in pair):  # readers take no lock, and see whole commits
        rows = store.rows(KEY)
        assert len(rows) % 5 == 0
        assert rows["time"].is_unique
        reads += 1
    for child in pair:
        child.join()
        assert child.exitcode == 0
    assert reads > 0
    pd.testing.assert_frame_equal(store.rows(KEY), truth(opens))
    assert store.verify(KEY) == ()
