"""The tracker of a VaR's own record, and the memory in a backtest."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.paths.memory import OwnSideMemory
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.methods import TailMethod
from riskkit.tail.tracker import Tracked, rate_of, track
from riskkit.validation.backtest import BacktestPlan, backtest, refit_along
from riskkit.volatility.spec import VolatilitySpec

SPEC = VolatilitySpec.parse("gjr-normal")
PLAN = BacktestPlan(500, 200)


def tracked(ratio, bars=1, step=0.005, pieces=1):
    n = len(ratio)
    levels, origin = np.zeros(n), np.arange(n)
    where = Tracked()
    for part in np.array_split(origin, pieces):
        until = part[-1] + 1
        where = track(
            ratio[:until], origin, origin + bars, levels[:until], where,
            first=int(part[0]), probability=0.01, step=step,
        )  # fmt: skip
    return levels


def test_the_level_is_that_of_the_formula_and_of_its_pieces():
    ratio = np.abs(np.random.default_rng(1).standard_t(4, 3_000)) / 3.0
    c, expected = 0.0, []
    for x in ratio:
        expected.append(c)
        c += 0.005 * ((x > np.exp(c)) - 0.01)
    np.testing.assert_allclose(tracked(ratio), expected, atol=1e-14)
    np.testing.assert_array_equal(tracked(ratio, pieces=7), tracked(ratio))


def test_a_loss_counts_only_once_it_has_ended():
    ratio = np.abs(np.random.default_rng(2).standard_t(4, 400)) / 3.0
    later = ratio.copy()
    later[300:] = 50.0
    for bars in (1, 5):
        a, b = tracked(ratio, bars), tracked(later, bars)
        np.testing.assert_array_equal(a[: 300 + bars], b[: 300 + bars])
        assert b[300 + bars] > a[300 + bars]


def test_a_loss_that_never_came_says_nothing():
    ratio = np.full(200, np.nan)
    assert (tracked(ratio) == 0.0).all()


def test_the_count_is_mended_whatever_the_level():
    ratio = np.abs(np.random.default_rng(3).standard_normal(60_000)) / 1.5
    levels = tracked(ratio)
    hits = ratio > np.exp(levels)
    assert (ratio > 1.0).mean() > 0.12
    # The steps add up to the level: the count is right by construction, but for where it began.
    assert hits[:-1].mean() - 0.01 == pytest.approx(levels[-1] / (0.005 * 59_999), rel=1e-6)
    assert hits[20_000:].mean() == pytest.approx(0.01, abs=5e-4)


def test_the_rate_of_a_longer_period_and_a_rarer_tail():
    assert rate_of(0.01, 1) == pytest.approx(0.005)
    assert rate_of(0.0025, 4) == pytest.approx(0.005 * 2 / 4)


def test_a_backtest_with_a_memory_scales_each_side_by_its_own(eth_daily):
    history = eth_daily.between(None, eth_daily.bars.index[1_400])
    refits = refit_along(history, SPEC, PLAN)
    question = TailQuestion(memory=OwnSideMemory())
    plain, wider, corrected = (
        backtest(history, SPEC, question=q, plan=p, refits=refits)
        for q, p in (
            (TailQuestion(), PLAN),
            (question, PLAN),
            (question, replace(PLAN, correction_rate=0.02)),
        )
    )
    fit = refits.at(499)
    z = fit.residuals.to_numpy()
    states = question.memory.states(z / z.std())
    for column, side in enumerate(Side):
        law = np.sort(question.memory.without(z, states[:-1]))
        first = wider.side(side).iloc[0]
        p = 0.01 if side is Side.LONG else 0.99
        shock = np.interp(p, np.arange(1, len(law) + 1) / (len(law) + 1), law)
        sigma = first["sigma"] * float(question.memory.factor(states[-1, column]))
        move = fit.params["mu"] + sigma * shock
        assert first["var"] == pytest.approx(-side.sign * np.expm1(move), rel=1e-12)
        np.testing.assert_array_equal(wider.side(side)["sigma"], plain.side(side)["sigma"])
        mine, before = corrected.side(side), wider.side(side)
        factor = (mine["var"] / before["var"]).to_numpy()
        hits = (mine["loss"] > mine["var"]).to_numpy()
        np.testing.assert_allclose(np.diff(np.log(factor)), 0.02 * (hits[:-1] - 0.01), atol=1e-9)
        below = (mine["es"] < 1.0).to_numpy()  # the largest loss that counts
        depth = [(rows["es"] / rows["var"])[below] for rows in (mine, before)]
        np.testing.assert_allclose(*depth)


def test_several_bars_and_parametric_shocks(eth_daily):
    history = eth_daily.between(None, eth_daily.bars.index[800])
    question = TailQuestion(bars=3, memory=OwnSideMemory(), paths=2_000)
    result = backtest(history, SPEC, question=question, plan=PLAN)
    assert np.isfinite(result.table[["var", "es", "tail_probability"]]).all(axis=None)
    with pytest.raises(InputError, match="resampled"):
        backtest(history, SPEC, method=TailMethod.PARAMETRIC, question=question, plan=PLAN)
