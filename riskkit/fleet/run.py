"""Run a fleet's markets: at most as many at once as there are workers, each kept when it ends.

A worker that dies takes its pool's other tasks with it, and nobody can say which of them killed it.
Those that were being worked on then go one at a time, so that the one to blame is known; it gets
its number of tries and becomes a row with its reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import pandas as pd

from riskkit.errors import RiskkitError
from riskkit.fleet.archive import Archive, Known
from riskkit.fleet.identity import Identity
from riskkit.fleet.plan import FleetMarket, is_done
from riskkit.fleet.task import Failed, Task, task_key
from riskkit.fleet.workers import Answer, Workers

if TYPE_CHECKING:
    from riskkit.study.case import Case

#: Seconds after which workers of which nothing is heard are asked whether they are there.
PATIENCE = 2.0

Progress = Callable[[int, int, int], None]
"""Called with (done, failed, total) after each market."""


class Status(StrEnum):
    """How a market came by its answer."""

    COMPUTED = "computed"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True)
class Ended:
    """A market at the end of a run; ``key`` is empty where not even its prices could be read."""

    market: FleetMarket
    status: Status
    key: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Asking:
    """How a run reads markets.

    Attributes
    ----------
    load : callable
        From a market to its study and prices.
    now : Timestamp
        The moment of the run, UTC; bars that close later are not there yet.
    identity : Identity
        Of the workers.
    report : bool
        Whether reports are asked for.
    retries : int
        How often a task whose worker died goes again.
    """

    load: Callable[[FleetMarket], Case]
    now: pd.Timestamp
    identity: Identity
    report: bool = False
    retries: int = 2


@dataclass
class _Run:
    asking: Asking
    archive: Archive
    workers: Workers
    progress: Progress
    total: int
    waiting: deque[tuple[FleetMarket, Task, str]] = field(default_factory=deque)
    alone: deque[tuple[FleetMarket, Task, str]] = field(default_factory=deque)
    flying: dict[Answer, tuple[FleetMarket, Task, str]] = field(default_factory=dict)
    deaths: dict[str, int] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    failed: int = 0


def run_markets(
    markets: Iterable[FleetMarket],
    archive: Archive,
    workers: Workers,
    asking: Asking,
    progress: Progress = lambda done, failed, total: None,
) -> tuple[Ended, ...]:
    """Every market's answer, in the order given; what the archive has is not computed again.

    Workers, their number and their deaths change no answer. Whatever stops the run, what ended
    before is kept, and the next run goes on from there.

    Raises
    ------
    InputError
        If the workers are lost altogether (a cluster's scheduler gone).
    """
    markets = tuple(markets)
    run = _Run(asking, archive, workers, progress, len(markets))
    coming = iter(markets)
    more = True
    while more or run.flying or run.waiting or run.alone:
        while more and not run.alone and len(run.flying) + len(run.waiting) < workers.size:
            market = next(coming, None)
            if market is None:
                more = False
            else:
                _begin(run, market)
        _send(run)
        if run.flying:
            _collect(run)
    return tuple(run.ended[market.name] for market in markets)


def _begin(run: _Run, market: FleetMarket) -> None:
    """Read a market; it ends here if it cannot be read, or is done."""
    if market.reason:
        _end(run, Ended(market, Status.FAILED, reason=market.reason))
        return
    archive, asking = run.archive, run.asking
    key = is_done(market, archive, asking.now)
    if key is None or not archive.has(key, report=asking.report):
        try:
            case = asking.load(market)
        except (RiskkitError, OSError) as error:
            _end(run, Ended(market, Status.FAILED, reason=str(error)))
            return
        task = Task.of(market.name, case)
        key = task_key(task, asking.identity)
        archive.remember(market.asked, Known(key, _holds_before(case, asking.now)))
        if not archive.has(key, report=asking.report):
            run.waiting.append((market, task, key))
            return
    reason = archive.reason(key)
    _end(run, Ended(market, Status.FAILED if reason else Status.KEPT, key, reason))


def _holds_before(case: Case, now: pd.Timestamp) -> pd.Timestamp | None:
    """When the bar after the last one closes, if that is still to come."""
    closes = case.history.last + 2 * case.history.bar
    return closes if closes > now else None


def _send(run: _Run) -> None:
    """Hand tasks to the workers; a task under suspicion goes alone."""
    if run.alone:
        queue = run.alone if not run.flying else deque()
        room = min(1, len(queue))
    else:
        queue, room = run.waiting, min(len(run.waiting), run.workers.size - len(run.flying))
    for _ in range(room):
        job = queue.popleft()
        try:
            run.flying[run.workers.submit(job[1])] = job
        except Exception as error:
            if not run.workers.lost(error):
                raise
            _survive(run, [job], [])


def _collect(run: _Run) -> None:
    """Keep what has ended; after a death, set those that it took with it aside."""
    ended, _ = wait(run.flying, timeout=PATIENCE, return_when=FIRST_COMPLETED)
    if not ended:
        run.workers.check()
    dead: list[tuple[FleetMarket, Task, str]] = []
    for future in ended:
        market, task, key = run.flying.pop(future)
        try:
            answer = future.result()
        except (Exception, CancelledError) as error:
            if not run.workers.lost(error):
                raise
            dead.append((market, task, key))
            continue
        run.archive.keep(key, answer)
        reason = answer.reason if isinstance(answer, Failed) else ""
        _end(run, Ended(market, Status.FAILED if reason else Status.COMPUTED, key, reason))
    if dead:
        taken = list(run.flying.values())
        run.flying.clear()
        _survive(run, dead, taken)


def _survive(
    run: _Run, dead: list[tuple[FleetMarket, Task, str]], taken: list[tuple[FleetMarket, Task, str]]
) -> None:
    """Renew the workers; only a task that was alone is surely to blame for the death."""
    run.workers.renew()
    suspects = [*dead, *taken]
    if len(suspects) == 1:
        market, _, key = suspects[0]
        died = run.deaths[market.name] = run.deaths.get(market.name, 0) + 1
        if died > run.asking.retries:
            reason = f"its worker died {died} times (killed, or out of memory)"
            _end(run, Ended(market, Status.FAILED, key, reason))
            return
    run.alone.extend(suspects)


def _end(run: _Run, ended: Ended) -> None:
    run.ended[ended.market.name] = ended  # a market ends once
    run.failed += ended.status is Status.FAILED
    run.progress(len(run.ended), run.failed, run.total)
