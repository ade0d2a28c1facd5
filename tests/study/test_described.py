"""What is read from the fields: every fact is there, and what is published is what they say."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest

from riskkit.lab.explorers.controls import SLIDERS
from riskkit.lab.figures.trade_off_data import setting_words
from riskkit.study.described import described, fact_at, kinds_with
from riskkit.study.fact import assumed_words
from riskkit.study.page import assumptions_page
from riskkit.study.schema import published_study_schema, study_schema
from riskkit.study.study import parse_study, read_study
from tests.study.test_version2 import V2, WHOLE
from tests.support import ROOT, small_study

DEPTHS: dict[str, dict[str, object]] = {
    "order-book": {"at_one_percent_notional": 1.0},
    "quotes": {"notional": [1.0], "cost_fraction": [0.01]},
    "levels": {"notional": [1.0], "distance_fraction": [0.01]},
    "constant-product": {"base_units": 1.0, "quote_notional": 1.0},
    "concentrated": {"price": 1.0, "low": [0.5], "high": [2.0], "liquidity": [1.0]},
    "stableswap": {"base_units": 1.0, "quote_notional": 1.0, "amplification": 50.0},
}


def test_every_field_says_what_it_is():
    for field in described():
        if field.key == "schema_version":
            continue
        assert field.fact.label, field.key
        if field.fact.assumption:
            assert field.fact.why, field.key
            assert field.fact.unit.value, field.key


def test_every_default_lies_where_its_bounds_say():
    for field in described():
        if field.fact.assumption and isinstance(field.default, int | float):
            assert field.bounds, field.key
            parse_study({**V2, **_nested(field)})


def _nested(field) -> dict[str, object]:
    content: dict[str, object] = {}
    for key, value in (*field.where, (field.key, field.default)):
        *tables, last = key.split(".")
        table = content
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    for table, kind, more in (
        ("liquidity", "linear", {"rate_fraction": 0.01, "depth_notional": 1.0}),
        ("liquidity", "square-root", {"rate_fraction": 0.01, "depth_notional": 1.0}),
        ("liquidation", "close-factor", {"close_factor_fraction": 0.5}),
        ("liquidation", "restore", {"restored_ratio": 0.5}),
        *(("depth", kind, {"mark_weight_fraction": 0.5, **more}) for kind, more in DEPTHS.items()),
        ("book", "positions", {"file": "positions.csv"}),
        ("book", "loans", {"file": "loans.csv"}),
        ("book", "levels", {"file": "levels.csv", "maintenance_fraction": 0.01}),
        ("book", "synthetic", {"open_interest_notional": 1.0}),
    ):
        if content.get(table, {}).get("kind") == kind:
            content[table] = {**more, **content[table]}
    for name in ("backstop", "tranche"):
        if name in content.get("fund", {}):
            content["fund"][name] = {"notional": 1.0, **content["fund"][name]}
    offers = content.get("depth", {}).get("offers")
    if offers is not None:
        content["depth"]["offers"] = {**DEPTHS[offers["kind"]], **offers}
        content["depth"] |= {"mark_weight_fraction": 0.5, **DEPTHS[content["depth"]["kind"]]}
    for table, lag in (("oracle", "latency"), ("liquidation", "delay")):
        if content.get(table, {}).get(lag, {}).get("kind") == "conditional":
            content[table][lag] = {
                "calm_seconds": [0],
                "calm_probability": [1.0],
                "stressed_seconds": [60],
                "stressed_probability": [1.0],
                "stressed_move_fraction": 0.1,
                **content[table][lag],
            }
    return content


def test_the_page_of_assumptions_is_that_of_the_fields():
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    assert page == assumptions_page()
    for field in described():
        if field.fact.assumption:
            assert f"`{field.key}`" in page


def test_the_published_schema_is_that_of_the_models():
    assert published_study_schema() == study_schema()
    jsonschema.Draft202012Validator.check_schema(published_study_schema())


def test_a_study_of_version_2_validates_under_the_published_schema():
    validator = jsonschema.Draft202012Validator(published_study_schema())
    content = json.loads(json.dumps(tomllib.loads(WHOLE), default=str))
    validator.validate(content)
    validator.validate({"schema_version": 2, "extends": "base.toml"})
    for broken in (
        {**content, "mechanism": {}},
        {**content, "liquidity": {"kind": "flat", "depth_notional": 1.0}},
        {**content, "liquidation": {"kind": "restore"}},
        {key: value for key, value in content.items() if key != "data"},
    ):
        assert not validator.is_valid(broken)


def test_sliders_are_read_from_the_fields():
    by_trait = {dial.trait: dial for dial in SLIDERS}
    delay, bonus = by_trait["delay_hours"], by_trait["bonus_fraction"]
    assert (delay.label, delay.unit) == ("Liquidation delay, h", "h")
    assert delay.stops == tuple(float(hour) for hour in range(97))
    assert bonus.kinds == kinds_with("position.bonus_fraction", "position") == ("loan",)
    assert by_trait["slippage_fraction"].kinds == ("perpetual", "loan")
    assert len(fact_at("oracle.latency.seconds").stops) == 241
    assert set(by_trait) == {
        "default_probability", "liquidation_probability", "delay_hours", "oracle_latency_seconds",
        "reaction_hours", "slippage_fraction", "fee_fraction", "bonus_fraction",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"liquidation.delay.seconds": 7200.0}, "delay 2 h"),
        ({"oracle.latency.seconds": 60.0}, "oracle 60 s"),
        ({"liquidity.rate_fraction": 0.0125}, "slippage 1.25 %"),
        ({"position.penalty_fraction": 0.02}, "fee 2 %"),
        ({"position.reaction_time_hours": 5.0}, "reaction 5 h"),
        ({"targets.default_given_liquidation_probability": 0.002}, "targets 0.2 % and 5 %"),
        ({"model.spec": "gjr-t"}, "gjr-t"),
    ],
)
def test_a_caption_tells_two_settings_apart(change, said):
    study = read_study(ROOT / "studies" / "eth-perpetual-daily.toml")
    assert said in setting_words(study.changed(change))
    assert setting_words(study.changed(change)) != setting_words(study)


def test_the_caption_of_a_loan_names_its_bonus_and_of_parts_their_share(tmp_path):
    assert "bonus 5 %" in setting_words(small_study(venue={"kind": "loan"}))
    whole = setting_words(parse_study(tomllib.loads(WHOLE)))
    for said in (
        "close factor 50 %",
        "oracle calm 0 s; 20 s",
        "oracle stressed 60 s",
        "depth 1",
        "liquidity sq",
    ):
        assert said in whole


def test_what_is_left_out_is_said_as_none_and_not_as_a_programmer_says_it():
    words = dict(assumed_words(small_study()))
    assert words["largest close-out per bar"] == "none"
    assert "None" not in words.values()
