"""The front door: every public name opens, and importing it stays light."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import riskkit
from riskkit.cli.app import MODULES, Commands
from tests.support import ROOT

CODE = {".py", ".pyc", ".nbi", ".nbc"}


def test_every_public_name_opens():
    for name in riskkit.__all__:
        assert getattr(riskkit, name) is not None
    assert set(riskkit.__all__) - {"__version__"} == set(riskkit._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        riskkit.nothing


@pytest.mark.parametrize("room", [name for name, home in riskkit._HOMES.items() if not home])
def test_every_name_of_a_room_opens(room: str) -> None:
    """And is what its module holds: not a module of the same name, which its import would set."""
    package = getattr(riskkit, room)
    assert set(package.__all__) == set(package._HOMES)
    for name, home in package._HOMES.items():
        held = getattr(importlib.import_module(home), name)
        assert getattr(package, name) is held
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing


def imported_at_once(node: ast.AST) -> Iterator[str]:
    """Modules that running a module's code imports: not those inside functions or for types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from imported_at_once(ast.Module(child.orelse, []))
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported_at_once(child)


def loaded_by(name: str) -> set[str]:
    """Top-level packages, beside Python's own, that importing a module of riskkit loads."""
    seen: set[str] = set()
    others: set[str] = set()
    left = [name]
    while left:
        module = left.pop()
        if module in seen:
            continue
        seen.add(module)
        top = module.partition(".")[0]
        if top != "riskkit":
            others |= {top} - set(sys.stdlib_module_names)
            continue
        path = ROOT / Path(*module.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if source.exists():  # else a name inside a module that is on the list itself
            left += [module.rpartition(".")[0] or "riskkit"]
            left += imported_at_once(ast.parse(source.read_text(encoding="utf-8")))
    return others


def test_the_walk_over_imports_sees_what_a_module_loads():
    assert "pandas" in loaded_by("riskkit.market")
    assert "numpy" in loaded_by("riskkit.tail.shocks")
    assert "pandera" not in loaded_by("riskkit.market.validation")


def test_the_package_and_the_version_load_nothing_else():
    assert loaded_by("riskkit") == set()
    assert loaded_by("riskkit.cli") == set()


def test_help_and_mistakes_of_typing_load_no_arithmetic():
    assert loaded_by("riskkit.cli.app") == {"typer"}
    commands = [MODULES.get(name, name.replace("-", "_")) for name in Commands()]
    for module in set(commands):
        assert loaded_by(f"riskkit.cli.{module}") <= {"typer", "rich"}


def test_the_wheel_holds_every_file_that_the_package_reads():
    """Hatchling packs all of ``riskkit`` but what git ignores; nothing may be left out by name."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        wheel = tomllib.load(stream)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["riskkit"]}
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "riskkit").rglob("*.py"))
    named = {n for text in sources for n in re.findall(r'joinpath\("([^"]+)"\)', text)}
    files = [p for p in (ROOT / "riskkit").rglob("*") if p.is_file() and p.suffix not in CODE]
    assert named <= {path.name for path in files}
    assert {"parameter-file-v2.json", "study.ipynb", "py.typed"} <= {path.name for path in files}
    rules = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = [p.name for p in files for rule in rules if p.match(rule.rstrip("/"))]
    assert ignored == []
