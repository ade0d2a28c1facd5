"""`riskkit grid`: a venue's set of scenarios, calibrated and held to a library of books."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import OutOption, PanelArgument, ThreadsOption, asks
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.portfolio.scenario_set import ScenarioSet

STYLES = ("deribit-like", "derive-like", "paradex-24", "span-like")


@asks(PanelArgument, prices=False)
def grid(
    asking: AskedAbout,
    style: Annotated[str, typer.Option(help=f"One of {', '.join(STYLES)}.")] = STYLES[0],
    verify: Annotated[
        Path | None, typer.Option(help="A set that was exported: read back, and re-simulated.")
    ] = None,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Calibrate a set of scenarios as venues publish them, and verify it on a library of books.

    Writes OUT/NAME/scenario-set.json (rounded so that no book is asked less), scenario-arrays.csv
    (profit and loss of one unit of each underlying, scenario by scenario) and
    scenario-set-books.csv: for every book the probability of a loss beyond what the set asks, with
    the band of a book at the target, and how much too large the set is for it.

    Example:

        riskkit grid studies/btc-eth-accounts-daily.toml --style derive-like
    """
    from riskkit.calibration.portfolio import answer_panel
    from riskkit.calibration.scenario_set import calibrate_set, verify_set
    from riskkit.cli.dates import now
    from riskkit.cli.progress_bar import progress_of
    from riskkit.parameters.write import write_atomically
    from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle
    from riskkit.reading import read_text
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    if style not in STYLES:
        raise InputError("style", style, f"must be one of {', '.join(STYLES)}", "Choose one")
    given = (
        None if verify is None else ScenarioSet.read(read_text(verify, "verify", most=1_000_000))
    )
    name = study_name(asking.file)
    case = PanelCase.read(asking.file, now=now())
    with progress_of("fitting and simulating") as tell:
        answer = answer_panel(case, threads=threads, progress=tell)
    found = given or calibrate_set(answer, SetStyle(style)).rounded()
    books = verify_set(found, answer)
    console = Console(soft_wrap=False)
    console.print(answer.statement, markup=False)
    console.print(_shocks(found))
    console.print(_groups(books))
    holes = int(books["hole"].sum())
    console.print(
        f"of gains {found.form.gains:.0%} count; {len(books)} books: {holes} lose more than the "
        f"set asks beyond the 95 % band of {books['high'].iloc[0]:.2%}; in the median the set asks "
        f"{books['too_large'].median():.2f} times the tail",
        markup=False,
    )
    folder = out / name
    if given is None:
        path = write_atomically(folder / "scenario-set.json", found.text())
        print_path(console, "written:", path)
    arrays = _arrays(found, answer.panel.last_closes)
    print_path(console, "written:", write_atomically(folder / "scenario-arrays.csv", arrays))
    text = books.to_csv(index=False, lineterminator="\n")
    print_path(console, "written:", write_atomically(folder / "scenario-set-books.csv", text))


def _arrays(found: ScenarioSet, prices: pd.Series) -> str:
    """A row for each underlying that has a price, a column for each scenario, as CSV."""
    known = {name: float(prices[name]) for name in found.shocks if name in prices.index}
    held = replace(found, shocks={name: found.shocks[name] for name in known})
    lines = []
    for name, array in held.unit_arrays(known).items():
        lines.append(",".join([name, repr(known[name]), *(repr(float(v)) for v in array)]))
    count = len(found.scenarios(next(iter(known))))
    head = ",".join(["underlying", "price", *(str(k + 1) for k in range(count))])
    return "\n".join([head, *lines]) + "\n"


def _shocks(found: ScenarioSet) -> Table:
    table = Table(title=f"{found.style.value}", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("underlying", "range", "volatility up", "volatility down", "scenarios"):
        table.add_column(head, justify="left" if head == "underlying" else "right")
    for name, shock in found.shocks.items():
        cells = (f"{x:.1%}" for x in (shock.range, shock.volatility_up, shock.volatility_down))
        table.add_row(name, *cells, str(len(found.scenarios(name))))
    return table


def _groups(books: pd.DataFrame) -> Table:
    title = "P(loss > set), by group of books"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("group", "books", "mean", "largest", "holes", "set over tail"):
        table.add_column(head, justify="left" if head == "group" else "right")
    for group, rows in books.groupby("group", sort=False):
        table.add_row(
            str(group),
            str(len(rows)),
            f"{rows['probability'].mean():.2%}",
            f"{rows['probability'].max():.2%}",
            str(int(rows["hole"].sum())),
            f"{rows['too_large'].median():.2f}",
        )
    return table
