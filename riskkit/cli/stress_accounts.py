"""`riskkit stress` of a study whose accounts hold several assets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from riskkit.cli.asked import AskedAbout

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.stress.baskets import BasketVenue

    ShowTable = Callable[[Console, str, pd.DataFrame, tuple[str, ...]], None]

#: Paths from which the time of all of them is told.
PILOT = 20


def stress_accounts(
    console: Console, asking: AskedAbout, show_table: ShowTable, *, threads: int, out: Path
) -> None:
    """Run accounts of several assets under stress; print, and write JSON and page.

    Parameters
    ----------
    show_table : callable
        Prints a table under a title: console, title, frame, names of its left columns.

    Raises
    ------
    InputError, DataError
    """
    from rich.markup import escape

    from riskkit.cli.dates import now
    from riskkit.cli.terminal import print_path
    from riskkit.lab.accounts_page import accounts_words, in_money, render_accounts_page
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.stress.baskets import pose_baskets, stress_baskets
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    began = time.perf_counter()
    said = Console(stderr=True)
    with said.status("fitting"):
        case = PanelCase.read(asking.file, now=now())
        venue = pose_baskets(case, asking.file.parent, threads=threads)
    said.print(_time_words(venue), soft_wrap=True, highlight=False)
    with said.status("running the accounts"):
        found = stress_baskets(venue)
    study = case.study
    console.print(f"[bold]{escape(study.title)}[/]  as of {study.as_of}: accounts under stress")
    for note in venue.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True, highlight=False)
    show_table(console, "Branching ratio n, by common moves", found.branching, ("side", "move"))
    title = f"Outcomes on {len(found.paths):,} paths of {venue.bars} bars"
    show_table(console, title, in_money(found.loss_table()), ("outcome",))
    # a terminal holds these; the page has all
    few = ("closures", "bad_debt", "sold", "keepers", "unclosed")
    scenarios = found.scenarios[[name for name in few if name in found.scenarios]]
    show_table(console, "Scenarios, at crash depth", in_money(scenarios), ("scenario",))
    for line in accounts_words(found):
        console.print(escape(line), soft_wrap=True, highlight=False)
    folder = out / study_name(asking.file)
    page = write_atomically(folder / "stress.html", render_accounts_page(found))
    print_path(console, "page:", page)
    answer = write_atomically(folder / "stress.json", canonical_json(found.to_dict()))
    print_path(console, "answer:", answer)
    console.print(f"done in {time.perf_counter() - began:.1f} s")


def _time_words(venue: BasketVenue) -> str:
    """How long the answer will take, from a few paths."""
    import numpy as np

    from riskkit.paths.joint import simulate_joint_paths

    run = venue.run.with_paths(min(PILOT, venue.run.paths))
    moves = np.diff(simulate_joint_paths(venue.world, run, bars=venue.bars), axis=1, prepend=0.0)
    returns = np.ascontiguousarray(np.transpose(moves, (2, 1, 0)))
    venue.ran(returns[:1])  # what is compiled once
    began = time.perf_counter()
    venue.ran(returns)
    seconds = (time.perf_counter() - began) * venue.run.paths / run.paths * 2.0
    took = f"{seconds:,.0f} s" if seconds < 600.0 else f"{seconds / 60.0:,.0f} minutes"
    return (
        f"up to about {took}: {venue.cash.size:,} accounts of {len(venue.assets)} assets, "
        f"{venue.run.paths:,} paths of {venue.bars} bars, run twice"
    )
