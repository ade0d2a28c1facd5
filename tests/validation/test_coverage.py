"""Kupiec, binomial, traffic light, Christoffersen: published numbers, laws, bad input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.coverage import (
    Zone,
    binomial,
    binomial_interval,
    conditional_coverage,
    independence,
    proportion_of_failures,
    traffic_light,
)
from riskkit.validation.verdict import Decision, verdict_table

sequences = st.lists(st.booleans(), min_size=2, max_size=200)
rates = st.floats(0.001, 0.3)


def exceptions_at(n: int, where: list[int]) -> np.ndarray:
    flags = np.zeros(n, dtype=bool)
    flags[where] = True
    return flags


def markov_sequence(n00: int, n01: int, n10: int, n11: int) -> np.ndarray:
    """A sequence that starts and ends calm and shows exactly these transitions (n01 == n10)."""
    assert n01 == n10
    runs = [[True] * (2 if i < n11 else 1) for i in range(n01)]
    calm = [[False] for _ in range(n01 + 1)]
    calm[0] = [False] * (n00 + 1)
    flat: list[bool] = list(calm[0])
    for run, gap in zip(runs, calm[1:], strict=True):
        flat += run + gap
    return np.array(flat)


@pytest.mark.parametrize(
    ("p", "n", "x", "statistic", "p_value"),
    [(0.05, 1043, 57, 0.46147, 0.49694), (0.01, 1043, 17, 3.5118, 0.060933)],
)
def test_pof_matches_the_published_example(p, n, x, statistic, p_value):
    # MathWorks, Risk Management Toolbox, varbacktest `pof`: N = 1043 (5 printed digits).
    result = proportion_of_failures(exceptions_at(n, list(range(x))), p)
    assert result.statistic == pytest.approx(statistic, rel=2e-5)
    assert result.p_value == pytest.approx(p_value, rel=2e-5)
    assert (result.observations, result.exceptions) == (n, x)


def test_independence_and_conditional_coverage_match_the_published_example():
    # MathWorks, Risk Management Toolbox, varbacktest `cci` and `cc` (5 printed digits).
    flags = markov_sequence(932, 53, 53, 4)
    assert flags.size == 1043
    assert flags.sum() == 57
    cci = independence(flags)
    assert cci.statistic == pytest.approx(0.25866, abs=5e-6)
    assert cci.p_value == pytest.approx(0.61104, abs=5e-6)
    cc = conditional_coverage(flags, 0.05)
    assert cc.statistic == pytest.approx(0.72013, abs=5e-6)
    assert cc.p_value == pytest.approx(0.69763, abs=5e-6)


def test_small_case_by_hand():
    returns = [-1, -3, 0.5, -2.5, -2.1, 1, 0, -0.2, -4, 0.3, 0.1, 1.2, -0.7, -1.9, -2.2, 0.4, 0.9]
    flags = -np.array([*returns, -0.1, -0.3, 0.2]) > 2.0
    assert flags.sum() == 5
    assert proportion_of_failures(flags, 0.05).statistic == pytest.approx(9.0027157824, abs=1e-10)
    cc = conditional_coverage(flags, 0.05)
    assert cc.statistic == pytest.approx(9.1478399214, abs=1e-10)
    assert cc.p_value == pytest.approx(0.0103174364, abs=1e-10)
    assert cc.rejected


def naive_independence(flags: np.ndarray) -> float:
    """The product form, counted by a loop; only good for small samples with no empty cell."""
    n = {(a, b): 0 for a in (0, 1) for b in (0, 1)}
    for a, b in itertools.pairwise(flags):
        n[int(a), int(b)] += 1
    p01 = n[0, 1] / (n[0, 0] + n[0, 1])
    p11 = n[1, 1] / (n[1, 0] + n[1, 1])
    p = (n[0, 1] + n[1, 1]) / sum(n.values())
    null = (1 - p) ** (n[0, 0] + n[1, 0]) * p ** (n[0, 1] + n[1, 1])
    chain = (1 - p01) ** n[0, 0] * p01 ** n[0, 1] * (1 - p11) ** n[1, 0] * p11 ** n[1, 1]
    return -2.0 * math.log(null / chain)


@settings(deadline=None, max_examples=60)
@given(sequences)
def test_independence_equals_the_product_form(flags):
    x = np.array(flags)
    starts = x[:-1]
    if not starts.any() or starts.all():
        assert independence(x).decision is Decision.NOT_TESTABLE
        assert independence(x).p_value == 1.0
    else:
        assert independence(x).statistic == pytest.approx(naive_independence(x), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(sequences, rates)
def test_verdicts_are_numbers_for_any_sequence(flags, p):
    verdicts = [test(flags, p) for test in (proportion_of_failures, binomial, traffic_light)]
    for v in [*verdicts, independence(flags)]:
        assert math.isfinite(v.statistic)
        assert 0.0 <= v.p_value <= 1.0
    cc = conditional_coverage(flags, p)
    parts = proportion_of_failures(flags, p).statistic + independence(flags).statistic
    assert cc.statistic == pytest.approx(parts)


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 3000), rates, st.data())
def test_pof_depends_on_the_count_alone_and_is_zero_at_its_own_rate(n, p, data):
    x = data.draw(st.integers(1, n - 1))
    order = np.random.default_rng(x).permutation(exceptions_at(n, list(range(x))))
    lr = proportion_of_failures(order, p).statistic
    assert lr == proportion_of_failures(order[::-1], p).statistic
    assert proportion_of_failures(order, x / n).statistic == pytest.approx(0.0, abs=1e-9)
    # Slow independent form: likelihoods of the binomial law at both rates.
    slow = 2.0 * (stats.binom.logpmf(x, n, x / n) - stats.binom.logpmf(x, n, p))
    assert lr == pytest.approx(slow, abs=1e-6, rel=1e-7)


def test_long_samples_do_not_underflow():
    # The product form is 0/0 here: 0.95 ** 95_000 is below the smallest double.
    flags = np.random.default_rng(1).random(100_000) < 0.05
    cc = conditional_coverage(flags, 0.05)
    assert 0.0 < cc.statistic < 20.0


def test_no_exceptions_states_a_bound():
    v = proportion_of_failures(np.zeros(300, dtype=bool), 0.01)
    assert v.statistic == pytest.approx(-2.0 * 300 * math.log(0.99))
    assert "no exceptions in 300: the rate is below 0.00994" in v.note
    assert v.rejected
    cc = conditional_coverage(np.zeros(300, dtype=bool), 0.01)
    assert "no evidence on clustering" in cc.note


def test_only_exceptions_states_a_bound_and_rejects():
    v = proportion_of_failures(np.ones(20, dtype=bool), 0.01)
    assert v.statistic == pytest.approx(-2.0 * 20 * math.log(0.01))
    assert "only exceptions in 20: the rate is above 0.861" in v.note
    assert independence(np.ones(20, dtype=bool)).decision is Decision.NOT_TESTABLE
    assert traffic_light(np.ones(20, dtype=bool), 0.01).zone is Zone.RED


@pytest.mark.parametrize(
    ("x", "zone"),
    [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"), (10, "red")],
)
def test_traffic_light_has_the_basel_zones_at_250_days(x, zone):
    # Basel Committee (1996), table 2: 250 observations at 99 %.
    light = traffic_light(exceptions_at(250, list(range(x))), 0.01)
    assert light.zone.value == zone
    assert light.statistic == pytest.approx(stats.binom.cdf(x, 250, 0.01))
    assert light.p_value == pytest.approx(1.0 - stats.binom.cdf(x - 1, 250, 0.01))


def test_binomial_z_and_exact_p_value():
    v = binomial(exceptions_at(1000, list(range(16))), 0.01)
    assert v.statistic == pytest.approx(6.0 / math.sqrt(9.9))
    pmf = stats.binom.pmf(np.arange(1001), 1000, 0.01)
    assert v.p_value == pytest.approx(pmf[pmf <= pmf[16] * (1 + 1e-7)].sum())


@settings(deadline=None, max_examples=30)
@given(st.integers(100, 5000), rates)
def test_binomial_interval_holds_95_percent_and_no_slack(n, p):
    low, high = binomial_interval(n, p)
    assert stats.binom.cdf(low - 1, n, p) <= 0.025 < stats.binom.cdf(low, n, p) + 1e-12
    assert stats.binom.sf(high, n, p) <= 0.025 + 1e-12 < stats.binom.sf(high - 1, n, p) + 1e-12


@pytest.mark.parametrize(
    ("flags", "p", "match"),
    [
        ([], 0.01, r"exceptions: got shape \(0,\)"),
        ([[True]], 0.01, "must be a sequence of at least one observation"),
        ([0.0, 1.0, np.nan], 0.01, "must hold only true and false"),
        ([0, 2], 0.01, "must hold only true and false"),
        ([True, False], 1.0, "probability: got 1.0; must lie strictly between 0 and 1"),
        ([True, False], 0.0, "Write 1 % as 0.01"),
    ],
)
@pytest.mark.parametrize(
    "test", [proportion_of_failures, binomial, traffic_light, conditional_coverage]
)
def test_bad_input(test, flags, p, match):
    with pytest.raises(InputError, match=match):
        test(flags, p)


def test_verdict_table_has_a_row_per_test():
    flags = exceptions_at(500, [3, 4, 5, 200])
    table = verdict_table([proportion_of_failures(flags, 0.01), traffic_light(flags, 0.01)])
    assert list(table.index) == ["Kupiec POF", "Basel traffic light"]
    assert table.loc["Kupiec POF", "exceptions"] == 4
    assert not table.isna().any().any()
