"""A settlement coin that breaks, the floor under who can wait, and what came after a day."""

import numpy as np
import pandas as pd
import pytest

from riskkit.collateral.aftermath import basis_aftermath, peg_aftermath
from riskkit.collateral.basis import basis_margins
from riskkit.collateral.peg import PeggedCoin, fit_pegs
from riskkit.collateral.redemption import accrual_per_year, redemption_floor
from riskkit.collateral.settlement import BreakingCoin, broken_pegs, healing_pegs
from riskkit.errors import InputError

COIN = BreakingCoin("USDX", 0.9, 0.01, 0.3, 0.01, 3.0)
DAYS = pd.date_range("2020-01-01", periods=900, tz="UTC")


def test_a_coin_breaks_once_on_every_path_and_heals():
    price = broken_pegs(COIN, 4_000, 30, 1.0, seed=1)
    assert (price[:, 0] == 1.0).all()
    broken = price < 1.0
    assert broken.any(axis=1).all()
    assert (broken.sum(axis=1) <= 3).all()
    # Held to the law itself: the share deeper than its own quantile.
    deep = 1.0 - price.min(axis=1)
    assert deep.min() >= 0.01
    limit = 0.01 + 0.01 * (0.1**-0.3 - 1.0) / 0.3
    assert (deep > limit).mean() == pytest.approx(0.1, abs=0.015)
    assert np.array_equal(price[:100], broken_pegs(COIN, 100, 30, 1.0, seed=1))
    healing = healing_pegs(COIN, 500, 30, 1.0, seed=1)
    assert (healing[:, 0] < 1.0).all()
    assert (healing[:, 3:] == 1.0).all()
    assert COIN.probability(365.0) == pytest.approx(1.0 - np.exp(-0.9))


def test_a_coin_without_a_law_is_refused():
    for bad in ((0.0, 0.01, 0.0, 0.01), (1.0, 0.0, 0.0, 0.01), (1.0, 0.01, 2.0, 0.01)):
        with pytest.raises(InputError, match="must be breaks a year above 0"):
            BreakingCoin("USDX", *bad)


def test_who_waits_loses_nothing_in_the_base_and_the_bases_falls_in_money():
    rng = np.random.default_rng(2)
    base = pd.Series(100.0 * np.exp(np.cumsum(0.03 * rng.standard_normal(900))), DAYS)
    rate = pd.Series(np.exp(0.04 * np.arange(900) / 365.0), DAYS)
    assert accrual_per_year(rate) == pytest.approx(0.04)
    now = redemption_floor(base, 0.0)
    assert (now.in_base, now.in_money) == (0.0, 0.0)
    week = redemption_floor(base, 7.0, accrual=0.04, interest=0.01)
    assert week.in_base == pytest.approx((0.01 - 0.04) * 7.0 / 365.0)
    # By its square root, seven days of 3 % at 99 %.
    assert week.in_money == pytest.approx(1.0 - np.exp(-2.33 * 0.03 * 7.0**0.5), abs=0.04)
    with pytest.raises(InputError, match="must be 0 or more"):
        redemption_floor(base, -1.0)
    with pytest.raises(InputError, match="for a queue of 700 days"):
        redemption_floor(base, 700.0)


def test_what_was_published_rests_on_the_day_and_what_came_on_the_days_after():
    price = np.ones(900)
    price[[100, 200, 300, 400, 500]] = [0.985, 0.98, 0.97, 0.98, 0.985]
    price[600] = 0.93
    coin = PeggedCoin("USDX", pd.Series(price, DAYS))
    day = DAYS[598]
    (found,) = peg_aftermath([coin], day)
    assert found.came == pytest.approx(0.07)
    known = fit_pegs([PeggedCoin("USDX", pd.Series(price[:599], DAYS[:599]))])["fiat-backed"]
    assert found.once_in_1000 == known.loss(1e-3)
    assert found.as_of == f"{day:%Y-%m-%d}"
    with pytest.raises(InputError, match="Choose a later day"):
        peg_aftermath([coin], "2019-01-01")
    noise = 0.002 * np.random.default_rng(1).standard_normal(900)
    noise[650:] -= 0.05
    basis = pd.Series(noise, DAYS)
    after = basis_aftermath(basis, DAYS[648], (1, 10))
    assert after.margins == basis_margins(basis.iloc[:649], (1, 10)).now
    assert after.came[10] == pytest.approx(0.05, abs=0.01)
    assert after.came[1] < 0.01
    with pytest.raises(InputError, match="before the last bar"):
        basis_aftermath(basis, DAYS[-1])
