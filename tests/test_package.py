"""The front door: every public name opens, and importing it stays light."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

import riskkit
from tests.support import ROOT

CODE = {".py", ".pyc", ".nbi", ".nbc"}


def test_every_public_name_opens():
    for name in riskkit.__all__:
        assert getattr(riskkit, name) is not None
    assert set(riskkit.__all__) - {"__version__"} == set(riskkit._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        riskkit.nothing


@pytest.mark.parametrize("statement", ["import riskkit", "import riskkit.cli.app"])
def test_heavy_packages_load_only_when_used(statement):
    code = (
        f"{statement}\nimport sys\n"
        "heavy = {'arch', 'statsmodels', 'plotly', 'pandera', 'ccxt', 'duckdb', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert shown.stdout.strip() == "[]", shown.stdout


def test_the_wheel_holds_every_file_that_the_package_reads():
    """Hatchling packs all of ``riskkit`` but what git ignores; nothing may be left out by name."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        wheel = tomllib.load(stream)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["riskkit"]}
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "riskkit").rglob("*.py"))
    named = {n for text in sources for n in re.findall(r'joinpath\("([^"]+)"\)', text)}
    files = [p for p in (ROOT / "riskkit").rglob("*") if p.is_file() and p.suffix not in CODE]
    assert named <= {path.name for path in files}
    assert {"parameter-file-v1.json", "study.ipynb", "py.typed"} <= {path.name for path in files}
    rules = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = [p.name for p in files for rule in rules if p.match(rule.rstrip("/"))]
    assert ignored == []
