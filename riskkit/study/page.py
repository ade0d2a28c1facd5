"""The page of assumptions, read from the fields: value, range, source, why, how to change."""

from __future__ import annotations

from riskkit.study.described import Described, described

HEAD = """# Assumptions

What an answer hangs on besides the prices, read from the fields of a study (`riskkit.study`) and
held to them by a test. A default is *measured* (on shipped data), *declared* (by venues and feeds,
each its own: declare yours) or a plain *default*. `riskkit sensitivity` halves and doubles each.

To change one, set its key in the study, as in `simulation.paths = 200_000`, or in a study of
three lines that `extends` another; in Python `study.changed({"simulation.paths": 200_000})`.
Times round up to whole bars. A key that belongs to a kind needs that `kind` in its table.
"""
COLUMNS = ("assumption", "key", "default", "range", "source", "why")


def assumptions_page() -> str:
    """The page in Markdown."""
    fields: dict[str, list[Described]] = {}
    for found in described():
        if found.fact.assumption:
            fields.setdefault(found.key, []).append(found)
    lines = [HEAD, f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    return "\n".join([*lines, *map(_row, fields.values())]) + "\n"


def _row(same: list[Described]) -> str:
    """One row for a key in all the kinds of table that have it."""
    first, fact = same[0], same[0].fact
    default = next((found.default for found in same if found.default is not None), None)
    absent = "to be given" if first.field.is_required() else "left out"
    words = absent if default is None else fact.words(default)
    key, source = f"`{first.key}`{_kinds(same)}", fact.source.value
    cells = (fact.label, key, words, first.bounds, source, fact.why)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kinds(same: list[Described]) -> str:
    """The kinds that a key asks for; silent about tables whose every kind has it."""
    named: dict[str, list[str]] = {}
    for found in same:
        for table, kind in found.where:
            if kind not in named.setdefault(table, []):
                named[table].append(kind)
    asked = [
        f"`{kind}`"
        for table, kinds in named.items()
        if set(kinds) != {kind for d in described() for t, kind in d.where if t == table}
        for kind in kinds
    ]
    return f" ({', '.join(asked)})" if asked else ""
