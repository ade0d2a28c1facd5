"""Read a price file into a table, whatever its suffix, and refuse what no memory should hold."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError
from riskkit.market.columns import choose_columns, indexed, name_bare_columns
from riskkit.market.names import known_name
from riskkit.market.text import decode, read_rows

SUFFIXES = (".csv", ".txt", ".tsv", ".gz", ".parquet")
MAX_ROWS = 6_000_000
"""Eleven years of minutes; a year of seconds must be resampled first."""
MAX_BYTES = 500_000_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Columns:
    """What the user says about a file's columns; None is found out.

    Attributes
    ----------
    time, price : str or None
        Names of the columns, or their numbers from 1 where the file has no header.
    delimiter : str or None
        Of a text file: one character or its name, ``"tab"``.
    decimal : str or None
        ``"."`` or ``","``.
    """

    time: str | None = None
    price: str | None = None
    delimiter: str | None = None
    decimal: str | None = None

    @classmethod
    def said(cls, keys: Mapping[str, str]) -> Columns:
        """From a study's keys: ``time_column``, ``price_column``, ``delimiter``, ``decimal``."""
        names = ("time_column", "price_column", "delimiter", "decimal")
        return cls(*(keys.get(name) for name in names))


@dataclass(frozen=True)
class Read:
    """A table as it stands in a file.

    Attributes
    ----------
    table : DataFrame
    lines : callable or None
        Gives the file's line number of each row; None if it has no lines.
    dropped : tuple of (str, str)
        Rows left out while reading, each with its reason.
    notes : tuple of str
        What was noticed while reading.
    bare : bool
        The file names no columns: they are named by what they hold.
    """

    table: pd.DataFrame
    lines: Callable[[], Sequence[int]] | None = None
    dropped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    bare: bool = False


def read_content(path: Path) -> bytes:
    """The bytes of a price file of a known suffix.

    Raises
    ------
    DataError
        If the suffix is none of `SUFFIXES`, or the file cannot be read or is too large.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            "path",
            path.name or str(path),
            f"must end in one of {', '.join(SUFFIXES)}",
            "Export the prices as CSV or parquet",
        )
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large(f"{path.name} ({size:,} bytes)", f"{MAX_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            "path",
            str(path),
            f"must be a file that can be read ({error.strerror})",
            "Check the name and the folder you are in",
        ) from None


def read_table(path: Path, content: bytes, columns: Columns, *, drop: bool = False) -> Read:
    """The table in a file's bytes.

    Raises
    ------
    DataError
        If it cannot be read as what its suffix says, is cut short, or is too large.
    """
    what, suffix = f"{path.name} ({len(content):,} bytes)", path.suffix.lower()
    if suffix == ".parquet":
        return Read(_parquet(content, what, columns))
    if suffix == ".gz":
        content = _unpacked(content, what)
    text = decode(content, what, suffix)
    if text.count("\n") > MAX_ROWS:
        raise _too_large(what, f"{MAX_ROWS:,} rows")
    rows = read_rows(
        text,
        what,
        delimiter=columns.delimiter,
        wanted=(columns.time, columns.price),
        drop=drop,
    )
    names = None if rows.names is None else _told_apart(rows.names, columns)
    try:
        # The index is never taken from the first column in silence.
        table = pd.read_csv(
            StringIO(rows.body),
            sep=rows.delimiter,
            header=None,
            names=names,
            skipinitialspace=True,
            skip_blank_lines=False,
            index_col=False,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=names or ["time", "close"])
    except (ValueError, OSError) as error:
        raise _unreadable(what, suffix, error) from None
    if names is None and len(table):
        table = name_bare_columns(table, columns.price, columns.time)
    numbers = rows.numbers
    return Read(table, lambda: numbers, rows.dropped, rows.notes, names is None)


def _told_apart(names: Sequence[str], columns: Columns) -> list[str]:
    """Names as a table needs them, each once; a price or time that is there twice is refused."""
    for name in names:
        ours = known_name(name, "close") or known_name(name, "time")
        wanted = name in (columns.time, columns.price)
        if names.count(name) > 1 and (wanted or (ours and columns.price is None)):
            raise DataError(
                "column",
                name,
                "a name may stand over one column only",
                "Keep the columns of one market, or name another price with --price-column "
                "(price_column in a study)",
            )
    seen: dict[str, int] = {}
    out = []
    for i, name in enumerate(names):
        base = name or f"Unnamed: {i}"
        count = seen.get(base, 0)
        seen[base] = count + 1
        out.append(f"{base}.{count}" if count else base)
    return out if len(set(out)) == len(out) else [f"{i}: {n}" for i, n in enumerate(out)]


def _parquet(content: bytes, what: str, columns: Columns) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(BytesIO(content))
        rows = file.metadata.num_rows
        # The footer says how much there is: a packed constant is small on disk only.
        if rows > MAX_ROWS:
            raise _too_large(f"{what}, {rows:,} rows", f"{MAX_ROWS:,} rows")
        empty = file.schema_arrow.empty_table().to_pandas()
        roles = choose_columns(indexed(empty), columns.price, columns.time)
        needed = [c for c in empty.columns if c in roles.values()]
        _refuse_nested(file.schema_arrow, needed, what)
        return pd.read_parquet(BytesIO(content), columns=needed)
    except DataError:
        raise
    except (pa.ArrowException, ValueError, OSError, TypeError, KeyError) as error:
        raise _unreadable(what, ".parquet", error) from None


def _refuse_nested(schema: object, needed: Sequence[object], what: str) -> None:
    import pyarrow as pa

    for field in schema:  # type: ignore[attr-defined]
        if field.name in needed and pa.types.is_nested(field.type):
            raise DataError(
                f"column {field.name!r}",
                str(field.type),
                f"must hold one value a row in {what}",
                "Export the prices with one number a cell",
            )


def _unpacked(content: bytes, what: str) -> bytes:
    """A gzip file's content, which must be whole and of a bearable size."""
    parts, total = [], 0
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as packed:
            while piece := packed.read(_CHUNK):
                parts.append(piece)
                total += len(piece)
                if total > MAX_BYTES:
                    raise _too_large(what, f"{MAX_BYTES:,} bytes unpacked")
    except EOFError:
        raise DataError(
            "prices",
            what,
            "must be whole: the packed file ends before its end",
            "Copy or download it again",
        ) from None
    except (OSError, zlib.error) as error:
        raise _unreadable(what, ".gz", error) from None
    return b"".join(parts)


def _too_large(what: str, limit: str) -> DataError:
    return DataError(
        "prices", what, f"must hold at most {limit}", "Resample to longer bars, or split the file"
    )


def _unreadable(what: str, suffix: str, error: Exception) -> DataError:
    return DataError(
        "prices",
        what,
        f"must be readable as {suffix}: {str(error).strip().splitlines()[0] if str(error) else ''}",
        "Check the format, or export the prices again as CSV",
    )
