"""The shipped studies answer what they answered before: values, not layout, to 1e-9."""

from __future__ import annotations

import json

import pytest

from tests.golden.freeze import CASES, VALUES, differences


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_published_number_moves(name, tmp_path, capsys):
    wanted = json.loads((VALUES / f"{name}.json").read_text(encoding="utf-8"))
    assert differences(CASES[name](tmp_path), wanted) == {}


def test_a_moved_or_missing_number_is_seen():
    wanted = {"a": 1.0, "b": 2.0, "c": float("nan")}
    assert differences({"a": 1.0 + 1e-12, "b": 2.0, "c": float("nan")}, wanted) == {}
    assert differences({"a": 1.0 + 1e-8, "b": 2.0, "c": float("nan")}, wanted).keys() == {"a"}
    assert differences({"a": 1.0, "c": float("nan")}, wanted).keys() == {"b"}
