"""Every field that a study can have, in every kind of table, and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from riskkit.study.fact import Fact, fact_of
from riskkit.study.kinds import kinds_of, table_of
from riskkit.study.study import Study


@dataclass(frozen=True)
class Described:
    """A field of a study.

    Attributes
    ----------
    key : str
        From the top: ``"liquidation.delay.seconds"``.
    where : tuple of (key, kind)
        Kinds that the tables around it must have.
    fact : Fact
    field : FieldInfo
    default : object
        Of a study that says nothing about it; None where it must be given.
    """

    key: str
    where: tuple[tuple[str, str], ...]
    fact: Fact
    field: FieldInfo
    default: object

    @property
    def bounds(self) -> str:
        """The range of its value, in words of its own unit."""
        said = []
        inner = (getattr(option, "__metadata__", ()) for option in get_args(self.field.annotation))
        optional = (rule for mark in chain(*inner) for rule in getattr(mark, "metadata", ()))
        for rule in (*self.field.metadata, *optional):
            match rule:
                case Gt():
                    said.append(f"above {self.fact.words(rule.gt)}")
                case Ge():
                    said.append(f"from {self.fact.words(rule.ge)}")
                case Lt():
                    said.append(f"below {self.fact.words(rule.lt)}")
                case Le():
                    said.append(f"to {self.fact.words(rule.le)}")
        return " ".join(said)


@cache
def described() -> tuple[Described, ...]:
    """Every field of a study, in the order of its tables and their kinds."""
    return tuple(_below(Study, "", (), None, None))


def fact_at(key: str) -> Fact:
    """The fact of a key, in the first kind of table that has it."""
    return next(found.fact for found in described() if found.key == key)


def kinds_with(key: str, table: str) -> tuple[str, ...]:
    """Kinds of a table in which a key is there; empty if it is there whatever the kind."""
    found = [dict(field.where).get(f"{table}.kind") for field in described() if field.key == key]
    return tuple(kind for kind in found if kind is not None)


def _below(
    table: type[BaseModel],
    prefix: str,
    where: tuple[tuple[str, str], ...],
    outer: Fact | None,
    example: BaseModel | None,
) -> Iterator[Described]:
    for name, field in table.model_fields.items():
        key, fact = prefix + name, fact_of(field)
        fact = fact.inside(outer) if outer is not None else fact
        default = getattr(example, name, None) if example is not None else field.get_default()
        if field.is_required() and example is None:
            default = None
        for kind, inner in kinds_of(field).items():
            of = default if isinstance(default, inner) else None
            yield from _below(inner, f"{key}.", (*where, (f"{key}.kind", kind)), fact, of)
        if kinds_of(field):
            continue
        plain = table_of(field)
        if plain is None:
            yield Described(key, where, fact, field, default)
        else:
            of = default if isinstance(default, plain) else None
            yield from _below(plain, f"{key}.", where, fact, of)
