"""The loop: its search, its space, what it may propose, and that it knows nothing of tomorrow."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.formats.guardrails import Guardrail, Limit
from riskkit.loop.answer import rule_changes
from riskkit.loop.evaluate import HeldRule, LoopBench, LoopSpan, expected_best
from riskkit.loop.evolution import Evolution, mirrored
from riskkit.loop.legal import DEFAULT_GUARDRAIL, NAMES, legal_move, margins_of
from riskkit.loop.record import record_of
from riskkit.loop.search import LoopSearch, no_policy_meets, search_policy
from riskkit.loop.space import AXES, LoopPolicy, policy_at
from riskkit.loop.walk import judged_years, walk_loop
from riskkit.paths.memory import OwnSideMemory
from riskkit.position import Side
from riskkit.proof.rule_replay import JudgingPlan
from riskkit.proof.track import Track, remembering
from riskkit.study.study import Study
from riskkit.units import Scale
from riskkit.venue.account_mix import AccountMix
from riskkit.venue.rule import PublishedRule, check_rule, published
from riskkit.volatility.spec import VolatilitySpec
from tests.support import small_study

BASE = PublishedRule(2.5, 1, 0.004, notice=1)
POINTS = st.lists(st.floats(0.0, 1.0), min_size=len(AXES), max_size=len(AXES))
MARGINS = st.floats(1e-5, 0.98)


def test_the_evolution_finds_a_bent_valley() -> None:
    # Rosenbrock's valley in five dimensions, brought to the cube
    def worth(points: np.ndarray) -> np.ndarray:
        x = 4.0 * points - 2.0
        return (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)

    search = Evolution(np.full(5, 0.4), seed=2)
    for _ in range(400):
        search.tell(worth(search.ask()))
    assert search.mean == pytest.approx(0.75, abs=1e-4)


def test_the_evolution_is_a_function_of_its_seed_and_touches_no_global_state() -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    one, two = Evolution(np.full(3, 0.5), seed=7), Evolution(np.full(3, 0.5), seed=7)
    for _ in range(3):
        a, b = one.ask(), two.ask()
        np.testing.assert_array_equal(a, b)
        assert ((a >= 0.0) & (a <= 1.0)).all()
        one.tell(a.sum(axis=1))
        two.tell(b.sum(axis=1))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    with pytest.raises(InputError, match="worth"):
        one.tell([0.0])


def test_mirrors_keep_the_cube() -> None:
    assert mirrored(np.array([-0.25, 1.25, 2.5, 0.5])).tolist() == [0.25, 0.75, 0.5, 0.5]


@settings(max_examples=150, deadline=None)
@given(
    POINTS,
    st.floats(1e-5, 0.2),
    st.floats(0.0, 0.05),
    st.integers(1, 200),
    st.sampled_from([1 / 60, 1 / 12, 1.0, 24.0]),
)
def test_every_point_is_a_rule_that_nobody_refuses(
    point: list[float], long_run: float, cost: float, horizon: int, hours: float
) -> None:
    policy = policy_at(point)
    base = PublishedRule(6.0, 2, cost)
    rule = policy.rule(base, bar_hours=hours, long_run=long_run, horizon=horizon)
    check_rule(rule, horizon)
    bar = pd.Timedelta(hours=hours)
    study = STUDY.changed(rule_changes(HeldRule("x", policy.model, rule), bar))
    assert study.rule is not None
    assert study.rule.cap_fraction == rule.cap
    again = policy_at(policy.point())
    assert again.multiple == pytest.approx(policy.multiple)
    assert (again.model, math.isinf(again.step)) == (policy.model, math.isinf(policy.step))


STUDY: Study = small_study()


@settings(max_examples=80, deadline=None)
@given(
    MARGINS,
    MARGINS,
    st.floats(1e-4, 0.5),
    st.sampled_from([Scale.BPS, Scale.PPM, Scale.WAD]),
    st.one_of(st.none(), st.decimals("0.002", "0.2", places=3)),
    st.one_of(st.none(), st.decimals("0.05", "0.9", places=2)),
)
def test_no_proposal_is_refused(
    live: float,
    target: float,
    distance: float,
    scale: Scale,
    absolute: Decimal | None,
    relative: Decimal | None,
) -> None:
    limit = Limit(absolute, relative, pd.Timedelta(days=3))
    guardrail = Guardrail("a venue's", tuple((name, limit) for name in NAMES), scale)
    before, after = margins_of(live, distance, scale), margins_of(target, distance, scale)
    move = legal_move(before, after, pd.Timestamp("2026-01-01"), guardrail)
    state = dict(move.live)
    for step in move.path.steps:
        for name, value in step.values:
            apart = abs(value - state[name])
            assert absolute is None or apart <= absolute
            assert relative is None or apart <= relative * state[name]
        state = dict(step.values)
        assert state["maintenance_margin"] <= state["initial_margin"]
    assert state == move.target
    assert move.withheld or move.target == after


def test_luck_makes_more_of_more_trials() -> None:
    draws = np.random.default_rng(1).standard_normal((20_000, 50)).max(axis=1)
    assert expected_best(50) == pytest.approx(draws.mean(), abs=0.05)
    assert expected_best(1) == 0.0


def track(days: int, seed: int = 1, calm: float = 0.03) -> Track:
    """A market of daily bars with a sigma that is known exactly."""
    rng = np.random.default_rng(seed)
    sigma = calm * np.exp(0.5 * np.sin(np.arange(days) / 40.0))
    moves = sigma * rng.standard_t(4, days) / math.sqrt(2.0)
    close = 100.0 * np.exp(np.cumsum(moves))
    times = pd.date_range("2020-01-01", periods=days, freq="D", tz="UTC")
    ahead = np.append(sigma[1:], sigma[-1])
    return Track(
        "market",
        times,
        pd.Timedelta(days=1),
        close,
        close,
        close,
        np.zeros(days),
        ahead,
        np.zeros((days, 5)),
        VolatilitySpec.parse("garch-normal"),
    )


def bench(days: int = 1_000, seed: int = 1, changed: int | None = None) -> LoopBench:
    one = track(days, seed)
    if changed is not None:
        close = one.close.copy()
        close[changed:] *= np.exp(0.1 * np.sin(np.arange(days - changed)))
        one = Track(**{**vars(one), "close": close, "high": close, "low": close})
    mix = AccountMix("one group", "made up", (0.05,), (1.0,), (1.0,), holding_days=5.0)
    plan = JudgingPlan(mix, (Side.LONG, Side.SHORT), every=1, delay=0, cost=0.004)
    tracks = dict.fromkeys(("gjr-normal", "garch-normal", "ewma-normal"), one)
    return LoopBench(tracks, plan, HeldRule("today", "garch-normal", BASE), 0.05)


def test_the_loop_knows_nothing_of_what_comes() -> None:
    years = judged_years(bench())
    assert [year for year, _, _ in years] == [2021, 2022]
    whole = walk_loop(bench(), trials=6, bad_debt=500.0, rise=1.0)
    # what happens from 2022 on changes no choice that was made before
    cut = int((years[1][1] - pd.Timestamp("2020-01-01", tz="UTC")).days) + 1
    other = walk_loop(bench(changed=cut), trials=6, bad_debt=500.0, rise=1.0)
    for a, b in zip(whole.years[:2], other.years[:2], strict=True):
        assert a.search is not None
        assert b.search is not None
        assert [t.policy for t in a.search.trials] == [t.policy for t in b.search.trials]
        assert a.policy == b.policy
    assert whole.years[0].found.loss == other.years[0].found.loss
    assert whole.years[1].found.loss != other.years[1].found.loss
    table = whole.table()
    assert list(table.index) == ["2021", "2022", "all"]
    idle = [y for y in whole.years if y.policy is None]
    assert all(y.found.loss == y.today.loss for y in idle)


def test_a_best_trial_keeps_its_bounds_and_luck_is_taken_off() -> None:
    b = bench()
    span = LoopSpan.of(b.first, b.last, 1)
    found = search_policy(b, span, trials=18, rise=0.05)
    assert len(found.trials) == 18
    assert found.best is not None
    assert found.best.found.bad_debt_high <= found.bounds.bad_debt
    assert found.best.found.rise <= found.bounds.rise
    legal = [t.found.loss for t in found.trials if t.broken == 0.0]
    assert found.best.found.loss == min(legal)
    assert found.deflated < found.gain
    one = LoopSearch(span, found.bounds, found.today, (found.best,))
    assert one.deflated == one.gain


def test_bad_input_is_told_in_words() -> None:
    b = bench()
    span = LoopSpan.of(b.first, b.last, 1)
    with pytest.raises(InputError, match="trials"):
        search_policy(b, span, trials=0)
    found = search_policy(b, span, trials=4, bad_debt=1e-9, rise=1e-9)
    assert found.best is None
    assert found.adopted is None
    assert "met by none of 4 policies" in str(no_policy_meets(found))
    with pytest.raises(InputError, match="a year to choose on"):
        judged_years(bench(days=370))
    with pytest.raises(InputError, match="bound"):
        search_policy(b, span, trials=1, bad_debt=0.0)


def outcomes(exceptions: int, periods: int) -> pd.DataFrame:
    days = pd.date_range("2026-01-01", periods=periods + 1, freq="D", tz="UTC")
    return pd.DataFrame(
        {
            "market": "m",
            "challenger": "",
            "side": "long",
            "origin_utc": [d.isoformat() for d in days[:-1]],
            "target_utc": [d.isoformat() for d in days[1:]],
            "due_probability": 0.01,
            "exception": [i < exceptions for i in range(periods)],
        }
    )


def test_a_record_outside_its_band_stops_the_loop() -> None:
    calm, bad = record_of(outcomes(2, 200)), record_of(outcomes(8, 200))
    assert not calm.stops
    assert calm.due == pytest.approx(2.0)
    # 1 - P(X <= 7) of a binomial, n 200, p .01
    below = sum(math.comb(200, k) * 0.01**k * 0.99 ** (200 - k) for k in range(8))
    assert bad.chance == pytest.approx(1.0 - below, rel=1e-6)
    assert bad.stops
    assert not record_of(outcomes(0, 0)).stops


def test_the_default_limits_let_a_margin_double_in_days() -> None:
    live, target = (margins_of(x, 0.04, Scale.PPM) for x in (0.05, 0.1))
    move = legal_move(live, target, pd.Timestamp("2026-01-01"), DEFAULT_GUARDRAIL)
    assert not move.withheld
    assert 3 <= len(move.path.steps) <= 5


def test_a_floor_and_smoothing_are_published_as_they_are_said() -> None:
    sigma = np.array([0.01, 0.04, 0.01, 0.02])
    due, gap = np.ones(4, dtype=bool), np.zeros(4)
    plain = published(PublishedRule(2.0, 1, 0.0), sigma, due, gap)
    assert plain == pytest.approx(2.0 * sigma)
    floored = published(PublishedRule(2.0, 1, 0.0, floor=0.03), sigma, due, gap)
    assert floored == pytest.approx([0.03, 0.08, 0.03, 0.04])
    smooth = published(PublishedRule(2.0, 1, 0.0, smoothing=1.0), sigma, due, gap)
    squares = [0.01**2]
    for one in sigma[1:]:
        squares.append(0.5 * squares[-1] + 0.5 * one**2)
    assert smooth == pytest.approx(2.0 * np.sqrt(squares))
    with pytest.raises(InputError, match="cap"):
        check_rule(PublishedRule(2.0, 1, 0.0, floor=0.6), 10)


def test_a_memory_raises_the_forecast_after_a_blow_only() -> None:
    base = track(50)
    close = np.full(50, 100.0)
    close[30:] *= 0.8  # one fall of many sigma
    calm = Track(**{**vars(base), "close": close})
    found = remembering(calm, OwnSideMemory(0.3), 1).sigma / calm.sigma
    assert found[30] > 1.5
    assert (found[:30] <= 1.0 + 1e-12).all()


def test_words_of_a_policy_name_every_part() -> None:
    words = LoopPolicy(6.0, 0.5, 12.0, 24.0, math.inf, 0.3, 0.1, "gjr-normal").words()
    for part in ("6 sigma", "floor 50%", "12 h", "24 h", "no limit", "cap 30", "memory 10%"):
        assert part in words
