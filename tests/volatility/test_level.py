"""The level of a forecast, corrected by its own record."""

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.volatility.level import level_record


def slow(predicted, squares, bars, half_life):
    """The factor at every origin, by the definition."""
    found = []
    for t in range(len(predicted)):
        done = [i for i in range(len(predicted)) if i + bars <= t]
        if t < max(10 * bars, half_life):
            found.append(1.0)
            continue
        weight = [0.5 ** ((t - bars - i) / half_life) for i in done]
        came = sum(w * squares[i : i + bars].sum() for w, i in zip(weight, done, strict=True))
        made = sum(w * predicted[i] for w, i in zip(weight, done, strict=True))
        found.append(min(max(came / made, 0.3), 2.0))
    return found


@pytest.mark.parametrize("bars", [1, 4])
def test_the_factor_is_the_ratio_of_what_was_complete(bars):
    rng = np.random.default_rng(2)
    predicted, squares = bars * rng.uniform(0.5, 2.0, 130), rng.standard_normal(130) ** 2
    record = level_record(predicted, squares, bars=bars, half_life=25.0)
    np.testing.assert_allclose(record.factors, slow(predicted, squares, bars, 25.0), rtol=1e-12)
    assert record.factor == record.factors[-1]
    assert record.forecasts == 131 - bars


def test_it_knows_nothing_of_what_comes():
    rng = np.random.default_rng(3)
    squares = rng.standard_normal(300) ** 2
    changed = squares.copy()
    changed[200:] *= 50.0
    one, other = (
        level_record(np.full(300, 5.0), y, bars=5, half_life=40.0) for y in (squares, changed)
    )
    np.testing.assert_array_equal(one.factors[:201], other.factors[:201])
    assert other.factors[210] > one.factors[210]


def test_a_forecast_twice_too_high_is_halved_and_the_bounds_hold():
    y = np.random.default_rng(4).standard_normal(4_000) ** 2
    record = level_record(np.full(4_000, 6.0), y, bars=3, half_life=300.0)
    assert record.ratio == pytest.approx(0.5, abs=0.05)
    assert record.corrected_ratio == pytest.approx(1.0, abs=0.1)
    assert level_record(np.full(900, 90.0), y[:900], bars=3, half_life=50.0).factor == 0.3
    assert level_record(np.full(900, 0.01), y[:900], bars=3, half_life=50.0).factor == 2.0


def test_no_record_corrects_nothing():
    record = level_record(np.ones(4), np.ones(4), bars=9, half_life=5.0)
    assert (record.factor, record.forecasts) == (1.0, 0)
    assert np.isnan(record.ratio)


@pytest.mark.parametrize("predicted", [np.zeros(5), np.ones(4), -np.ones(5)])
def test_bad_forecasts_are_refused(predicted):
    with pytest.raises(InputError):
        level_record(predicted, np.ones(5), bars=1, half_life=10.0)
