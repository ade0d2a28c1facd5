"""One JupyterLab for the tests of a module, with the settings it comes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from tests.browser.servers import Server, jupyterlab
from tests.support import ROOT


@dataclass(frozen=True)
class Lab:
    """A JupyterLab and the folder it serves."""

    server: Server
    work: Path

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook of code cells; the address of its page."""
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(content, self.work / f"{name}.ipynb")
        return self.server.url(f"lab/tree/{name}.ipynb?reset")


@pytest.fixture(scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    work = folder / "work"
    work.mkdir()
    with jupyterlab(work, folder / "home") as server:
        yield Lab(server, work)


@pytest.fixture
def lab(_lab: Lab) -> Iterator[Lab]:
    yield _lab
    _lab.server.stop_kernels()


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ETH study with few paths: what is tested is the page."""
    return _lightly("eth-perpetual-daily", tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def loan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of ETH as collateral, with few paths."""
    return _lightly("eth-collateral-daily", tmp_path_factory.mktemp("loan"))


def _lightly(name: str, folder: Path) -> Path:
    text = (ROOT / "studies" / f"{name}.toml").read_text()
    text = text.replace("../data/", f"{ROOT / 'data'}/")
    assert text.count("paths = 100_000") == 1
    path = folder / f"{name}.toml"
    path.write_text(text.replace("paths = 100_000", "paths = 20_000"))
    return path
