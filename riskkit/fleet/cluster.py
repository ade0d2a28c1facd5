"""A Dask cluster as the fleet's workers.

A task travels whole inside its call, so that the scheduler can have it computed again after any
worker's death; data scattered beforehand would die with the worker that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from riskkit.errors import InputError
from riskkit.fleet.identity import Identity, this_machine
from riskkit.fleet.task import Task
from riskkit.fleet.workers import Answer, Work


@dataclass(frozen=True)
class ClusterAddress:
    """Where a cluster's scheduler listens.

    Attributes
    ----------
    url : str
        ``tcp://host:port``, or ``tls://`` with the three files.
    ca, certificate, key : Path, optional
        Of TLS: who signs, who we are, and its private key.
    connect_s : float
        Seconds until a scheduler that does not answer is given up.
    """

    url: str
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    connect_s: float = 10.0


class ClusterWorkers:
    """Workers of a running Dask cluster; nothing is started or stopped there.

    Raises
    ------
    InputError
        If the scheduler does not answer, or has no workers.
    """

    def __init__(self, work: Work, address: ClusterAddress) -> None:
        self._work, self._address = work, address
        self._client = _connected(address)
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            self._client.close()
            rule = "must have workers; it has none"
            raise InputError("cluster", address.url, rule, "Start some: dask worker ADDRESS")
        self.size = sum(worker["nthreads"] for worker in workers.values())
        self._executor = self._client.get_executor(pure=False)

    def identity(self) -> Identity:
        """That of every worker.

        Raises
        ------
        InputError
            If two workers differ in a version or in their processors: so would their numbers.
        """
        found: Mapping[str, object] = self._client.run(this_machine, on_error="return")
        known: dict[str, Identity] = {}
        for place, answer in found.items():
            if not isinstance(answer, Identity):
                rule = f"must have this riskkit installed; {place} answers: {answer}"
                raise InputError("cluster", self._address.url, rule, "Install one version on all")
            known[place] = answer
        (first, mine), *others = sorted(known.items())
        for place, other in others:
            if other != mine:
                differences = ", ".join(mine.differences(other))
                raise InputError(
                    "cluster",
                    self._address.url,
                    f"must be of one kind: {first} and {place} differ ({differences})",
                    "Install the same constraints on all, or use workers of one processor",
                )
        local = this_machine()
        if local.riskkit != mine.riskkit:
            rule = f"must run this riskkit, {local.riskkit}; it has {mine.riskkit}"
            raise InputError("cluster", self._address.url, rule, "Install one version on all")
        return mine

    def submit(self, task: Task) -> Answer:
        """Begin a task."""
        future: Answer = self._executor.submit(self._work, task)
        return future

    def lost(self, error: BaseException) -> bool:
        """Whether the cluster gave a task up because its workers kept dying."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return True
        if isinstance(error, CancelledError) or type(error).__name__ == "CommClosedError":
            raise self._gone() from None
        return False

    def renew(self) -> None:
        """The cluster replaces its workers itself (a nanny, or whoever runs it)."""

    def check(self) -> None:
        """Whether the scheduler is still there.

        Raises
        ------
        InputError
        """
        from distributed.comm.core import CommClosedError

        try:
            workers = self._client.sync(self._client.scheduler.identity, n_workers=-1)["workers"]
        except (CommClosedError, OSError, TimeoutError, AttributeError):
            raise self._gone() from None
        if not workers:
            raise InputError(
                "cluster",
                self._address.url,
                "has lost its last worker; what ended before is kept",
                "Start workers and run the same command again: it goes on from there",
            )

    def _gone(self) -> InputError:
        return InputError(
            "cluster",
            self._address.url,
            "does not answer any more: its scheduler is gone; what ended before is kept",
            "Start the cluster and run the same command again: it goes on from there",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close(timeout=2)


def _connected(address: ClusterAddress) -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            "cluster",
            "no distributed",
            "is reached through Dask, which is not installed",
            "Run: pip install 'riskkit[cluster]'",
        ) from None
    dask: Any = distributed  # its calls carry no types
    security = None
    if address.ca is not None:
        security = dask.Security(
            tls_ca_file=str(address.ca),
            tls_client_cert=None if address.certificate is None else str(address.certificate),
            tls_client_key=None if address.key is None else str(address.key),
            require_encryption=True,
        )
    try:
        return dask.Client(address.url, timeout=address.connect_s, security=security)
    except (OSError, ValueError, TypeError, TimeoutError) as error:
        raise InputError(
            "cluster",
            address.url,
            f"must be a Dask scheduler that answers ({type(error).__name__}: {error})",
            "Check the address (tcp://HOST:PORT) and that the scheduler runs",
        ) from None
