"""Laws that every venue format keeps, on random calibrations and on damaged files."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.formats.format import EffectiveMargins
from tests.parameters.venue_cases import CASES, Case

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.format.name)
MEGABYTE = 2**20


@EACH
def test_reading_returns_canonical_text(case: Case) -> None:
    value = case.format.read(case.text)
    text = case.format.write(value)
    assert case.format.read(text) == value
    assert case.format.write(case.format.read(text)) == text
    assert text.endswith("\n")


@EACH
def test_values_differ_when_any_number_of_the_file_does(case: Case) -> None:
    """No number is read and forgotten: changing one changes the canonical text, or is refused."""
    canonical = case.format.write(case.format.read(case.text))
    for match in re.finditer(r"(?<![\w.])[1-9][0-9]*(?![\w.%])", canonical):
        changed = canonical[: match.start()] + str(int(match[0]) + 1) + canonical[match.end() :]
        value = attempt(case.format.read, changed)
        assert isinstance(value, InputError) or case.format.write(value) != canonical


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, or the refusal it raised; any other error is a failure."""
    try:
        return function(*arguments)
    except InputError as refusal:
        return refusal


def exported(case: Case, data: st.DataObject) -> tuple[Any, Any]:
    """A random calibration and its exported value; what the venue cannot hold is drawn anew."""
    calibrated = data.draw(case.calibrated)
    value = attempt(case.format.export, calibrated, data.draw(case.context))
    if isinstance(value, InputError):
        reject()
    return calibrated, value


def check_export(case: Case, data: st.DataObject) -> None:
    """An export is legal, reads back to the same, and is never in the trader's favour."""
    calibrated, value = exported(case, data)
    case.format.check(value)
    text = case.format.write(value)
    assert case.format.write(case.format.read(text)) == text
    assert case.format.effective(case.format.read(text)) == case.format.effective(value)
    for holds, in_force in favour(exported_row(case, value), calibrated):
        assert holds(in_force)


def exported_row(case: Case, value: Any) -> Any:
    """The market that was exported, among those of the file."""
    rows = {row.market: row for row in case.format.effective(value)}
    return rows.get("NEW") or rows.get("WETH") or next(iter(rows.values()))


@EACH
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_an_export_is_legal_readable_and_never_in_the_traders_favour(
    case: Case, data: st.DataObject
) -> None:
    check_export(case, data)


def favour(row: Any, calibrated: Any) -> list[tuple[Any, Any]]:
    def at_least(limit: float) -> Any:
        return lambda fraction: Fraction(fraction) >= Fraction(repr(limit))

    def at_most(limit: float) -> Any:
        return lambda fraction: Fraction(fraction) <= Fraction(repr(limit))

    if isinstance(row, EffectiveMargins):
        return [
            (at_least(calibrated.initial_margin), row.initial_margin),
            (at_least(calibrated.maintenance_margin), row.maintenance_margin),
        ]
    return [
        (at_most(calibrated.max_ltv), row.max_ltv),
        (at_most(calibrated.liquidation_threshold), row.liquidation_threshold),
        (
            lambda b: (
                Fraction(b) + Fraction(1, 10**18) >= Fraction(repr(calibrated.liquidation_bonus))
            ),
            row.liquidation_bonus,
        ),
    ]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.unit < 1 and case.format.name != "aave-v4"],
    ids=lambda case: case.format.name,
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_rounding_costs_less_than_one_unit(case: Case, data: st.DataObject) -> None:
    """Against the trader, but by no more than the venue's resolution."""
    calibrated, value = exported(case, data)
    row = exported_row(case, value)
    for name in ("initial_margin", "maintenance_margin", "max_ltv", "liquidation_threshold"):
        if hasattr(row, name):
            gap = abs(Fraction(getattr(row, name)) - Fraction(repr(getattr(calibrated, name))))
            # A maintenance fraction of the initial margin is rounded on top of the margin itself.
            assert gap < (2 if name == "maintenance_margin" else 1) * Fraction(repr(case.unit))


@EACH
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_canonically_or_refused_in_words(
    case: Case, data: st.DataObject
) -> None:
    text = case.text
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 40)))
    junk = data.draw(
        st.sampled_from(
            [
                "",
                "NaN",
                "1e400",
                "-1",
                "9" * 200,
                "null",
                "true",
                "'",
                '"',
                "{",
                "[",
                "]",
                "}",
                ",",
                "0.1",
                "\\",
                "\x00",
                "\ud800",
                "é",
                "<%=",
                "$",
                "//",
                "/*",
                "-Infinity",
                "1e99",
            ]
        )
        | st.text(max_size=8)
    )
    damaged = text[:start] + junk + text[stop:]
    value = attempt(case.format.read, damaged)
    if isinstance(value, InputError):
        assert value.rule
        assert value.remedy
        assert len(str(value)) < 1_000
    else:
        again = case.format.write(value)
        assert case.format.write(case.format.read(again)) == again


@EACH
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_noise_is_refused_in_words(case: Case, text: str) -> None:
    with pytest.raises(InputError):
        case.format.read(text)


HOSTILE = {
    "empty": "",
    "list": "[]",
    "number": "1",
    "nested lists": "[" * 100_000,
    "nested objects": '{"a":' * 20_000,
    "nested literals": "{a:" * 40_000,
    "open strings": '"\\' * 60_000,
    "quotes": '"' * 131_072,
    "apostrophes": "'" * 131_072,
    "long integer": '{"a": ' + "9" * 100_000 + "}",
    "long float": '{"a": 0.' + "9" * 100_000 + "}",
    "huge exponent": '{"a": 1e999999999}',
    "tiny exponent": '{"a": 1e-999999999}',
    "comments": "/*" * 60_000,
    "imports": "import x;" * 14_000,
    "numbers": "[" + "0," * 65_000 + "0]",
    "keys": "{" + ",".join(f'"k{i}":1' for i in range(10_000)) + "}",
    "toml dots": "[" + "a." * 30_000 + "a]",
    "toml dots by line": "\n".join("b.a" * 10 + f" = {i}" for i in range(1_500)),
    "toml arrays": "a = " + "[" * 60_000,
    "toml tables": "a = " + "{b = " * 10_000,
    "toml integer": "a = " + "9" * 60_000,
    "toml date": "a = 9999-99-99",
    "too long": " " * 10_000_000,
}


@EACH
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_bounded_memory(case: Case, name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            case.format.read(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 200 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.format.suffix == ".json"],
    ids=lambda case: case.format.name,
)
def test_json_keys_appear_once_and_are_known(case: Case) -> None:
    with pytest.raises(InputError, match="must appear once"):
        case.format.read('{"a": 1, "a": 2}')
    key = re.search(r'"(initial_margin_ppm|ltv|collateralFactor|borrowCF|lowerBound)":', case.text)
    assert key is not None
    misspelt = case.text[: key.start()] + '"surprise": 1, ' + case.text[key.start() :]
    with pytest.raises(InputError, match=r"surprise: got 1; is not a field of this format"):
        case.format.read(misspelt)


@EACH
def test_context_comes_from_the_live_file_or_is_refused(case: Case) -> None:
    value = case.format.read(case.text)
    for row in case.format.effective(value):
        case.format.context_from(value, row.market)
    with pytest.raises(InputError, match=r"^(market|asset): got no such market"):
        case.format.context_from(value, "no such market")
