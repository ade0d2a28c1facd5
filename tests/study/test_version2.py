"""Version 2 of the study: kinds, changes, what it extends, and what version 1 means in it."""

from __future__ import annotations

import json
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.study.reserved import RESERVED
from riskkit.study.study import Study, parse_study, read_study
from tests.support import ROOT, small_study

V2 = {
    "schema_version": 2,
    "title": "ETH perpetual",
    "as_of": date(2024, 12, 31),
    "data": {"asset": "ETH/USD", "prices": "eth.csv"},
}
WHOLE = """
schema_version = 2
title = "BTC, closed in parts"
as_of = 2024-12-31

[data]
asset = "BTC/USD"
prices = "btc_usd_daily.csv"

[model]
spec = "gjr-t"

[position]
kind = "perpetual"
sides = ["long"]
notional = 250_000
penalty_fraction = 0.01
funding_fraction_per_year = 0.1095

[oracle]
deviation_fraction = 0.002
[oracle.latency]
kind = "conditional"
calm_seconds = [0, 20]
calm_probability = [0.9, 0.1]
stressed_seconds = [60, 86_400]
stressed_probability = [0.5, 0.5]
stressed_move_fraction = 0.08
halt_probability = 0.1
halt_seconds = 86_401

[liquidation]
kind = "close-factor"
close_factor_fraction = 0.5
delay.seconds = 300

[liquidity]
kind = "square-root"
rate_fraction = 0.01
depth_notional = 1e6

[floor]
kind = "none"

[targets]
default_given_liquidation_probability = 0.02

[simulation]
seed = 11
"""


@pytest.fixture
def whole(tmp_path) -> Study:
    path = tmp_path / "whole.toml"
    path.write_text(WHOLE, encoding="utf-8")
    return read_study(path)


def study(**tables: object) -> Study:
    return parse_study({**V2, **tables})


def test_everything_that_a_mechanism_does_can_be_asked_for(whole):
    assert whole.position.notional == 250_000.0
    assert whole.liquidation.close_factor_fraction == 0.5
    assert whole.liquidation.delay.seconds == 300.0
    assert whole.oracle.latency.stressed_seconds == (60.0, 86_400.0)
    assert whole.liquidity.depth_notional == 1e6
    assert whole.floor.kind == "none"
    daily = whole.periods(pd.Timedelta(days=1))
    # The longest latency: a day, then a halt of a day and a second, which rounds up to two.
    assert daily.oracle_latency.bars == 1 + 2
    assert daily.margin_period_of_risk == 1 + 3 + 1


def test_a_study_goes_through_json_and_comes_back_the_same(whole):
    assert parse_study(json.loads(whole.model_dump_json())) == whole
    assert parse_study(whole.model_dump()) == whole


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.toml")), ids=lambda p: p.stem)
def test_a_shipped_study_goes_through_json_and_comes_back_the_same(path):
    shipped = read_study(path)
    assert parse_study(json.loads(shipped.model_dump_json())) == shipped


def test_version_1_means_the_same_as_its_version_2():
    old = small_study(
        venue={"sides": ["short"], "floor": "none"},
        mechanism={
            "oracle_latency_seconds": 60.0,
            "oracle_deviation_fraction": 0.004,
            "liquidation_delay_hours": 2.5,
            "reaction_time_hours": 5.0,
            "holding_horizon_hours": 100.0,
            "slippage_fraction": 0.003,
            "fee_fraction": 0.0007,
        },
    )
    new = parse_study(
        {
            **V2,
            "title": "BTC perpetual, a small study",
            "data": {"asset": "BTC/USD", "prices": "btc_usd_daily.csv"},
            "model": {
                "spec": "gjr-t",
                "minimum_bars": 500,
                "refit_every_bars": 300,
                "holes": "left-out",
            },
            "position": {
                "sides": ["short"],
                "penalty_fraction": 0.0007,
                "reaction_time_hours": 5.0,
                "holding_horizon_hours": 100.0,
            },
            "oracle": {"latency": {"seconds": 60.0}, "deviation_fraction": 0.004},
            "liquidation": {"delay": {"seconds": 9000.0}, "trigger": "close"},
            "liquidity": {"rate_fraction": 0.003},
            "floor": {"kind": "none"},
            "targets": {"over": "one-position"},
            "simulation": {"paths": 40_000, "seed": 7, "bootstrap_refits": 4},
        }
    )
    assert old == new


