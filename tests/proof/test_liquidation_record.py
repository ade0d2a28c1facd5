"""Forecasts of liquidation held to a market whose law is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.run import Run
from riskkit.proof.liquidation_record import LiquidationRecord, liquidation_record
from riskkit.proof.recalibration import Recalibration, fit_recalibration
from riskkit.proof.track import Track
from riskkit.volatility.spec import VolatilitySpec

DAYS, SIGMA = 1_500, 0.03
SIDES = np.repeat([1.0, -1.0], 8)
KEYS = np.concatenate([-np.linspace(0.03, 0.2, 8), np.linspace(0.03, 0.2, 8)])
RUN = Run(300, seed=5)


def market(seed: int = 4, days: int = DAYS) -> Track:
    """Independent normal days, whose model is that variance stays."""
    moves = SIGMA * np.random.default_rng(seed).standard_normal(DAYS)[:days]
    close = 100.0 * np.exp(np.cumsum(moves))
    return Track(
        "market",
        pd.date_range("2018-01-01", periods=days, freq="D", tz="UTC"),
        pd.Timedelta(days=1),
        close,
        close,
        close,
        np.zeros(days),
        np.full(days, SIGMA),
        np.tile([0.0, 0.0, 0.0, 0.0, 1.0], (days, 1)),
        VolatilitySpec.parse("garch-normal"),
    )


def record(track: Track, memory: OwnSideMemory | None = None) -> LiquidationRecord:
    return liquidation_record(track, KEYS, SIDES, bars=3, run=RUN, memory=memory)


WHOLE = record(market())


def test_a_model_that_is_true_is_calibrated() -> None:
    rates = WHOLE.rates()
    assert bool(rates.loc["all days", "holds"])
    assert rates.loc["all days", "skill"] > 0.2
    # shocks are chosen by what came: there more happened than was forecast
    assert rates.loc["shock days", "realised"] > rates.loc["shock days", "forecast"]
    assert rates.loc["calm days", "realised"] < rates.loc["shock days", "realised"]
    cells = WHOLE.reliability()
    assert cells["forecasts"].sum() == WHOLE.probability.size
    assert cells["holds"].mean() >= 0.6


def test_nothing_of_tomorrow_is_known() -> None:
    short = record(market(days=DAYS - 200))
    kept = len(short.days)
    np.testing.assert_array_equal(short.probability, WHOLE.probability[:kept])
    np.testing.assert_array_equal(short.event, WHOLE.event[:kept])


def test_a_forecast_that_is_too_high_is_corrected_by_its_own_record() -> None:
    wrong = replace(WHOLE, probability=np.minimum(2.5 * WHOLE.probability, 0.98))
    assert not bool(wrong.rates().loc["all days", "holds"])
    corrected, last = wrong.corrected()
    later = wrong.probability[-len(corrected.days) :], wrong.event[-len(corrected.days) :]
    plain = float(np.mean((later[0] - later[1]) ** 2))
    assert corrected.score.score < plain
    gap = abs(float((corrected.probability - corrected.event).mean()))
    assert gap < 0.3 * abs(float((later[0] - later[1]).mean()))
    assert last.of(0.5) < 0.5


def test_a_correction_of_a_handful_of_days_stays_near_none() -> None:
    p = np.full((3, 50), 0.1)
    found = fit_recalibration(p, np.zeros_like(p))
    assert abs(found.a) < 0.2
    none = Recalibration()
    assert none.of([0.2, 0.7]) == pytest.approx([0.2, 0.7])


def test_memory_is_carried_and_bad_input_is_told() -> None:
    remembered = record(market(), OwnSideMemory())
    assert remembered.probability.shape == WHOLE.probability.shape
    assert not np.array_equal(remembered.probability, WHOLE.probability)
    with pytest.raises(InputError, match="prices"):
        record(market(days=1_020))
    with pytest.raises(InputError, match="in reach"):
        liquidation_record(market(), [-50.0], [1.0], bars=3, run=RUN)
