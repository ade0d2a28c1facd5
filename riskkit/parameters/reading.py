"""Files that the user names, as bytes, text and tables: bounded before any parser sees them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from riskkit.errors import InputError

MAX_HEADER = 2_000
MOST_ROWS = 500_000


def read_bytes(path: str | Path, argument: str, *, most: int) -> bytes:
    """The bytes of a file, refused in words if it cannot be read or holds more than ``most``.

    No more than that is ever read: a size that the file system states may be wrong.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        rule = f"must be a file that can be read ({error.strerror})"
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


def read_csv(content: io.BytesIO, *, texts: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV whose header names each column once, and all of them.

    Parameters
    ----------
    texts : sequence of str
        Columns that are text even where they look like numbers.

    Raises
    ------
    ValueError
        If it is not such a CSV. A further value in every row would shift the columns unseen.
    """
    line = content.readline(MAX_HEADER + 1)
    if len(line) > MAX_HEADER:
        raise ValueError(f"its header exceeds {MAX_HEADER:,} bytes")
    try:
        names = next(csv.reader([line.decode("utf-8")]), [])
    except csv.Error as error:
        raise ValueError(str(error)) from None
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the column {name!r} is there twice")
    rows = max(content.getvalue().count(end) for end in (b"\n", b"\r"))
    if rows > MOST_ROWS:
        raise ValueError(f"{rows:,} rows, more than {MOST_ROWS:,}")
    _check_widths(content.getvalue(), len(names))
    content.seek(0)
    return pd.read_csv(content, dtype=dict.fromkeys(texts, str), index_col=False)


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
