"""The command line: one command a job, each with an example, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import riskkit

if TYPE_CHECKING:
    from collections.abc import Callable

#: Commands by what they are about, in the order in which a user meets them.
GROUPS: dict[str, tuple[str, ...]] = {
    "One position": (
        *("init", "calibrate", "tearsheet", "assess", "report", "dashboard"),
        "prices",
    ),
    "Evidence": ("backtest", "reliability", "replay", "generations", "sensitivity"),
    "A venue": (
        *("portfolio", "grid", "stress", "liquidate-policy", "fund", "depth", "attack"),
        *("listing", "fleet"),
    ),
    "Collateral": (
        *("collateral", "pool", "peg", "staked", "cap-steps", "closed-hours", "promise"),
        *("reported", "basket"),
    ),
    "Parameter files": (
        "validate",
        "optimise",
        "reproduce",
        "sign",
        "verify",
        "diff",
        "export",
        "steps",
    ),
    "Private proofs": ("scenarios", "commit", "prove-margin", "verify-margin", "liabilities"),
    "This installation": ("warm-up",),
}
#: The modules of commands that do not have one of their own name.
MODULES = {
    "reliability": "prove",
    "generations": "prove",
    "sensitivity": "prove",
    "fleet": "fleet_root",
    "cap-steps": "staked",
    "reported": "promise",
    "verify": "sign",
    "commit": "margin_proofs",
    "prove-margin": "margin_proofs",
    "verify-margin": "margin_proofs",
}


class Commands(Mapping[str, Any]):
    """The commands by name, in the order of their groups; one is loaded when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        if name not in tuple(self):
            raise KeyError(name)
        word = name.replace("-", "_")
        module = import_module(f"riskkit.cli.{MODULES.get(name, word)}")
        found: typer.Typer | Callable[..., None] = getattr(module, word)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(
                add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
            )
            alone.command(name)(found)
            return typer.main.get_command(alone)
        return typer.main.get_group(found)

    def __iter__(self) -> Iterator[str]:
        return (name for names in GROUPS.values() for name in names)

    def __len__(self) -> int:
        return sum(map(len, GROUPS.values()))


class LazyGroup(TyperGroup):
    """Commands that load when asked for; help and a wrong option in plain words, at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.rich_markup_mode = None
        self.commands: Any = Commands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands under the names of their groups, each with its first sentence."""
        about = summaries()
        for group, names in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name, about[name]) for name in names])


def summaries() -> dict[str, str]:
    """The first sentence of every command, by its name: so that help loads none of them."""
    text = files("riskkit.cli").joinpath("summaries.txt").read_text(encoding="utf-8")
    rows = (line.partition(" ") for line in text.splitlines())
    return {name: about for name, _, about in rows}


def summaries_page() -> str:
    """The text of ``summaries.txt``, read from the commands' own docstrings (`make generated`)."""
    lines = []
    for name, command in Commands().items():
        first = (command.help or "").split("\n\n")[0]
        lines.append(f"{name} {' '.join(first.split())}")
    return "\n".join(lines) + "\n"


app = typer.Typer(
    name="riskkit",
    cls=LazyGroup,
    help=(
        "Calibrate margins and liquidation thresholds from price history.\n\n"
        "A study (TOML) names the prices, the model, how late a liquidation is and two target "
        "probabilities; riskkit answers with a parameter file, its evidence and a report.\n\n"
        "Example:\n\n"
        "\b\n"
        "    riskkit calibrate studies/eth-perpetual-daily.toml\n"
        "    riskkit init my.csv\n"
        "    riskkit calibrate --prices my.csv\n"
        "    riskkit backtest studies/eth-perpetual-daily.toml"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"riskkit {riskkit.__version__}")
        raise typer.Exit
