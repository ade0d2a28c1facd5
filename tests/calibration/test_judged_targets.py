"""Targets on measures over accounts: against a plain walk, solved, and in a study."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.accounts import SHARE, accounts_of, meet_measures, paths_of
from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question, spec_of
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.market.returns import log_returns
from riskkit.paths.run import Stream
from riskkit.paths.simulate import simulate_bars
from riskkit.position import Side
from riskkit.simulation.exits import simulate_exits
from riskkit.simulation.group_exits import simulate_group_exits
from riskkit.study.inside import ranges_of
from riskkit.study.study import Study, parse_study
from riskkit.validation.judging import WORST, JudgedDays, worst_mean
from riskkit.volatility.fit import fit_volatility
from tests.support import small_study

DISTANCES = (0.03, 0.08, 0.4)
ACCOUNTS, INTEREST = (0.5, 0.3, 0.2), (0.2, 0.7, 0.1)


@pytest.fixture(scope="module")
def history() -> PriceHistory:
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(0.008 * rng.standard_t(4, 2_000) / math.sqrt(2.0)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = 0.004 * np.abs(rng.standard_normal((2, close.size)))
    table = pd.DataFrame(
        {
            "time": pd.date_range("2023-01-01", periods=close.size, freq="h", tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(reach[0]),
            "low": np.minimum(opened, close) * np.exp(-reach[1]),
            "close": close,
        }
    )
    return history_from_table(table, TableSource("a market", "made for a test"), bar="1h")


def study(**targets: object) -> Study:
    return parse_study(
        {
            "schema_version": 2,
            "title": "hours",
            "as_of": "2023-12-31",
            "data": {"asset": "X", "prices": "x.csv"},
            "model": {"spec": "garch-normal", "minimum_bars": 500},
            "liquidation": {"delay": {"seconds": 3600.0}},
            "liquidity": {"rate_fraction": 0.002},
            "position": {"penalty_fraction": 0.001, "holding_horizon_hours": 48.0},
            "oracle": {"deviation_fraction": 0.002, "latency": {"seconds": 0.0}},
            "accounts": {
                "distance_fraction": DISTANCES,
                "account_share": ACCOUNTS,
                "interest_share": INTEREST,
                "holding_days": 2.5,
            },
            "targets": targets,
            "simulation": {"paths": 20_000, "seed": 3},
        }
    )


@pytest.fixture(scope="module")
def question(history: PriceHistory) -> Question:
    asked = study()
    fit = fit_volatility(log_returns(history), spec_of(asked))
    return Question.of(asked, fit, history.bar, ranges=ranges_of(asked, history))


def slowly(question: Question, side: Side, covered: float) -> dict[str, float]:
    """The three measures by walking every account of every path, bar by bar."""
    horizon, lag, s, hours = 60, question.lag, side.sign, 24.0
    run = question.run.with_paths(paths_of(question.run.paths, horizon)).stream(Stream.ACCOUNTS)
    paths = simulate_bars(question.world, run, bars=horizon + lag, sign=s)
    venue = question.venue
    cost = venue.slippage + venue.fee
    n, days = run.paths, 3
    lived = debts = open_interest = defaults = 0.0
    losses, alive = np.zeros((n, days)), np.zeros(days)
    for distance, weight, interest in zip(DISTANCES, ACCOUNTS, INTEREST, strict=True):
        mm, im = (float(x) for x in venue.limits(covered, distance, side))
        for i, (_, touched, filled) in enumerate(zip(*paths, strict=True)):
            gone = float(horizon)
            for t in range(horizon):
                seen = math.exp(touched[t]) / (1.0 - s * venue.deviation)
                if im + s * (seen - 1.0) > mm * seen:
                    continue
                price, gone = math.exp(filled[t + lag]), float(t + 1 + lag)
                equity = im + s * (price - 1.0) - cost * price
                if equity < 0.0:
                    defaults += weight
                    debts += -equity * interest
                    losses[i, min(int(gone / hours), days - 1)] += -equity * interest
                break
            lived += weight * gone / hours
            open_interest += interest * gone / hours
            for d in range(days):
                alive[d] += interest * min(max(gone / hours - d, 0.0), 1.0) / n
    worst = np.sort((losses / alive).ravel())[::-1]
    share = WORST * worst.size
    whole = int(share)
    tail = worst[:whole].sum() + (share - whole) * worst[whole]
    return {
        "account_day": defaults / lived,
        "oi_year_bps": 1e4 * 365.0 * debts / open_interest,
        "episode_es": 100.0 * tail / share,
    }


@pytest.mark.parametrize("side", Side)
def test_measures_are_those_of_a_plain_walk(question, side):
    question = question.changed(paths=SHARE * 4_000)
    found = accounts_of(question, side, Stream.ACCOUNTS).measures(0.01)
    assert found == pytest.approx(slowly(question, side, 0.01), rel=1e-9)
    assert found["account_day"] > 1e-4


def test_groups_are_closed_where_each_alone_is(question):
    run = question.run.with_paths(3_000)
    triggers = (-0.02, -0.05, -3.0)
    found = simulate_group_exits(question.world, run, sign=1, triggers=triggers, lag=2, horizon=40)
    for g, trigger in enumerate(triggers):
        alone = simulate_exits(
            question.world, run, sign=1, trigger=trigger, lags=range(2, 3), horizon=40
        )
        hit = found.bars[g] > 0
        assert hit.sum() == alone.times[0]
        assert found.bars[g][hit].sum() == alone.times[1]
        assert (found.prices[g][hit] == alone.prices[0]).all()
    assert not (found.bars[2] > 0).any()


def test_the_mean_of_the_worst_is_that_of_the_judge():
    rng = np.random.default_rng(2)
    debt = np.where(rng.random(730) < 0.03, rng.random(730), 0.0)
    days = pd.DataFrame(
        {"account_days": 1.0, "oi_days": 2.0, "liquidations": 0.0, "defaults": 0.0,
         "bad_debt": debt, "liquidated": 0.0, "defaulted": 0.0, "caused": 0.0},
        index=range(730),
    )  # fmt: skip
    losses = 100.0 * debt[debt > 0.0] / 2.0
    assert worst_mean(losses, 730) == pytest.approx(JudgedDays(days).episode_es)


MEASURES = {
    "default_per_account_day_probability": ("account_day", 1.0),
    "bad_debt_per_year_fraction": ("oi_year_bps", 1e4),
    "worst_days_loss_fraction": ("episode_es", 100.0),
}


@pytest.mark.parametrize("key", MEASURES)
def test_a_target_on_any_measure_decides_the_margin_where_it_asks_for_more(question, key):
    name, unit = MEASURES[key]
    free = solve_buffer(question.changed(targets=question.targets.unmeasured), Side.LONG)
    accounts = accounts_of(question, Side.LONG, Stream.ACCOUNTS)
    target = 0.5 * accounts.measures(free.covered.value)[name] / unit
    asked = question.changed(targets=question.targets.model_copy(update={
        "default_per_account_day_probability": None, key: target,
    }))  # fmt: skip
    found = solve_buffer(asked, Side.LONG)
    assert found.measured is not None
    assert found.measured.decided
    assert found.measured.binding == name
    assert found.covered.value == pytest.approx(free.covered.value * found.raised)
    assert 0.0 < found.covered.error < found.covered.value
    assert accounts.measures(found.covered.value)[name] / unit <= target
    assert accounts.measures(found.covered.value / 1.01)[name] / unit > target
    loose = question.changed(targets=asked.targets.model_copy(update={key: 0.9}))
    assert solve_buffer(loose, Side.LONG).covered == free.covered


def test_a_target_that_no_margin_meets_is_told_by_its_key(question):
    targets = question.targets.model_copy(update={"default_per_account_day_probability": 1e-12})
    free = solve_buffer(question.changed(targets=question.targets.unmeasured), Side.SHORT)
    tight = question.changed(targets=targets, venue=replace(question.venue, largest_short=0.02))
    with pytest.raises(InputError, match="account_day_probability: got 1e-12"):
        meet_measures(tight, Side.SHORT, replace(free.covered, value=0.015))


def test_a_venue_with_a_mechanism_of_its_own_is_judged_on_two_measures(question, history):
    asked = study().changed({"liquidity": {"kind": "square-root", "depth_notional": 1e9}})
    general = Question.of(asked, question.fit, history.bar, ranges=question.ranges)
    found = accounts_of(general, Side.LONG, Stream.ACCOUNTS).measures(0.01)
    assert found.keys() == {"account_day", "oi_year_bps"}
    plain = accounts_of(question, Side.LONG, Stream.ACCOUNTS).measures(0.01)
    assert found["account_day"] == pytest.approx(plain["account_day"], rel=0.5)
    worst = asked.changed({"targets.worst_days_loss_fraction": 0.01})
    with pytest.raises(InputError, match="closes out in full, at one cost"):
        accounts_of(
            Question.of(worst, question.fit, history.bar, ranges=question.ranges),
            Side.LONG,
            Stream.ACCOUNTS,
        )


def test_a_study_of_version_2_is_never_judged_on_liquidations_alone():
    assert study().targets.measures == {"account_day": 0.001}
    assert study(bad_debt_per_year_fraction=0.02).targets.measures == {"oi_year_bps": 200.0}
    assert small_study().targets.measures == {}
    with pytest.raises(InputError, match="for version 1, whose"):
        study(over="one-position")
    with pytest.raises(InputError, match="leaves no measure over accounts"):
        study(over="one-position", bad_debt_per_year_fraction=0.02)
