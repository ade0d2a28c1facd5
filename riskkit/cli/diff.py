"""`riskkit diff`: what moved between two parameter files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from riskkit.parameters.diff import Change, Moved
    from riskkit.parameters.file import ParameterFile

DETAILS = (
    ".low_probability",
    ".high_probability",
    ".hits",
    ".statistic",
    ".observations",
    ".standard_error_qmle",
    ".side",
    ".distance_bars",
    "evidence.procyclicality",
)
INPUTS = ("header", "data", "model", "study", "counted")


def diff(
    old: Annotated[Path, typer.Argument(help="The earlier parameter file.")],
    new: Annotated[Path, typer.Argument(help="The later parameter file.")],
    everything: Annotated[
        bool,
        typer.Option("--all", help="Every value that differs, intervals and test statistics too."),
    ] = False,
) -> None:
    """Say what moved between two parameter files: by how much, in which unit, on which evidence.

    Files of version 0 are migrated as they are read. Edited files are compared too, and named.

    Example:

        riskkit diff out/may/parameters.json out/june/parameters.json
    """
    from riskkit.parameters.diff import compare_files
    from riskkit.parameters.file import read_parameter_file

    files = [read_parameter_file(path, accept_edited=True) for path in (old, new)]
    found = compare_files(*files)
    console = Console(soft_wrap=False)
    for label, path, file in zip(("old", "new"), (old, new), files, strict=True):
        _print_file(console, label, path, file)
    console.print(_recommended_table(found.recommended))
    for one in found.one_sided:
        other = "new" if one.recommended_in == "old" else "old"
        words = f"recommended in the {one.recommended_in} file only; the {other} one: {one.reason}"
        console.print(f"[bold yellow]{one.side}[/] {escape(words)}", soft_wrap=True)
    _print_changes(console, "Evidence that changed", _told(found.of("evidence"), everything))
    _print_changes(console, "Inputs that changed", _told(found.of(*INPUTS), everything))
    if everything:
        _print_changes(console, "Every other number", found.of("parameters"))
    if not found.changes:
        console.print("nothing differs")


def _print_file(console: Console, label: str, path: Path, file: ParameterFile) -> None:
    h = file.header
    console.print(
        f"{label}: {escape(h.title)}, as of {h.as_of_date}, {h.status}, "
        f"valid until {h.valid_until_date} ({escape(path.name)})",
        soft_wrap=True,
    )
    if file.edited:
        names = ", ".join(file.edited)
        console.print(f"[bold yellow]edited by hand[/] after it was written: {names}")


def _recommended_table(rows: Sequence[Moved]) -> Table:
    table = Table(title="Recommended, in percent", title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("parameter", "side", "old", "new", "change, bps", "old 90 % band"):
        table.add_column(head, justify="left" if head in ("parameter", "side") else "right")
    for row in rows:
        table.add_row(
            row.parameter.replace("_", " "),
            row.side,
            f"{100.0 * row.old:.4f}",
            f"{100.0 * row.new:.4f}",
            f"{row.change_bps:+.2f}",
            "beyond" if row.beyond_band else "within",
        )
    return table


def _told(changes: Sequence[Change], everything: bool) -> tuple[Change, ...]:
    return tuple(c for c in changes if everything or not c.key.endswith(DETAILS))


def _print_changes(console: Console, title: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    console.print(f"{title}:")
    for c in changes:
        moved = "" if c.change is None else f"  ({c.change:+.4g} {c.unit.value}".rstrip() + ")"
        line = f"  {c.key}: {_shown(c.old)} -> {_shown(c.new)}{moved}"
        console.print(escape(line), soft_wrap=True, highlight=False)
    console.print()


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
