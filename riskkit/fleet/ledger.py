"""The record: what was recommended, adopted or overridden, by whom, why, until when, what came.

A line a fact, each with the digest of the line before: nothing can be taken out or changed without
its showing. Lines are only ever added.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes

_FIRST = "0" * 64


class Act(StrEnum):
    """What happened: a decision on a market, or what a night recommended and saw."""

    ADOPTED = "adopted"
    OVERRIDDEN = "overridden"
    REFUSED = "refused"
    RECOMMENDED = "recommended"
    CAME = "came"


DECISIONS = (Act.ADOPTED, Act.OVERRIDDEN, Act.REFUSED)
#: In place of a market's name in the lines of a night.
EVERY_MARKET = "*"


@dataclass(frozen=True)
class LedgerEntry:
    """A line of the record.

    Attributes
    ----------
    day : date
        On which it was decided.
    market : str
        `EVERY_MARKET` in the lines of a night.
    act : Act
    digest : str
        ``content_sha256`` of the parameter file that was decided on; of a night's recommendations
        the Merkle root over their files, of what came the SHA-256 of the outcomes' file.
    who, why : str
    until : date or None
        When the decision must be looked at again.
    values : dict
        For an override: what is in force instead, by key (``long.maintenance_margin_fraction``);
        of a night's lines, counts.
    previous : str
        SHA-256 of the line before, of which the first has zeros.
    """

    day: date
    market: str
    act: Act
    digest: str
    who: str
    why: str
    until: date | None
    values: dict[str, float]
    previous: str = _FIRST

    def line(self) -> bytes:
        """The entry in its canonical form (RFC 8785), one line."""
        content: dict[str, Any] = {
            "day": self.day.isoformat(),
            "market": self.market,
            "act": self.act.value,
            "digest": self.digest,
            "who": self.who,
            "why": self.why,
            "until": None if self.until is None else self.until.isoformat(),
            "values": self.values,
            "previous": self.previous,
        }
        return canonical_bytes(content) + b"\n"


def append_entry(path: Path, entry: LedgerEntry) -> LedgerEntry:
    """Add an entry, with the digest of the line before; returns it as it was written.

    Raises
    ------
    InputError
        If who or why is empty, an override names no value, or the record was changed by hand.
    """
    for name in ("who", "why"):
        if not getattr(entry, name).strip():
            rule = "must say something: the record is read when nobody remembers"
            raise InputError(name, getattr(entry, name), rule, f"Give --{name}")
    if entry.act in DECISIONS and (entry.act is Act.OVERRIDDEN) != bool(entry.values):
        rule = "must be given for an override, and only for one"
        remedy = "For example --value long.maintenance_margin_fraction=0.05"
        raise InputError("value", entry.values, rule, remedy)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as stream:
        entries = _entries(stream.read(), path)
        last = hashlib.sha256(entries[-1].line()).hexdigest() if entries else _FIRST
        written = LedgerEntry(**{**vars(entry), "previous": last})
        stream.write(written.line())
        stream.flush()
        os.fsync(stream.fileno())
    return written


def read_ledger(path: Path) -> tuple[LedgerEntry, ...]:
    """Every entry, the earliest first; none where there is no record.

    Raises
    ------
    InputError
        Naming the line that was changed, or cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    return _entries(content, path)


def in_force(entries: tuple[LedgerEntry, ...]) -> dict[str, LedgerEntry]:
    """The last decision of each market that was not a refusal."""
    deciding = (Act.ADOPTED, Act.OVERRIDDEN)
    return {entry.market: entry for entry in entries if entry.act in deciding}


def last_of(entries: tuple[LedgerEntry, ...], act: Act, day: date) -> LedgerEntry | None:
    """The last line of a night with this act, if there is one."""
    found = [entry for entry in entries if entry.act is act and entry.day == day]
    return found[-1] if found else None


@contextmanager
def _locked(path: Path) -> Iterator[Any]:
    try:
        stream = path.open("a+b")
    except OSError as error:
        rule = f"must be a file that can be written ({error.strerror})"
        raise InputError("ledger", str(path), rule, "Check its folder") from None
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        yield stream


def _entries(content: bytes, path: Path) -> tuple[LedgerEntry, ...]:
    entries: list[LedgerEntry] = []
    previous = _FIRST
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            found = json.loads(line)
            until = found["until"]
            entry = LedgerEntry(
                day=date.fromisoformat(found["day"]),
                market=found["market"],
                act=Act(found["act"]),
                digest=found["digest"],
                who=found["who"],
                why=found["why"],
                until=None if until is None else date.fromisoformat(until),
                values=found["values"],
                previous=found["previous"],
            )
        except (ValueError, KeyError, TypeError):
            raise _changed(path, number) from None
        if entry.previous != previous or entry.line() != line:
            raise _changed(path, number)
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return tuple(entries)


def _changed(path: Path, number: int) -> InputError:
    return InputError(
        "ledger",
        f"{path.name}, line {number}",
        "must follow from the line before: this one, or the one before it, was changed",
        "Restore the file from a copy; lines are only ever added",
    )
