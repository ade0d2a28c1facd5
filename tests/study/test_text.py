"""A study written as text reads back as the same study, comments and all."""

from __future__ import annotations

import tomllib
from datetime import date

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.study.proposal import propose_study
from riskkit.study.study import parse_study, read_study
from riskkit.study.text import WIDTH, study_text
from tests.support import ROOT

DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)
STUDIES = sorted((ROOT / "studies").glob("*.toml"))


def again(text: str):
    return parse_study(tomllib.loads(text))


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_every_shipped_study_comes_back(path):
    study = read_study(path)
    assert again(study_text(study, ["a note"])) == study


@pytest.mark.parametrize("kind", ["perpetual", "loan"])
def test_a_proposal_comes_back_in_lines_of_readable_length(btc_daily, kind):
    study = propose_study(btc_daily, {"prices": "btc.csv"}, as_of=date(2024, 11, 3), kind=kind)
    text = study_text(study)
    assert again(text) == study
    assert max(map(len, text.splitlines())) <= WIDTH


def test_kinds_with_lists_and_text_with_quotes_come_back():
    study = read_study(STUDIES[0]).changed(
        {
            "title": 'BTC "quoted" \\ \u00fc',
            "liquidity": {
                "kind": "ladder",
                "notional": (1e5, 1e6),
                "cost_fraction": (0.001, 0.004),
            },
        }
    )
    assert again(study_text(study)) == study


def test_days_and_hours_get_the_model_that_the_evidence_chose(btc_daily, btc_hourly):
    daily, hourly = (
        propose_study(history, {"prices": "x.csv"}, as_of=date(2024, 11, 3))
        for history in (btc_daily, btc_hourly)
    )
    assert (daily.model.spec, daily.pace(DAY).refit_every) == ("gjr-skewt", 30)
    assert (hourly.model.spec, hourly.pace(HOUR).refit_every) == ("gjr-normal", 720)


def test_a_bonus_that_the_venue_states_needs_no_confirming(btc_daily):
    day = date(2024, 11, 3)
    study = propose_study(btc_daily, {"prices": "x.csv"}, as_of=day, kind="loan", bonus=0.08)
    assert study.position.bonus_fraction == 0.08
    assert "position.bonus_fraction" not in study.unconfirmed


def test_only_keys_of_the_study_can_be_unconfirmed():
    with pytest.raises(InputError, match=r"names liquidation\.dealy, which is no key"):
        read_study(STUDIES[0]).changed({"unconfirmed": ("liquidation.dealy",)})
