"""`riskkit validate`: whether a parameter file is one, and whether it still holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from riskkit.cli.terminal import echo_file, print_path
from riskkit.errors import InputError


def validate(
    file: Annotated[Path | None, typer.Argument(help="A parameter file.")] = None,
    migrate_to: Annotated[
        Path | None, typer.Option(help="Write the file at the present version there.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of parameter files.")
    ] = False,
    study_schema: Annotated[
        bool, typer.Option("--study-schema", help="Print the JSON Schema of studies.")
    ] = False,
    today: Annotated[
        str | None, typer.Option(help="The day to judge by, YYYY-MM-DD (default: today).")
    ] = None,
) -> None:
    """Check a parameter file: schema, digest, version, and the day until which it is valid.

    Ends with an error for a file that breaks the schema or was edited by hand. An expired file is
    valid, and said to be expired. A study (.toml) is read, without its prices.

    Example:

        riskkit validate out/eth-perpetual-daily/parameters.json

        riskkit validate old.json --migrate-to new.json

        riskkit validate --schema > parameter-file.json

        riskkit validate --study-schema > study.json
    """
    from riskkit.cli.dates import parse_day
    from riskkit.parameters.file import read_parameter_file
    from riskkit.parameters.schema import published_schema
    from riskkit.parameters.write import canonical_json, write_atomically

    if schema:
        echo_file(canonical_json(published_schema()))
        return
    if study_schema:
        from riskkit.study.schema import published_study_schema

        echo_file(canonical_json(published_study_schema()))
        return
    if file is None:
        rule = "give a parameter file, --schema or --study-schema"
        raise InputError("FILE", "nothing", rule, "For example: riskkit validate parameters.json")
    day = parse_day("today", today) or datetime.now(UTC).date()
    if file.suffix.lower() == ".toml":
        _print_study(file, migrate_to)
        return
    content = read_parameter_file(file)
    h, console = content.header, Console(soft_wrap=True)
    console.print(f"{escape(str(file))}: {escape(h.title)}, as of {h.as_of_date}, {h.status}")
    version = f"schema version {h.schema_version}"
    if h.migrated_from_schema_version is not None:
        version += f" (migrated from {h.migrated_from_schema_version})"
    console.print(f"{escape(version)}; the content matches its digest")
    state = "expired" if day > h.valid_until_date else "valid"
    sigma = h.expires_above_sigma_next_bar_fraction
    above = "" if sigma is None else f", and while sigma of the next bar is below {sigma:.4%}"
    now = content.model.sigma_next_bar_fraction
    console.print(f"{state} on {day}: until {h.valid_until_date}{above} (it was {now:.4%})")
    if migrate_to is not None:
        write_atomically(migrate_to, canonical_json(content.to_dict()))
        print_path(console, "written:", migrate_to)


def _print_study(path: Path, migrate_to: Path | None) -> None:
    from riskkit.study.study import read_study

    if migrate_to is not None:
        rule = "is for parameter files; a study is read at any version"
        raise InputError("--migrate-to", str(path), rule, "Leave it out")
    study = read_study(path)
    console = Console(soft_wrap=True)
    kind, sides = study.position.kind, " and ".join(side.value for side in study.sides)
    console.print(
        f"{escape(str(path))}: {escape(study.title)}, as of {study.as_of}, {kind}, {sides}"
    )
    if study.unconfirmed:
        console.print(f"unconfirmed: {', '.join(study.unconfirmed)}")
    console.print("a study that can be read; its prices were not")