def test_version_1_keeps_its_defaults_whatever_those_of_version_2_become():
    old = small_study()
    assert old.liquidation.delay.seconds == 3600.0
    assert old.position.reaction_time_hours == 24.0
    assert old.position.holding_horizon_hours == 720.0
    assert old.liquidity.rate_fraction == 0.005
    assert old.position.penalty_fraction == 0.0005
    assert old.oracle.deviation_fraction == 0.005
    loan = small_study(venue={"kind": "loan"})
    assert loan.position.bonus_fraction == 0.05
    assert loan.floor.kind == "full-history"


def test_a_change_is_validated_and_leaves_the_study_alone():
    before = study()
    after = before.changed({"liquidity.rate_fraction": 0.003, "simulation": {"seed": 5}})
    assert (after.liquidity.rate_fraction, after.simulation.seed) == (0.003, 5)
    assert after.simulation.paths == before.simulation.paths
    assert before.liquidity.rate_fraction == 0.005
    with pytest.raises(InputError, match=r"liquidity\.rate_fraction: got 1\.5; .*less than 1"):
        before.changed({"liquidity.rate_fraction": 1.5})


def test_a_change_of_kind_keeps_what_both_kinds_have():
    before = study(liquidation={"delay": {"seconds": 60}})
    after = before.changed({"liquidation": {"kind": "close-factor", "close_factor_fraction": 0.5}})
    assert after.liquidation.delay.seconds == 60.0
    back = after.changed({"liquidation.kind": "full"})
    assert back == before


@given(
    rate=st.floats(0.0, 0.9),
    seconds=st.floats(0.0, 86_400.0),
    seed=st.integers(0, 2**53 - 1),
)
@settings(deadline=None)
def test_changing_back_gives_the_study_back(rate, seconds, seed):
    before = study()
    keys = ("liquidity.rate_fraction", "liquidation.delay.seconds", "simulation.seed")
    values = {entry.key: entry.value for entry in before.entries()}
    after = before.changed(dict(zip(keys, (rate, seconds, seed), strict=True)))
    assert after.changed({key: values[key] for key in keys}) == before


REFUSED = [
    ({"liquidity": {"depth_notional": 1.0}}, r"depth_notional: .*a key of kind 'linear' or"),
    ({"position": {"bonus_fraction": 0.1}}, r"bonus_fraction: .*a key of kind 'loan'.*position.k"),
    ({"position": {"kind": "loan", "sides": ["short"]}}, r"sides: .*a key of kind 'perpetual'"),
    ({"position": {"kind": "loan", "penalty_fraction": 0.1}}, r"a key of kind 'perpetual'"),
    ({"liquidity": {"kind": "cubic"}}, r"liquidity.kind: got cubic; must be 'flat', .*'ladder'"),
    ({"liquidation": {"kind": "restore"}}, r"liquidation.restored_ratio: .*must be there"),
    ({"oracle": {"latency": {"seconds": True}}}, r"seconds: got true; must be a number or a text"),
    ({"liquidation": {"delay": {"seconds": "60"}}}, r"liquidation.delay.seconds: .*valid number"),
    ({"simulation": {"seed": 2**53}}, r"simulation.seed: .*less than 9007199254740992"),
    ({"model": {"spec": "figarch-t"}}, r"model.spec: got figarch-t; must be one that can be sim"),
    ({"model": {"spec": "gjr-ged", "shocks": "parametric"}}, r"cannot be drawn from ged"),
    ({"title": "calm\x1b[2J"}, r"title: .*must hold no control character .*U\+001B"),
    ({"title": "half \ud800"}, r"title: .*unicode string"),
    ({"data": {"asset": "a\x00", "prices": "p"}}, r"data.asset: .*U\+0000"),
    ({"schema_version": 3}, r"schema_version: got 3; must be 1 or 2"),
    ({"schema_version": True}, r"schema_version: got True; must be 1 or 2"),
    ({"extends": "x.toml"}, r"extends: got x.toml; is looked up beside a study's file"),
    (
        {"position": {"kind": "loan", "bonus_fraction": 0.01}, "liquidity": {"rate_fraction": 0.1}},
        r"no liquidator would come",
    ),
    (
        {
            "position": {"kind": "loan", "notional": 1e6},
            "liquidity": {"kind": "linear", "rate_fraction": 0.01, "depth_notional": 1e4},
        },
        r"would cost all of it by liquidity",
    ),
    (
        {"position": {"kind": "loan"}, "liquidation": {"kind": "restore", "restored_ratio": 0.9}},
        r"health factor, above 1",
    ),
    (
        {"liquidity": {"kind": "ladder", "notional": [1.0, 2.0], "cost_fraction": [0.02, 0.01]}},
        r"must not fall",
    ),
    (
        {"liquidity": {"kind": "ladder", "notional": [2.0, 1.0], "cost_fraction": [0.01, 0.02]}},
        r"must increase",
    ),
    ({"liquidity": {"kind": "ladder", "notional": [], "cost_fraction": []}}, r"of one length"),
]


