"""Baskets: weights by independent means, what rebalancing costs, nothing known later."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from riskkit.collateral.baskets import (
    BASKETS,
    DIVERSE,
    LEAST,
    PARITY,
    BasketSpec,
    basket_weights,
    check_weights,
    shrunk_covariance,
    walk_baskets,
)
from riskkit.errors import InputError
from tests.support import ROOT, riskkit

RNG = np.random.default_rng(12)
DAYS = pd.date_range("2020-01-01", periods=700, tz="UTC")
MIXED = RNG.standard_normal((4, 4))
RETURNS = pd.DataFrame(
    RNG.standard_t(5, (700, 4)) @ MIXED * 0.01, index=DAYS, columns=["A", "B", "C", "D"]
)
SPEC = BasketSpec(window=100, every=20)


@pytest.mark.parametrize("seed", range(3))
def test_the_least_variance_is_that_of_a_general_optimiser(seed):
    root = np.random.default_rng(seed).standard_normal((6, 6))
    covariance = root @ root.T + 0.1 * np.eye(6)
    found = basket_weights(LEAST, covariance)
    other = minimize(
        lambda w: w @ covariance @ w,
        np.full(6, 1 / 6),
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        options={"ftol": 1e-14},
    ).x
    assert found @ covariance @ found <= other @ covariance @ other * (1.0 + 1e-9)
    assert check_weights(found) is not None
    parity = basket_weights(PARITY, covariance)
    parts = parity * (covariance @ parity)
    assert parts == pytest.approx(np.full(6, parts.mean()), rel=1e-8)
    # No long-only basket has a larger ratio of mean volatility to its own.
    volatility = np.sqrt(np.diag(covariance))

    def ratio(w):
        return w @ volatility / np.sqrt(w @ covariance @ w)

    best = ratio(basket_weights(DIVERSE, covariance))
    assert best >= max(ratio(w) for w in np.random.default_rng(1).dirichlet(np.ones(6), 2_000))


def test_a_covariance_is_drawn_to_the_identity_and_stays_one():
    few, many = RETURNS.to_numpy()[:30], RETURNS.to_numpy()
    for part in (few, many):
        found = shrunk_covariance(part)
        assert np.trace(found) == pytest.approx(np.trace(np.cov(part.T, bias=True)))
        assert np.linalg.eigvalsh(found)[0] > 0.0
    sample = np.cov(few.T, bias=True)
    assert abs(shrunk_covariance(few)[0, 1]) < abs(sample[0, 1])


def test_baskets_are_kept_and_judged():
    found = walk_baskets(RETURNS, SPEC)
    table = found.table.set_index("basket")
    assert list(table.index[:-1]) == list(BASKETS)
    assert table.index[-1].startswith("only ")
    assert table.loc["equal weight", "variance_ratio"] == 0.0
    assert table.loc["minimum variance", "volatility"] < 1.05 * table["volatility"][:-1].min()
    free = walk_baskets(RETURNS, BasketSpec(100, 20, 0.0))
    assert (free.returns.sum() >= found.returns.sum()).all()
    # By hand: an equal basket of the first stretch drifts.
    simple = np.expm1(RETURNS.to_numpy()[100:120])
    value = np.cumprod(1.0 + simple, axis=0).mean(axis=1)
    expected = value / np.append(1.0, value[:-1]) - 1.0
    assert free.returns["equal weight"].to_numpy()[:20] == pytest.approx(expected)


def test_what_comes_later_changes_no_earlier_basket():
    scrambled = RETURNS.copy()
    scrambled.iloc[400:] = -3.0 * scrambled.iloc[400:].to_numpy()[::-1]
    before, after = walk_baskets(RETURNS, SPEC).returns, walk_baskets(scrambled, SPEC).returns
    assert before.iloc[:300].equals(after.iloc[:300])


def test_weights_and_histories_that_are_none_are_refused():
    for bad in ([0.5, 0.6], [1.5, -0.5], [np.nan, 1.0]):
        with pytest.raises(InputError, match="sum to 1"):
            check_weights(np.array(bad))
    with pytest.raises(InputError, match="must be one of"):
        basket_weights("momentum", np.eye(2))
    with pytest.raises(InputError, match="must move"):
        shrunk_covariance(np.zeros((50, 2)))
    with pytest.raises(InputError, match="two assets"):
        walk_baskets(RETURNS[["A"]], SPEC)
    with pytest.raises(InputError, match="30 bars or more"):
        BasketSpec(window=5)


def test_the_command_prints_baskets(tmp_path, capsys):
    study = ROOT / "studies" / "btc-eth-accounts-daily.toml"
    assert riskkit("basket", study, "--out", tmp_path) == 0
    assert "risk parity" in capsys.readouterr().out
    rows = pd.read_csv(tmp_path / "btc-eth-accounts-daily" / "baskets.csv").set_index("basket")
    assert rows.loc["minimum variance", "haircut"] <= rows.loc["equal weight", "haircut"]
    assert riskkit("basket", study, "--cost", "-1") != 0
    assert "a cost in [0, 1)" in " ".join(capsys.readouterr().err.split())
