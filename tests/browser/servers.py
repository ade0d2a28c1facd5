"""JupyterLab and the dashboard as a user starts them, on loopback and behind a token."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT

STARTUP_SECONDS = 300.0

OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


@dataclass(frozen=True)
class Server:
    """A running server: its address without and with the token, and the folder it serves."""

    base: str
    token: str
    log: Path

    def url(self, path: str) -> str:
        """The address of a page, with the token."""
        return f"{self.base}/{path}{'&' if '?' in path else '?'}token={self.token}"

    def stop_kernels(self) -> None:
        """Shut every kernel down."""
        with urllib.request.urlopen(self.url("api/kernels"), timeout=300) as answer:
            kernels = json.load(answer)
        for kernel in kernels:
            request = urllib.request.Request(
                self.url(f"api/kernels/{kernel['id']}"), method="DELETE"
            )
            urllib.request.urlopen(request, timeout=300).close()

    def status_without_token(self, path: str) -> tuple[int, str]:
        """What a visitor without a token gets: status, and the address he ends at."""
        try:
            with urllib.request.urlopen(f"{self.base}/{path}", timeout=30) as answer:
                return answer.status, answer.url
        except urllib.error.HTTPError as error:
            return error.code, error.url


@contextlib.contextmanager
def jupyterlab(folder: Path, home: Path) -> Iterator[Server]:
    """JupyterLab on ``folder``; its settings live under ``home``."""
    settings = home / "config" / "labconfig"
    settings.mkdir(parents=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(OVERRIDES))
    port = _free_port()
    command = [
        *("-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--KernelManager.transport=ipc",
    ]
    with _serving(command, home, port, "api/status") as server:
        yield server


@contextlib.contextmanager
def dashboard(studies: list[Path], out: Path, home: Path, *more: str) -> Iterator[Server]:
    """`riskkit dashboard` of these studies, with more options."""
    port = _free_port()
    command = [
        *("-m", "riskkit", "dashboard", *map(str, studies)),
        *("--port", str(port), "--no-browser", "--out", str(out), *more),
    ]
    # GET / would run the notebook: readiness is asked of a static file.
    with _serving(command, home, port, "voila/static/voila.js") as server:
        yield server


@contextlib.contextmanager
def _serving(command: list[str], home: Path, port: int, ready: str) -> Iterator[Server]:
    token = secrets.token_hex(16)
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    # Kernels talk over sockets in this folder, and a socket's path may have 107 characters at most.
    sockets = tempfile.mkdtemp(prefix="rk-")
    server = Server(f"http://127.0.0.1:{port}", token, log)
    environment = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": sockets,
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
    }
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, server, ready)
        yield server
    finally:
        _stop(process)
        shutil.rmtree(sockets, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], server: Server, ready: str) -> None:
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server stopped:\n{server.log.read_text()[-3000:]}")
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(server.url(ready), timeout=2) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(server.log.read_text()[-3000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue
        return


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
