"""Pages of the site that are read from the code: keys, commands, names, notebooks.

Written when the site is built, never committed: none of them can fall behind.
"""

from __future__ import annotations

import importlib
import inspect
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import riskkit
from riskkit.cli.app import GROUPS, Commands
from riskkit.study.described import Described, described
from riskkit.study.fact import StudyUnit

ROOT = Path(__file__).resolve().parent.parent
#: Tables of a study as their pages are headed.
TABLES = {
    "": "A study's own keys",
    "data": "Prices",
    "model": "The model of volatility",
    "memory": "Memory of a side's own losses",
    "level": "Record of the forecast's level",
    "position": "The position",
    "floor": "The floor",
    "targets": "Targets",
    "oracle": "The oracle",
    "liquidation": "Liquidation",
    "liquidity": "What closing out costs",
    "simulation": "Simulation",
    "rule": "A published margin rule",
    "accounts": "Accounts that judge a margin",
    "assets": "Several assets",
    "dependence": "How assets move together",
    "portfolio": "Accounts of several positions",
    "depth": "Market depth",
    "book": "The venue's book of accounts",
    "fund": "The fund and the layers after it",
    "lending": "Loans and their keepers",
    "stress": "Stress scenarios",
    "attack": "Attacks on the price",
    "listing": "Listing gate",
    "collateral": "What counts as collateral",
    "options": "Options",
}


def write(folder: Path) -> None:
    """Write every page into a folder, anew; a page that did not change keeps its time."""
    pages = {
        **dict(key_pages()),
        **dict(command_pages()),
        **dict(name_pages()),
        **dict(notebook_pages()),
        **dict(included()),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and path.relative_to(folder).as_posix() not in pages:
            path.unlink()


def toctree(names: Iterable[str], *, hidden: bool = False) -> str:
    """A list of pages as Sphinx reads it."""
    options = ":hidden:\n\n" if hidden else ":maxdepth: 1\n\n"
    return "```{toctree}\n" + options + "\n".join(names) + "\n```\n"


def key_pages() -> Iterator[tuple[str, str]]:
    """A page for each table of a study, with a section for each key."""
    tables: dict[str, dict[str, list[Described]]] = defaultdict(lambda: defaultdict(list))
    for found in described():
        table = found.key.partition(".")[0] if "." in found.key else ""
        tables[table][found.key].append(found)
    for table, keys in tables.items():
        title = TABLES.get(table, table)
        lines = [f"# {title}\n"]
        if table:
            lines.append(f"Keys of a study's table `[{table}]`.\n")
        for key, same in keys.items():
            lines += _key(key, same)
        yield f"keys/{table or 'study'}.md", "\n".join(lines) + "\n"
    names = [name or "study" for name in tables]
    head = (
        "# Every key of a study\n\n"
        "Read from the fields of a study, as the JSON Schema is (`riskkit validate --study-schema`"
        "). *Provenance* says where a default is from: **measured** on shipped data, **declared** "
        "by venues and feeds (declare yours), or a plain **default**. Times round up to whole bars."
        "\n\n"
    )
    yield "keys/index.md", head + toctree(names)


def _key(key: str, same: list[Described]) -> list[str]:
    first, fact = same[0], same[0].fact
    label = fact.label or key.rpartition(".")[2].replace("_", " ")
    default = next((d.default for d in same if d.default is not None), None)
    absent = "to be given" if first.field.is_required() else "left out"
    unit = "in words" if fact.unit is StudyUnit.WORD else fact.unit.value
    kinds = _kinds(same)
    rows = {
        "key": f"`{key}`",
        "unit": unit,
        "default": absent if default is None else f"`{fact.words(default)}`",
        "range": first.bounds or "any",
        "provenance": fact.source.value + (", an assumption" if fact.assumption else ""),
    }
    if kinds:
        rows["belongs to"] = ", ".join(kinds)
    if fact.stops:
        rows["on a slider"] = f"{fact.words(fact.stops[0])} to {fact.words(fact.stops[-1])}"
    table = ["| | |", "|---|---|"]
    table += [f"| {name} | {_cell(words)} |" for name, words in rows.items()]
    return [f"## {label[0].upper()}{label[1:]}\n", f"{fact.why or _absent(same)}\n", *table, ""]


def _kinds(same: list[Described]) -> list[str]:
    """Kinds that a key asks for; silent about tables whose every kind has it."""
    mine: dict[str, set[str]] = defaultdict(set)
    every: dict[str, set[str]] = defaultdict(set)
    for found, asked in ((same, mine), (described(), every)):
        for one in found:
            for table, kind in one.where:
                asked[table].add(kind)
    return [
        f'`{table} = "{kind}"`'
        for table, kinds in mine.items()
        if kinds != every[table]
        for kind in sorted(kinds)
    ]


def _absent(same: list[Described]) -> str:
    """What is said of a field whose fact has no reason."""
    if same[0].key.endswith("kind"):
        return "Which kind of table it is; the other keys of the table hang on it."
    return same[0].field.description or ""


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def command_pages() -> Iterator[tuple[str, str]]:
    """A page for each command, from what its ``--help`` is made of."""
    root = Commands()
    lines = ["# Every command\n", "As `riskkit COMMAND --help` says it.\n"]
    for group, names in GROUPS.items():
        lines += [f"## {group}\n", "| command | what it does |", "|---|---|"]
        for name in names:
            command = root[name]
            first = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
            lines.append(f"| [riskkit {name}]({name}.md) | {_cell(first)} |")
            yield f"commands/{name}.md", _command(f"riskkit {name}", command, 1)
        lines.append("")
    yield "commands/index.md", "\n".join(lines) + "\n" + toctree(root, hidden=True)


def _command(path: str, command: Any, level: int) -> str:
    lines = [f"{'#' * level} {path}\n"]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    inner = getattr(command, "commands", {})
    words = [_argument(p) if p.required else f"[{_argument(p)}]" for p in arguments]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *words])
    lines += ["```text", f"{usage}{' COMMAND' if inner else ''}", "```", ""]
    lines += [inspect.cleandoc(command.help or ""), ""]
    if arguments or options:
        lines += ["| option | takes | default | |", "|---|---|---|---|"]
        lines += [_option(p) for p in (*arguments, *options)]
        lines.append("")
    lines += [_command(f"{path} {name}", part, level + 1) for name, part in inner.items()]
    return "\n".join(lines) + "\n"


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


