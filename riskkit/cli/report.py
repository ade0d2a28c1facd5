"""`riskkit report`: run a notebook for a study, and write it as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout, text_beside
from riskkit.cli.extras import need
from riskkit.cli.options import NOTHING, OutOption, StudyArgument, asks
from riskkit.cli.terminal import print_path


@asks(StudyArgument)
def report(
    notebook: Annotated[
        Path | None,
        typer.Option(help="A notebook with a parameter 'study' (default: the one that ships)."),
    ] = None,
    code: Annotated[bool, typer.Option(help="Show the code above its results.")] = True,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Run a notebook for a study, and write it with its figures to OUT/NAME/notebook.html.

    The page opens without a network. A notebook that stops leaves no page behind, and its error is
    shown. Takes as long as riskkit calibrate, and a few seconds for the kernel.

    Example:

        riskkit report studies/eth-perpetual-daily.toml

        riskkit report studies/eth-collateral-daily.toml --no-code
    """
    need("lab", "riskkit report", "papermill", "nbconvert", "ipykernel")
    from riskkit.lab.notebook_report import report_notebook
    from riskkit.parameters.write import write_atomically

    asked = asking.read()  # a mistake in it is told before a kernel is started
    folder = out / asked.name
    if asked.proposed:
        file = write_atomically(folder / "study.toml", text_beside(asked, folder))
    else:
        file = asking.file

    console = Console(soft_wrap=True)
    page = folder / "notebook.html"
    with Console(stderr=True).status("running the notebook"):
        report_notebook(page, {"study": str(file.resolve())}, notebook=notebook, code=code)
    print_path(console, "report:", page)