@pytest.mark.parametrize(("tables", "message"), REFUSED)
def test_mistakes_are_refused_in_words(tables, message):
    with pytest.raises(InputError, match=message) as caught:
        study(**tables)
    assert str(caught.value).isprintable()


LAG = {
    "kind": "conditional",
    "calm_seconds": [0, 60],
    "calm_probability": [0.5, 0.5],
    "stressed_seconds": [60],
    "stressed_probability": [1.0],
    "stressed_move_fraction": 0.05,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calm_probability": [0.5, 0.4]}, r"calm_probability must sum to 1, not 0.9"),
        ({"calm_probability": [1.0]}, r"lists of one length"),
        ({"stressed_seconds": []}, r"lists of one length"),
        ({"calm_seconds": [60, 0]}, r"calm_seconds must increase"),
        ({"halt_probability": 0.5}, r"halt_seconds must be above 0"),
        ({"seconds": 3.0}, r"a key of kind 'constant'"),
        ({"stressed_move_fraction": 0.0}, r"greater than 0"),
        ({"calm_seconds": [-1, 60]}, r"calm_seconds.0: .*greater than or equal to 0"),
    ],
)
def test_a_law_of_lags_that_is_none_is_refused(change, message):
    study(oracle={"latency": LAG})
    with pytest.raises(InputError, match=message):
        study(oracle={"latency": {**LAG, **change}})


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_reserved_key_says_what_it_is_kept_for(key):
    *tables, last = key.split(".")
    content: dict[str, object] = {**V2, "data": dict(V2["data"])}
    table = content
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = 1
    with pytest.raises(InputError, match=r"is reserved for .*, which this version does not answer"):
        parse_study(content)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"venue": {"kind": "loan", "sides": ["short"]}}, r"sides of a loan are long"),
        ({"mechanism": {"liquidation_delay_hours": True}}, r"delay_hours: .*not true or false"),
        ({"model": {"spec": "figarch-t"}}, r"model.spec: .*must be one that can be simulated"),
        ({"title": "red\x07"}, r"title: .*U\+0007"),
        ({"simulation": {"seed": 2**60}}, r"simulation.seed: .*less than 9007199254740992"),
        ({"mechanism": {"slippage": 0.1}}, r"mechanism.slippage: .*unknown keys are refused"),
        ({"liquidity": {"kind": "flat"}}, r"liquidity: .*unknown keys are refused"),
    ],
)
def test_mistakes_in_version_1_are_named_by_its_own_keys(sections, message):
    with pytest.raises(InputError, match=message):
        small_study(**sections)
