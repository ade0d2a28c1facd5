"""ARCHITECTURE.md is true: its rooms are the packages, and what it names is there."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
HOUSE = ROOT / "riskkit"
TICKED = re.compile(r"`([^`\n]+)`")
#: Modules that stand apart: the front door, and what runs it.
DOORS = {"__init__", "__main__"}


def table() -> dict[str, str]:
    """Rooms of the table with what each owns."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", PAGE, flags=re.MULTILINE)
    return {name.rstrip("/"): owns for rooms, owns in rows for name in TICKED.findall(rooms)}


def packages() -> set[str]:
    """Packages and modules at the top of the house."""
    found = {p.parent.name for p in HOUSE.glob("*/__init__.py")}
    return found | {p.stem for p in HOUSE.glob("*.py")} - DOORS


@cache
def words(place: Path) -> set[str]:
    """Words of the code in a file, or in every file of a folder, and the names of the files."""
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    return {w for f in files for w in re.findall(r"\w+", f.read_text(encoding="utf-8"))} | {
        f.stem for f in files
    }


def place_of(room: str) -> Path:
    """Folder or file of a room."""
    folder = HOUSE / room
    return folder if folder.is_dir() else HOUSE / f"{room}.py"


def test_the_rooms_of_the_table_are_the_packages() -> None:
    assert set(table()) == packages()


def test_the_contracts_name_every_room() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    named = {word.removeprefix("riskkit.") for layer in layers for word in layer.split(" | ")}
    assert named == packages()


@pytest.mark.parametrize("room", sorted(table()))
def test_what_a_room_is_said_to_hold_is_in_it(room: str) -> None:
    named = [n for n in TICKED.findall(table()[room]) if re.fullmatch(r"\w+", n)]
    assert set(named) <= words(place_of(room))


def dotted() -> list[str]:
    """Names with a dot whose first word is a room: `venue.margin`, `paths.simulate`."""
    calls = [re.match(r"[\w.]+", name) for name in TICKED.findall(PAGE)]
    names = {match[0].rstrip(".").removeprefix("riskkit.") for match in calls if match}
    files = {name for name in names if name.endswith((".py", ".md", ".toml", ".txt"))}
    return sorted(n for n in names - files if "." in n and n.partition(".")[0] in packages())


def test_every_dotted_name_is_there() -> None:
    missing = []
    for name in dotted():
        room, *rest = name.split(".")
        missing += [name] if not set(rest) <= words(place_of(room)) else []
    assert len(dotted()) > 15
    assert not missing


def test_every_file_named_is_there() -> None:
    named = {n for n in TICKED.findall(PAGE) if re.fullmatch(r"[\w./-]+\.(py|md|toml|txt|csv)", n)}
    known = [ROOT, HOUSE]
    missing = {n for n in named if not any((base / n).exists() for base in known)}
    assert not missing
