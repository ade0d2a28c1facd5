"""`riskkit report`: a study in, one page out that needs no network; or words, and no page."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError
from typer.testing import CliRunner

from riskkit.cli.app import app
from riskkit.errors import InputError, RiskkitError
from riskkit.lab.notebook_report import EXPLORER, WIDGET, report_notebook, to_page
from tests.support import DATA

pytestmark = pytest.mark.xdist_group("notebook-report")

STUDY = f"""
title = "BTC perpetual, a small study"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "{(DATA / "btc_usd_daily.csv").as_posix()}"
[model]
spec = "gjr-t"
refit_every_bars = 300
[mechanism]
oracle_latency_seconds = 0
[simulation]
paths = 20_000
bootstrap_refits = 3
"""

# What a browser fetches by itself when it opens a page; links that wait for a click are not.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|link|source|video|audio)\b[^>]*?\b(?:src|href)\s*=\s*["']?(?!data:)
        |@import\s+(?:url\()?["']?(?!data:)\w+:
        |<script[^>]*>[^<]*\bimport\(["']https?:""",
    re.VERBOSE,
)


def a_notebook(folder: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    path = folder / "own.ipynb"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def test_a_study_becomes_one_page_that_fetches_nothing(tmp_path: Path):
    study = tmp_path / "small.toml"
    study.write_text(STUDY)
    done = CliRunner().invoke(app, ["report", str(study), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "small" / "notebook.html").read_text(encoding="utf-8")
    assert not FETCHED.search(page)
    assert page.count("Plotly.newPlot(") >= 6
    assert page.count('id="figure-1"') == 1
    assert "BTC perpetual, a small study" in page
    assert "HISTORICAL EXAMPLE" in page
    assert "Traceback" not in page
    assert str(tmp_path) not in page.replace(str(study), "")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<link rel='stylesheet' href=https://cdn.example/x.css>",
        "<style>@import url(https://cdn.example/x.css);</style>",
        '<script type="module">const m = await import("https://cdn.example/x.mjs")</script>',
    ],
)
def test_the_search_for_fetches_would_find_them(html: str):
    assert FETCHED.search(html)


def test_a_page_draws_an_explorers_figure_in_the_widgets_place(tmp_path: Path):
    path = a_notebook(tmp_path, "explorer")
    notebook = nbformat.read(path, as_version=4)
    data = {
        WIDGET: {"model_id": "1", "version_major": 2, "version_minor": 0},
        EXPLORER: {"data": [{"type": "scatter", "x": [1], "y": [2]}], "layout": {"height": 300}},
        "text/plain": "Box()",
    }
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", data=data)]
    nbformat.write(notebook, path)
    page = to_page(path)
    assert page.count("Plotly.newPlot(") == 1
    assert "model_id" not in page
    assert not FETCHED.search(page)


def test_own_notebook_and_hidden_code(tmp_path: Path):
    own = a_notebook(tmp_path, "x = 1", "print('twice', 2 * x)")
    page = report_notebook(tmp_path / "page.html", {"x": 21}, notebook=own, code=False)
    text = page.read_text(encoding="utf-8")
    assert "twice 42" in text
    assert "print(" not in text


def test_a_notebook_that_stops_leaves_no_page(tmp_path: Path):
    own = a_notebook(tmp_path, "x = 1", "assert x == 2, 'x must be two'")
    with pytest.raises(RiskkitError, match=r"own.ipynb stopped. AssertionError: x must be two"):
        report_notebook(tmp_path / "page.html", {}, notebook=own)
    assert not (tmp_path / "page.html").exists()


def test_an_unknown_parameter_is_refused(tmp_path: Path):
    own = a_notebook(tmp_path, "study = ''")
    with pytest.raises(InputError, match="must be among those of own.ipynb: study"):
        report_notebook(tmp_path / "page.html", {"studdy": "s.toml"}, notebook=own)


def test_a_notebook_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="must be a notebook file"):
        report_notebook(tmp_path / "page.html", {}, notebook=tmp_path / "none.ipynb")


def test_a_notebook_without_a_kernel_is_refused(tmp_path: Path):
    path = tmp_path / "bare.ipynb"
    cell = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    with pytest.raises(InputError, match="must be a notebook that names its kernel"):
        report_notebook(tmp_path / "page.html", {}, notebook=path)


def test_a_mistake_in_the_study_is_told_before_anything_runs(tmp_path: Path):
    study = tmp_path / "wrong.toml"
    study.write_text(STUDY + "pathz = 3\n")
    done = CliRunner().invoke(app, ["report", str(study), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InputError)
    assert "simulation.pathz" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_kernel_that_dies_is_told_in_words_and_leaves_no_page(tmp_path: Path):
    notebook = a_notebook(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    page = tmp_path / "page.html"
    with pytest.raises(InputError, match=r"notebook: got own\.ipynb; .* its kernel died"):
        report_notebook(page, {}, notebook=notebook)
    assert not page.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("Kernel died before replying to kernel_info"), "its kernel died"),
        (CellTimeoutError("A cell timed out"), "must run every cell within 1,800 s"),
    ],
)
def test_a_kernel_that_never_starts_or_never_ends_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
):
    def execute(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("papermill.execute_notebook", execute)
    with pytest.raises(InputError, match=rf"notebook: got own\.ipynb; .*{said}"):
        report_notebook(tmp_path / "page.html", {}, notebook=a_notebook(tmp_path, "1"))
