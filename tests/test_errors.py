from __future__ import annotations

import pickle

import pytest

from riskkit.errors import DataError, InputError, RiskkitError


def test_the_message_has_argument_value_rule_and_remedy():
    error = InputError("confidence", 1.5, "must lie in (0, 1)", "Typical is 0.99")
    assert str(error) == "confidence: got 1.5; must lie in (0, 1). Typical is 0.99."


def test_an_input_error_is_a_value_error_of_the_family():
    with pytest.raises(ValueError, match="paths: got -1") as caught:
        raise InputError("paths", -1, "must be positive", "Give a count")
    assert isinstance(caught.value, RiskkitError)


def test_a_long_value_is_shortened():
    message = str(InputError("prices", "x" * 500, "must be short", "Shorten it"))
    assert len(message) < 240
    assert "…" in message


@pytest.mark.parametrize(
    "error",
    [InputError("a", 1, "rule", "remedy"), DataError("a", "v", "rule", "remedy", rows=("line 3",))],
)
def test_errors_survive_a_worker_process(error: InputError):
    back = pickle.loads(pickle.dumps(error))
    assert str(back) == str(error)
    assert vars(back) == vars(error)
