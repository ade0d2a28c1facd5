"""Shared extremes: exact laws, and falls told apart from rises."""

import numpy as np
import pandas as pd
import pytest

from riskkit.dependence.extremes import normal_extremes, shared_extremes, student_tail_dependence
from riskkit.dependence.residuals import JointResiduals


def test_row_5_tail_dependence_of_the_t_copula():
    for nu, rho, wanted in ((4, 0.5, 0.2531699951), (4, 0.8, 0.4895897446),
                            (4, 0.0, 0.0755868184), (10, 0.5, 0.0818642312)):  # fmt: skip
        assert student_tail_dependence(nu, rho) == pytest.approx(wanted, abs=1e-9)


def test_a_normal_pair_is_independent_at_0_and_one_at_1():
    assert normal_extremes(0.0, 0.025) == pytest.approx(0.025, abs=1e-12)
    assert normal_extremes(1.0, 0.025) == 1.0
    assert 0.025 < normal_extremes(0.5, 0.025) < normal_extremes(0.8, 0.025) < 1.0


def test_falls_that_are_shared_are_told_from_rises_that_are_not():
    rng = np.random.default_rng(2)
    z = rng.standard_normal((20_000, 2))
    normal = z @ np.linalg.cholesky(np.array([[1.0, 0.6], [0.6, 1.0]])).T
    down = rng.random(20_000) < 0.04
    crash = normal.copy()
    crash[down] -= 4.0
    for values, falls in ((normal, None), (crash, 0.7)):
        dates = pd.RangeIndex(len(values))
        row = shared_extremes(JointResiduals(("A", "B"), dates, values)).iloc[0]
        if falls is None:
            assert row["falls"] == pytest.approx(row["normal"], abs=0.05)
            assert row["rises"] == pytest.approx(row["normal"], abs=0.05)
        else:
            assert row["falls"] > row["rises"] + 0.2
