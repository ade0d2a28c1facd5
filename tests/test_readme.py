"""The README's example runs as printed, and its commands exist."""

from __future__ import annotations

import re

import pytest

from riskkit.cli.app import Commands
from tests.support import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_python_example_runs_as_printed(monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    threshold = float(re.search(r"liquidation threshold (\d+\.\d)%", shown)[1])
    ltv = float(re.search(r"max loan-to-value +(\d+\.\d)%", shown)[1])
    assert 30 < ltv < threshold < 100
    assert "hole" in shown


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)))
)
def test_every_make_target_named_exists(target):
    assert re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE)


def test_every_command_named_exists():
    named = set(re.findall(r"^riskkit ([a-z-]+)", README, flags=re.MULTILINE))
    assert named
    assert named <= set(Commands())


def test_every_file_named_exists():
    for path in re.findall(
        r"\]\(([\w./-]+)\)|`((?:studies|data|docs|benchmarks)/[\w.-]*)`", README
    ):
        assert (ROOT / (path[0] or path[1])).exists(), path
