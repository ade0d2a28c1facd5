"""Facts of the house that every new room is held to: what is said once stays said once.

Each bar has a reason; a room that needs another one should first look for the value that it lacks
(a `Case`, a `PanelCase`, a `Question`, a section of the study, a named tuple), then argue it here.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import riskkit
from riskkit.study.described import described
from riskkit.study.version1 import MOVED, MOVED_OF_KIND
from tests.support import ROOT

# Whoever takes a whole study depends on every key of it. A few must: what reads, writes or binds
# one. Others take a case (a study with its prices), a question, or the section they need.
MOST_TAKE_A_STUDY, MOST_FILES_TAKE_A_STUDY = 40, 16
# More arguments than this are values that have no name yet. Commands are apart: their arguments
# are the options that a person types.
MOST_ARGUMENTS, MOST_ARGUMENTS_OF_A_KERNEL = 9, 8
# What a simulation needs belongs together in a `World`, a `Run` and a `Start`: passed loose, two
# callers pass different ones.
LOOSE = {"paths", "seed", "threads", "start_sigma", "horizon", "periods", "side", "fit", "model"}
MOST_LOOSE_PARTS, MOST_WITH_LOOSE_PARTS = 3, 5
# The factor between a fit's sigma and the volatility of its paths is applied by one method.
MOST_FILES_NAME_THE_SCALE = 2
# An assumption is named where it is declared, where it becomes a number of the mechanism, where
# version 1 and the proposals name it, and on a slider; everybody else reads it from its fact.
MOST_FILES_NAME_AN_ASSUMPTION = 5
# What a reader of the notebooks meets: each name is one more to look up. All come from the front
# door, by `import riskkit`; a notebook that needs another shows what is missing there. What only
# one room speaks of is asked of the room (`riskkit.venue.MarketDepth`): one name at the door.
MOST_NAMES_IN_NOTEBOOKS = 40
ROOMS = tuple(name for name, home in riskkit._HOMES.items() if not home)
UNIT = re.compile(r"_(fraction|seconds|hours|days|years|notional|probability|per_year|per_bar)$")


class Function(NamedTuple):
    """A function of the package: its file, name, arguments with their annotations, and kind."""

    file: str
    name: str
    arguments: tuple[str, ...]
    annotations: tuple[str, ...]
    compiled: bool


@cache
def texts() -> dict[str, str]:
    """Every module by its path."""
    paths = sorted((ROOT / "riskkit").rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def functions_of(file: str, text: str) -> list[Function]:
    """Functions and methods of a module; ``self`` and ``cls`` are no arguments."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        every = [argument for argument in every if argument.arg not in ("self", "cls")]
        marks = "".join(ast.dump(mark) for mark in node.decorator_list)
        found.append(
            Function(
                file,
                node.name,
                tuple(argument.arg for argument in every),
                tuple(ast.unparse(a.annotation) for a in every if a.annotation is not None),
                "compiled" in marks or "jit" in marks,
            )
        )
    return found


@cache
def functions() -> tuple[Function, ...]:
    """Every function of the package."""
    return tuple(f for file, text in texts().items() for f in functions_of(file, text))


def takes_a_study(function: Function) -> bool:
    """By the name of an argument, or by its annotation."""
    return "study" in function.arguments or any("Study" in a for a in function.annotations)


@cache
def words() -> dict[str, set[str]]:
    """The words of every module."""
    return {file: set(re.findall(r"\w+", text)) for file, text in texts().items()}


def files_naming(word: str) -> list[str]:
    """Modules in which a word stands."""
    return [file for file, found in words().items() if word in found]


def assumptions() -> list[str]:
    """Keys whose value is assumed and carries its unit in its name, of both versions of a study.

    Targets are no assumption about the venue, and every answer speaks of them.
    """
    new = {d.key for d in described() if d.fact.assumption and not d.key.startswith("targets.")}
    kinds = (MOVED, *MOVED_OF_KIND.values())
    old = {key for table in kinds for section, key in table if section == "mechanism"}
    named = {key.rpartition(".")[2] for key in new} | old
    return sorted(key for key in named if UNIT.search(key))


def test_few_functions_take_a_whole_study() -> None:
    taking = [f for f in functions() if takes_a_study(f)]
    assert len(taking) <= MOST_TAKE_A_STUDY, [f"{f.file}:{f.name}" for f in taking]
    files = sorted({f.file for f in taking})
    assert len(files) <= MOST_FILES_TAKE_A_STUDY, files


def test_a_command_asks_for_its_study_in_one_place() -> None:
    commands = [f for f in functions() if f.file.startswith("riskkit/cli/")]
    # An assessment's study stands between its other options, which its help tells in that order.
    assert {f.name for f in commands if "study" in f.arguments} <= {"assess"}


def test_no_function_has_more_arguments_than_a_reader_can_hold() -> None:
    long = [
        f"{f.file}:{f.name} {len(f.arguments)}"
        for f in functions()
        if not f.compiled
        and not f.file.startswith("riskkit/cli/")
        and len(f.arguments) > MOST_ARGUMENTS
    ]
    assert not long


