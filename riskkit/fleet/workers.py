"""Who computes: threads, processes or a Dask cluster, behind one door.

`submit` takes a task whole and gives a future. A future that raises `WorkerLost` may be asked
again, of this door or of a new one; the task has all it needs.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Protocol, Self

from riskkit.errors import InputError
from riskkit.fleet.identity import Identity, this_machine
from riskkit.fleet.task import Failed, Solved, Task

Work = Callable[[Task], Solved | Failed]
Answer = Future[Solved | Failed]


class Workers(Protocol):
    """What a run needs of those who compute."""

    @property
    def size(self) -> int:
        """How many tasks are worked on at once."""

    def identity(self) -> Identity:
        """That of every worker.

        Raises
        ------
        InputError
            If two differ: their numbers would.
        """

    def submit(self, task: Task) -> Answer:
        """Begin a task."""

    def lost(self, error: BaseException) -> bool:
        """Whether an error of a future says that a worker died, so that the task may go again."""

    def renew(self) -> None:
        """Replace workers that died."""

    def check(self) -> None:
        """Called while nothing ends.

        Raises
        ------
        InputError
            If nothing will: the workers are out of reach.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ThreadWorkers:
    """One thread of this process: nothing to lose, nothing to start."""

    size = 1

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1)

    def identity(self) -> Identity:
        """That of this process."""
        return this_machine()

    def submit(self, task: Task) -> Answer:
        """Begin a task."""
        return self._pool.submit(self._work, task)

    def lost(self, error: BaseException) -> bool:
        """Never: a thread dies with its process."""
        return False

    def renew(self) -> None:
        """Nothing died."""

    def check(self) -> None:
        """A thread is always within reach."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


class ProcessWorkers:
    """Processes of this machine; one that is killed is replaced, with all of its pool."""

    def __init__(self, work: Work, size: int) -> None:
        if size < 1:
            raise InputError("workers", size, "must be at least 1", "Use the number of cores")
        self._work, self.size = work, size
        self._pool = self._started()

    def identity(self) -> Identity:
        """That of this process, whose installation they share."""
        return this_machine()

    def submit(self, task: Task) -> Answer:
        """Begin a task."""
        return self._pool.submit(self._work, task)

    def lost(self, error: BaseException) -> bool:
        """Whether a process of the pool was killed."""
        return isinstance(error, BrokenProcessPool)

    def renew(self) -> None:
        """A new pool: one that lost a process takes no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._started()

    def check(self) -> None:
        """A pool tells by its futures when a process is gone."""

    def _started(self) -> ProcessPoolExecutor:
        # Forking a process that has threads may copy a lock that nobody will ever release.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.size, mp_context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Nothing is left to do. A process that was killed as it waited for work keeps the lock of
        # its queue, and the others, told to end, would wait for it: they are ended instead.
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(wait=error is None, cancel_futures=True)
