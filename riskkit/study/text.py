"""A study as a TOML file with a comment on every key, from the facts in its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum

from riskkit.study.fact import Entry
from riskkit.study.study import Study
from riskkit.study.tables import Table

WIDTH = 100
OPEN = (
    "Proposed, and confirmed by nobody: check these against your venue, correct them below, and",
    "take them off the list. Until it is empty, or without `--confirm`, nothing is exported.",
)


def study_text(study: Study, notes: Sequence[str] = ()) -> str:
    """The study as TOML that reads back into the same study.

    Parameters
    ----------
    notes : sequence of str
        Lines about the prices, written at the top.
    """
    entries = [entry for entry in study.entries() if entry.value is not None]
    top = [entry for entry in entries if "." not in entry.key]
    lines = [f"# {note}".rstrip() for note in notes]
    for entry in top:
        if entry.key == "unconfirmed":
            if entry.value:
                lines += ["", *(f"# {line}" for line in OPEN), *_list(study.unconfirmed)]
        else:
            lines.append(f"{entry.key} = {_value(entry.value)}")
    tables: dict[str, list[Entry]] = {}
    for entry in entries:
        tables.setdefault(entry.key.rpartition(".")[0], []).append(entry)
    for place in sorted(filter(None, tables), key=lambda p: (_first(p, tables), p.count("."))):
        lines += ["", f"[{place}]"]
        for entry in tables[place]:
            name = entry.key.rpartition(".")[2]
            lines += _key(name, entry, open_=entry.key in study.unconfirmed)
    return "\n".join(lines).lstrip("\n") + "\n"


def _first(place: str, tables: dict[str, list[Entry]]) -> int:
    """Where the outermost table around a place comes, so that it stands before those inside it."""
    outer = place.partition(".")[0]
    return next(i for i, other in enumerate(tables) if other.partition(".")[0] == outer)


def _key(name: str, entry: Entry, *, open_: bool) -> list[str]:
    """A key with its comment behind it, or above it where the line would be too long."""
    text = f"{name} = {_value(entry.value)}"
    said = entry.fact.why.rstrip(".")
    comment = f"# {'UNCONFIRMED. ' if open_ else ''}{said}".rstrip()
    if comment == "#":
        return [text]
    if len(text) + 2 + len(comment) <= WIDTH:
        return [f"{text}  {comment}"]
    return [*_folded(comment), text]


def _folded(comment: str) -> list[str]:
    lines = [""]
    for word in comment.removeprefix("# ").split():
        if len(lines[-1]) + len(word) + 3 > WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [f"# {line}" for line in lines]


def _list(keys: Sequence[str]) -> list[str]:
    return ["unconfirmed = [", *(f"  {_value(key)}," for key in keys), "]"]


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}" if value >= 10_000 else str(value)
    if isinstance(value, float | date):
        return repr(value) if isinstance(value, float) else value.isoformat()
    if isinstance(value, Table):  # one of a list, which has no place of its own
        held = ((name, getattr(value, name)) for name in type(value).model_fields)
        inside = (f"{name} = {_value(item)}" for name, item in held if item is not None)
        return f"{{ {', '.join(inside)} }}"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(str(k))} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(str(value), ensure_ascii=False)
