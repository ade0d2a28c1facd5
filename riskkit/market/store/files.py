"""Files of the store: parquet parts, a lock for writers, and writes that are whole or absent."""

from __future__ import annotations

import glob
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskkit.errors import InputError

LOCK, MANIFEST, SUFFIX = "lock", "manifest.json", ".parquet"
_local = threading.local()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the series' lock; the system drops it when a process ends, however it ends.

    Only commits hold it (milliseconds), never a download: two updates of one series take turns
    page by page.
    """
    try:
        import fcntl
    except ImportError:
        raise InputError(
            "store", folder.name, "needs a system with POSIX file locks", "Load prices from CSV"
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise _refused(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole under its name, on disk, or not at all."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def encode(rows: pd.DataFrame) -> bytes:
    """Rows (``time`` and float columns) as one parquet file; the same rows give the same bytes."""
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    # Dictionaries do not help prices: nearly every value is its own.
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def query_parts(
    paths: Sequence[Path],
    columns: Sequence[str],
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Rows of the parts in ``[start, end]``, in order of time, read by DuckDB.

    Raises
    ------
    FileNotFoundError
        If a part went away: its year was merged by a writer after the manifest was read.
    """
    if not paths:
        empty = pd.DataFrame({name: np.empty(0) for name in columns})
        empty.insert(0, "time", pd.DatetimeIndex([], dtype="datetime64[us, UTC]"))
        return empty
    duckdb = import_duckdb()
    bounds = [
        (f"time {sign} ?", bound.to_pydatetime())
        for sign, bound in ((">=", start), ("<=", end))
        if bound is not None
    ]
    where = f" WHERE {' AND '.join(clause for clause, _ in bounds)}" if bounds else ""
    query = f"SELECT time, {', '.join(columns)} FROM read_parquet(?){where}"
    # DuckDB reads names as patterns: a folder called 'data [old]' must stay one.
    values = [[glob.escape(str(path)) for path in paths], *(value for _, value in bounds)]
    try:
        table = _connection(duckdb).sql(query, params=values).to_arrow_table()
    except duckdb.Error as error:  # a part that is gone, or whose bytes are not as written
        if all(path.exists() for path in paths):
            raise InputError(
                "store",
                paths[0].parent.parent.name,
                f"its parts must be readable parquet ({str(error).splitlines()[0]})",
                "Run riskkit prices verify, which names the broken part",
            ) from None
        raise FileNotFoundError(str(error)) from None
    # A block a column, and Arrow's copy of each let go as it is taken over.
    rows: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    # DuckDB shows instants in the machine's zone.
    rows = rows.assign(time=rows["time"].dt.tz_convert("UTC"))
    # Parts mostly follow each other; only a hole filled later lies in between.
    ordered = rows["time"].is_monotonic_increasing
    return rows if ordered else rows.sort_values("time", ignore_index=True)


def _connection(duckdb: Any) -> Any:
    """One connection a thread (16 ms to open, as much as a series takes to read).

    With one DuckDB thread a process that forks has no threads to lose; the child opens its own.
    """
    owner, held = getattr(_local, "connection", (None, None))
    if owner != os.getpid():
        held = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        _local.connection = (os.getpid(), held)
    return held


def import_duckdb() -> Any:
    """The DuckDB module, or words on how to get it."""
    try:
        import duckdb
    except ImportError:
        raise InputError(
            "store",
            "no duckdb",
            "stored series are read through DuckDB, which is not installed",
            "Run: pip install 'riskkit[market]'; or load prices from CSV, which needs neither",
        ) from None
    return duckdb


def rows_digest(rows: pd.DataFrame) -> str:
    """SHA-256 of the rows themselves: times in microseconds, then each column, little-endian."""
    digest = hashlib.sha256()
    for name in rows.columns:
        values = rows[name]
        if name == "time":
            numbers = pd.DatetimeIndex(values).as_unit("us").asi8.astype("<i8")
        else:
            numbers = values.to_numpy(dtype="<f8")
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(numbers).tobytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(path: Path, error: OSError) -> InputError:
    return InputError(
        "store",
        str(path),
        f"must lie where files can be written ({error.strerror}); what was stored before stays",
        "Free space or choose another place with --store, then run the command again: "
        "it goes on where it stopped",
    )
