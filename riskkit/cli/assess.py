"""`riskkit assess`: the parameters that run today, under the evidence of a recommendation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout, PriceOptions
from riskkit.cli.options import (
    AsOfOption,
    AssetIsOption,
    AssetOption,
    BarOption,
    DecimalOption,
    DelimiterOption,
    MarketOption,
    PriceColumnOption,
    PricesOption,
    ThreadsOption,
    TimeColumnOption,
    file_keys,
)
from riskkit.cli.terminal import print_path
from riskkit.validation.markets import CrashMarket


def assess(
    live: Annotated[Path, typer.Argument(help="The venue's file that runs today.")],
    venue: Annotated[str, typer.Option(help="Its format, such as aave-v3; see docs/venues.")],
    market: MarketOption = None,
    prices: PricesOption = None,
    study: Annotated[
        Path | None,
        typer.Option(help="A study (TOML) with its prices, your delays, costs and targets."),
    ] = None,
    asset: AssetOption = None,
    asset_is: AssetIsOption = None,
    bar: BarOption = None,
    as_of: AsOfOption = None,
    time_column: TimeColumnOption = None,
    price_column: PriceColumnOption = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = None,
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
    said = file_keys(time_column, price_column, delimiter, decimal)
    options = PriceOptions(prices, asset, bar, as_of=as_of, said=said)
    asking = AskedAbout(() if study is None else (study,), options, "--study, --prices")
    asking.check()
    from riskkit.calibration.calibrate import calibrate
    from riskkit.cli.assess_tables import print_assessment
    from riskkit.cli.export import say_doubt
    from riskkit.cli.live import LiveMarket
    from riskkit.cli.progress import calibration_progress
    from riskkit.parameters.write import canonical_json, write_atomically
    from riskkit.position import Instrument
    from riskkit.proof import context as given
    from riskkit.proof.assess import assess as assess_live
    from riskkit.proof.assess import check_rows
    from riskkit.proof.assess_file import LiveFile, assessment_file
    from riskkit.proof.assets import is_stated
    from riskkit.study.scope import crash_market

    found = LiveMarket.read(live, venue, market)
    source = found.asked(asking)
    asked, history = source.study, source.history
    rungs = None if ladder is None else given.read_ladder(ladder)
    check_rows(Instrument(asked.position.kind), asked.sides, found.rows, rungs)
    stated = asset is not None or is_stated(asked.data)
    agreed = found.agree(source, declared=asset_is, stated=stated)
    with calibration_progress() as tell:
        calibration = calibrate(
            asked, history, threads=threads, progress=tell, peers=source.peers()
        )
    result = assess_live(
        calibration,
        found.rows,
        crashes=crashes or crash_market(asked.data, history.calendar),
        ladder=rungs,
        threads=threads,
    )
    console = Console(soft_wrap=False)
    print_assessment(console, result, found.title)
    say_doubt(console, agreed)
    if out is not None:
        digest = hashlib.sha256(found.text.encode("utf-8")).hexdigest()
        file = assessment_file(
            result,
            LiveFile(
                venue=venue,
                market=found.name,
                source=live.name,
                sha256=digest,
                study_asset=agreed.study,
                market_asset=agreed.market,
                asset_declared_to_be=agreed.declared,
            ),
        )
        write_atomically(out, canonical_json(file.model_dump(mode="json")))
        print_path(console, "written:", out)
