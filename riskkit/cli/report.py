"""`riskkit report`: run a notebook for a study, and write it as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.study.name import study_name


def report(
    study: Annotated[Path, typer.Argument(help="The study file (TOML).")],
    notebook: Annotated[
        Path | None,
        typer.Option(help="A notebook with a parameter 'study' (default: the one that ships)."),
    ] = None,
    code: Annotated[bool, typer.Option(help="Show the code above its results.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the results, as for calibrate.")] = Path(
        "out"
    ),
) -> None:
    """Run a notebook for a study, and write it with its figures to OUT/NAME/notebook.html.

    The page opens without a network. A notebook that stops leaves no page behind, and its error is
    shown. Takes as long as riskkit calibrate, and a few seconds for the kernel.

    Example:

        riskkit report studies/eth-perpetual-daily.toml

        riskkit report studies/eth-collateral-daily.toml --no-code
    """
    from riskkit.study.study import read_study

    read_study(study)  # a mistake in it is told before a kernel is started
    from riskkit.lab.notebook_report import report_notebook

    console = Console(soft_wrap=True)
    page = out / study_name(study) / "notebook.html"
    with Console(stderr=True).status("running the notebook"):
        report_notebook(page, {"study": str(study.resolve())}, notebook=notebook, code=code)
    console.print(f"report: {page}", highlight=False)
