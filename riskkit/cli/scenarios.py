"""`riskkit scenarios`: the simulated moves behind a parameter file, as a few public risk arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.dates import now
from riskkit.cli.extras import need
from riskkit.cli.options import NOTHING, asks
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.zero_knowledge.scenario_set import PublicScenarios

#: A gain of so many units is changed by 1 % at most when it is rounded to whole ones.
FINE = 100


@asks(
    Annotated[
        Path | None, typer.Option(help="The study behind it (default: study.toml beside it).")
    ],
    prices=False,
)
def scenarios(
    parameters: Annotated[Path, typer.Argument(help="A parameter file.")],
    asking: AskedAbout = NOTHING,
    instruments: Annotated[
        Path | None,
        typer.Option(
            help="CSV: instrument, asset, units_per_lot, price (default: each asset, in lots of a "
            "thousandth, at its last close)."
        ),
    ] = None,
    probability: Annotated[
        float, typer.Option(help="Share of the paths that all scenarios together are to cover.")
    ] = 0.99,
    count: Annotated[
        int | None, typer.Option(help="Of scenarios (default: 2 with one asset, 16 with several).")
    ] = None,
    size_bits: Annotated[
        int, typer.Option(help="Sizes are below 2^(SIZE_BITS - 1) lots, long or short.")
    ] = 32,
    slack_bits: Annotated[
        int, typer.Option(help="Collateral beyond a loss is below 2^SLACK_BITS units.")
    ] = 64,
    out: Annotated[
        Path | None, typer.Option(help="File to write (default: scenarios.json beside FILE).")
    ] = None,
) -> None:
    """Reduce the simulated moves over the margin period of risk to public scenarios in integers.

    No linear book loses more than in its worst scenario on the share of paths that all of them
    cover. Scenarios are chosen on some paths and counted on others; the assets of a study with
    [assets] move jointly. The parameter file is written
    again with the digest of the set in its header: margin proofs are bound to both.

    Example:

        riskkit scenarios out/eth-perpetual-daily/parameters.json
        --study studies/eth-perpetual-daily.toml

        riskkit scenarios parameters.json --study study.toml --instruments instruments.csv
    """
    need("proofs", "scenarios", "coincurve")
    from riskkit.cli.asked import asked_by_study
    from riskkit.market.panel import Panel
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.proof.recheck import find_origin
    from riskkit.study.panel import PanelCase
    from riskkit.zero_knowledge.build import (
        Wanted,
        build_scenarios,
        named_in,
        read_instruments,
    )

    behind = asking.behind(parameters)
    place = parameters.parent / "scenarios.json" if out is None else out
    if place.resolve() == parameters.resolve():
        rule = "must be another file than the parameter file"
        raise InputError("--out", str(place), rule, "Leave it out")
    file = read_parameter_file(parameters)
    asked = asked_by_study(behind)
    listed = None if instruments is None else read_instruments(instruments)
    case = asked.case
    question = find_origin(file, case)
    several = asked.study.assets.any
    panel = PanelCase.read(behind, now=now()).panel if several else None
    found = build_scenarios(
        file,
        question,
        Panel.of([case.history]) if panel is None else panel,
        listed,
        Wanted(probability, count, size_bits, slack_bits),
    )
    write_atomically(place, canonical_json(found.to_dict()))
    write_atomically(parameters, canonical_json(named_in(file, found).to_dict()))
    console = Console(soft_wrap=False)
    console.print(_table(found))
    console.print(
        f"all cover {found.all_cover_probability:.2%} +/- "
        f"{found.all_cover_standard_error:.2%} of {found.paths:,} paths of their own over "
        f"{found.bars} bars, for any linear book ({found.asked_probability:.2%} asked)",
        soft_wrap=True,
    )
    gains = found.gains_by_name()
    coarse = [name for name, row in gains if min(map(abs, row)) < FINE]
    if coarse:
        console.print(
            f"[bold yellow]lots are small[/]: rounding changes a gain of "
            f"{escape(', '.join(coarse))} by up to more than {1 / FINE:.0%}; make units_per_lot "
            "larger",
            soft_wrap=True,
        )
    print_path(console, "scenarios:     ", place)
    print_path(console, "parameter file:", parameters)


def _table(found: PublicScenarios) -> Table:
    table = Table(
        title=f"A lot's gain in 1/{found.units_per_quote:,} of the quote currency",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for head in ("scenario", *(f"{asset} move" for asset in found.assets)):
        table.add_column(head, justify="right")
    names = [instrument.name for instrument in found.instruments]
    shown = names[:4]
    for name in shown:
        table.add_column(name, justify="right")
    if len(names) > len(shown):
        table.add_column(f"and {len(names) - len(shown)} more")
    table.add_column("covers", justify="right")
    for number, scenario in enumerate(found.scenarios, start=1):
        cells = [str(number), *(f"{move:+.2%}" for move in scenario.moves_fraction)]
        cells += [f"{gain:,}" for gain in scenario.gain_per_lot[: len(shown)]]
        cells += ["..."] * (len(names) > len(shown))
        table.add_row(*cells, f"{scenario.covers_probability:.2%}")
    return table
