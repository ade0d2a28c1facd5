"""Files that the user names, as bytes, text, TOML and tables: bounded before any parser sees them.

A table has one width. A value too many or too few shifts those after it into columns where they are
read without a word: a decimal comma makes the quantity 1,5 a 1, and its next column a 5.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow.parquet import ParquetFile

from riskkit.errors import DataError, InputError

MAX_HEADER = 2_000
MOST_ROWS = 500_000
MOST_DOTS = 64
MOST_TOML = 1_000_000


def read_bytes(path: str | Path, argument: str, *, most: int) -> bytes:
    """The bytes of a file, refused in words if it cannot be read or holds more than ``most``.

    No more than that is ever read: a size that the file system states may be wrong.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        rule = f"must be a file that can be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(argument, str(path), rule, "Check the name") from None
    if len(content) > most:
        rule = f"must hold at most {most:,} bytes"
        raise InputError(argument, str(path), rule, "Check that it is the right file")
    return content


def read_text(path: str | Path, argument: str, *, most: int) -> str:
    """The same as text, which must be UTF-8; a byte order mark is passed over."""
    try:
        return read_bytes(path, argument, most=most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        rule = f"must be UTF-8 text (byte {error.start} is not)"
        raise InputError(argument, str(path), rule, "Save it as UTF-8") from None


def parse_toml(content: bytes) -> dict[str, Any]:
    """A TOML file's content; a byte order mark is passed over.

    Raises
    ------
    ValueError
        Saying why it is none: also for deep nesting, numbers of thousands of digits, and keys of
        more dotted parts than anybody writes, which cost the parser time in their square.
    """
    text = content.decode("utf-8-sig")
    for number, line in enumerate(text.split("\n"), start=1):
        parts = () if line.lstrip().startswith("#") else re.split("[,=]", line)
        if any(part.count(".") > MOST_DOTS for part in parts):
            raise ValueError(f"more than {MOST_DOTS} dots in one part of line {number}")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def parse_json(text: str) -> Any:
    """A JSON text whose objects name each key once and whose numbers are numbers.

    Raises
    ------
    ValueError
        Saying why it is none.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _check_names([name for name, _ in pairs], "key")
        return dict(pairs)

    def no_number(name: str) -> Any:
        raise ValueError(f"{name} is no number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def read_toml(
    path: str | Path, argument: str, *, remedy: str, most: int = MOST_TOML
) -> dict[str, Any]:
    """A TOML file, refused in words if it is none."""
    try:
        return parse_toml(read_bytes(path, argument, most=most))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        rule = f"must be TOML: {error}"
        raise InputError(argument, str(path), rule, remedy) from None


def read_rows(
    path: str | Path, argument: str, *, most: int, remedy: str
) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    """The header of a CSV, and its rows by column with the line each ends on.

    Raises
    ------
    InputError, DataError
        If it cannot be read, names a column twice, or has a row of another width than its header.
    """
    try:
        text = read_bytes(path, argument, most=most).decode("utf-8-sig")
        rows = split_rows(text)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        rule = f"must be a CSV that can be read ({error})"
        raise InputError(argument, str(path), rule, remedy) from None
    header = tuple(rows[0][1]) if rows else ()
    try:
        _check_names(header)
    except ValueError as error:
        raise InputError(argument, str(path), f"must be a CSV ({error})", remedy) from None
    lines = [f"line {line}" for line, row in rows if len(row) != len(header)]
    if lines:
        rule = "must have as many fields as the header"
        raise DataError(argument, ", ".join(lines[:5]), rule, "Correct those lines", lines)
    return header, [(line, dict(zip(header, row, strict=True))) for line, row in rows[1:]]


def read_table(path: str | Path, argument: str, *, most: int) -> list[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, each with the line it ends on."""
    try:
        return split_rows(read_text(path, argument, most=most))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        rule = f"must be a CSV that can be read ({error})"
        raise InputError(argument, str(path), rule, "Export it again") from None


def split_rows(text: str) -> list[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, each with its line.

    Raises
    ------
    ValueError
        Where it is no CSV: a zero byte, a field without an end.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(str(error)) from None


def read_csv(
    content: io.BytesIO, *, texts: Sequence[str] = (), most_rows: int = MOST_ROWS
) -> pd.DataFrame:
    """A CSV whose header names each column once, and all of them.

    Parameters
    ----------
    texts : sequence of str
        Columns that are text even where they look like numbers.
    most_rows : int

    Raises
    ------
    ValueError
        If it is not such a CSV. A further value in every row would shift the columns unseen.
    """
    line = content.readline(MAX_HEADER + 1)
    if len(line) > MAX_HEADER:
        raise ValueError(f"its header exceeds {MAX_HEADER:,} bytes")
    try:
        names = next(csv.reader([line.decode("utf-8-sig")]), [])
    except csv.Error as error:
        raise ValueError(str(error)) from None
    _check_names(names)
    rows = max(content.getvalue().count(end) for end in (b"\n", b"\r"))
    if rows > most_rows:
        raise ValueError(f"{rows:,} rows, more than {most_rows:,}")
    _check_widths(content.getvalue(), len(names))
    content.seek(0)
    found = pd.read_csv(content, dtype=dict.fromkeys(texts, str), index_col=False)
    flags = found.select_dtypes(bool).columns  # true would count as the number 1
    return found.astype(dict.fromkeys(flags, str))


def read_parquet(content: io.BytesIO, known: Iterable[str], *, most_rows: int) -> pd.DataFrame:
    """The known columns; few bytes may unpack to any size, so the file's own counts come first.

    Raises
    ------
    OSError, ValueError, ArrowException
        If it is no parquet file, or holds too much.
    """
    found = ParquetFile(content)
    rows = found.metadata.num_rows
    unpacked = sum(
        found.metadata.row_group(i).total_byte_size for i in range(found.metadata.num_row_groups)
    )
    if rows > most_rows or unpacked > most_rows * 128:
        raise ValueError(f"{rows:,} rows, {unpacked:,} bytes: more than {most_rows:,} rows")
    wanted = [name for name in found.schema_arrow.names if name in set(known)]
    return pd.DataFrame(found.read(columns=wanted).to_pandas(ignore_metadata=True))


def _check_names(names: Sequence[str], what: str = "column") -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"the {what} {twice[0]!r} is there twice")


def _check_widths(content: bytes, width: int) -> None:
    """Every row as wide as the header: a value too many or too few shifts the others unseen."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    try:
        for row in rows:
            if row and len(row) != width:
                raise ValueError(
                    f"line {rows.line_num} holds {len(row)} values where its header names {width}"
                )
    except csv.Error as error:
        raise ValueError(str(error)) from None
