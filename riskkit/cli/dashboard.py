"""`riskkit dashboard`: the explorer as an app in the browser."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def dashboard(
    studies: Annotated[
        list[Path], typer.Argument(help="Study files (TOML): perpetuals, or loans.")
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on loopback.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the exported files.")] = Path("out"),
) -> None:
    """Serve the explorer of these studies as an app, on this machine only and behind a token.

    The address with its token is printed; JUPYTER_TOKEN sets the token. Stop with Ctrl-C.

    Example:

        riskkit dashboard studies/eth-perpetual-daily.toml studies/btc-perpetual-hourly.toml
    """
    from riskkit.lab.dashboard import voila_command, write_dashboard

    with tempfile.TemporaryDirectory(prefix="riskkit-dashboard-") as folder:
        notebook = write_dashboard(studies, out, Path(folder))
        # Widgets draw by themselves: plotly's own renderer would ask the network for its code.
        environment = os.environ | {"PLOTLY_RENDERER": "plotly_mimetype"}
        try:
            found = subprocess.run(
                voila_command(notebook, port, browser=browser), env=environment, check=False
            )
        except KeyboardInterrupt:
            return
    raise typer.Exit(found.returncode)
