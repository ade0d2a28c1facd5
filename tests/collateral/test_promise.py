"""What a promise may cost, how often it may be broken, and what a told value hides."""

import math

import numpy as np
import pandas as pd
import pytest

from riskkit.collateral.promise import MarkedBy, Promise, reported_value
from riskkit.errors import InputError
from tests.support import riskkit


def test_a_mark_that_stands_still_loses_what_was_lent_beyond_the_value():
    made = Promise(10e6, 0.8, MarkedBy.ISSUER, fund=2e6, income=60e3)
    assert made.loss(0.0) == pytest.approx(8e6)
    assert made.loss(0.5) == pytest.approx(3e6)
    assert made.loss(0.9) == 0.0
    assert made.cap_within(0.0) == pytest.approx(2.5e6)
    assert made.break_even() == pytest.approx(60e3 / 8e6)
    held = Promise(made.cap_within(0.25), 0.8, MarkedBy.ISSUER, fund=2e6)
    assert held.loss(0.25) == pytest.approx(2e6)
    rows = made.table().set_index("value")
    assert rows.loc[0.0, "break_even_years"] == pytest.approx(8e6 / 60e3)
    assert rows.loc[1.0, "cap_within"] == math.inf


def test_a_market_liquidates_on_the_way_unless_all_is_gone_at_once():
    made = Promise(1e6, 0.8, MarkedBy.MARKET, haircut=0.3)
    assert made.loss(0.2) == pytest.approx(1e5)
    assert made.loss(0.0) == pytest.approx(8e5)
    assert Promise(1e6, 0.8, MarkedBy.OWN_BOOK).loss(0.2) == pytest.approx(6e5)


def test_row_21_smoothing_hides_the_root_of_three_at_a_half():
    rng = np.random.default_rng(5)
    true = 0.01 * rng.standard_normal(40_000)
    told = np.empty_like(true)
    told[0] = true[0]
    for t in range(1, len(true)):
        told[t] = 0.5 * told[t - 1] + 0.5 * true[t]
    days = pd.date_range("1900-01-01", periods=len(true) + 1, tz="UTC")
    found = reported_value(pd.Series(np.append(1.0, np.cumprod(1.0 + told)), days))
    assert found.smoothing == pytest.approx(0.5, abs=3 * found.error)
    assert found.true / found.observed == pytest.approx(math.sqrt(3.0), rel=0.03)
    assert found.true == pytest.approx(0.01, rel=0.03)
    assert found.returns.std() == pytest.approx(0.01, rel=0.03)
    assert found.haircut(0.99, 4.0) == pytest.approx(2.0 * found.haircut(0.99, 1.0))


def test_numbers_that_are_none_are_refused():
    for bad in ({"cap": 0.0}, {"loan_to_value": 1.2}, {"fund": -1.0}):
        with pytest.raises(InputError):
            Promise(**({"cap": 1.0, "loan_to_value": 0.5, "source": MarkedBy.ISSUER} | bad))
    with pytest.raises(InputError, match="fraction of the mark"):
        Promise(1.0, 0.5, MarkedBy.ISSUER).loss(2.0)
    with pytest.raises(InputError, match="12 or more"):
        reported_value(pd.Series([1.0, 1.1]))


def test_the_commands_print_and_refuse(tmp_path, capsys):
    words = ("promise", "--cap", "10e6", "--loan-to-value", "0.8", "--fund", "2e6")
    assert riskkit(*words, "--income", "60e3") == 0
    assert "133.3" in capsys.readouterr().out
    assert riskkit(*words, "--source", "rumour") != 0
    assert "own-book" in capsys.readouterr().err
    rng = np.random.default_rng(2)
    days = pd.date_range("2020-01-31", periods=40, freq="30D")
    value = 100.0 * np.cumprod(1.0 + 0.01 * rng.standard_normal(40))
    frame = pd.DataFrame({"time": days.strftime("%Y-%m-%d"), "close": value})
    frame.to_csv(tmp_path / "fund.csv", index=False)
    asked = ("reported", tmp_path / "fund.csv", "--notice-days", "5", "--settlement-days", "2")
    assert riskkit(*asked) == 0
    assert "margin period 37 days" in capsys.readouterr().out
    assert riskkit("reported", tmp_path / "fund.csv", "--notice-days", "-1") != 0
    assert "must be 0 or more" in " ".join(capsys.readouterr().err.split())
