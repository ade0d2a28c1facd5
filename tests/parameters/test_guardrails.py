"""Legal steps from live to recommended values."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.formats.guardrails import (
    AAVE_STEWARDS,
    Guardrail,
    Limit,
    check_state,
    plan_change,
)
from riskkit.proof.steps import guardrail_of
from riskkit.units import Scale

START = pd.Timestamp("2026-01-05")
DAY = pd.Timedelta(days=1)


def d(**values: str) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in values.items()}


def lending(ltv: str, threshold: str, bonus: str) -> dict[str, Decimal]:
    return d(max_ltv=ltv, liquidation_threshold=threshold, liquidation_bonus=bonus)


def rail(*limits: tuple[str, Limit]) -> Guardrail:
    return Guardrail("a test rail", limits, Scale.BPS)


def test_the_aave_stewards_move_50_bps_in_3_days() -> None:
    # Aave risk stewards: LTV, LT and LB may each move at most 50 bps (absolute) per 3 days.
    live, target = lending("0.80", "0.83", "0.05"), lending("0.79", "0.8125", "0.05")
    path = plan_change(live, target, AAVE_STEWARDS, START)
    assert [step.date for step in path.steps] == [START + i * 3 * DAY for i in range(4)]
    assert [str(step.value("liquidation_threshold")) for step in path.steps] == [
        "0.825",
        "0.82",
        "0.815",
        "0.8125",
    ]
    assert path.steps[2].moved == ("liquidation_threshold",)
    assert path.reached == pd.Timestamp("2026-01-14")
    assert path.summary() == "4 steps; the target is reached on 2026-01-14."
    assert list(path.table()["max_ltv"]) == [0.795, 0.79, 0.79, 0.79]


def test_no_step_is_needed_when_nothing_changes() -> None:
    live = lending("0.80", "0.83", "0.05")
    path = plan_change(live, live, AAVE_STEWARDS, START)
    assert path.steps == ()
    assert path.reached is None
    assert path.table().empty


def test_what_must_wait_for_another_parameter_waits() -> None:
    # .90 * 1.11 is .999: the threshold can rise only after the bonus has fallen.
    live, target = lending("0.80", "0.90", "0.11"), lending("0.80", "0.92", "0.08")
    path = plan_change(live, target, AAVE_STEWARDS, START)
    for step in path.steps:
        check_state(dict(step.values))
    assert path.steps[0].moved == ("liquidation_bonus",)
    assert dict(path.steps[-1].values) == target


def test_relative_limits_shrink_with_the_value() -> None:
    limit = Limit(None, Decimal("0.1"), DAY)
    path = plan_change(
        d(maintenance_margin="0.1"),
        d(maintenance_margin="0.07"),
        rail(("maintenance_margin", limit)),
        START,
    )
    values = [step.value("maintenance_margin") for step in path.steps]
    assert values == [Decimal(x) for x in ("0.09", "0.081", "0.0729", "0.07")]


def test_delays_differ_by_parameter() -> None:
    limits = rail(
        ("initial_margin", Limit(Decimal("0.01"), None, 2 * DAY)),
        ("maintenance_margin", Limit(Decimal("0.01"), None, DAY)),
    )
    live = d(initial_margin="0.10", maintenance_margin="0.05")
    target = d(initial_margin="0.12", maintenance_margin="0.08")
    path = plan_change(live, target, limits, START)
    assert [(step.date - START).days for step in path.steps] == [0, 1, 2]
    assert path.steps[1].moved == ("maintenance_margin",)


@pytest.mark.parametrize(
    ("live", "target", "limit", "message"),
    [
        ("0.01", "0", Limit(Decimal("0.005"), None, DAY), "target x: got 0; must not be 0 under"),
        ("0", "0.01", Limit(None, Decimal("0.1"), DAY), "live x: got 0; cannot leave 0: the large"),
        ("0.0009", "0.01", Limit(None, Decimal("0.1"), DAY), r"live x: got 0\.0009; cannot leave"),
        ("0.01", "0.02", Limit(Decimal("0.00001"), None, DAY), "below the venue's resolution"),
        ("0.01", "0.02", Limit(None, None, DAY), "must have a largest change"),
        ("0.01", "0.02", Limit(Decimal(-1), None, DAY), "must allow a positive absolute change"),
        ("0.01", "0.02", Limit(Decimal(1), None, -DAY), "must not be negative"),
        ("0.01", "0.010001", Limit(Decimal(1), None, DAY), "target x: .* whole number of bps"),
        ("0.0001", "2", Limit(Decimal("0.0001"), None, DAY), "must be within 10,000 steps"),
    ],
)
def test_an_infeasible_target_is_explained(
    live: str, target: str, limit: Limit, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan_change(d(x=live), d(x=target), rail(("x", limit)), START)


def test_zero_may_be_allowed() -> None:
    limit = Limit(Decimal("0.005"), None, DAY, zero_allowed=True)
    assert len(plan_change(d(x="0.01"), d(x="0"), rail(("x", limit)), START).steps) == 2


def test_a_parameter_without_a_limit_may_not_move() -> None:
    with pytest.raises(InputError, match="parameter: got borrow_cap; must be limited by Aave"):
        plan_change(d(borrow_cap="0.1"), d(borrow_cap="0.2"), AAVE_STEWARDS, START)


def test_both_sides_name_the_same_parameters() -> None:
    with pytest.raises(InputError, match="must hold the same parameters as live"):
        plan_change(d(x="0.1"), d(y="0.1"), AAVE_STEWARDS, START)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lending("0.9", "0.8", "0.05"), r"max_ltv: got 0\.9; must be at most the liquidation"),
        (lending("0.8", "0.96", "0.05"), r"liquidation_threshold: got 0\.96; times 1 \+ bonus"),
        (d(initial_margin="0.1", maintenance_margin="0.2"), "maintenance_margin: got"),
    ],
)
def test_an_illegal_target_is_refused(state: dict[str, Decimal], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_change(state, state, AAVE_STEWARDS, START)


def test_a_dead_end_is_explained() -> None:
    def no_middle(values: Any) -> None:
        if Decimal("0.2") < values["x"] < Decimal("0.3"):
            raise InputError("x", values["x"], "must avoid the middle", "Jump")

    limits = rail(("x", Limit(Decimal("0.01"), None, DAY)))
    with pytest.raises(InputError, match="cannot be left by a legal step: x must avoid the middle"):
        plan_change(d(x="0.2"), d(x="0.3"), limits, START, no_middle)


@st.composite
def states(draw: st.DrawFn) -> dict[str, Decimal]:
    threshold = draw(st.integers(100, 9_500))
    ltv = draw(st.integers(1, threshold))
    bonus = draw(st.integers(1, 10_000 * 10_000 // threshold - 10_000))
    names = ("max_ltv", "liquidation_threshold", "liquidation_bonus")
    return {n: Decimal(v) / 10_000 for n, v in zip(names, (ltv, threshold, bonus), strict=True)}


@settings(max_examples=60, deadline=None)
@given(states(), states(), st.integers(1, 5_000), st.integers(0, 5))
def test_every_step_of_every_path_is_legal(
    live: dict[str, Decimal], target: dict[str, Decimal], bps: int, days: int
) -> None:
    limit = Limit(Decimal(bps) / 10_000, None, days * DAY)
    limits = replace(AAVE_STEWARDS, limits=tuple((n, limit) for n in live))
    try:
        path = plan_change(live, target, limits, START)
    except InputError:
        reject()
    before, last = live, {}
    for step in path.steps:
        now = dict(step.values)
        check_state(now)
        assert all(value > 0 for value in now.values())
        for name in now:
            change = abs(now[name] - before[name])
            assert change <= limit.max_absolute
            assert (change > 0) == (name in step.moved)
            assert abs(target[name] - now[name]) <= abs(target[name] - before[name])
            if change:
                assert step.date - last.get(name, step.date - limit.min_delay) >= limit.min_delay
                last[name] = step.date
        before = now
    assert before == target
    # Never slower than the parameter that has furthest to go, when nothing stands in its way.
    furthest = max(abs(target[n] - live[n]) for n in live) / limit.max_absolute
    assert len(path.steps) >= furthest


def test_a_limit_given_replaces_the_presets_own_and_no_other() -> None:
    relative = guardrail_of("aave-v3", max_relative=Decimal("0.01"))
    limit = relative.limit("max_ltv")
    assert (limit.max_absolute, limit.max_relative) == (None, Decimal("0.01"))
    assert limit.min_delay == pd.Timedelta(days=3)
    assert "the change given; 3 d between steps" in relative.name
    slower = guardrail_of("aave-v3", min_delay=pd.Timedelta(days=7)).limit("max_ltv")
    assert (slower.max_absolute, slower.min_delay) == (Decimal("0.005"), pd.Timedelta(days=7))
    assert guardrail_of("aave-v3") is AAVE_STEWARDS
    bare = guardrail_of("dydx-v4", max_relative=Decimal("0.01"))
    assert bare.limit("initial_margin").min_delay == pd.Timedelta(0)
    assert "without a delay" in bare.name


def test_no_step_is_planned_beyond_the_days_that_can_be_written() -> None:
    live, target = {"max_ltv": Decimal("0.8")}, {"max_ltv": Decimal("0.7")}
    with pytest.raises(InputError, match="start: got 9999-12-31; must lie between"):
        plan_change(live, target, AAVE_STEWARDS, pd.Timestamp("9999-12-31"))
    slow = guardrail_of("aave-v3", min_delay=pd.Timedelta(days=30_000))
    with pytest.raises(InputError, match="sets the next step of max_ltv after 2200"):
        plan_change(live, target, slow, pd.Timestamp("2025-01-01"))
