"""Damages planted into price files: each changes what the file says, or only how it says it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tests.fuzz.price_forms import OHLC, Form, calm, parquet

Rows = list[list[str]]


@dataclass(frozen=True)
class Case:
    """A clean file to be damaged.

    Attributes
    ----------
    form : Form
    bars : DataFrame
        What it holds.
    rng : Generator
        Of the damage.
    """

    form: Form
    bars: pd.DataFrame
    rng: np.random.Generator

    def some(self, share: float = 0.1) -> list[int]:
        """Rows to damage: at least one, up to that share."""
        n = len(self.bars)
        count = int(self.rng.integers(1, max(2, int(share * n))))
        return sorted(self.rng.choice(n, count, replace=False).tolist())


File = tuple[str, bytes]
Damage = Callable[[Case], File | None]


def _text(case: Case, rows: Rows, head: tuple[str, ...] | None = None) -> File:
    return case.form.file, case.form.write(rows, head)


def _content(case: Case) -> bytes:
    """The file's text, unpacked."""
    whole = case.form.write(case.form.cells(case.bars))
    return gzip.decompress(whole) if case.form.file.lower().endswith(".gz") else whole


def _packed(case: Case, content: bytes) -> File:
    packed = case.form.file.lower().endswith(".gz")
    return case.form.file, gzip.compress(content, mtime=0) if packed else content


def delimiter(case: Case) -> File | None:
    """Another sign between the columns: everywhere, in some rows, or in the header only."""
    others = [s for s in ",;\t|" if s != case.form.delimiter]
    other = others[case.rng.integers(len(others))]
    rows, way = case.form.cells(case.bars), case.rng.integers(3)
    if way == 0:
        head = tuple(line.replace(case.form.delimiter, other) for line in case.form.head)
        changed = replace(case.form, delimiter=other)
        clash = any(other in cell for cell in rows[0])  # as in "Dec 31, 2020"
        return None if clash else (case.form.file, changed.write(rows, head))
    if way == 1 and case.form.head:
        *above, last = case.form.head
        return _text(case, rows, (*above, last.replace(case.form.delimiter, other)))
    for i in case.some():
        rows[i] = [other.join(rows[i])]
    return _text(case, rows)


def decimal_sign(case: Case) -> File | None:
    """The other decimal sign: in every row, or in some."""
    rows = case.form.cells(case.bars)
    other = "." if case.form.decimal == "," else ","
    every = bool(case.rng.integers(2))
    for i in range(len(rows)) if every else case.some(0.3):
        rows[i] = [rows[i][0], *(c.replace(case.form.decimal, other) for c in rows[i][1:])]
    return _text(case, rows)


def one_way(case: Case) -> File | None:
    """From some bar on, every price times or over 3 to 2,000."""
    n = len(case.bars)
    at = [1, n - 1, int(case.rng.integers(2, n - 1))][case.rng.integers(3)]
    factor = 3.0 * 10.0 ** case.rng.uniform(0.0, 2.8)
    bars = case.bars.copy()
    bars.loc[bars.index[at:], OHLC] *= factor if case.rng.integers(2) else 1.0 / factor
    return _text(case, case.form.cells(bars))


def shifted_column(case: Case) -> File | None:
    """In some rows, the cells after the stamp one place on, or one back."""
    rows = case.form.cells(case.bars)
    step = 1 if case.rng.integers(2) else -1
    for i in case.some():
        row = rows[i]
        rows[i] = row[::-1] if len(row) == 2 else [row[0], *np.roll(row[1:], step).tolist()]
    return _text(case, rows)


def lost_cell(case: Case) -> File | None:
    """In some rows, a cell too few or too many."""
    rows = case.form.cells(case.bars)
    more = bool(case.rng.integers(2))
    for i in case.some():
        at = int(case.rng.integers(1, len(rows[i])))
        rows[i] = [*rows[i][:at], "1", *rows[i][at:]] if more else rows[i][:at] + rows[i][at + 1 :]
    return _text(case, rows)


