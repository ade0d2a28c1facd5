"""Paths cut into pieces, for a thread pool where there is work enough to share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from riskkit.paths.draws import LANES

T = TypeVar("T")

PIECE = 16 * LANES  # paths to a task of the thread pool
# Bars of all paths together: some five milliseconds, below which starting threads costs more
# processor time than the clock can win.
SHARED_FROM = 1_000_000


def in_pieces(run: Callable[[int, int], T], paths: int, threads: int, *, bars: int) -> list[T]:
    """Call ``run(begin, end)`` on pieces that cover the paths; results in their order.

    The pieces are the same for any number of threads, so that sums over them are, too.

    Parameters
    ----------
    bars : int
        That each path runs: little work is done in this thread, whatever ``threads`` says.
    """
    pieces = [(begin, min(begin + PIECE, paths)) for begin in range(0, paths, PIECE)]
    if threads == 1 or paths * bars < SHARED_FROM:
        return [run(*piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda piece: run(*piece), pieces))


def fill_pieces(run: Callable[[int, int], None], paths: int, threads: int, *, bars: int) -> None:
    """As `in_pieces`, for what writes every path's result where it belongs.

    Pieces then matter to no number, and a small task is run at one go: entering a kernel takes as
    long as a thousand paths of one bar.
    """
    if threads == 1 or paths * bars < SHARED_FROM:
        run(0, paths)
    else:
        in_pieces(run, paths, threads, bars=bars)
