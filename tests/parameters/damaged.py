"""Damaged files put before every reader, under a limit on memory and processor time.

Run as a program: it prints one line of JSON per reader, with what was not refused in words. The
limits are the operating system's: memory beyond them is a MemoryError, and time ends the process.
"""

from __future__ import annotations

import json
import math
import re
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.errors import InputError
from riskkit.formats import dydx_v4_liquidations, hyperliquid_hip3
from riskkit.formats.positions import read_positions
from riskkit.parameters.file import read_parameter_file
from riskkit.proof.context import read_context_file, read_ladder
from riskkit.reading import read_text
from tests.parameters.test_venue_refusals import LIQUIDATIONS
from tests.parameters.venue_cases import CASES
from tests.support import ROOT

# A limit and no measurement, hence generous; its clock counts whole seconds, so 2 s and up to 3.
MEGABYTES, SECONDS = 200, 3
MEGABYTE = 2**20
Reader = Callable[[Path], object]
VALUES = ("null", "true", "[]", "{}", "-1", "NaN", "-Infinity", "1e400", "9" * 5_000, '"x"', "''")
TOKEN = re.compile(r"""-?[0-9][\w.]*|"[^"\n]*"|'[^'\n]*'|true|false|null""")
CAPS = '{"type": "perpDeploy", "setOpenInterestCaps": [["abc:BTC", 2000000]]}'
LOANS = "account,collateral,debt\n0xa,10,15900\n0xb,2.5,1610\n"
PERPETUALS = "account,side,size,entry,collateral\na,long,1,2000,200\nb,short,2,2000,400\n"
LADDER = "notional,slippage_fraction\n1000000,0.002\n10000000,0.01\n"
CONTEXT = 'id = 3\nname = "BTC"\nimpact_notional = 5000000000\n'
# Every damage of a large file would take minutes: of its tokens and lines, so many.
MOST = 20


def readers(folder: Path) -> dict[str, tuple[Reader, bytes, str]]:
    """Name: reader, a file it takes, and the file's suffix."""

    def of_text(read: Callable[[str], object]) -> Reader:
        return lambda path: read(read_text(path, "live", most=MEGABYTE))

    found: dict[str, tuple[Reader, bytes, str]] = {
        case.format.name: (of_text(case.format.read), case.text.encode(), case.format.suffix)
        for case in CASES
    }
    old = ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json"
    new = json.dumps(read_parameter_file(old).to_dict(), indent=1).encode()
    table = folder / "loans.parquet"
    pd.DataFrame(
        {"account": ["a", "b"], "collateral": [10.0, 2.5], "debt": [15900.0, 1]}
    ).to_parquet(table)
    return found | {
        "liquidations": (of_text(dydx_v4_liquidations.read), LIQUIDATIONS.encode(), ".json"),
        "caps": (of_text(hyperliquid_hip3.read_open_interest_caps), CAPS.encode(), ".json"),
        "parameter file": (read_parameter_file, new, ".json"),
        "edited file": (lambda p: read_parameter_file(p, accept_edited=True), new, ".json"),
        "version 0": (read_parameter_file, old.read_bytes(), ".json"),
        "loans": (read_positions, LOANS.encode(), ".csv"),
        "perpetuals": (read_positions, PERPETUALS.encode(), ".csv"),
        "parquet": (read_positions, table.read_bytes(), ".parquet"),
        "ladder": (read_ladder, LADDER.encode(), ".csv"),
        "context": (read_context_file, CONTEXT.encode(), ".toml"),
    }