def test_kernels_take_named_tuples() -> None:
    long = [
        f"{f.file}:{f.name} {len(f.arguments)}"
        for f in functions()
        if f.compiled and len(f.arguments) > MOST_ARGUMENTS_OF_A_KERNEL
    ]
    assert not long


def test_a_simulation_is_not_passed_in_loose_parts() -> None:
    loose = [
        f"{f.file}:{f.name}"
        for f in functions()
        if len(LOOSE.intersection(f.arguments)) > MOST_LOOSE_PARTS
    ]
    assert len(loose) <= MOST_WITH_LOOSE_PARTS, loose


def test_the_scale_of_a_fit_is_known_to_few() -> None:
    assert len(files_naming("sigma_scale")) <= MOST_FILES_NAME_THE_SCALE


def test_an_assumption_is_named_in_few_files() -> None:
    keys = assumptions()
    assert {"largest_notional_per_bar", "slippage_fraction", "reaction_time_hours"} <= set(keys)
    # What the parameter file publishes keeps the name that its JSON Schema has.
    named = {
        key: [file for file in files_naming(key) if not file.startswith("riskkit/parameters/")]
        for key in keys
    }
    assert all(named.values())
    # A key of several tables is as many assumptions, each with a table and a place that reads it.
    tables = Counter(d.key.rpartition(".")[2] for d in described())
    most = {k: MOST_FILES_NAME_AN_ASSUMPTION + 2 * max(tables[k] - 1, 0) for k in keys}
    assert not {k: v for k, v in named.items() if len(v) > most[k]}


@pytest.mark.parametrize(
    ("key", "term", "law"),
    [
        ("largest_notional_per_bar", "largest_per_bar", "riskkit/venue/liquidation.py"),
        ("halt_probability", "halt_probability", "riskkit/venue/oracle.py"),
    ],
)
def test_adding_an_assumption_touches_three_files(key: str, term: str, law: str) -> None:
    """As ARCHITECTURE says: its table, its term, and the module that owns its law."""
    declared = {"riskkit/study/venue.py", "riskkit/study/terms.py"}
    assert {*files_naming(key), *files_naming(term)} == {*declared, law}
    # Pages that are generated have it without a line written for it.
    for page in ("docs/assumptions.md", "riskkit/study/schema/study-v2.json"):
        assert key in (ROOT / page).read_text(encoding="utf-8")


def names_asked(source: str) -> tuple[set[str], set[str]]:
    """Names of riskkit that a notebook's code asks for, and modules other than the front door.

    A name of a room is told as ``venue.MarketDepth``, beside the room itself.
    """
    names, modules = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "riskkit":
            names |= {alias.name for alias in node.names}
            modules |= {str(node.module)} - {"riskkit"}
        elif isinstance(node, ast.Import):
            own = {a.name for a in node.names if a.name.partition(".")[0] == "riskkit"}
            modules |= own - {"riskkit"}
            assert not any(a.asname for a in node.names if a.name in own), "riskkit by its own name"
        elif isinstance(node, ast.Attribute):
            owner, _, room = ast.unparse(node.value).partition(".")
            if owner == "riskkit" and room in ROOMS:
                names.add(f"{room}.{node.attr}")
            elif owner == "riskkit" and not room:
                names.add(node.attr)
    return names, modules


def notebooks() -> list[Path]:
    """Every notebook that is read, the page of a study included."""
    return [*sorted((ROOT / "notebooks").glob("*.ipynb")), ROOT / "riskkit" / "lab" / "study.ipynb"]


def test_the_notebooks_need_few_names_and_one_door() -> None:
    found, inside = set(), set()
    for path in notebooks():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        names, modules = names_asked("\n".join(code))
        found |= names
        inside |= modules
    assert not inside
    known = {
        *riskkit.__all__,
        *(f"{r}.{name}" for r in ROOMS for name in getattr(riskkit, r).__all__),
    }
    assert found <= known
    at_the_door = {name.partition(".")[0] for name in found}
    assert len(at_the_door) <= MOST_NAMES_IN_NOTEBOOKS, sorted(at_the_door)


def test_the_walk_over_notebooks_sees_every_way_to_a_name() -> None:
    source = "import riskkit\nfrom riskkit.lab.show import show\nx = riskkit.Case.read(riskkit.a)"
    assert names_asked(source) == ({"show", "Case", "a"}, {"riskkit.lab.show"})
    room = "import riskkit\nx = riskkit.venue.MarketDepth.of(1)"
    assert names_asked(room) == ({"venue", "venue.MarketDepth"}, set())
    with pytest.raises(AssertionError, match="by its own name"):
        names_asked("import riskkit as rk")


def test_the_walk_sees_what_it_is_to_count() -> None:
    source = """
@compiled()
def kernel(a, b): ...
class Thing:
    def of(self, study, *, other: Study | None = None): ...
"""
    kernel, method = functions_of("x.py", source)
    assert (kernel.compiled, kernel.arguments) == (True, ("a", "b"))
    assert method.arguments == ("study", "other")
    assert takes_a_study(method)
    assert not takes_a_study(kernel)
    assert not method.compiled
