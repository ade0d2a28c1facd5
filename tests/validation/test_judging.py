"""The three measures and their bands: against a slow account of every day, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.validation.judging import JudgedAccounts, JudgedDays, judge, pooled


def accounts(seed: int, k: int = 40, span: float = 12.0) -> JudgedAccounts:
    rng = np.random.default_rng(seed)
    opened = 100.0 + span * rng.random(k)
    ended = opened + 5.0 * rng.random(k)
    liquidated = rng.random(k) < 0.6
    defaulted = liquidated & (rng.random(k) < 0.3)
    return JudgedAccounts(
        opened=opened,
        ended=ended,
        account_share=rng.random(k),
        interest_share=rng.random(k),
        liquidated=liquidated,
        defaulted=defaulted,
        caused=liquidated & (rng.random(k) < 0.2),
        bad_debt=np.where(defaulted, 0.1 * rng.random(k), 0.0),
    )


def rows(whole: JudgedAccounts, keep: np.ndarray) -> JudgedAccounts:
    return JudgedAccounts(
        **{n: getattr(whole, n)[keep] for n in JudgedAccounts.__dataclass_fields__}
    )


def slow(whole: JudgedAccounts) -> dict[str, float]:
    """Account by account and day by day, as the measures are defined."""
    lived: dict[int, list[float]] = {}
    for k in range(whole.opened.size):
        a, b = float(whole.opened[k]), float(whole.ended[k])
        for day in range(int(a), int(b) + 1):
            share = max(min(b, day + 1.0) - max(a, float(day)), 0.0)
            one = lived.setdefault(day, [0.0] * 4)
            one[0] += share * whole.account_share[k]
            one[1] += share * whole.interest_share[k]
            if day == int(b):
                one[2] += whole.account_share[k] * whole.defaulted[k]
                one[3] += whole.interest_share[k] * whole.bad_debt[k]
    days = np.array([lived[day] for day in sorted(lived)])
    losses = sorted((100.0 * debt / oi for _, oi, _, debt in days), reverse=True)
    room, tail = 0.01 * len(losses), 0.0
    for loss in losses:
        part = min(room, 1.0)
        tail, room = tail + part * loss, room - part
        if room <= 0.0:
            break
    return {
        "account_day": days[:, 2].sum() / days[:, 0].sum(),
        "oi_year_bps": 365e4 * days[:, 3].sum() / days[:, 1].sum(),
        "episode_es": tail / (0.01 * len(losses)),
    }


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_it_agrees_with_a_slow_account_of_every_day(seed: int) -> None:
    whole = accounts(seed)
    found, expected = judge(whole).measures(), slow(whole)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_time_at_risk_and_losses_are_conserved(seed: int) -> None:
    whole = accounts(seed)
    days = judge(whole).days
    held = whole.ended - whole.opened
    assert days["account_days"].sum() == pytest.approx((held * whole.account_share).sum())
    assert days["oi_days"].sum() == pytest.approx((held * whole.interest_share).sum())
    assert days["bad_debt"].sum() == pytest.approx((whole.interest_share * whole.bad_debt).sum())
    assert days["liquidated"].sum() == whole.liquidated.sum()
    assert days["caused"].sum() == whole.caused.sum()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), cut=st.integers(1, 39))
def test_markets_pool_as_their_accounts_do(seed: int, cut: int) -> None:
    whole = accounts(seed)
    first = np.arange(whole.opened.size) < cut
    parts = pooled([judge(rows(whole, first)), judge(rows(whole, ~first))])
    together = judge(whole).measures()
    for name, value in parts.measures().items():
        assert value == pytest.approx(together[name], rel=1e-9, abs=1e-15)


def test_weights_scale_out_of_every_measure() -> None:
    whole = accounts(5)
    larger = JudgedAccounts(
        **{
            **{n: getattr(whole, n) for n in JudgedAccounts.__dataclass_fields__},
            "account_share": 3.0 * whole.account_share,
            "interest_share": 7.0 * whole.interest_share,
        }
    )
    assert judge(larger).measures() == pytest.approx(judge(whole).measures())


def harmless_added(whole: JudgedAccounts) -> JudgedAccounts:
    """Twice as many accounts by number, half of them liquidated without a loss."""
    doubled = {n: np.tile(getattr(whole, n), 2) for n in JudgedAccounts.__dataclass_fields__}
    new = np.arange(2 * whole.opened.size) >= whole.opened.size
    doubled["liquidated"] = doubled["liquidated"] | new
    doubled["defaulted"] = doubled["defaulted"] & ~new
    doubled["bad_debt"] = np.where(new, 0.0, doubled["bad_debt"])
    doubled["interest_share"] = np.where(new, 0.0, doubled["interest_share"])
    return JudgedAccounts(**doubled)


def test_harmless_liquidations_flatter_the_share_that_defaults_and_no_loss() -> None:
    """Why the share of liquidations that default is reported only."""
    before = judge(accounts(8))
    after = judge(harmless_added(accounts(8)))
    assert after.default_given_liquidation < 0.6 * before.default_given_liquidation
    assert after.oi_year_bps == pytest.approx(before.oi_year_bps)
    assert after.episode_es == pytest.approx(before.episode_es)


def test_episodes_are_days_and_runs_of_days() -> None:
    ended = np.array([1.5, 1.7, 2.5, 6.5, 9.0])
    k = ended.size
    on = np.array([True, True, True, True, False])
    one = np.ones(k)
    whole = JudgedAccounts(ended - 1.0, ended, one, one, on, on, ~on & on, 0.1 * on)
    judged = judge(whole)
    assert (judged.episodes, judged.runs) == (3, 2)
    assert judged.default_given_liquidation == 1.0


def test_a_band_holds_the_value_and_narrows_with_more_days() -> None:
    short, long = (judge(accounts(2, k, span)) for k, span in ((300, 60.0), (6_000, 1_200.0)))
    widths = []
    for judged in (short, long):
        low, high = judged.bands()["account_day"]
        assert low <= judged.account_day <= high
        widths.append((high - low) / judged.account_day)
    assert widths[1] < 0.5 * widths[0]


def test_defaults_of_one_day_do_not_narrow_a_band_by_their_number() -> None:
    """A hundred accounts that default together are one fact, not a hundred."""
    one, many = accounts(4, 60, 60.0), accounts(4, 60, 60.0)
    repeated = rows(many, np.repeat(np.arange(60), 100))
    assert judge(repeated).bands()["account_day"] == pytest.approx(
        judge(one).bands()["account_day"]
    )


def test_a_band_covers_what_it_says() -> None:
    """Independent days with a known rate: the 95 % band covers it in most of 200 samples."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        days = pooled([judge(accounts(1, 4, 1.0))]).days.iloc[:1]
        table = days.loc[days.index.repeat(200)].reset_index(drop=True)
        table["account_days"], table["oi_days"] = 10.0, 10.0
        table["defaults"] = rng.poisson(0.5, 200).astype(float)
        low, high = JudgedDays(table).bands(draws=200, block=5)["account_day"]
        hits += low <= 0.05 <= high
    assert 0.87 <= hits / 200 <= 0.99


def test_fewer_than_two_blocks_of_days_have_no_band() -> None:
    whole = judge(accounts(3, 60, 8.0))
    assert len(whole.days) < 14
    assert np.isnan(whole.bands()["account_day"]).all()
    assert not np.isnan(whole.bands(block=2)["account_day"]).any()


def test_no_accounts_are_refused_and_so_is_a_band_of_nothing() -> None:
    with pytest.raises(InputError) as found:
        judge(accounts(1, 0))
    assert found.value.argument == "accounts"
    with pytest.raises(InputError):
        judge(accounts(1)).bands(block=0)