def damages(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Truncated, of the wrong type, huge, repeated, nested, and not text."""
    for part in range(12):
        yield f"truncated to {part}/12", content[: len(content) * part // 12]
    text = content.decode("latin-1")
    tokens = some(list(TOKEN.finditer(text)))
    for token in tokens:
        for value in VALUES:
            changed = text[: token.start()] + value + text[token.end() :]
            yield f"{token[0][:30]} -> {value[:9]}", changed.encode("latin-1")
    lines = text.splitlines(keepends=True)
    for i in some(list(range(len(lines)))):
        doubled = [*lines[: i + 1], *lines[i:]]
        yield f"line {i + 1} twice", "".join(doubled).encode("latin-1")
        deep = [*lines[:i], "[" * 50_000, *lines[i:]]
        yield f"nested at line {i + 1}", "".join(deep).encode("latin-1")
    head = lines[0].encode("latin-1")
    for row in (b"a,b,c,d,e\n", b",,\n", b"1\n", b'"'):
        yield f"20 MB of {row!r} below it", head + row * (20 * MEGABYTE // len(row))
    yield "not UTF-8", b"\xff\xfe" + content
    yield "zero bytes", bytes(len(content))
    yield "other line ends", content.replace(b"\n", b"\r\n")


def some(items: list[Any]) -> list[Any]:
    """Up to MOST of the items, evenly."""
    return items[:: math.ceil(len(items) / MOST)] if items else items


def junk() -> Iterator[tuple[str, bytes]]:
    """Large files of one thing: near the caps of text and table, and far beyond them."""
    keys = ",".join(f'"{i}":{i}' for i in range(100_000))
    patterns = {
        "spaces": b" ",
        "brackets": b"[",
        "objects": b'{"a":',
        "numbers": b"0,",
        "rows": b"a\n",
        "quotes": b'"',
        "bytes": bytes(range(256)),
    }
    for megabytes in (0.12, 0.9, 20, 50):
        for name, pattern in patterns.items():
            yield f"{megabytes} MB of {name}", pattern * int(megabytes * MEGABYTE / len(pattern))
    yield "many keys, one twice", f'{{{keys},"99999":1}}'.encode()
    yield "many keys", f'{{"header":{{{keys}}}}}'.encode()


def seconds_used() -> float:
    """Processor time of this process so far."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def attempt(read: Reader, path: Path) -> str:
    """What is wrong with the answer; nothing for a value, or a refusal in four parts."""
    used = seconds_used()
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used) + SECONDS - 1, hard))
    try:
        read(path)
    except InputError as error:
        told = error.argument and error.rule and error.remedy and len(str(error)) < 2_000
        return "" if told and "Traceback" not in str(error) else f"says {str(error)[:200]}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return f"raises {type(error).__name__}: {str(error)[:200]}"
    return ""


def limit_memory() -> None:
    """At most so many megabytes of addresses beyond what is mapped now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    mapped = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEGABYTES * MEGABYTE,) * 2)


def main() -> None:
    """Damage a file for every reader, and report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = readers(folder)
        for read, content, suffix in known.values():  # every reader's libraries are loaded
            path = folder / f"file{suffix}"
            path.write_bytes(content)
            read(path)
        large = {name: folder / f"large {i}" for i, (name, _) in enumerate(junk())}
        for what, content in junk():
            large[what].write_bytes(content)
        limit_memory()
        for reader, (read, content, suffix) in known.items():
            path = folder / f"file{suffix}"
            wrong, slowest, count = [], (0.0, ""), 0
            for what, place in files(path, content, large):
                print(f"{reader}: {what}", file=sys.stderr)
                began = seconds_used()
                if answer := attempt(read, place):
                    wrong.append(f"{what} {answer}")
                slowest = max(slowest, (seconds_used() - began, what))
                count += 1
            report = {"reader": reader, "files": count, "slowest": slowest, "wrong": wrong}
            print(json.dumps(report), flush=True)


def files(path: Path, content: bytes, large: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Every damaged file in turn, at one path; then the large ones, and what is no file."""
    for what, damaged in damages(content):
        path.write_bytes(damaged)
        yield what, path
    for what, file in large.items():
        path.unlink()
        path.hardlink_to(file)
        yield what, path
    path.unlink()
    yield "missing", path
    yield "a folder", path.parent
    yield "endless", Path("/dev/zero")


if __name__ == "__main__":
    main()
