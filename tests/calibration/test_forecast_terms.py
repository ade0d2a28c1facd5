"""A study's memory, its component model and the record of its level: from the text to the walk."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.question import memory_of, run_of, spec_of, task_of
from riskkit.errors import InputError
from riskkit.parameters.build_evidence import level_section
from riskkit.position import Side
from riskkit.study.study import parse_study
from riskkit.tail.along_history import dynamic_tail
from riskkit.volatility.level import level_record

DAY = pd.Timedelta(days=1)


def study(**tables):
    content = {
        "schema_version": 2,
        "title": "a test",
        "as_of": "2021-01-01",
        "data": {"asset": "ETH/USD", "prices": "eth.csv"},
        "position": {"holding_horizon_hours": 240, "reaction_time_hours": 72},
    }
    return parse_study(content | tables)


def test_a_study_without_them_says_nothing_of_them():
    plain = study()
    assert memory_of(plain) is None
    assert task_of(plain, DAY).horizons == ()
    assert not {"memory", "level"} & set(plain.model_dump())


def test_the_terms_reach_the_task():
    asked = study(memory={"weight_fraction": 0.2}, level={"half_life_days": 90.0})
    task = task_of(asked, DAY)
    assert task.memory == memory_of(asked)
    assert task.memory.weight == 0.2
    assert task.correction_rate == 0.005
    assert task.half_life == 90.0
    assert task.horizons == (task.loss_bars, 3, 10)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"memory": {}, "model": {"shocks": "parametric"}}, "filtered"),
        ({"level": {}, "model": {"spec": "egarch-t"}}, "closed form"),
        ({"memory": {"weight_fraction": 1.0}}, "weight_fraction"),
        ({"memory": {"decay_fraction": True}}, "decay_fraction"),
        ({"level": {"half_life_days": 0.0}}, "half_life_days"),
        ({"model": {"spec": "component-t"}}, "component-normal"),
    ],
)
def test_bad_terms_are_refused_in_words(tables, words):
    with pytest.raises(InputError, match=words):
        study(**tables)


def test_the_walk_keeps_the_record_and_widens_the_side_that_was_hit(eth_daily):
    history = eth_daily.between(None, eth_daily.bars.index[700])
    asked = study(model={"spec": "component-normal"}, memory={}, level={})
    task, run = task_of(asked, DAY), replace(run_of(asked), paths=3_000)
    terms = {"minimum_bars": 500, "refit_every": 100}
    with_memory = dynamic_tail(history, spec_of(asked), task, run, **terms)
    without = dynamic_tail(
        history, spec_of(asked), replace(task, memory=None, correction_rate=0.0), run, **terms
    )
    assert "correction" not in without.table
    for side in Side:
        wider = with_memory.side(side)["tail_loss"] / without.side(side)["tail_loss"]
        # After the largest loss of a side its tail is widened more than the other's.
        worst = (-side.sign * np.log(history.close).diff()).iloc[520:690].idxmax()
        at = int(np.flatnonzero(with_memory.side(side)["origin"] == worst)[0])
        other = with_memory.side(Side.SHORT if side is Side.LONG else Side.LONG)
        beside = (
            other["tail_loss"]
            / without.side(Side.SHORT if side is Side.LONG else Side.LONG)["tail_loss"]
        )
        assert wider.iloc[at] > beside.iloc[at]
    rows = with_memory.side(Side.LONG)
    hits = (rows["realised_loss"] > rows["tail_loss"] * rows["correction"]).to_numpy()
    late = task.loss_bars
    steps = np.diff(np.log(rows["correction"].to_numpy()))[late - 1 : len(hits) - late - 1]
    came = np.isfinite(rows["realised_loss"].to_numpy())[: len(steps)]  # none across a hole
    expected = np.where(came, 0.005 / late * (hits[: len(steps)] - 0.01), 0.0)
    np.testing.assert_allclose(steps, expected, atol=1e-12)
    assert [record.bars for record in with_memory.levels] == list(task.horizons)
    for one, other in zip(without.levels, with_memory.levels, strict=True):
        assert one.ratio == pytest.approx(other.ratio, rel=1e-12)
    for record in with_memory.levels:
        assert 0 < record.forecasts <= 201 - record.bars
        section = level_section(record, task.half_life)
        assert section.horizon_bars == record.bars
        assert section.factor_ratio == record.factor


def test_a_record_without_a_forecast_says_so():
    empty = level_record(np.ones(3), np.ones(2), bars=5, half_life=9.0)
    assert level_section(empty, 9.0).realised_over_predicted_ratio is None
