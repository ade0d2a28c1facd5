"""The record of decisions: only ever added to, and every change shows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.fleet.ledger import Act, LedgerEntry, append_entry, in_force, read_ledger


def _entry(market: str, act: Act = Act.ADOPTED, **more: object) -> LedgerEntry:
    values = {"long.maintenance_margin_fraction": 0.05} if act is Act.OVERRIDDEN else {}
    found = {"who": "risk", "why": "within guardrails", "until": None, "values": values, **more}
    return LedgerEntry(date(2025, 1, 5), market, act, "ab" * 32, **found)  # type: ignore[arg-type]


def _record(path: Path) -> Path:
    append_entry(path, _entry("eth"))
    append_entry(path, _entry("btc", Act.OVERRIDDEN, until=date(2025, 2, 1)))
    append_entry(path, _entry("eth", Act.REFUSED, why="too tight — see the minutes"))
    return path


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    entries = read_ledger(_record(tmp_path / "ledger.jsonl"))
    assert [(e.market, e.act) for e in entries] == [
        ("eth", Act.ADOPTED),
        ("btc", Act.OVERRIDDEN),
        ("eth", Act.REFUSED),
    ]
    assert entries[1].until == date(2025, 2, 1)
    assert in_force(entries) == {"eth": entries[0], "btc": entries[1]}
    assert read_ledger(tmp_path / "none.jsonl") == ()


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_byte_of_any_line_but_the_last_can_be_changed(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = _record(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")
    content = bytearray(path.read_bytes())
    last = content.rstrip(b"\n").rfind(b"\n")
    place %= last
    if content[place] == byte:
        byte ^= 1
    content[place] = byte
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="ledger"):
        read_ledger(path)


def test_a_line_taken_out_or_moved_shows(tmp_path: Path) -> None:
    path = _record(tmp_path / "ledger.jsonl")
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for lines in ((second, third), (first, third), (second, first, third)):
        path.write_bytes(b"".join(lines))
        with pytest.raises(InputError, match="line"):
            append_entry(path, _entry("sol"))
        assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("entry", "argument"),
    [
        (_entry("eth", who=" "), "who"),
        (_entry("eth", why=""), "why"),
        (_entry("eth", Act.OVERRIDDEN, values={}), "value"),
        (_entry("eth", values={"x": 1.0}), "value"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(
    entry: LedgerEntry, argument: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        append_entry(tmp_path / "ledger.jsonl", entry)
    assert caught.value.argument == argument
    assert not (tmp_path / "ledger.jsonl").exists()
