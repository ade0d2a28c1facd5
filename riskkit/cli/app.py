"""The command line: one command a job, each with an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import riskkit
from riskkit.cli.assess import assess
from riskkit.cli.attack import attack
from riskkit.cli.backtest import backtest
from riskkit.cli.basket import basket
from riskkit.cli.calibrate import calibrate
from riskkit.cli.closed_hours import closed_hours
from riskkit.cli.collateral import collateral
from riskkit.cli.dashboard import dashboard
from riskkit.cli.depth import depth
from riskkit.cli.diff import diff
from riskkit.cli.export import export
from riskkit.cli.fleet_root import fleet
from riskkit.cli.fund import fund
from riskkit.cli.grid import grid
from riskkit.cli.init import init
from riskkit.cli.liabilities import liabilities
from riskkit.cli.listing import listing
from riskkit.cli.margin_proofs import commit, prove_margin, verify_margin
from riskkit.cli.peg import peg
from riskkit.cli.portfolio import portfolio
from riskkit.cli.prices import prices
from riskkit.cli.promise import promise, reported
from riskkit.cli.prove import generations, reliability, sensitivity
from riskkit.cli.replay import replay
from riskkit.cli.report import report
from riskkit.cli.reproduce import reproduce
from riskkit.cli.scenarios import scenarios
from riskkit.cli.sign import sign, verify
from riskkit.cli.staked import cap_steps, staked
from riskkit.cli.steps import steps
from riskkit.cli.stress import stress
from riskkit.cli.validate import validate
from riskkit.cli.warm_up import warm_up


class PlainErrors(TyperGroup):
    """A wrong option is told in plain words, at once; only help waits for rich to load."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.rich_markup_mode = None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help of all commands."""
        self.rich_markup_mode = "markdown"
        super().format_help(ctx, formatter)


app = typer.Typer(
    name="riskkit",
    cls=PlainErrors,
    help=(
        "Calibrate margins and liquidation thresholds from price history.\n\n"
        "A study (TOML) names the prices, the model, how late a liquidation is and two target "
        "probabilities; riskkit answers with a parameter file, its evidence and a report.\n\n"
        "Example:\n\n"
        "    riskkit calibrate studies/eth-perpetual-daily.toml\n\n"
        "    riskkit init my.csv\n\n"
        "    riskkit calibrate --prices my.csv\n\n"
        "    riskkit backtest studies/eth-perpetual-daily.toml"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
#: Commands by what they are about, in the order in which a user meets them.
GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "One position": (init, calibrate, assess, report, dashboard),
    "Evidence": (backtest, reliability, replay, generations, sensitivity),
    "A venue": (portfolio, grid, stress, fund, depth, attack, listing),
    "Collateral": (collateral, peg, staked, cap_steps, closed_hours, promise, reported, basket),
    "Parameter files": (validate, reproduce, sign, verify, diff, export, steps),
    "Private proofs": (scenarios, commit, prove_margin, verify_margin),
    "This installation": (warm_up,),
}
for group, commands in GROUPS.items():
    for command in commands:
        app.command(rich_help_panel=group)(command)
app.add_typer(prices, rich_help_panel="One position")
app.add_typer(liabilities, rich_help_panel="Private proofs")
app.add_typer(fleet, rich_help_panel="A venue")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"riskkit {riskkit.__version__}")
        raise typer.Exit
