"""Without an extra a command ends in words, with what to install; never in a traceback."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
import sys
import tomllib
from itertools import chain

import pytest

from riskkit.cli.extras import EXTRAS
from tests.support import ROOT, riskkit

PROOF_OPTIONS = ("--commitments", "c", "--scenarios", "s", "--parameters", "p", "--day", "d")
PROOF_OPTIONS += ("--context", "x")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def without(monkeypatch, *names: str) -> None:
    """As on a machine where these modules are not installed."""
    real_import, real_find = builtins.__import__, importlib.util.find_spec

    def gone(name: str) -> bool:
        return name.partition(".")[0] in names

    def import_(name, *rest, **more):
        if gone(name):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real_import(name, *rest, **more)

    for module in [m for m in sys.modules if gone(m)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", import_)
    monkeypatch.setattr(
        "riskkit.cli.extras.find_spec", lambda name: None if gone(name) else real_find(name)
    )


@pytest.mark.parametrize(
    ("words", "absent", "extra"),
    [
        (["report", "studies/eth-perpetual-daily.toml"], ["papermill", "nbconvert"], "lab"),
        (["dashboard", "studies/eth-perpetual-daily.toml"], ["voila"], "lab"),
        (["prices", "fetch", "binance", "ETH/USDT"], ["ccxt"], "market"),
        (["verify-margin", "p", *PROOF_OPTIONS], ["coincurve"], "proofs"),
        (["prices", "list"], ["duckdb"], None),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(
    monkeypatch, capsys, tmp_path, words, absent, extra
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("RISKKIT_STORE", str(tmp_path))
    without(monkeypatch, *absent)
    if extra is None:  # an empty store asks for nothing
        assert riskkit(*words) == 0
        return
    assert riskkit(*words) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"no {absent[0]}" in said
    assert f"pip install 'riskkit[{extra}]'" in said


def test_a_module_of_an_extra_is_named_wherever_it_is_missed(monkeypatch, capsys):
    def command() -> None:
        raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")

    monkeypatch.setattr("riskkit.cli.app.app", command)
    assert riskkit("prices") == 2
    assert "pip install 'riskkit[market]'" in capsys.readouterr().err


def test_another_missing_module_is_a_fault_and_stays_one(monkeypatch):
    def command() -> None:
        raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")

    monkeypatch.setattr("riskkit.cli.app.app", command)
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        riskkit("prices")


def test_every_import_is_a_dependency_or_known_to_an_extra():
    named = {re.split(r"[\[<>=]", text)[0].lower() for text in PROJECT["dependencies"]}
    named |= set(chain(*EXTRAS.values())) | {"riskkit"} | set(sys.stdlib_module_names)
    found = set()
    for path in (ROOT / "riskkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
    # They come with pydantic and numba.
    assert found - named <= {"pydantic_core", "annotated_types", "llvmlite"}
