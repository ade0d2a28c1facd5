"""The command line: one command a job, each with an example."""

from __future__ import annotations

from typing import Annotated

import typer

import riskkit
from riskkit.cli.calibrate import calibrate
from riskkit.cli.report import report

app = typer.Typer(
    name="riskkit",
    help=(
        "Calibrate margins and liquidation thresholds from price history.\n\n"
        "A study (TOML) names the prices, the model, how late a liquidation is and two target "
        "probabilities; riskkit answers with a parameter file, its evidence and a report.\n\n"
        "Example:\n\n"
        "    riskkit calibrate studies/eth-perpetual-daily.toml\n\n"
        "    riskkit calibrate --prices my.csv"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(calibrate)
app.command()(report)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"riskkit {riskkit.__version__}")
        raise typer.Exit
