"""Every notebook is run for real, and keeps to the rules of the house."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest

import riskkit
from riskkit.errors import RiskkitError
from riskkit.lab.notebook_report import run_notebook
from riskkit.lab.notebook_save import OURS, before_save, without_run
from riskkit.market import PriceHistory
from riskkit.market.download import fetch_series
from riskkit.market.exchange import connect
from riskkit.market.store import PriceStore, SeriesKey
from riskkit.formats import registry
from tests.market.downloading import QUICK
from tests.market.exchange_server import HOUR, Venue, serve
from tests.parameters.venue_cases import DYDX
from tests.support import ROOT

NOTEBOOKS = sorted(
    path
    for path in (ROOT / "notebooks").glob("*.ipynb")
    if OURS.fullmatch(f"notebooks/{path.name}")  # a reader's own may lie beside them
)
SHIPPED = ROOT / "riskkit" / "lab" / "study.ipynb"
ALL = [*NOTEBOOKS, SHIPPED]
CODE_LINES = 120


def code_of(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=ALL, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    content = nbformat.read(request.param, as_version=4)
    nbformat.validate(content)
    return content


def test_the_set_is_numbered_without_gaps():
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(len(NOTEBOOKS)))
    assert len(NOTEBOOKS) >= 12


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_what_is_committed_holds_no_output(path: Path):
    text = committed(path)
    notebook = nbformat.reads(text, as_version=4)
    without_run(notebook)
    assert nbformat.writes(notebook) + "\n" == text


def committed(path: Path) -> str:
    """A file as git has it: a reader may have run and saved the one that lies there."""
    name = path.relative_to(ROOT).as_posix()
    found = subprocess.run(
        ["git", "show", f":{name}"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    return found.stdout if found.returncode == 0 else path.read_text("utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_saved_notebook_is_as_it_was_committed(path: Path):
    """What JupyterLab adds in a run is taken out again before it is written."""
    text = committed(path)
    content = nbformat.reads(text, as_version=4)
    content.metadata.kernelspec["display_name"] = "Python 3 (ipykernel)"
    content.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    content.metadata.language_info |= {"version": "3.11.7", "mimetype": "text/x-python"}
    for count, cell in enumerate(content.cells, start=1):
        cell.metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}
        if cell.cell_type == "code":
            cell.execution_count = count
            cell.outputs = [nbformat.v4.new_output("stream", text="said")]
    model = {"type": "notebook", "content": content}
    before_save(model=model, path="notebooks/06-Copy1.ipynb", contents_manager=None)
    assert nbformat.writes(content) + "\n" != text
    before_save(model=model, path=f"notebooks/{path.name}", contents_manager=None)
    assert nbformat.writes(content) + "\n" == text


def test_notebooks_are_thin(notebook: nbformat.NotebookNode):
    tree = ast.parse("\n".join(code_of(notebook)))
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert not any(isinstance(node, definitions) for node in ast.walk(tree))
    lines = [line for source in code_of(notebook) for line in source.splitlines() if line.strip()]
    assert len(lines) <= CODE_LINES


def test_prose_has_one_title_and_states_the_finding(notebook: nbformat.NotebookNode):
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    lines = [line for source in prose for line in source.splitlines()]
    assert sum(line.startswith("# ") for line in lines) == 1
    assert prose[0].startswith("# ")
    assert "**Summary.**" in prose[0]
    assert "**Assumptions.**" in prose[0]
    for heading in ("## Configuration", "## Execution", "## Results"):
        assert any(line.startswith(heading) for line in lines), heading


def test_one_cell_holds_the_parameters_and_the_last_one_asserts(
    notebook: nbformat.NotebookNode,
):
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    last = ast.parse(code_of(notebook)[-1])
    assert any(isinstance(node, ast.Assert) for node in last.body)
    assert notebook.cells[-1].cell_type == "code"


def test_links_lead_to_notebooks_that_exist(notebook: nbformat.NotebookNode):
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    linked = {part.split(")")[0] for part in prose.split("](")[1:]}
    known = {path.name for path in NOTEBOOKS}
    assert {link for link in linked if link.endswith(".ipynb")} <= known


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(f"notebook-{path.stem}"))
        for path in NOTEBOOKS
    ],
)
def test_runs(path: Path, tmp_path: Path):
    known = papermill.inspect_notebook(path)
    places = ("out", "store")  # what a notebook writes goes to the test's own folder
    parameters = {name: str(tmp_path / name) for name in known if name.lower() in places}
    run_notebook(path, tmp_path / path.name, parameters, folder=path.parent, timeout=300)
    executed = nbformat.read(tmp_path / path.name, as_version=4)
    outputs = [o for cell in executed.cells for o in cell.get("outputs", [])]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert not list(path.parent.glob("kernel-ipc*"))


def test_own_data_runs_on_a_series_fetched_from_an_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eth_daily: PriceHistory
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    closes = eth_daily.bars["close"].loc["2021-09":"2024-02"]
    moments = [int(time.timestamp() * 1_000) for time in closes.index]
    holes = set(range(moments[0], moments[-1], 24 * HOUR)) - set(moments)
    venue = Venue(
        holes=holes,
        now=moments[-1] + 30 * HOUR,
        changed={t: [t, *[str(close)] * 4, "1"] for t, close in zip(moments, closes, strict=True)},
    )
    store, since = PriceStore(tmp_path / "store"), closes.index[0]
    with serve(venue) as url:
        exchange = connect("binance", mirror=url, patience=QUICK)
        key = SeriesKey.of("binance", "ETH/USDT:USDT", "1d")
        fetched = fetch_series(exchange, store, "ETH/USDT:USDT", key, since)
    assert sum(hole.bars for hole in fetched.new_holes) == len(holes) > 0
    assert store.rows(key)["close"].tolist() == closes.tolist()
    parameters = {
        "prices": "",
        "series": "binance/ETH-USDT-USDT/1d",
        "asset": "ETH",
        "as_of": "2024-03-02",
        "paths": 10_000,
        "store": str(store.root),
        "out": str(tmp_path / "out"),
    }
    path = ROOT / "notebooks" / "10_your_own_data.ipynb"
    run_notebook(path, tmp_path / path.name, parameters, folder=path.parent, timeout=300)
    file = riskkit.read_parameter_file(tmp_path / "out" / "parameters.json")
    assert file.data.source == "binance/ETH-USDT-USDT/1d"
    assert file.data.bars == fetched.bars


def test_own_data_needs_a_path_alone_and_reaches_a_venue(tmp_path: Path):
    prices, live = tmp_path / "sol.csv", tmp_path / "tiers.json"
    closes = pd.read_csv(ROOT / "data" / "eth_usd_daily.csv", comment="#").iloc[-1300:]
    closes.to_csv(prices, index=False)
    live.write_text(DYDX)
    parameters = {
        "prices": str(prices),
        "venue": "dydx-v4",
        "live": str(live),
        "market": "Small-Cap",
        "store": str(tmp_path / "store"),
        "out": str(tmp_path / "out"),
    }
    path = ROOT / "notebooks" / "10_your_own_data.ipynb"
    run_notebook(path, tmp_path / path.name, parameters, folder=path.parent, timeout=300)
    file = riskkit.read_parameter_file(tmp_path / "out" / "parameters.json")
    assert file.header.asset == "sol"
    assert str(file.header.as_of_date) == str(closes.iloc[-1, 0])[:10]
    assert file.data.bars == 1300
    dydx = registry.venue("dydx-v4")
    tiers = dydx.effective(dydx.read((tmp_path / "out" / "dydx-v4.json").read_text()))
    tier = next(tier for tier in tiers if tier.market == "Small-Cap")
    asked = max(row.maintenance_margin_fraction for row in file.parameters.recommended)
    assert float(tier.maintenance_margin) >= asked
    # Another asset under the same name stops, before anything is computed from a mixture.
    pd.read_csv(ROOT / "data" / "btc_usd_daily.csv", comment="#").to_csv(prices, index=False)
    with pytest.raises(RiskkitError, match="must be the market stored under that name"):
        run_notebook(path, tmp_path / path.name, parameters, folder=path.parent, timeout=300)
