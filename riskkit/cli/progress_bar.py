"""One bar of progress on the terminal's error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

Tell = Callable[[str, int, int], None]


@contextmanager
def progress_of(what: str) -> Iterator[Tell]:
    """A bar on the error stream, gone when its work ends."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=None)

        def tell(_: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
