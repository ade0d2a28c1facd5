"""Work that kills the process it runs in, for one market only."""

from __future__ import annotations

import os
import signal

from riskkit.fleet.task import Failed, Solved, Task


def dies_of_poison(task: Task) -> Solved | Failed:
    """Kill the own process for the market ``poison``; answer for any other."""
    if task.name == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return Solved(task.name, f'{{"market": "{task.name}"}}', None)


def raises(task: Task) -> Solved | Failed:
    """A fault in the work itself."""
    raise RuntimeError(task.name)
