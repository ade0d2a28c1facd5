"""The front door: every public name opens, and importing it stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import riskkit
from tests.support import ROOT


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
