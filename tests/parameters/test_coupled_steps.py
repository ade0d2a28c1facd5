"""Values that belong together move together: a path goes around a bad state, or is refused."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.formats.guardrails import ChangePath, Guardrail, Limit, Step, plan_change
from riskkit.proof.coupled_steps import (
    check_between,
    kept_when_late,
    mark_states,
    simulate_states,
    states_of,
)
from riskkit.proof.steps import plan_steps
from riskkit.study.cap_change import CapChange
from riskkit.units import Scale
from tests.support import DATA

LIVE = {"max_ltv": D("0.75"), "liquidation_threshold": D("0.80"), "liquidation_bonus": D("0.08")}
GOAL = {"max_ltv": D("0.77"), "liquidation_threshold": D("0.82"), "liquidation_bonus": D("0.04")}
START = pd.Timestamp("2026-03-10")


def test_the_threshold_waits_until_the_bonus_has_made_room_for_it():
    greedy = plan_steps("aave-v3", LIVE, GOAL, START)
    most = max(kept_when_late(LIVE), kept_when_late(GOAL))
    kept = [kept_when_late(state.values) for state in states_of(greedy)]
    assert max(kept) <= most
    assert dict(greedy.steps[-1].values) == GOAL
    # Without the check all three go at once, through states that cover less than both ends.
    most_by_name = {"max_ltv": "0.02", "liquidation_threshold": "0.02", "liquidation_bonus": "0.01"}
    limits = ((n, Limit(D(most), None, pd.Timedelta(days=3))) for n, most in most_by_name.items())
    guardrail = Guardrail("wide", tuple(limits), Scale.BPS)
    around = plan_change(LIVE, GOAL, guardrail, START, check_between(LIVE, GOAL))
    assert max(kept_when_late(state.values) for state in states_of(around)) <= most
    loose = plan_change(LIVE, GOAL, guardrail, START)
    assert max(kept_when_late(state.values) for state in states_of(loose)) > most


def test_a_path_that_cannot_go_around_is_refused():
    # The threshold must rise first, since it alone may move.
    stuck = Guardrail(
        "stuck",
        (
            ("liquidation_threshold", Limit(D("0.5"), None, pd.Timedelta(0))),
            ("liquidation_bonus", Limit(D("0.01"), None, pd.Timedelta(0))),
        ),
        Scale.BPS,
    )
    live = {"liquidation_threshold": D("0.80"), "liquidation_bonus": D("0.10")}
    goal = {"liquidation_threshold": D("0.84"), "liquidation_bonus": D("0.05")}
    path = plan_change(live, goal, stuck, START, check_between(live, goal))
    assert path.steps[0].moved == ("liquidation_bonus",)
    with pytest.raises(InputError, match=r"must cover a fall of 11\.80 %.* they cover 7\.60 %"):
        check_between(live, goal)(live | {"liquidation_threshold": D("0.84")})


@settings(max_examples=40)
@given(
    ends=st.tuples(*[st.integers(5_000, 8_500)] * 2),
    bonuses=st.tuples(*[st.integers(1, 1_500)] * 2),
)
def test_no_state_of_a_planned_path_covers_less_than_both_ends(ends, bonuses):
    live, goal = (
        {
            "liquidation_threshold": D(threshold) / 10_000,
            "liquidation_bonus": D(bonus) / 10_000,
        }
        for threshold, bonus in zip(ends, bonuses, strict=True)
    )
    weekly = Limit(D("0.02"), None, pd.Timedelta(days=7))
    guardrail = Guardrail("weekly", tuple((name, weekly) for name in live), Scale.BPS)
    path = plan_change(live, goal, guardrail, START, check_between(live, goal))
    kept = [kept_when_late(state.values) for state in states_of(path)]
    assert max(kept) <= max(kept[0], kept[-1])


def a_change(**changes: object) -> CapChange:
    whole = CapChange.read(DATA / "examples" / "cap-change.toml").model_dump()
    return CapChange.model_validate({**whole, **changes})


def test_a_capped_oracle_is_marked_at_every_pair_on_the_way():
    path = plan_steps("aave-v3", LIVE, {**LIVE, "max_ltv": D("0.74")}, START)
    folder = Path(DATA / "examples")
    table = mark_states(path, a_change(), folder)
    assert (table["marked_low"] == 0.0).all()
    assert table["ratio"].iloc[-1] == 1.2272
    with pytest.raises(InputError, match=r"by 2\.85%"):
        mark_states(path, a_change(together=False), folder)


def test_healthy_loans_are_counted_at_the_threshold_of_the_moment():
    live = {"liquidation_threshold": D("0.955"), "liquidation_bonus": D("0.01")}
    goal = {"liquidation_threshold": D("0.95"), "liquidation_bonus": D("0.01")}
    path = plan_steps("aave-v3", live, goal, START)
    with pytest.raises(InputError, match=r"by 2\.85% and liquidates 34 healthy accounts"):
        mark_states(path, a_change(together=False), DATA / "examples")


def test_a_supply_cap_waits_until_its_bonus_pays_for_selling_it(btc_calibration):
    """At a fifth of the depth the bonus of 2 % pays for 7.7 m, that of 4 % for 29.6 m."""
    liquidity = {"kind": "square-root", "rate_fraction": 0.01, "depth_notional": 1e7}
    study = btc_calibration.question.study.changed({"liquidity": liquidity})
    question = replace(btc_calibration.question, study=study)
    live = {"liquidation_threshold": D("0.7"), "liquidation_bonus": D("0.02")}
    goal = {**live, "liquidation_bonus": D("0.04")}
    path = plan_steps("aave-v3", live, goal, START)
    ends = {"live": {"supply_cap_notional": 5e6}, "target": {"supply_cap_notional": 2.5e7}}
    caps = a_change().model_dump()
    slow, fast = (
        a_change(
            live={**caps["live"], **ends["live"]},
            target={**caps["target"], **ends["target"]},
            largest_supply_change_fraction=share,
        )
        for share in (0.3, 4.0)
    )
    assert mark_states(path, slow, DATA / "examples", question)["strain"].max() <= 1.0
    with pytest.raises(InputError, match="more be supplied than the bonus pays for"):
        mark_states(path, fast, DATA / "examples", question)


def test_a_state_that_defaults_more_often_than_both_ends_is_refused(btc_calibration):
    question = btc_calibration.question.changed(paths=4_000)
    ends = {"initial_margin": D("0.2"), "maintenance_margin": D("0.15")}
    thin = {"initial_margin": D("0.2"), "maintenance_margin": D("0.04")}

    def path(*states):
        steps = (Step(START, tuple(state.items()), tuple(state)) for state in states)
        return ChangePath("by hand", tuple(ends.items()), tuple(steps))

    table = simulate_states(question, path(ends))
    assert set(table["side"]) == {"long", "short"}
    assert table["default"].iloc[0] == table["default"].iloc[1]
    with pytest.raises(
        InputError, match=r"step 1 of the path: .*maintenance_margin 0\.04; must not"
    ):
        simulate_states(question, path(thin, ends))
