"""Studies: what is refused, and how times become bars."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.study.study import parse_study, read_study
from tests.support import ROOT, small_study

SHIPPED = sorted((ROOT / "studies").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_studies_are_valid(path):
    study = read_study(path)
    assert study.title
    assert isinstance(study.as_of, date)


def test_these_studies_ship():
    assert [p.stem for p in SHIPPED] == [
        "btc-eth-accounts-daily",
        "btc-eth-collateral-daily",
        "btc-eth-loans-daily",
        "btc-eth-options-daily",
        "btc-eth-venue-daily",
        "btc-perpetual-5m",
        "btc-perpetual-hourly",
        "btc-venue-hourly",
        "eth-collateral-daily",
        "eth-loans-daily",
        "eth-perpetual-5m",
        "eth-perpetual-daily",
        "eth-perpetual-thin",
        "sp500-perpetual-daily",
        "thin-listing-hourly",
    ]


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("targets", {"default_given_liquidation": 0.01}, "unknown keys are refused"),
        (
            "targets",
            {"default_given_liquidation_probability": 1.5},
            r"targets.default_given_liquidation_probability: got 1.5; .*less than 1",
        ),
        (
            "targets",
            {"liquidation_within_reaction_time_probability": 0.0},
            r"greater than 0",
        ),
        ("mechanism", {"liquidation_delay_hours": -1.0}, r"greater than or equal to 0"),
        ("mechanism", {"slippage_fraction": 5.0}, r"slippage_fraction: got 5.0; .*less than 1"),
        ("mechanism", {"slippage_fraction": float("nan")}, r"finite"),
        ("model", {"spec": "garch-cauchy"}, r"model.spec: .*variance is one of"),
        ("model", {"minimum_bars": 50}, r"model.minimum_bars: got 50; .*250"),
        ("venue", {"kind": "option"}, r"venue.kind: got option; .*'perpetual' or 'loan'"),
        ("venue", {"sides": []}, r"sides must name long, short or both"),
        ("simulation", {"paths": 10}, r"simulation.paths: got 10; .*10000"),
        ("data", {"sample": "sp500"}, r"give one of prices \(a file\), stored"),
        ("data", {"stored": "binance/ETH-USDT/1h"}, r"give one of prices \(a file\), stored"),
        ("data", {"prices": None, "stored": "binance/ETH-USDT"}, "must name a stored series"),
        ("data", {"prices": None, "stored": "binance/ETH-USDT/funding"}, "not funding rates"),
        (
            "data",
            {"prices": None, "stored": "binance/ETH-USDT/1h", "calendar": "24/7"},
            "describe a file",
        ),
    ],
)
def test_mistakes_are_named_with_their_key(section, values, message):
    with pytest.raises(InputError, match=message):
        small_study(**{section: values})


def test_a_missing_key_and_a_second_mistake_are_named():
    with pytest.raises(InputError, match=r"title: .*must be there. Add it; also wrong: as_of"):
        parse_study({"data": {"asset": "x", "prices": "y"}})


def test_a_loan_whose_bonus_attracts_nobody_is_refused():
    with pytest.raises(InputError, match=r"no liquidator would come"):
        small_study(
            venue={"kind": "loan", "liquidation_bonus_fraction": 0.01},
            mechanism={"slippage_fraction": 0.02},
        )


def test_files_that_are_no_study_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be a file that can be read"):
        read_study(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("title = what\n")
    with pytest.raises(InputError, match=r"must be TOML: .*line 1"):
        read_study(tmp_path / "bad.toml")


def test_times_round_up_to_bars_and_the_observation_interval_counts():
    study = small_study(
        mechanism={
            "oracle_latency_seconds": 60,
            "liquidation_delay_hours": 1,
            "reaction_time_hours": 25,
            "holding_horizon_hours": 720,
        }
    )
    daily = study.periods(pd.Timedelta(days=1))
    assert daily.margin_period_of_risk == 1 + 1 + 1
    assert daily.reaction_time.bars == 2
    assert daily.liquidation_delay.statement == "1 h = 1 bar of 1 d (rounded up)"
    hourly = study.periods(pd.Timedelta(hours=1))
    assert hourly.margin_period_of_risk == 1 + 1 + 1
    assert hourly.reaction_time.bars == 25
    assert hourly.liquidation_delay.statement == "1 h = 1 bar of 1 h"
    minutes = study.periods(pd.Timedelta(minutes=1))
    assert minutes.margin_period_of_risk == 1 + 1 + 60


def test_a_loan_has_one_side():
    assert small_study(venue={"kind": "loan"}).sides == (Side.LONG,)
