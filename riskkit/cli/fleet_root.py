"""`riskkit fleet root|prove|check`: one number for a night, and a proof of one market in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.dates import parse_day
from riskkit.cli.fleet_app import DEFAULT, Folder, NightOption
from riskkit.cli.fleet_record import fleet
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.fleet.night import Night

__all__ = ["fleet"]


@fleet.command()
def root(night: NightOption = None, out: Folder = DEFAULT) -> None:
    """Print the Merkle root over a night's parameter files: one number to publish or to sign.

    Example:

        riskkit fleet root
    """
    from riskkit.fleet.merkle import merkle_root
    from riskkit.fleet.nightly import night_leaves

    manifest = _night(out, night)
    leaves = night_leaves(manifest)
    print(f"{merkle_root([leaf for _, leaf in leaves]).hex()}  {manifest.night}")


@fleet.command()
def prove(
    market: Annotated[str, typer.Argument(help="The market.")],
    night: NightOption = None,
    to: Annotated[Path | None, typer.Option(help="Where the proof goes.")] = None,
    out: Folder = DEFAULT,
) -> None:
    """Write the proof that a market's parameter file is under a night's root.

    Example:

        riskkit fleet prove eth-perpetual-daily --to proof.json
    """
    from riskkit.fleet.merkle import merkle_root, prove_inclusion
    from riskkit.fleet.nightly import night_leaves
    from riskkit.parameters.write import canonical_json, write_atomically

    leaves = night_leaves(_night(out, night))
    names = [name for name, _ in leaves]
    if market not in names:
        rule = "must be a market with an answer that night"
        raise InputError("MARKET", market, rule, "riskkit fleet table lists them")
    every = [leaf for _, leaf in leaves]
    index = names.index(market)
    content = {
        **json.loads(every[index]),
        "root": merkle_root(every).hex(),
        **prove_inclusion(every, index).to_dict(),
    }
    text = canonical_json(content)
    print_path(
        Console(soft_wrap=True),
        "proof:",
        write_atomically(to or Path(f"{market}.proof.json"), text),
    )


@fleet.command()
def check(
    proof: Annotated[Path, typer.Argument(help="A proof, as riskkit fleet prove writes it.")],
    file: Annotated[Path, typer.Argument(help="The parameter file that it speaks of.")],
    root_hex: Annotated[str, typer.Option("--root", help="The root that was published.")],
) -> None:
    """Check that a parameter file is under a published root; code 1 if it is not.

    Example:

        riskkit fleet check proof.json parameters.json --root 5dc9da79…
    """
    from riskkit.fleet.merkle import Inclusion, check_inclusion, market_leaf
    from riskkit.parameters.file import read_parameter_file

    digest = read_parameter_file(file).header.digest.content_sha256
    try:
        content = json.loads(proof.read_text(encoding="utf-8"))
        path = tuple(bytes.fromhex(node) for node in content["path"])
        found = Inclusion(int(content["index"]), int(content["size"]), path)
        leaf = market_leaf(str(content["market"]), digest)
        published = bytes.fromhex(root_hex)
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"must be a proof of riskkit fleet prove, and a root in hexadecimal ({error})"
        raise InputError("PROOF", proof.name, rule, "Write it again") from None
    if check_inclusion(leaf, found, published):
        print(f"{content['market']} is under this root, with this file")
        return
    print(f"{content['market']} is NOT under this root with this file")
    raise typer.Exit(1)


def _night(out: Path, night: str | None) -> Night:
    from riskkit.fleet.night import read_night

    return read_night(out, parse_day("night", night))[0]
