"""A young market calibrated by its peers, from a study to its parameter file."""

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.calibrate import calibrate
from riskkit.errors import InputError
from riskkit.market import Calendar, TableSource, history_from_table
from riskkit.parameters.build import build_parameter_file
from riskkit.position import Side
from riskkit.study.study import parse_study

STUDY = {
    "schema_version": 2,
    "title": "a young market",
    "as_of": "2024-03-01",
    "data": {"asset": "NEW", "prices": "new.csv"},
    "model": {"spec": "component-normal"},
    "peers": {"prices": ["a.csv", "b.csv", "c.csv", "d.csv"], "died": ["b"]},
    "position": {"holding_horizon_hours": 48.0},
    "liquidation": {"delay": {"seconds": 300.0}},
    "simulation": {"paths": 20_000},
}


def market(name: str, seed: int, deviation: float, count: int):
    rng = np.random.default_rng(seed)
    h, moves = 1.0, np.empty(count)
    for t in range(count):
        moves[t] = np.sqrt(h) * rng.standard_t(5) / np.sqrt(5 / 3)
        h = 0.08 + 0.12 * moves[t] ** 2 + 0.8 * h
    close = 100.0 * np.exp(np.cumsum(deviation * moves))
    before = np.concatenate([[100.0], close[:-1]])
    spread = np.exp(0.3 * deviation * np.abs(rng.normal(size=(2, count))))
    times = pd.date_range(end="2024-03-01 00:00", periods=count, freq="1h", tz="UTC")
    table = pd.DataFrame(
        {
            "time": times,
            "open": before,
            "high": np.maximum(before, close) * spread[0],
            "low": np.minimum(before, close) / spread[1],
            "close": close,
        }
    )
    source = TableSource(name, f"{name}, made here")
    return history_from_table(table, source, bar="1h", calendar=Calendar.ALWAYS)


@pytest.fixture(scope="module")
def peers():
    levels = {"a": 0.006, "b": 0.008, "c": 0.011, "d": 0.008}
    return {name: market(name, k, d, 600) for k, (name, d) in enumerate(levels.items())}


@pytest.fixture(scope="module")
def answer(peers):
    own = market("NEW", 9, 0.008, 61)
    return calibrate(parse_study(STUDY), own, peers=peers)


def test_it_is_answered_and_says_what_it_rests_on(answer):
    assert {r.side.value for r in answer.recommended} == {"long", "short"}
    assert "60 bars of its own" in answer.fit.health.statement
    assert "survivors a, c, d and b (died)" in answer.fit.health.statement
    for r in answer.recommended:
        assert r.limits.trigger.low <= r.limits.trigger.value <= r.limits.trigger.high
    file = build_parameter_file(answer)
    assert file.study.peers.died == ("b",)
    assert "survivors a, c, d" in str(file.model.health)


def test_its_walk_looks_at_nothing_later(answer, peers):
    """Cut at an earlier bar, the forecasts until then are the same."""
    own = answer.history
    short = calibrate(
        parse_study({**STUDY, "as_of": "2024-02-29"}),
        own,
        peers={n: h.between(None, "2024-02-29 23:00") for n, h in peers.items()},
    )
    both = [a.dynamic.side(Side.LONG).set_index("origin")["sigma"] for a in (answer, short)]
    shared = both[1].index[:-1]
    np.testing.assert_allclose(both[0][shared], both[1][shared], rtol=1e-12)


def test_old_enough_it_needs_no_peers_and_without_their_prices_it_is_refused(peers):
    with pytest.raises(InputError, match="given with their prices"):
        calibrate(parse_study(STUDY), market("NEW", 9, 0.008, 61))


def test_too_few_for_one_forecast_is_refused_in_words(peers):
    with pytest.raises(InputError, match="held to what came"):
        calibrate(parse_study(STUDY), market("NEW", 9, 0.008, 3), peers=peers)
