"""`riskkit sign` and `riskkit verify`: who stands behind a parameter file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.terminal import echo_file, print_path
from riskkit.errors import InputError


def sign(
    file: Annotated[Path, typer.Argument(help="A parameter file.")],
    keystore: Annotated[
        Path | None, typer.Option(help="Keystore (JSON, version 3); its password is asked for.")
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="A signature made elsewhere, 0x and 65 bytes.")
    ] = None,
    typed_data: Annotated[
        bool, typer.Option("--typed-data", help="Print the EIP-712 data for another signer.")
    ] = False,
) -> None:
    """Sign a parameter file, or add a signature made elsewhere; writes FILE.sig beside it.

    Needs the extra 'sign'. No key is kept or written.

    Example:

        riskkit sign out/eth-perpetual-daily/parameters.json --keystore risk.json

        riskkit sign parameters.json --typed-data > data.json
    """
    from riskkit.fleet import sign as signing
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.write import canonical_json, write_atomically

    content = read_parameter_file(file)
    if sum((keystore is not None, signature is not None, typed_data)) != 1:
        rule = "must be one of --keystore, --signature and --typed-data"
        raise InputError("options", "none or several", rule, "Choose one")
    if typed_data:
        echo_file(json.dumps(signing.typed_data(content), indent=2) + "\n")
        return
    if keystore is not None:
        password = typer.prompt("password", hide_input=True, err=True)
        made = signing.sign_with_keystore(content, keystore, password)
    else:
        digest = content.header.digest.content_sha256
        made = signing.Signature("", digest, signature or "")
        made = signing.Signature(signing.recovered(content, made), digest, made.signature)
    place = signing.signatures_beside(file)
    others = [s for s in signing.read_signatures(place) if s.signer != made.signer]
    text = canonical_json({"signatures": [s.to_dict() for s in (*others, made)]})
    write_atomically(place, text)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"signed by {made.signer}; {len(others) + 1} in all")
    print_path(console, "signatures:", place)


def verify(
    file: Annotated[Path, typer.Argument(help="A parameter file with FILE.sig beside it.")],
    signers: Annotated[Path, typer.Option(help="Policy (TOML): threshold, and [signers].")],
) -> None:
    """Check a parameter file and its signatures against a policy; code 1 if too few count.

    Example:

        riskkit verify out/eth-perpetual-daily/parameters.json --signers policy.toml
    """
    from riskkit.fleet import sign as signing
    from riskkit.parameters.file import read_parameter_file

    content, policy = read_parameter_file(file), signing.read_policy(signers)
    found = signing.verify_signatures(
        content, signing.read_signatures(signing.signatures_beside(file)), policy
    )
    console = Console(soft_wrap=True, highlight=False)
    for signer, reason in found.refused:
        console.print(f"[bold yellow]does not count[/] {escape(signer)}: {escape(reason)}")
    words = escape(", ".join(found.valid)) or "nobody"
    console.print(f"signed by {words}: {len(found.valid)} of {policy.threshold} that must")
    if not found.holds:
        raise typer.Exit(1)
