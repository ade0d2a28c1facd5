"""The dashboard: one app over markets, served by Voila on loopback behind a token."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from riskkit.errors import InputError
from riskkit.lab.template import Theme
from riskkit.study.name import study_name
from riskkit.study.study import read_study

CELL = """\
from riskkit.lab.dashboard import open_app

app = open_app({studies!r}, out={out!r}, day={day!r}, fleet={fleet!r}, first={first!r})
app"""

# Voila's page asks a content network for an icon font. Nothing needs it: the browser is told to
# load from this machine only.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
#: Tables of a study that a page behind it may need.
TABLES = ("depth", "book", "fund", "attack", "collateral", "options", "lending", "stress")


def open_app(
    studies: Sequence[str | Path],
    *,
    out: str | Path = "out",
    day: str,
    fleet: str | Path | None = None,
    first: str = "",
) -> Any:
    """The app over these studies, in a notebook or a dashboard.

    Parameters
    ----------
    studies : sequence of path
    out : path
        Where `riskkit calibrate` wrote their parameter files, from which is read what is wrong, and
        where explorers export.
    day : str
        The day on which the files are to be used, YYYY-MM-DD.
    fleet : path, optional
        The folder of a fleet, whose latest night ranks its markets.
    first : str
        Word of the page that the first study opens with; empty for the list.

    Returns
    -------
    riskkit.lab.app.Dashboard

    Raises
    ------
    InputError
        If a study cannot be read, two have the same name, or the fleet holds no night.
    """
    from riskkit.fleet.concerns import MarketReview, review_files
    from riskkit.lab.app import AppMarket, Dashboard, openers

    place, today = Path(out), date.fromisoformat(day)
    markets = []
    for path in map(Path, studies):
        found = read_study(path)
        tables = {name for name in TABLES if getattr(found, name) is not None}
        tables |= {"assets"} if found.assets.any else set()
        kind = found.position.kind
        markets.append(AppMarket(study_name(path), path, kind, frozenset(tables)))
    names = [market.name for market in markets]
    if len(set(names)) < len(names):
        rule = "file names must differ, since markets are listed by them"
        raise InputError("STUDIES", ", ".join(names), rule, "Rename one of them")
    ranked = {m.name: m for m in markets if "assets" not in m.tables and not m.tables & {"book"}}
    files = {name: _content(place / name / "parameters.json") for name in ranked}
    reviews = [*review_files(files, day=today)]
    committee = ""
    if fleet is not None:
        night, committee = _night(Path(fleet), today)
        known = {review.market for review in reviews}
        reviews = [*(r for r in night if r.market not in known), *reviews]
        reviews.sort(key=lambda r: -r.gravity)
    # A venue's study is answered by its own pages: no parameter file speaks against it.
    reviews += [MarketReview(name, "", ()) for name in names if name not in ranked]
    app = Dashboard(markets, reviews, openers(place), committee=committee)
    if first and markets:
        app.open(markets[0].name, first)
    return app


def _content(path: Path) -> Mapping[str, Any] | None:
    """A parameter file's content, or None where there is none; one that is damaged is refused."""
    from riskkit.parameters.file import read_parameter_file

    return read_parameter_file(path).to_dict() if path.is_file() else None


def _night(folder: Path, day: date) -> tuple[tuple[Any, ...], str]:
    """The latest night's markets with their concerns, and the committee's page where it is."""
    from riskkit.fleet.concerns import review_night
    from riskkit.fleet.night import read_night

    page = folder / "committee.html"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    return review_night(*read_night(folder), day=day), text


def write_dashboard(
    studies: Sequence[Path],
    out: Path,
    folder: Path,
    *,
    day: date,
    fleet: Path | None = None,
    first: str = "",
) -> Path:
    """Write the one-cell notebook that shows the app, and Voila's settings beside it.

    Raises
    ------
    InputError
        If a study cannot be read, the fleet holds no night, or no page has that word.
    """
    for path in studies:
        read_study(path)
    if fleet is not None:
        _night(fleet, day)
    if first:
        from riskkit.lab.app import openers

        words = openers(out)
        if first not in words:
            rule = f"must be one of {', '.join(words)}"
            raise InputError("open", first, rule, "Choose a page of the first study")
    source = CELL.format(
        studies=[str(path.resolve()) for path in studies],
        out=str(out.resolve()),
        day=day.isoformat(),
        fleet=None if fleet is None else str(fleet.resolve()),
        first=first,
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


def voila_command(notebook: Path, port: int, *, browser: bool, theme: Theme) -> list[str]:
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
        f"--VoilaConfiguration.theme={theme.value}",
        *([] if browser else ["--no-browser"]),
    ]
