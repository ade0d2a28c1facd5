"""Accounts along bars with extremes: against an independent slow walk, and laws of fills."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.paths.inside import Fill
from riskkit.position import Side
from riskkit.simulation.bar_accounts import (
    REACH,
    AccountTerms,
    AskedMargin,
    Bars,
    OpenedAccounts,
    Outcomes,
    run_accounts,
)
from riskkit.venue.rule import PublishedRule, Raises, matured

N = 60


def market(seed: int, side: Side, holes: bool = True) -> tuple[Bars, AskedMargin, np.ndarray]:
    """Random bars, a margin that jumps about, and openings."""
    rng = np.random.default_rng(seed)
    close = np.exp(np.cumsum(rng.standard_t(3, N) * 0.02))
    reach = np.exp(-side.sign * np.abs(rng.standard_t(3, N)) * 0.02)
    extreme = close * reach
    stretch = np.cumsum(rng.random(N) < (0.03 if holes else 0.0)).astype(np.int64)
    margin = 0.02 + 0.08 * rng.random(N)
    return (
        Bars(close, extreme, extreme, stretch),
        AskedMargin(margin, margin),
        np.arange(0, N - 1, 2),
    )


def with_notice(asked: AskedMargin, notice: int) -> AskedMargin:
    raises = Raises.NEVER if notice < 0 else Raises.AFTER_NOTICE
    rule = PublishedRule(5.0, 2, 0.001, notice=max(notice, 0), raises=raises)
    return AskedMargin(asked.published, matured(rule, asked.published))


def slow(
    bars: Bars, asked: AskedMargin, opened: OpenedAccounts, side: Side, terms: AccountTerms
) -> list[tuple[int, int, float, bool]]:
    """The same, bar by bar, from what the module says in words: no running minimum, no bound."""
    found = []
    published = asked.published
    for u, posted in zip(opened.bar.tolist(), opened.margin.tolist(), strict=True):
        entry = float(bars.close[u])
        cash = posted * entry - side.sign * entry  # equity is cash + side * price
        result = None
        alone = True
        for v in range(u + 1, min(u + terms.horizon, N - 1) + 1):
            if bars.stretch[v] != bars.stretch[u]:
                result = result or (0, v - 1, 0.0)
                break
            oldest = u if terms.notice < 0 else max(u, v - 1 - terms.notice)
            asks = min(published[oldest:v])
            ratio = (cash + side.sign * bars.seen[v]) / bars.seen[v]
            if result is not None:
                alone = alone and ratio > published[u]
                continue
            if ratio > asks:
                continue
            alone = ratio > published[u]
            x = v + terms.delay
            if x > N - 1 or bars.stretch[x] != bars.stretch[u]:
                result = (0, v, 0.0)
                break
            logs = np.log([bars.close[x], bars.extreme[x]])
            price = np.exp(logs[0] + REACH[terms.fill] * (logs[1] - logs[0]))
            left = cash + side.sign * price - terms.cost * price
            result = (v, x, max(-left / entry, 0.0))
        if result is None:
            result = (0, min(u + terms.horizon, N - 1), 0.0)
        found.append((*result, alone and result[0] > 0))
    return found


def run(
    bars: Bars,
    asked: AskedMargin,
    at: np.ndarray,
    side: Side,
    terms: AccountTerms,
    distance: float = 0.04,
) -> Outcomes:
    opened = OpenedAccounts(at.astype(np.int64), asked.published[at] + distance)
    return run_accounts(bars, asked, opened, side, terms)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    side=st.sampled_from(list(Side)),
    fill=st.sampled_from(list(Fill)),
    notice=st.sampled_from([-1, 0, 1, 3, 10, 100]),
    delay=st.integers(0, 3),
    horizon=st.integers(1, 40),
)
def test_it_agrees_with_a_slow_walk(
    seed: int, side: Side, fill: Fill, notice: int, delay: int, horizon: int
) -> None:
    bars, asked, at = market(seed, side)
    asked = with_notice(asked, notice)
    terms = AccountTerms(horizon, delay, 0.002, fill, notice)
    found = run(bars, asked, at, side, terms)
    opened = OpenedAccounts(at.astype(np.int64), asked.published[at] + 0.04)
    for k, (trigger, end, debt, alone) in enumerate(slow(bars, asked, opened, side, terms)):
        assert (found.trigger[k], found.end[k], found.caused[k]) == (trigger, end, alone)
        assert found.bad_debt[k] == pytest.approx(debt, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.sampled_from(list(Side)), notice=st.integers(-1, 20))
def test_a_worse_fill_owes_no_less_and_liquidates_the_same(
    seed: int, side: Side, notice: int
) -> None:
    bars, asked, at = market(seed, side)
    asked = with_notice(asked, notice)
    found = [run(bars, asked, at, side, AccountTerms(30, 1, 0.002, fill, notice)) for fill in Fill]
    for better, worse in itertools.pairwise(found):
        assert (better.trigger == worse.trigger).all()
        assert (better.bad_debt <= worse.bad_debt + 1e-15).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.sampled_from(list(Side)))
def test_a_margin_that_never_moves_liquidates_nobody_by_itself(seed: int, side: Side) -> None:
    bars, _, at = market(seed, side)
    flat = np.full(N, 0.05)
    for notice in (-1, 0, 5):
        found = run(
            bars, AskedMargin(flat, flat), at, side, AccountTerms(30, 1, 0.002, notice=notice)
        )
        assert not found.caused.any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.sampled_from(list(Side)))
def test_a_raise_that_binds_no_open_position_liquidates_nobody_by_itself(
    seed: int, side: Side
) -> None:
    bars, asked, at = market(seed, side)
    found = run(bars, with_notice(asked, -1), at, side, AccountTerms(30, 1, 0.002, notice=-1))
    assert not found.caused.any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.sampled_from(list(Side)), shift=st.floats(0.1, 50.0))
def test_the_currency_does_not_matter(seed: int, side: Side, shift: float) -> None:
    bars, asked, at = market(seed, side)
    other = Bars(bars.close * shift, bars.seen * shift, bars.extreme * shift, bars.stretch)
    terms = AccountTerms(30, 1, 0.002)
    here, there = (run(b, asked, at, side, terms) for b in (bars, other))
    assert (here.trigger == there.trigger).all()
    np.testing.assert_allclose(here.bad_debt, there.bad_debt, atol=1e-12)


def test_a_fall_to_the_low_triggers_and_fills_where_it_says() -> None:
    """100 → low 94, close 99 → low 90, close 92, IM 10 %, MM 5 %, cost 1 %, by hand."""
    close = np.array([100.0, 99.0, 92.0])
    low = np.array([100.0, 94.0, 90.0])
    bars = Bars(close, low, low, np.zeros(3, np.int64))
    asked = AskedMargin(np.full(3, 0.05), np.full(3, 0.05))
    opened = OpenedAccounts(np.array([0]), np.array([0.10]))
    # At 94 equity is 10 - 6 = 4 < 4.7: triggered. Executed a bar later.
    for fill, price in (
        (Fill.CLOSE, 92.0),
        (Fill.MIDPOINT, (92.0 * 90.0) ** 0.5),
        (Fill.EXTREME, 90.0),
    ):
        found = run_accounts(bars, asked, opened, Side.LONG, AccountTerms(2, 1, 0.01, fill))
        assert found.trigger.tolist() == [1]
        assert found.end.tolist() == [2]
        owed = -(10.0 + price - 100.0 - 0.01 * price) / 100.0
        assert found.bad_debt[0] == pytest.approx(max(owed, 0.0))
