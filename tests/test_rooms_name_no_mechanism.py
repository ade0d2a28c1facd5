"""The rooms of the future know nothing of a venue: they name no key of a mechanism."""

import ast
import re
from pathlib import Path

import pytest

import riskkit
from riskkit.paths.bits import Use
from riskkit.paths.run import Stream

ROOMS = ("market", "volatility", "dependence", "paths", "tail")
WORDS = re.compile(
    r"slippage|oracle|latency|liquidat|close_?out|penalty|bonus_fraction|haircut|halt|funding_fraction"
    r"|maintenance|loan|reaction_time|holding_horizon|notional",
    re.IGNORECASE,
)
# The streams of a seed are named for what draws from them.
STREAMS = {stream.name for stream in (*Use, *Stream)}
TOP = Path(riskkit.__file__).parent


def names_of(source):
    """Identifiers and keyword names; prose may speak of whatever it likes."""
    for node in ast.walk(ast.parse(source)):
        for part in ("name", "id", "attr", "arg", "asname", "module"):
            name = getattr(node, part, None)
            if isinstance(name, str):
                yield name, getattr(node, "lineno", 0)


@pytest.mark.parametrize("room", [room for room in ROOMS if (TOP / room).is_dir()])
def test_a_room_of_the_future_names_no_key_of_a_mechanism(room):
    found = [
        f"{path.relative_to(TOP)}:{line} {name}"
        for path in sorted((TOP / room).rglob("*.py"))
        for name, line in names_of(path.read_text(encoding="utf-8"))
        if WORDS.search(name) and name not in STREAMS
    ]
    assert not found


def test_the_words_are_found_where_they_belong():
    names = {name for name, _ in names_of((TOP / "venue" / "mechanism.py").read_text("utf-8"))}
    assert {name for name in names if WORDS.search(name)}
