"""The fuzzer's inputs, by kind of file: each a function of its number."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from riskkit.formats.positions import read_positions
from riskkit.market import PriceHistory
from riskkit.parameters.file import read_parameter_file
from riskkit.proof.context import read_ladder
from riskkit.reading import read_text
from riskkit.study.study import read_study
from tests.fuzz.judge import Judged, Verdict, against, judge, read_price_file
from tests.fuzz.mutate import mutate, numbers_of
from tests.fuzz.planted import PLANTED, Case
from tests.fuzz.price_forms import FORMS, Form, calm, collapse, parquet
from tests.fuzz.tables import RARE, texts
from tests.parameters.damaged import LADDER, LOANS, PERPETUALS
from tests.parameters.venue_cases import CASES
from tests.support import ROOT, STUDY

SEED = 20261127
LENGTHS = (("D", 260), ("h", 400), ("5min", 300))
EVERY_CLEAN = 8
"""Of so many price files one is left as it is: a calm coin, or one that truly collapses."""


@cache
def _clean(form: int, series: int) -> tuple[Any, PriceHistory | None]:
    freq, n = LENGTHS[series % len(LENGTHS)]
    make = collapse if series % 4 == 3 else calm
    bars = make(SEED + series, n, freq)
    with tempfile.TemporaryDirectory() as folder:
        content = FORMS[form].write(FORMS[form].cells(bars))
        try:
            return bars, read_price_file(Path(folder), FORMS[form].file, content)
        except ValueError:
            return bars, None  # counted as a false alarm when it is its turn


def price_file(number: int, folder: Path) -> Judged | None:
    """Price file of that number, damaged or clean; None where its damage does not apply."""
    rng = np.random.default_rng([SEED, number])
    form_number, series = number % len(FORMS), int(rng.integers(24))
    form: Form = FORMS[form_number]
    bars, history = _clean(form_number, series)
    name = f"{form.name}, {'collapse' if series % 4 == 3 else 'calm'} {series}, input {number}"
    if history is None or number // len(FORMS) % EVERY_CLEAN == 0:
        content = form.write(form.cells(bars))
        return judge(
            "price file", "", name, lambda: read_price_file(folder, form.file, content), None
        )
    if rng.integers(3) == 0:  # anything at all: it must only not crash
        file, whole = form.file, form.write(form.cells(bars))
        if rng.integers(4) == 0:
            file, whole = "prices.parquet", parquet(bars)
        damage, damaged = mutate(whole, rng)
        return judge(
            "price file", damage, name, lambda: read_price_file(folder, file, damaged), None
        )
    damage = list(PLANTED)[rng.integers(len(PLANTED))]
    made = PLANTED[damage](Case(form, bars, rng))
    if made is None:
        return None
    return judge(
        "price file", damage, name, lambda: read_price_file(folder, *made), against(history)
    )


Reader = Callable[[Path], Any]


@cache
def _texts() -> dict[str, list[tuple[str, str, bytes, Reader]]]:
    """Of each other kind: name, suffix, content and reader of its clean files."""
    old = ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json"
    new = json.dumps(read_parameter_file(old).to_dict(), indent=1).encode()

    def venue(case: Any) -> Reader:
        return lambda path: _effective(case.format, path)

    return {
        "study": [
            (path.name, ".toml", path.read_bytes(), read_study)
            for path in sorted((ROOT / "studies").glob("*.toml"))
        ]
        + [
            ("a small one", ".toml", STUDY.encode(), read_study),
            ("rare tables", ".toml", RARE.encode(), read_study),
        ],
        "parameter file": [
            ("now", ".json", new, read_parameter_file),
            ("version 0", ".json", old.read_bytes(), read_parameter_file),
        ],
        "venue file": [
            (case.format.name, case.format.suffix, case.text.encode(), venue(case))
            for case in CASES
        ],
        "positions": [
            ("loans", ".csv", LOANS.encode() * 1, read_positions),
            ("perpetuals", ".csv", PERPETUALS.encode(), read_positions),
        ],
        "ladder": [("ladder", ".csv", LADDER.encode(), read_ladder)],
    } | texts()


def _effective(venue: Any, path: Path) -> Any:
    return tuple(venue.effective(venue.read(read_text(path, "live", most=1 << 20))))


def other_file(kind: str, number: int, folder: Path) -> Judged:
    """A study, parameter file, venue file, positions or ladder of that number."""
    rng = np.random.default_rng([SEED, number])
    files = _texts()[kind]
    name, suffix, content, read = files[number % len(files)]
    path = folder / f"file{suffix}"
    label = f"{name}, input {number}"

    def value(of: bytes) -> Callable[[], Any]:
        def call() -> Any:
            path.write_bytes(of)
            return read(path)

        return call

    if number // len(files) % (2 * EVERY_CLEAN) == 0:
        return judge(kind, "", label, value(content), None)
    damage, damaged = mutate(content, rng, table=suffix == ".csv")
    if damage not in SILENT_IN[kind] or damage in TELLS_NOTHING.get(name, ()):
        return judge(kind, damage, label, value(damaged), None)
    clean = numbers_of(value(content)())

    def same(found: Any) -> Verdict:
        return Verdict.SAME if numbers_of(found) == clean else Verdict.SILENT

    return judge(kind, damage, label, value(damaged), same)


SILENT_KEYS = ("another key", "true for a number")
SILENT_CELLS = ("delimiter", "decimal sign", "shifted column", "lost cell")
# Damages after which another number must not be taken in silence. A changed figure in a study or
# a venue's file is a wish, not a damage; in a parameter file its digest must tell.
SILENT_IN: dict[str, tuple[str, ...]] = {
    "study": SILENT_KEYS,
    "parameter file": (
        "another value",
        "another key",
        "a cut",
        "true for a number",
    ),
    "venue file": ("a cut",),
    "positions": SILENT_CELLS,
    "ladder": SILENT_CELLS,
    "accounts": (*SILENT_KEYS, *SILENT_CELLS),
    "venue book": SILENT_CELLS,
    "depth": SILENT_CELLS,
    "collateral": (*SILENT_KEYS, *SILENT_CELLS),
}
# Files from before there was a digest; two numbers that change places; keys that may be anything.
TELLS_NOTHING = {
    "version 0": ("another value",),
    "its loans": ("shifted column",),
    "context": SILENT_KEYS,
    "challengers": SILENT_KEYS,
}
KINDS = ("price file", *SILENT_IN)


def inputs(kind: str, numbers: range) -> Iterator[Judged]:
    """The judged inputs of a kind with these numbers."""
    with tempfile.TemporaryDirectory() as name:
        if kind == "study":  # a study that extends another is read beside it
            for study in (ROOT / "studies").glob("*.toml"):
                shutil.copy(study, name)
        for number in numbers:
            if kind == "price file":
                judged = price_file(number, Path(name))
                if judged is not None:
                    yield judged
            else:
                yield other_file(kind, number, Path(name))
