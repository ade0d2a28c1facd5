"""Mutations of any text: what editors, transfers and hasty hands do to a file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

TOKEN = re.compile(r"""-?[0-9][\w.]*|"[^"\n]*"|'[^'\n]*'|true|false|null""")
KEY = re.compile(r"""(?m)^\s*"?([A-Za-z_]\w*)"?(?=\s*[=:])""")
NUMBER = re.compile(r"(?m)(?<=[=:] )-?\d[\d_.]*(?=\s*,?\s*$)")
VALUES = (
    "null", "true", "[]", "{}", "-1", "0", "NaN", "-Infinity", "1e400", "9" * 400, '"x"', "''",
    '""', "1,5", "\u00bd", "2020-13-45", "=1+1", "\x1b[31m",
)  # fmt: skip
Mutation = Callable[[str, np.random.Generator], str | None]


def _one(pattern: re.Pattern[str], text: str, rng: np.random.Generator) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return found[rng.integers(len(found))] if found else None


def _put(text: str, hit: re.Match[str] | None, value: str, group: int = 0) -> str | None:
    return None if hit is None else text[: hit.start(group)] + value + text[hit.end(group) :]


def _value(text: str, rng: np.random.Generator) -> str | None:
    return _put(text, _one(TOKEN, text, rng), VALUES[rng.integers(len(VALUES))])


def _true(text: str, rng: np.random.Generator) -> str | None:
    return _put(text, _one(NUMBER, text, rng), "true")


def _key(text: str, rng: np.random.Generator) -> str | None:
    hit = _one(KEY, text, rng)
    return None if hit is None else _put(text, hit, hit.group(1) + "x", 1)


def _cut(text: str, rng: np.random.Generator) -> str:
    return text[: int(rng.integers(0, len(text.rstrip()) - 1))]


def _line_twice(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    return "".join([*lines[: at + 1], *lines[at:]])


def _line_gone(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    return "".join([*lines[:at], *lines[at + 1 :]])


def _sign(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    return (
        text[:at]
        + chr(int(rng.choice([0, 9, 10, 34, 35, 44, 59, 91, 123, 255, 8232])))
        + text[at + 1 :]
    )


def _nested(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    return text[:at] + "[" * 20_000 + text[at:]


TEXT: dict[str, Mutation] = {
    "another value": _value,
    "true for a number": _true,
    "another key": _key,
    "a cut": _cut,
    "a line twice": _line_twice,
    "a line gone": _line_gone,
    "another sign": _sign,
    "nested": _nested,
}


def _rows(text: str, rng: np.random.Generator) -> tuple[str, list[list[str]], int]:
    head, *rows = text.rstrip("\n").split("\n")
    return head, [row.split(",") for row in rows], int(rng.integers(len(rows)))


def _joined(head: str, rows: list[list[str]], sign: str = ",") -> str:
    return "\n".join([head, *(sign.join(row) for row in rows)]) + "\n"


def _delimiter(text: str, rng: np.random.Generator) -> str:
    head, rows, at = _rows(text, rng)
    if rng.integers(2):
        return text.replace(",", ";\t|"[rng.integers(3)])
    rows[at] = [";".join(rows[at])]
    return _joined(head, rows)


def _decimal(text: str, rng: np.random.Generator) -> str | None:
    head, rows, _ = _rows(text, rng)
    if not any("." in cell for row in rows for cell in row):
        return None
    return _joined(head, [[c.replace(".", ",") for c in row] for row in rows])


def _shift(text: str, rng: np.random.Generator) -> str:
    head, rows, at = _rows(text, rng)
    rows[at] = [*rows[at][1:], rows[at][0]] if len(rows[at]) > 2 else rows[at][::-1]
    return _joined(head, rows)


def _cell(text: str, rng: np.random.Generator) -> str:
    head, rows, at = _rows(text, rng)
    where = int(rng.integers(len(rows[at])))
    rows[at] = (
        [*rows[at][:where], "1", *rows[at][where:]]
        if rng.integers(2)
        else (rows[at][:where] + rows[at][where + 1 :])
    )
    return _joined(head, rows)


TABLE: dict[str, Mutation] = {
    "delimiter": _delimiter,
    "decimal sign": _decimal,
    "shifted column": _shift,
    "lost cell": _cell,
}


def mutate(content: bytes, rng: np.random.Generator, *, table: bool = False) -> tuple[str, bytes]:
    """A mutation's name, and the content after it."""
    way = rng.integers(8)
    if way == 0:
        return "other bytes", _bytes(content, rng)
    known = TEXT | TABLE if table else TEXT
    text = content.decode("latin-1")
    while True:
        name = list(known)[rng.integers(len(known))]
        changed = known[name](text, rng)
        if changed is not None:
            return name, changed.encode("utf-8" if "\u2028" in changed else "latin-1", "replace")


def _bytes(content: bytes, rng: np.random.Generator) -> bytes:
    way = rng.integers(6)
    if way == 0:
        return b"\xff\xfe" + content
    if way == 1:
        return bytes(len(content))
    if way == 2:
        return content.replace(b"\n", b"\r")
    if way == 3:
        return content[::-1]
    if way == 4:
        return content + content
    changed = bytearray(content)
    for at in rng.integers(0, len(content), 8):
        changed[at] = int(rng.integers(256))
    return bytes(changed)


def numbers_of(value: Any) -> Any:
    """Every number of a reader's value, in a form that can be compared."""
    if isinstance(value, BaseModel):
        return numbers_of(value.model_dump(mode="json"))
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: numbers_of(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): numbers_of(v) for k, v in value.items() if k != "header"}
    if isinstance(value, list | tuple):
        return [numbers_of(v) for v in value]
    return value.value if isinstance(value, Enum) else repr(value)
