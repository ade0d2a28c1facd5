"""What a person is told about a field of a study: label, unit, range, and where its value is from.

The facts stand in the fields' own annotations. Sensitivity, sliders, captions, the page of
assumptions and the JSON Schema are read from them, so that each is written once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np
import pandas as pd
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from riskkit.study.kinds import kinds_of, table_of
from riskkit.units import duration


class DefaultSource(StrEnum):
    """Where a default comes from."""

    MEASURED = "measured"
    DECLARED = "declared"
    DEFAULT = "default"


class StudyUnit(StrEnum):
    """Units in which a study holds its numbers."""

    FRACTION = "fraction"
    PROBABILITY = "probability"
    SECONDS = "s"
    HOURS = "h"
    DAYS = "d"
    YEARLY = "fraction a year"
    MONEY = "money"
    BARS = "bars"
    RATIO = "ratio"
    COUNT = "number"
    WORD = ""

    @property
    def seconds(self) -> float | None:
        """Seconds in one unit of time; None where the unit is no time."""
        return {"s": 1.0, "h": 3600.0, "d": 86_400.0}.get(self.value)


@dataclass(frozen=True)
class Fact:
    """What a person is told about a field.

    Attributes
    ----------
    label : str
        As it stands before a number: ``"liquidation delay"``.
    unit : StudyUnit
        In which the study holds it.
    why : str
        What the number stands for, and why the default is what it is.
    source : DefaultSource
        Of the default.
    assumption : bool
        Whether the answer hangs on it, so that it is varied where answers are compared.
    stops : tuple of float
        Values that a slider offers, increasing; empty where there is no slider.
    only : str
        The kind of position whose answer hangs on it; empty for all.
    brief : str
        Label in the caption of a figure; empty for what a caption leaves out.
    shown, per : str, float
        StudyUnit in which it is shown, and how much of the field's own unit that is.
    """

    label: str = ""
    unit: StudyUnit = StudyUnit.WORD
    why: str = ""
    source: DefaultSource = DefaultSource.DEFAULT
    assumption: bool = False
    stops: tuple[float, ...] = ()
    only: str = ""
    brief: str = ""
    shown: str = ""
    per: float = 1.0

    def inside(self, outer: Fact) -> Fact:
        """The fact of a field within a table that has a fact of its own, which speaks first."""
        time = self.unit.seconds is not None
        return replace(
            self,
            label=" ".join(part for part in (outer.label, self.label) if part),
            why=outer.why if outer.why and not self.label else self.why,
            source=outer.source if not self.label else self.source,
            stops=outer.stops if time and outer.stops else self.stops,
            brief=" ".join(part for part in (outer.brief, self.brief) if part)
            if self.brief or not self.label
            else "",
            shown=outer.shown if time and outer.shown else self.shown,
            per=outer.per if time and outer.shown else self.per,
        )

    @property
    def scale(self) -> tuple[str, float]:
        """StudyUnit in which it is shown, and how much of the field's own unit that is."""
        if self.shown:
            return self.shown, self.per
        if self.unit in (StudyUnit.FRACTION, StudyUnit.PROBABILITY, StudyUnit.YEARLY):
            return "%" if self.unit is not StudyUnit.YEARLY else "% a year", 0.01
        return ("" if self.unit in (StudyUnit.WORD, StudyUnit.COUNT) else self.unit.value), 1.0

    def words(self, value: object) -> str:
        """A value with its unit: ``"0.5 %"``, ``"1 h"``; ``"none"`` for what is left out."""
        if value is None:
            return "none"
        if isinstance(value, tuple):
            return "; ".join(self.words(item) for item in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(getattr(value, "value", value))
        shown, per = self.scale
        seconds = self.unit.seconds
        if seconds is not None and abs(value / per - round(value / per, 3)) > 1e-9:
            return duration(pd.Timedelta(seconds=value * seconds))  # 5 min, not 0.0833333 h
        number = f"{value / per:.6g}" if abs(value / per) < 1e6 else f"{value / per:,.0f}"
        return f"{number} {shown}".strip()

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        told = {"title": self.label, "description": self.why, "x-unit": self.unit.value}
        words = {key: value for key, value in told.items() if value}
        return {
            **schema,
            **words,
            "x-default-is": self.source.value,
            "x-assumption": self.assumption,
        }


@dataclass(frozen=True)
class Entry:
    """One field of a study: its key from the top (``"oracle.latency.seconds"``), fact, value."""

    key: str
    fact: Fact
    value: object


def fact_of(field: FieldInfo) -> Fact:
    """The fact in a field's annotation."""
    return next((item for item in field.metadata if isinstance(item, Fact)), Fact())


def entries(table: BaseModel, prefix: str = "", outer: Fact | None = None) -> Iterator[Entry]:
    """Every field below a table that holds a value, tables within it included."""
    for name, key, fact, is_table in _fields(type(table), prefix, outer):
        value = getattr(table, name)
        if value is None and is_table:
            continue  # a table that is left out
        if isinstance(value, BaseModel):
            yield from entries(value, f"{key}.", fact)
        else:
            yield Entry(key, fact, value)


@cache
def _fields(
    table: type[BaseModel], prefix: str, outer: Fact | None
) -> tuple[tuple[str, str, Fact, bool], ...]:
    """Name, key, fact, and whether it is a table, of the fields of a kind of table."""
    found = []
    for name, field in table.model_fields.items():
        fact = fact_of(field) if outer is None else fact_of(field).inside(outer)
        found.append((name, prefix + name, fact, bool(kinds_of(field) or table_of(field))))
    return tuple(found)


def assumed_words(top: BaseModel) -> list[tuple[str, str]]:
    """Label and value of a study's assumptions and of its tables' kinds, times apart."""
    return [
        (entry.fact.label, entry.fact.words(entry.value))
        for entry in entries(top)
        if entry.key.endswith(".kind")
        or (entry.fact.assumption and entry.fact.unit.seconds is None)
    ]


def steps(high: float, step: float, low: float = 0.0) -> tuple[float, ...]:
    """Stops of a slider, evenly spaced."""
    count = round((high - low) / step) + 1
    return tuple(round(float(x), 9) for x in np.linspace(low, high, count))
