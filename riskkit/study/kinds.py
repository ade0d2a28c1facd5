"""Tables of a study that come in kinds: ``kind`` picks the class that reads the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, Discriminator
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class _Kind:
    """The kind of a table, which may leave it out for the default one."""

    default: str
    __name__: str = "kind"  # pydantic names the function in its own errors

    def __call__(self, table: Any) -> str:
        if isinstance(table, dict):
            return str(table.get("kind", self.default))
        return str(getattr(table, "kind", None))


def by_kind(default: str) -> Discriminator:
    """Picks the class by the table's ``kind``, which may be left out for the default one."""
    return Discriminator(_Kind(default))


def kinds_of(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """Classes of a field by kind, the default one first; empty where there are none."""
    annotation, metadata = field.annotation, list(field.metadata)
    for option in get_args(annotation):  # a table that may be left out
        if any(isinstance(item, Discriminator) for item in getattr(option, "__metadata__", ())):
            annotation, metadata = get_args(option)[0], list(option.__metadata__)
    marks = [item for item in metadata if isinstance(item, Discriminator)]
    picks = marks[0].discriminator if marks else None
    if not isinstance(picks, _Kind):
        return {}
    options = [get_args(option)[0] for option in get_args(annotation)]
    found = {str(option.model_fields["kind"].default): option for option in options}
    return {picks.default: found[picks.default], **found}


def table_of(field: FieldInfo) -> type[BaseModel] | None:
    """The class of a field that holds a table of one kind only."""
    for plain in (field.annotation, *get_args(field.annotation)):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            return plain
    return None


def path_of(
    top: type[BaseModel], location: Sequence[int | str]
) -> tuple[str, dict[str, type[BaseModel]]]:
    """The key at a place that pydantic names, and the kinds of the innermost table around it.

    Pydantic names the kind as a step of its own; a study's file does not.
    """
    keys: list[str] = []
    table: type[BaseModel] | None = top
    choices: dict[str, type[BaseModel]] = {}
    around: dict[str, type[BaseModel]] = {}
    for part in map(str, location):
        if choices and part in choices:
            table, around, choices = choices[part], choices, {}
            continue
        keys.append(part)
        field = table.model_fields.get(part) if table is not None else None
        choices = kinds_of(field) if field is not None else {}
        if field is not None and not choices:
            inner = table_of(field)
            table, around = (inner, {}) if inner is not None else (None, around)
    return ".".join(keys), around


def merged(
    top: type[BaseModel], base: Mapping[str, Any], over: Mapping[str, Any]
) -> dict[str, Any]:
    """One study's content with another's laid over it, table by table.

    Where the kind changes, keys that the new kind does not have are dropped from below.
    """
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        if not isinstance(value, Mapping) or not isinstance(below, Mapping):
            found[key] = value
            continue
        field = top.model_fields.get(key)
        kinds = kinds_of(field) if field is not None else {}
        inner = table_of(field) if field is not None else None
        if kinds:
            default = next(iter(kinds))
            old = str(below.get("kind", default))
            inner = kinds.get(str(value.get("kind", old)))
            if inner is not kinds.get(old):
                has = inner.model_fields if inner is not None else {}
                below = {name: item for name, item in below.items() if name in has}
        found[key] = merged(inner or BaseModel, below, value)
    return found


def nested(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes by dotted keys, by tables, or both, as tables."""
    found: dict[str, Any] = {}
    for key, value in changes.items():
        *tables, last = key.split(".")
        place = found
        for table in tables:
            inner = place.setdefault(table, {})
            if not isinstance(inner, dict):
                inner = place[table] = {}
            place = inner
        inner = nested(value) if isinstance(value, Mapping) else value
        if isinstance(inner, dict) and isinstance(place.get(last), dict):
            place[last] = {**place[last], **inner}
        else:
            place[last] = inner
    return found
