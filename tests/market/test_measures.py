"""Measures of a bar's variance: ranges, and the finer bars inside it."""

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import Calendar, TableSource, history_from_table, log_returns
from riskkit.market.measures import garman_klass, realised_variance


def bars_of(paths: np.ndarray, bar: str = "1h"):
    """Bars whose insides are the rows of log paths (bars, steps), end to end."""
    ends = np.cumsum(paths[:, -1])
    starts = np.concatenate([[0.0], ends[:-1]])
    inside = np.exp(starts[:, None] + np.column_stack([np.zeros(len(paths)), paths]))
    table = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=len(paths), freq=bar, tz="UTC"),
            "open": inside[:, 0],
            "high": inside.max(axis=1),
            "low": inside.min(axis=1),
            "close": inside[:, -1],
        }
    )
    return history_from_table(
        table, TableSource("X", "made here"), bar=bar, calendar=Calendar.ALWAYS
    )


@pytest.fixture(scope="module")
def walked():
    rng = np.random.default_rng(3)
    return np.cumsum(rng.normal(0.0, 0.01 / np.sqrt(200.0), (3_000, 200)), axis=1)


def test_a_range_measures_the_variance_of_a_walk_several_times_as_precisely(walked):
    found = garman_klass(bars_of(walked)).to_numpy()
    squares = walked[:, -1] ** 2
    # Seen at 200 steps, a range falls short of that of a continuous walk: never above it.
    assert 0.82e-4 < found.mean() < 1e-4
    assert squares.var() / found.var() > 5.0  # 7.4 in theory


def test_it_is_the_published_formula_on_a_bar_by_hand():
    inside = np.log(np.array([[108.0 / 100.0, 99.0 / 100.0, 104.0 / 100.0], [1.0, 1.0, 1.0]]))
    found = garman_klass(bars_of(inside))
    by_hand = 0.5 * np.log(108 / 99) ** 2 - (2 * np.log(2) - 1) * np.log(104 / 100) ** 2
    assert found.iloc[0] == pytest.approx(by_hand, rel=1e-12)
    assert found.iloc[1] == 0.0


def test_returns_carry_the_range_of_the_bar_they_end_in(walked):
    history = bars_of(walked[:50])
    returns = log_returns(history)
    assert returns.observed.index.equals(returns.values.index)
    np.testing.assert_array_equal(returns.measure, garman_klass(history).iloc[1:])


def test_closes_alone_are_refused_in_words(walked):
    history = bars_of(walked[:5])
    closes = history_from_table(
        history.bars[["close"]].reset_index(), TableSource("X", "made here"), bar="1h"
    )
    assert log_returns(closes).measure is None
    with pytest.raises(InputError, match="component-normal"):
        garman_klass(closes)


def test_finer_bars_add_up_and_missing_ones_count_as_the_others(walked):
    fine = bars_of(walked[:96])
    moves = np.diff(np.log(fine.close.to_numpy()))
    whole = realised_variance(fine, "1d")
    assert whole["variance"].iloc[1] == pytest.approx(np.sum(moves[23:47] ** 2), rel=1e-12)
    assert whole["quarticity"].iloc[1] == pytest.approx(8.0 * np.sum(moves[23:47] ** 4), rel=1e-12)
    first = realised_variance(fine, "1d")["variance"].iloc[0]  # its first return is not known
    assert first == pytest.approx(np.sum(moves[:23] ** 2) * 24 / 23, rel=1e-12)
    with pytest.raises(InputError, match="multiple"):
        realised_variance(fine, "90min")
