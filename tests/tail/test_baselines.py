"""The simple formulas, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.tail.baselines import (
    ewma_normal,
    ewma_volatility,
    fixed_leverage,
    smart_ltv,
    student_margin,
)


def test_ewma_by_hand():
    r = np.array([0.01, -0.02, 0.03])
    sigma = ewma_volatility(r)
    h0 = np.mean(r**2)
    h1 = 0.94 * h0 + 0.06 * 0.01**2
    h2 = 0.94 * h1 + 0.06 * 0.02**2
    h3 = 0.94 * h2 + 0.06 * 0.03**2
    assert sigma**2 == pytest.approx([h0, h1, h2, h3])


def test_ewma_knows_no_future():
    r = np.random.default_rng(0).standard_normal(300)
    changed = np.concatenate([r[:200], 9.0 * r[200:]])
    assert np.array_equal(ewma_volatility(r)[:201], ewma_volatility(changed)[:201])
    assert ewma_volatility(changed)[201] != ewma_volatility(r)[201]


def test_ewma_normal_scales_with_the_root_of_time():
    var, es = ewma_normal([0.02], 0.01, 9, Side.LONG)
    move = 0.02 * 3 * stats.norm.isf(0.01)
    assert var == pytest.approx(1 - math.exp(-move))
    assert es == pytest.approx(1 - math.exp(-0.06 * stats.norm.pdf(stats.norm.isf(0.01)) / 0.01))
    short, _ = ewma_normal([0.02], 0.01, 9, Side.SHORT)
    assert short == pytest.approx(math.exp(move) - 1)


def test_student_margin_is_the_es_of_a_unit_variance_t():
    q = stats.t.isf(0.01, 6)
    es = stats.t.pdf(q, 6) / 0.01 * (6 + q**2) / 5 * math.sqrt(4 / 6)
    assert student_margin([0.03], 0.01, 1, Side.LONG)[1] == pytest.approx(1 - math.exp(-0.03 * es))


def test_smart_ltv_by_hand():
    ltv = smart_ltv([0.05, 0.05, 5.0], [4.0, 1.0, 1.0], [1.0, 1.0, 1.0], 0.05, 2.0)
    assert ltv == pytest.approx([math.exp(-0.05) - 0.05, math.exp(-0.1) - 0.05, 0.0])
    with pytest.raises(InputError, match=r"liquidity: got 0\.0; must be positive"):
        smart_ltv(0.05, 0.0, 1.0, 0.05, 2.0)


def test_fixed_leverage():
    assert fixed_leverage(20.0, 3).tolist() == [0.05, 0.05, 0.05]
    with pytest.raises(InputError, match=r"leverage: got 0\.5"):
        fixed_leverage(0.5, 3)
    with pytest.raises(InputError, match="probability: got 1"):
        ewma_normal([0.02], 1, 1, Side.LONG)
