"""`riskkit assess`: the parameters that run today, under the evidence of a recommendation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.options import AsOfOption, AssetOption, BarOption, MarketOption, ThreadsOption
from riskkit.errors import InputError
from riskkit.validation.markets import CrashMarket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskkit.proof.context import Venue
    from riskkit.proof.recheck import Effective
    from riskkit.study.study import Study


def assess(
    live: Annotated[Path, typer.Argument(help="The venue's file that runs today.")],
    venue: Annotated[str, typer.Option(help="Its format, such as aave-v3; see docs/venues.")],
    market: MarketOption = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="A CSV or parquet of prices: defaults for the rest, or --study."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="A study (TOML) with its prices, your delays, costs and targets."),
    ] = None,
    asset: AssetOption = None,
    bar: BarOption = None,
    as_of: AsOfOption = None,
    ladder: Annotated[
        Path | None,
        typer.Option(
            help="CSV notional,slippage_fraction: what closing out costs, where there are tiers."
        ),
    ] = None,
    crashes: Annotated[
        CrashMarket | None, typer.Option(help="Whose crashes to replay (default: by the calendar).")
    ] = None,
    threads: ThreadsOption = 2,
    out: Annotated[Path | None, typer.Option(help="Write the assessment as JSON too.")] = None,
) -> None:
    """Put the parameters that run today through the evidence, beside the recommendation.

    Calibrates the study, then simulates the live numbers on the same paths, and holds both to the
    same losses: coverage out of sample, P(default | liquidation), expected bad debt, and the
    margin in force in every named crash. Whatever the verdict, it ends with 0.

    Example:

        riskkit assess config.ts --venue aave-v3 --market WETH --prices eth.csv

        riskkit assess tiers.json --venue dydx-v4 --market Large-Cap
        --study studies/btc-perpetual-hourly.toml --out assessment.json
    """
    import pandas as pd

    from riskkit.calibration.calibrate import calibrate
    from riskkit.cli.assess_tables import print_assessment
    from riskkit.cli.progress import calibration_progress
    from riskkit.formats import registry
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.proof import context as given
    from riskkit.proof.assess import assess as assess_live
    from riskkit.proof.assess import check_rows
    from riskkit.proof.assess_file import LiveFile, assessment_file
    from riskkit.study.prices import load_study_prices
    from riskkit.study.scope import crash_market

    format_ = registry.venue(venue)
    today, text = given.read_live(format_, live)
    name = given.find_market(format_, today, market)
    rows = given.rows_of(format_, today, name)
    asked, folder = _question(format_, rows, prices, study, asset, bar, as_of)
    rungs = None if ladder is None else given.read_ladder(ladder)
    check_rows(asked, rows, rungs)
    history = load_study_prices(asked, folder)
    if prices is not None and as_of is None:
        history = history.between(None, pd.Timestamp.now("UTC") - history.bar)
    with calibration_progress() as tell:
        calibration = calibrate(asked, history, threads=threads, progress=tell)
    result = assess_live(
        calibration,
        rows,
        crashes=crashes or crash_market(asked, history.calendar),
        ladder=rungs,
        threads=threads,
    )
    console = Console(soft_wrap=False)
    print_assessment(console, result, f"{live.name} ({format_.title})")
    if out is not None:
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        file = assessment_file(
            result, LiveFile(venue=venue, market=name, source=live.name, sha256=digest)
        )
        write_atomically(out, canonical_json(file.model_dump(mode="json")))
        console.print(f"written: {escape(str(out))}", soft_wrap=True)


def _question(
    format_: Venue,
    rows: Sequence[Effective],
    prices: Path | None,
    study: Path | None,
    asset: str | None,
    bar: str | None,
    as_of: str | None,
) -> tuple[Study, Path]:
    """The study to calibrate, and the folder of its prices."""
    from riskkit.cli.defaults import study_of_prices
    from riskkit.formats.calibrated import CalibratedCollateral
    from riskkit.proof.recheck import stated
    from riskkit.study.study import read_study

    if (prices is None) == (study is None):
        got = "neither" if prices is None else "both"
        rule = "give a price file, or a study that names its prices"
        raise InputError("--prices, --study", got, rule, "For example: --prices eth.csv")
    if study is not None:
        beside = [n for n, v in (("--asset", asset), ("--bar", bar), ("--as-of", as_of)) if v]
        if beside:
            rule = "these options go with --prices only"
            raise InputError(", ".join(beside), "--study beside it", rule, "Set it in the study")
        return read_study(study), study.parent
    assert prices is not None  # exactly one of the two is given
    section: dict[str, object] = {"kind": "perpetual"}
    if format_.calibrated is CalibratedCollateral:
        # The bonus is the venue's: a recommendation for another one would compare two venues.
        bonus = float(stated(rows[0], "liquidation_bonus"))
        section = {"kind": "loan", "liquidation_bonus_fraction": bonus}
    return study_of_prices(prices, asset=asset, bar=bar, as_of=as_of, venue=section), prices.parent
