"""`riskkit dashboard`: the explorer as an app in the browser."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from riskkit.cli.extras import need
from riskkit.cli.options import ServedArgument

SECONDS_TO_END = 10


def dashboard(
    studies: ServedArgument,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on loopback.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    out: Annotated[
        Path, typer.Option(help="Folder of the results that rank markets, and of exports.")
    ] = Path("out"),
    fleet: Annotated[
        Path | None, typer.Option(help="Folder of a fleet: its latest night ranks its markets.")
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="On a dark ground.")] = False,
    first: Annotated[
        str, typer.Option("--open", help="Open the first study's page of this word at once.")
    ] = "",
) -> None:
    """Serve these studies as one app: markets, the worst first, and explorers behind each.

    On this machine only and behind a token. What is wrong with a market is read from its parameter
    file in OUT, as `riskkit calibrate` wrote it, or from a fleet's latest night. The address with
    its token is printed; JUPYTER_TOKEN sets the token. Stop with Ctrl-C.

    Example:

        riskkit dashboard studies/eth-perpetual-daily.toml studies/btc-perpetual-hourly.toml

        riskkit dashboard studies/*.toml --fleet out/fleet
    """
    need("lab", "riskkit dashboard", "voila", "ipywidgets", "anywidget")
    from riskkit.cli.dates import now
    from riskkit.lab.dashboard import voila_command, write_dashboard
    from riskkit.lab.template import Theme

    with tempfile.TemporaryDirectory(prefix="riskkit-dashboard-") as folder:
        notebook = write_dashboard(
            studies, out, Path(folder), day=now().date(), fleet=fleet, first=first
        )
        # Widgets draw by themselves: plotly's own renderer would ask the network for its code.
        environment = os.environ | {"PLOTLY_RENDERER": "plotly_mimetype"}
        theme = Theme.DARK if dark else Theme.LIGHT
        command = voila_command(notebook, port, browser=browser, theme=theme)
        code = serve(command, folder, environment)
    raise typer.Exit(code)


def serve(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> int:
    """Run a server until it ends, or until this process is told to: the server never outlives it.

    Returns
    -------
    int
        The server's exit code; 0 where it was asked to end.
    """
    asked: list[int] = []
    servers: list[subprocess.Popen[bytes]] = []

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        for server in servers:
            server.terminate()

    # A hangup is what closing the terminal's window sends.
    signals = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, end) for number in signals}
    server = subprocess.Popen(command, cwd=folder, env=environment)
    servers.append(server)
    try:
        code = _ended(server) if asked else server.wait()
    except KeyboardInterrupt:  # the terminal tells the server too
        asked.append(signal.SIGINT)
        code = _ended(server)
    finally:
        if server.poll() is None:
            _ended(server)
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if asked else code


def _ended(server: subprocess.Popen[bytes]) -> int:
    """End a server: gently, and after some seconds at once."""
    server.terminate()
    try:
        return server.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()
