"""The canonical form of JSON, against RFC 8785's own vectors and a second implementation."""

from __future__ import annotations

import hashlib
import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.parameters.file import read_parameter_file
from riskkit.parameters.jcs import canonical_bytes, ecmascript_number
from tests.parameters.second_jcs import canonical
from tests.support import ROOT

# RFC 8785, appendix B: IEEE 754 doubles in hexadecimal, and what ECMAScript writes.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
# RFC 8785, sections 3.2.2 and 3.2.3.
SAMPLE = r"""{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}"""
SAMPLE_FORM = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
KEYS = r"""{
  "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
  "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
  "\u00f6": "Latin Small Letter O With Diaeresis"
}"""
SORTED = [
    "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
    "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh",
]  # fmt: skip

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("bits", NUMBERS)
def test_numbers_are_written_as_the_standard_writes_them(bits):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert ecmascript_number(value) == NUMBERS[bits]


def test_the_standards_samples():
    assert canonical_bytes(json.loads(SAMPLE)).decode() == SAMPLE_FORM
    assert list(json.loads(canonical_bytes(json.loads(KEYS))).values()) == SORTED


@given(VALUES)
@settings(deadline=None, max_examples=300)
def test_two_implementations_agree(value):
    assert canonical_bytes(value).decode() == canonical(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=500)
def test_a_number_reads_back_as_itself(value):
    assert float(ecmascript_number(value)) == value


@given(VALUES)
@settings(deadline=None)
def test_reading_the_form_and_writing_it_again_changes_nothing(value):
    form = canonical_bytes(value)
    # As ECMAScript reads it: every number is a double.
    assert canonical_bytes(json.loads(form, parse_int=float)) == form


def test_whole_doubles_and_integers_are_one_number():
    assert canonical_bytes({"hours": 720.0}) == canonical_bytes({"hours": 720})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2**53, r"must be below 2\^53"),
        (-(2**60), r"must be below 2\^53"),
        (math.nan, "must be finite"),
        (math.inf, "must be finite"),
        ("half \ud800", r"half of a surrogate pair \(U\+D800\)"),
        ({"\udfff": 1}, r"half of a surrogate pair \(U\+DFFF\)"),
    ],
)
def test_what_languages_read_differently_is_refused_in_words(value, message):
    with pytest.raises(InputError, match=message) as caught:
        canonical_bytes({"key": [value]})
    assert str(caught.value).isprintable()


def test_another_program_finds_the_digest_of_a_file():
    file = read_parameter_file(ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json")
    content = json.loads(json.dumps(file.to_dict()))
    digest = content["header"].pop("digest")
    found = hashlib.sha256(canonical(content).encode()).hexdigest()
    assert digest["content_sha256"] == found
    for name in ("data", "model", "study", "counted", "parameters", "evidence"):
        found = hashlib.sha256(canonical(content[name]).encode()).hexdigest()
        assert digest[f"{name}_sha256"] == found
