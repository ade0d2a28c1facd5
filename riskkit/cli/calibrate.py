"""`riskkit calibrate`: from a study, or just a price file, to parameters, evidence and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.options import AsOfOption, AssetOption, BarOption, ThreadsOption
from riskkit.errors import InputError
from riskkit.study.name import study_name

if TYPE_CHECKING:
    from riskkit.study.study import Study


def calibrate(
    studies: Annotated[
        list[Path] | None,
        typer.Argument(help="Study files (TOML). Several give one table over all markets."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="A CSV or parquet of prices, instead of a study: defaults for the rest."),
    ] = None,
    asset: AssetOption = None,
    bar: BarOption = None,
    kind: Annotated[
        str, typer.Option(help="With --prices: 'perpetual' or 'loan' (collateral/debt price).")
    ] = "perpetual",
    as_of: AsOfOption = None,
    seed: Annotated[
        int | None, typer.Option(help="Replace the seed: the change shows the Monte-Carlo error.")
    ] = None,
    threads: ThreadsOption = 2,
    out: Annotated[
        Path, typer.Option(help="Folder of the results; each study gets one in it.")
    ] = Path("out"),
) -> None:
    """Calibrate studies, and write a parameter file and a report for each.

    Writes OUT/NAME/parameters.json and OUT/NAME/report.html (self-contained). Data that ends more
    than 30 days before the study's as_of is labelled HISTORICAL EXAMPLE.

    Example:

        riskkit calibrate studies/eth-perpetual-daily.toml

        riskkit calibrate studies/*.toml --out results

        riskkit calibrate --prices my.csv --asset SOL --bar 1h
    """
    console = Console(soft_wrap=False)
    jobs = _jobs(studies or [], prices, asset, bar, kind, as_of)
    if seed is not None:
        jobs = [
            (name, study.changed({"simulation.seed": seed}), folder) for name, study, folder in jobs
        ]
    import pandas as pd

    from riskkit.cli.progress import calibration_progress
    from riskkit.cli.run import run_calibration
    from riskkit.cli.tables import markets_table, print_calibration

    results = []
    for name, study, folder in jobs:
        began = time.perf_counter()
        with calibration_progress() as tell:
            result, written = run_calibration(
                study,
                folder,
                out / name,
                closed_by=pd.Timestamp.now("UTC") if prices and as_of is None else None,
                threads=threads,
                progress=tell,
            )
        results.append((name, result))
        print_calibration(console, result, written)
        console.print(f"done in {time.perf_counter() - began:.1f} s")
    if len(results) > 1:
        console.print(markets_table([result for _, result in results]))


def _jobs(
    studies: list[Path],
    prices: Path | None,
    asset: str | None,
    bar: str | None,
    kind: str,
    as_of: str | None,
) -> list[tuple[str, Study, Path]]:
    """Name, study and data folder of every calibration asked for; all validated before any runs."""
    if bool(studies) == (prices is not None):
        raise InputError(
            "STUDIES",
            "both studies and --prices" if studies else "neither a study nor --prices",
            "give study files, or --prices with one price file",
            "For example: riskkit calibrate studies/eth-perpetual-daily.toml",
        )
    if prices is None:
        given = [n for n, v in (("--asset", asset), ("--bar", bar), ("--as-of", as_of)) if v]
        if given or kind != "perpetual":
            raise InputError(
                ", ".join(given) or "--kind",
                "a study beside it",
                "these options go with --prices only",
                "Set the key in the study instead",
            )
        names = [study_name(path) for path in studies]
        if len(set(names)) < len(names):
            raise InputError(
                "STUDIES",
                ", ".join(names),
                "file names must differ, since results are named after them",
                "Rename one, or run them with different --out",
            )
        from riskkit.study.study import read_study

        return [
            (name, read_study(path), path.parent) for name, path in zip(names, studies, strict=True)
        ]
    from riskkit.cli.defaults import study_of_prices

    study = study_of_prices(prices, asset=asset, bar=bar, as_of=as_of, venue={"kind": kind})
    return [(study_name(prices.name.split(".")[0]), study, prices.parent)]
