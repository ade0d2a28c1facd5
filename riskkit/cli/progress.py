"""Progress of a calibration, on the terminal's error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from riskkit.cli.asked import Asked

STAGES = {
    "fit": "fitting volatility",
    "buffers": "simulating buffers",
    "history": "walking through history",
}


#: Calibrations that take less are not announced.
WORTH_SAYING_SECONDS = 10.0


def foretell(console: Console, asked: Asked) -> None:
    """Say how long a calibration will take, before it starts."""
    from riskkit.calibration.effort import effort_of

    effort = effort_of(asked.case)
    if effort.seconds >= WORTH_SAYING_SECONDS:
        console.print(f"{asked.name}: {effort.statement}", markup=False)


@contextmanager
def calibration_progress() -> Iterator[Callable[[str, int, int], None]]:
    """One bar per stage of `riskkit.calibration.calibrate.calibrate`, gone when it ends."""
    with _bars() as bar:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(STAGES[stage], total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell


@contextmanager
def fleet_progress(doing: str) -> Iterator[Callable[[int, int, int], None]]:
    """One bar over what a fleet is doing, with what failed and a forecast of the end."""
    with _bars() as bar:
        task = bar.add_task(doing, total=None)

        def tell(done: int, failed: int, total: int) -> None:
            words = f"{doing}, {failed} failed" if failed else doing
            bar.update(task, completed=done, total=total, description=words)

        yield tell


def _bars() -> Progress:
    """Bars on the error stream, gone when they end."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
