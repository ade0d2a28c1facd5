"""Processes of a fleet end, whatever was done to them."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from riskkit.fleet.workers import ProcessWorkers


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_killed_while_it_waits_for_work_keeps_nobody_from_ending(victim: int) -> None:
    """It may hold the lock of the queue, for which the other would wait for good."""
    before = set(multiprocessing.active_children())
    with ProcessWorkers(str, 2) as workers:  # type: ignore[arg-type]
        asked = [workers.submit(n) for n in (1, 2)]  # type: ignore[arg-type]
        assert [answer.result() for answer in asked] == ["1", "2"]
        mine = sorted(set(multiprocessing.active_children()) - before, key=lambda p: p.pid or 0)
        pid = mine[victim].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert not set(multiprocessing.active_children()) - before