#: What options take, by the types of their annotations.
TAKES = {"Path": "a path", "str": "text", "int": "a number", "float": "a number"}


def _takes(parameter: Any) -> str:
    """What an option takes, in a word."""
    kind = parameter.type_descriptor.annotation
    return TAKES.get(getattr(kind, "__name__", ""), "one of its words")


def _option(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = _argument(parameter)
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
    takes = "" if getattr(parameter, "is_flag", False) else _takes(parameter)
    default = "" if parameter.required or parameter.default is None else f"`{parameter.default}`"
    if callable(parameter.default) or default == "``":
        default = ""
    if parameter.required:
        default = "to be given"
    help_ = getattr(parameter, "help", None) or ""
    return f"| `{name}` | {takes} | {default} | {_cell(help_)} |"


def name_pages() -> Iterator[tuple[str, str]]:
    """A page for each public name, from its docstring."""
    lines = [
        "# Every public name\n",
        "`import riskkit` reaches all of these; each loads what it needs when first used. Every "
        "one has an example, which a test runs.\n",
        "| name | what it is |",
        "|---|---|",
    ]
    public = [name for name in riskkit.__all__ if name != "__version__"]
    rooms = [name for name in public if inspect.ismodule(getattr(riskkit, name))]
    pages = []
    for name in sorted(set(public) - set(rooms), key=str.lower):
        lines.append(f"| [{name}]({name}.md) | {_cell(_first(getattr(riskkit, name)))} |")
        pages.append(name)
        yield f"api/{name}.md", _name("riskkit", name)
    for room in rooms:
        module = getattr(riskkit, room)
        lines += ["", f"## riskkit.{room}\n", f"{_first(module)}\n", "| name | what it is |"]
        lines.append("|---|---|")
        for name in sorted(module.__all__, key=str.lower):
            page = f"{room}-{name}"
            lines.append(f"| [{room}.{name}]({page}.md) | {_cell(_first(getattr(module, name)))} |")
            pages.append(page)
            yield f"api/{page}.md", _name(f"riskkit.{room}", name)
    yield "api/index.md", "\n".join(lines) + "\n\n" + toctree(sorted(pages), hidden=True)


def _first(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def _name(module: str, name: str) -> str:
    thing = getattr(importlib.import_module(module), name)
    lines = [f"# {module}.{name}\n", "```{eval-rst}", f".. currentmodule:: {module}", ""]
    if not callable(thing):
        lines += [f".. autodata:: {name}", "```", ""]
        return "\n".join(lines)
    if not inspect.isclass(thing):
        return "\n".join([*lines, f".. autofunction:: {name}", "```", ""])
    lines += [f".. autoclass:: {name}", "   :no-undoc-members:", ""]
    for member, value in vars(thing).items():
        if member.startswith("_") or not (inspect.getdoc(value) or ""):
            continue
        if isinstance(value, property):
            lines.append(f"   .. autoproperty:: {member}")
        elif inspect.isfunction(value) or isinstance(value, classmethod | staticmethod):
            lines.append(f"   .. automethod:: {member}")
    return "\n".join([*lines, "```", ""])


def notebook_pages() -> Iterator[tuple[str, str]]:
    """The notebooks as a gallery: each with its finding in front."""
    lines = [
        "# Gallery of notebooks\n",
        "Each states its finding first, and its last cell asserts it; all of them run in the tests,"
        " on the data that ships. Shown here without their outputs: `make lab` opens them, "
        "`make notebooks` writes them as pages with every figure.\n",
    ]
    names = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        content = json.loads(path.read_text(encoding="utf-8"))
        head = "".join(content["cells"][0]["source"])
        title = head.partition("\n")[0].lstrip("# ")
        finding = next((p for p in head.split("\n\n")[1:] if p.strip()), "")
        finding = finding.replace("**Summary.** ", "").replace("\n", " ")
        lines += [f"**[{title}]({path.name})**\n", f"{finding}\n"]
        names.append(path.stem)
        text = path.read_text(encoding="utf-8").replace("](../docs/", "](../../")
        yield f"notebooks/{path.name}", text.replace("](../README.md", "](../../index.md")
    yield "notebooks/index.md", "\n".join(lines) + "\n" + toctree(names, hidden=True)


def included() -> Iterator[tuple[str, str]]:
    """Pages of the repository's root, with their links seen from here."""
    for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        yield f"{name.lower()}", text.replace("](docs/", "](../")


if __name__ == "__main__":
    folder = Path(__file__).parent / "_made"
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