def cut_row(case: Case) -> File | None:
    """The end of the file is gone, from within a row on."""
    content = _content(case)
    width = 2 if case.form.encoding == "utf-16" else 1
    ends = [i for i in range(len(content)) if content[i : i + 1] == b"\n"]
    start = ends[int(case.rng.integers(len(ends) * 2 // 3, len(ends) - 1))] + width
    end = content.index(b"\n", start)
    at = int(case.rng.integers(start + width, end)) // width * width
    return _packed(case, content[:at])


def cut_packed(case: Case) -> File | None:
    """The end of a packed file is gone."""
    if case.rng.integers(2):
        whole = parquet(case.bars)
        return "prices.parquet", whole[: int(case.rng.integers(4, len(whole)))]
    whole = gzip.compress(_content(replace_utf8(case)), mtime=0)
    return "prices.csv.gz", whole[: int(case.rng.integers(4, len(whole)))]


def replace_utf8(case: Case) -> Case:
    """The case in a form that any packed CSV has."""
    plain = replace(case.form, encoding="utf-8", file="prices.csv")
    return replace(case, form=plain)


def lost_digits(case: Case) -> File | None:
    """Stamps as a spreadsheet or a short float leaves them."""
    rows = case.form.cells(case.bars)
    if not rows[0][0].isdigit():
        if case.bars.index[1] - case.bars.index[0] >= pd.Timedelta(days=1):
            return None
        for row in rows:  # the time of day is gone
            row[0] = row[0][:10]
        return _text(case, rows)
    way = case.rng.integers(3)
    for row in rows:
        value = float(row[0])
        row[0] = [f"{value:.5E}", f"{value:.4e}", repr(float(np.float32(value)))][way]
    return _text(case, rows)


def unit_of_time(case: Case) -> File | None:
    """Stamps in another unit: everywhere or in some rows, a known unit or none."""
    rows = case.form.cells(case.bars)
    if not rows[0][0].isdigit():
        return None
    seconds = 10 ** (len(rows[0][0]) - 10)
    units = [1, 1_000, 1_000_000, 1 / 60, 1 / 3_600, 1 / 86_400]
    unit = units[case.rng.integers(len(units))]
    for i in range(len(rows)) if case.rng.integers(2) else case.some(0.5):
        rows[i][0] = str(int(int(rows[i][0]) / seconds * unit))
    return _text(case, rows)


def duplicated_block(case: Case) -> File | None:
    """A block of rows twice: as it stands, or with its stamps carried on."""
    n, length = len(case.bars), int(case.rng.integers(25, 60))
    start = int(case.rng.integers(0, n - 2 * length))
    if case.rng.integers(2):
        rows = case.form.cells(case.bars)
        return _text(
            case, rows[: start + length] + rows[start : start + length] + rows[start + length :]
        )
    take = [*range(start + length), *range(start, n - length)]
    bars = case.bars.iloc[take[:n]].set_axis(case.bars.index, axis=0)
    return _text(case, case.form.cells(bars))


def token_swap(case: Case) -> File | None:
    """From some bar on, another coin of another price; sometimes after a gap."""
    n = len(case.bars)
    at = int(case.rng.integers(20, n - 20))
    other = calm(int(case.rng.integers(1 << 30)), n, "D")
    factor = 3.0 * 10.0 ** case.rng.uniform(0.0, 3.0)
    sign = 1.0 if case.rng.integers(2) else -1.0
    bars = case.bars.copy()
    scale = bars["close"].iloc[at - 1] * factor**sign / other["close"].iloc[at]
    bars.loc[bars.index[at:], OHLC] = other[OHLC].to_numpy()[at:] * scale
    if case.rng.integers(2):
        bars = bars.drop(index=bars.index[at : at + 5])
    return _text(case, case.form.cells(bars))


def mixed_zones(case: Case) -> File | None:
    """Some rows in another zone: said, or not."""
    rows = case.form.cells(case.bars)
    stamp = rows[0][0]
    if not stamp.endswith(("Z", "+00:00")):
        return None
    way = case.rng.integers(3)
    for i in case.some(0.4):
        t = case.bars.index[len(rows) - 1 - i if case.form.newest_first else i]
        there = t + pd.Timedelta(hours=9)
        rows[i][0] = [
            f"{t:%Y-%m-%dT%H:%M:%S}",
            f"{there:%Y-%m-%dT%H:%M:%S}+09:00",
            _like(there, stamp),
        ][way]
    return _text(case, rows)


def _like(t: pd.Timestamp, stamp: str) -> str:
    return f"{t:%Y-%m-%dT%H:%M:%S}Z" if stamp.endswith("Z") else f"{t:%Y-%m-%d %H:%M:%S}+00:00"


PLANTED: dict[str, Damage] = {
    "delimiter": delimiter,
    "decimal sign": decimal_sign,
    "one-way factor": one_way,
    "shifted column": shifted_column,
    "lost cell": lost_cell,
    "truncation inside a row": cut_row,
    "truncated packed file": cut_packed,
    "lost stamp digits": lost_digits,
    "unit of time": unit_of_time,
    "duplicated block": duplicated_block,
    "token swap": token_swap,
    "mixed zones": mixed_zones,
}
