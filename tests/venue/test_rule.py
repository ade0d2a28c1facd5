"""A published margin rule: what stands published, what open positions are asked for, bad input."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.venue.rule import PublishedRule, Raises, check_rule, matured, published, stale_bars

RULE = PublishedRule(multiple=5.0, window=4, cost=0.002, interval=3, staleness=2)


def feed(seed: int, n: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = 0.004 * np.exp(np.cumsum(0.3 * rng.standard_normal(n)))
    due = np.arange(n) % 3 == 0
    gap = np.where(rng.random(n) < 0.05, rng.integers(1, 10, n), 0).astype(np.float64)
    return sigma, due, gap


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    change=st.sampled_from([0.1, 0.5, math.inf]),
    fallback=st.sampled_from([0.0, 0.08]),
)
def test_published_is_what_the_rule_says_in_words(
    seed: int, change: float, fallback: float
) -> None:
    sigma, due, gap = feed(seed)
    rule = replace(RULE, greatest_change=change, fallback=fallback, cap=0.2)
    found = published(rule, sigma, due, gap)
    last = min(5.0 * sigma[0] * 2.0 + 0.002, 0.2)
    for t in range(sigma.size):
        stale = any(gap[w] > 2 for w in range(max(t - 1, 0), t + 1))
        if due[t] or stale:
            asked = 5.0 * sigma[t] * 2.0 + 0.002
            if t > 0:
                asked = min(max(asked, last / (1.0 + change)), last * (1.0 + change))
            last = min(max(asked, fallback) if stale else asked, 0.2)
        assert found[t] == pytest.approx(last, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), notice=st.integers(0, 60))
def test_open_positions_are_asked_for_what_stood_published_for_the_notice(
    seed: int, notice: int
) -> None:
    margin = published(RULE, *feed(seed))
    found = matured(replace(RULE, notice=notice), margin)
    for v in range(1, margin.size):
        assert found[v] == min(margin[max(v - 1 - notice, 0) : v])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_longer_notice_asks_for_no_more(seed: int) -> None:
    margin = published(RULE, *feed(seed))
    asked = [matured(replace(RULE, notice=notice), margin) for notice in (0, 2, 9)]
    asked.append(matured(replace(RULE, raises=Raises.NEVER), margin))
    for shorter, longer in itertools.pairwise(asked):
        assert (longer <= shorter).all()


def test_a_late_rule_is_the_rule_of_then() -> None:
    sigma, due, gap = feed(3)
    now = published(RULE, sigma, due, gap)
    late = published(RULE.delayed(7), sigma, due, gap)
    assert (late[7:] == now[:-7]).all()
    assert (late[:7] == now[0]).all()


def test_the_feed_is_stale_after_a_silence_for_as_long_again() -> None:
    gap = np.array([0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 2.0, 0.0])
    assert stale_bars(gap, 2).tolist() == [False, False, True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"notice": 500}, "rule.notice"),
        ({"multiple": 0.0}, "rule.multiple"),
        ({"multiple": math.nan}, "rule.multiple"),
        ({"interval": 0}, "rule.interval"),
        ({"greatest_change": 0.0}, "rule.greatest_change"),
        ({"cap": 1.5}, "rule.cap"),
        ({"cap": 0.001}, "rule.cap"),
        ({"fallback": 0.7}, "rule.cap"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(changes: dict[str, float], argument: str) -> None:
    with pytest.raises(InputError) as found:
        check_rule(replace(RULE, **changes), 100)  # type: ignore[arg-type]
    assert found.value.argument == argument


def test_a_notice_that_never_ends_is_said_as_such() -> None:
    check_rule(replace(RULE, notice=500, raises=Raises.NEVER), 100)
