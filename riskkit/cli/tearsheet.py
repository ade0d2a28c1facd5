"""`riskkit tearsheet`: the page that can be sent, from a study or just a price file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import (
    NOTHING,
    AssetIsOption,
    MarketOption,
    OutOption,
    StudyArgument,
    ThreadsOption,
    asks,
)
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError


@asks(StudyArgument)
def tearsheet(
    asking: AskedAbout = NOTHING,
    live: Annotated[
        Path | None, typer.Option(help="The venue's file that runs today, to stand beside.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="Its format, such as aave-v3; see docs/venues.")
    ] = None,
    market: MarketOption = None,
    asset_is: AssetIsOption = None,
    accounts: Annotated[
        bool, typer.Option(help="Replay the margins over the declared accounts too.")
    ] = True,
    threads: ThreadsOption = 2,
    out: OutOption = Path("out"),
) -> None:
    """Calibrate, and write one page that can be sent: the decision and all that it rests on.

    Writes OUT/NAME/tearsheet.html (self-contained; light, dark, and prints to PDF) and
    OUT/NAME/parameters.json. With --live the parameters that run today stand beside the
    recommendation, on the same paths and through the same crashes.

    Example:

        riskkit tearsheet --prices my.csv

        riskkit tearsheet studies/eth-collateral-daily.toml
        --live docs/session/live.config.ts --venue aave-v3
    """
    if (live is None) != (venue is None):
        given, missing = ("live", "venue") if venue is None else ("venue", "live")
        rule = f"goes together with --{missing}"
        raise InputError(given, str(live or venue), rule, "For example --live FILE --venue aave-v3")
    if live is None and (market or asset_is):
        name = "market" if market else "asset-is"
        rule = "says which part of a live file is meant, and there is none"
        raise InputError(name, market or asset_is, rule, "Give --live and --venue too")
    from riskkit.calibration.calibrate import calibrate
    from riskkit.cli.asked import text_beside
    from riskkit.cli.live import LiveMarket
    from riskkit.cli.progress import calibration_progress, foretell
    from riskkit.lab.report import render_report
    from riskkit.lab.tear_sheet import NO_ACCOUNTS, replayed
    from riskkit.parameters.build import build_parameter_file
    from riskkit.parameters.write import write_atomically
    from riskkit.position import Instrument
    from riskkit.proof.assess import assess, check_rows
    from riskkit.proof.assets import is_stated
    from riskkit.proof.decision import decision_words
    from riskkit.study.scope import crash_market

    console = Console(soft_wrap=True, highlight=False)
    said = Console(stderr=True, soft_wrap=True, highlight=False)
    began = time.perf_counter()
    found = None
    if live is not None and venue is not None:
        found = LiveMarket.read(live, venue, market)
    asked = asking.read() if found is None else found.asked(asking)
    study = asked.study
    if found is not None:
        check_rows(Instrument(study.position.kind), study.sides, found.rows)
        stated = asking.options.asset is not None or is_stated(study.data)
        found.agree(asked, declared=asset_is, stated=stated)
    foretell(said, asked)
    with calibration_progress() as tell:
        answer = calibrate(study, asked.history, threads=threads, progress=tell)
    beside = None
    if found is not None:
        market_of = crash_market(study.data, asked.history.calendar)
        beside = assess(answer, found.rows, crashes=market_of, threads=threads)
    with said.status("replaying over accounts"):
        held = replayed(answer, beside) if accounts else NO_ACCOUNTS
    parameters = build_parameter_file(answer)
    page = render_report(
        answer, parameters, beside=beside, live="" if found is None else found.title, held=held
    )
    folder = out / asked.name
    if asked.proposed:
        place = write_atomically(folder / "study.toml", text_beside(asked, folder))
        print_path(console, "study:         ", place)
    for line in decision_words(answer, parameters, beside):
        console.print(line, markup=False)
    print_path(console, "tear sheet:    ", write_atomically(folder / "tearsheet.html", page))
    print_path(console, "parameter file:", parameters.write(folder / "parameters.json"))
    console.print(f"done in {time.perf_counter() - began:.1f} s")
