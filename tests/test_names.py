"""Public class names of the package mean one thing each."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.support import ROOT

# Sections of a file that leaves the process keep the names that its JSON Schema publishes.
FILES = ("riskkit/parameters/sections.py", "riskkit/proof/assess_file.py")


def public_classes() -> dict[str, list[str]]:
    """Every public class of the package with the files that define one of that name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "riskkit").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name in FILES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(name)
    return found


def test_no_two_public_classes_share_a_name() -> None:
    found = public_classes()
    assert len(found) > 100
    assert {name: files for name, files in found.items() if len(files) > 1} == {}
