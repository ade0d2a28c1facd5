"""The dashboard: an explorer as an app, served by Voila on loopback behind a token."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from riskkit.errors import InputError
from riskkit.study.study import read_study

CELL = """\
from riskkit.lab.explorers import {explorer}

explorer = {explorer}({studies!r}, out={out!r})
explorer"""

# Voila's page asks a content network for an icon font. Nothing needs it: the browser is told to
# load from this machine only.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


def write_dashboard(studies: Sequence[Path], out: Path, folder: Path) -> Path:
    """Write the one-cell notebook that shows an explorer, and Voila's settings beside it.

    Raises
    ------
    InputError
        If a study cannot be read, or perpetuals and loans are mixed.
    """
    kinds = {read_study(path).position.kind for path in studies}
    if len(kinds) != 1:
        raise InputError(
            "STUDIES",
            ", ".join(map(str, studies)) or "none",
            "must be one or more, all perpetuals or all loans",
            "Serve perpetuals and loans apart",
        )
    source = CELL.format(
        explorer="MarginExplorer" if kinds == {"perpetual"} else "LiquidationExplorer",
        studies=[str(path.resolve()) for path in studies],
        out=str(out.resolve()),
    )
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "id": "explorer",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "riskkit.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    settings = {"Voila": {"tornado_settings": {"headers": {"Content-Security-Policy": POLICY}}}}
    (folder / "voila.json").write_text(json.dumps(settings), encoding="utf-8")
    return path


def voila_command(notebook: Path, port: int, *, browser: bool) -> list[str]:
    """The command that serves a notebook from its folder: loopback only, behind a token.

    Voila asks for no token by itself; ``auto_token`` makes a fresh one, or takes JUPYTER_TOKEN.
    """
    return [
        sys.executable,
        "-m",
        "voila",
        str(notebook),
        "--Voila.ip=127.0.0.1",
        f"--port={port}",
        "--Voila.port_retries=0",
        "--Voila.auto_token=True",
        "--strip_sources=True",
        "--show_tracebacks=True",
        *([] if browser else ["--no-browser"]),
    ]
