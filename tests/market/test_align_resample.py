"""Resampling, aligning and joining, on real series and against slow loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.market import (
    Calendar,
    PriceHistory,
    TableSource,
    align,
    history_from_table,
    join_spot_perpetual,
    resample,
)


def history(closes: dict[str, float], asset: str = "A", bar: str = "1h") -> PriceHistory:
    table = pd.DataFrame({"time": list(closes), "close": list(closes.values())})
    return history_from_table(table, TableSource(asset, "test"), bar=bar, calendar=Calendar.ALWAYS)


# Two neighbours are needed: without them, no stamp says that bars are of an hour.
HOURS = st.tuples(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 29)).map(
    lambda drawn: drawn[0] | {drawn[1], drawn[1] + 1}
)


@pytest.mark.parametrize(("bar", "due"), [("4h", 4), ("1d", 24), ("7d", 168)])
def test_longer_bars_are_those_of_a_slow_loop(btc_hourly, bar, due):
    part = btc_hourly.between("2017-10-30 05:00", "2017-12-20")  # five bars missing on 11-12
    longer = resample(part, bar)
    rows, dropped = [], []
    step = pd.Timedelta(hours=due)
    stamp = pd.Timestamp("2017-10-30", tz="UTC")  # a Monday
    while stamp <= part.last:
        inside = part.bars[(part.bars.index >= stamp) & (part.bars.index < stamp + step)]
        if len(inside) == due:
            rows.append(
                (
                    stamp,
                    inside["open"].iloc[0],
                    max(inside["high"]),
                    min(inside["low"]),
                    inside["close"].iloc[-1],
                    sum(inside["volume"]),
                )
            )
        elif len(inside):
            dropped.append((stamp.isoformat(), f"{due - len(inside)} of {due} bars missing"))
        stamp += step
    assert longer.provenance.dropped == tuple(dropped)
    assert len(dropped) >= 2
    assert list(longer.bars.index) == [row[0] for row in rows]
    columns = ["open", "high", "low", "close", "volume"]
    np.testing.assert_allclose(
        longer.bars[columns].to_numpy(), [row[1:] for row in rows], rtol=1e-12
    )
    assert str(longer.bars.index.dtype) == "datetime64[us, UTC]"
    assert longer.bar == step
    assert longer.bars_per_year == pytest.approx(8_760 / due)


def test_resampling_in_steps_or_at_once_is_the_same(btc_hourly):
    part = btc_hourly.between("2018-01-01", "2018-03-31")
    once, steps = resample(part, "1d"), resample(resample(part, "4h"), "1d")
    pd.testing.assert_frame_equal(once.bars, steps.bars, rtol=1e-12)


def test_a_hole_may_be_allowed_but_not_at_the_close(btc_hourly):
    part = btc_hourly.between("2017-11-10", "2017-11-14")
    missing = pd.Timestamp("2017-11-12", tz="UTC")
    assert missing not in resample(part, "1d").bars.index
    daily = resample(part, "1d", missing_allowed=5)
    assert daily.close[missing] == part.close[pd.Timestamp("2017-11-12T23:00Z")]
    lacks_close = resample(part, "3h", missing_allowed=2)
    assert pd.Timestamp("2017-11-12T03:00Z") not in lacks_close.bars.index  # 04:00, 05:00 missing
    assert pd.Timestamp("2017-11-12T06:00Z") not in lacks_close.bars.index


def test_closes_alone_give_closes_alone(eth_daily):
    weekly = resample(eth_daily, "7d")
    assert list(weekly.bars.columns) == ["close"]
    assert set(weekly.bars.index.day_of_week) == {0}
    monday = weekly.bars.index[10]
    assert weekly.close.iloc[10] == eth_daily.close[monday + pd.Timedelta(days=6)]


@pytest.mark.parametrize("bar", ["90min", "5h", "30h", "30min"])
def test_a_bar_that_is_no_multiple_is_refused(btc_hourly, bar):
    with pytest.raises(InputError, match="must be a multiple of 1 h"):
        resample(btc_hourly, bar)


def test_sessions_and_too_few_bars_are_refused(sp500, btc_hourly):
    with pytest.raises(InputError, match="only around-the-clock"):
        resample(sp500, "7d")
    with pytest.raises(InputError, match="no bar of this length is whole in 10 bars"):
        resample(btc_hourly.between(btc_hourly.first, btc_hourly.first + 9 * btc_hourly.bar), "1d")


def test_two_assets_share_a_calendar_and_their_holes_are_stated(eth_daily, btc_daily):
    aligned = align([eth_daily, btc_daily])
    closes = aligned.closes
    assert (closes.index[0], closes.index[-1]) == (btc_daily.first, eth_daily.last)
    assert closes.notna().all().all()
    for name, h in (("ETH/USD", eth_daily), ("BTC/USD", btc_daily)):
        np.testing.assert_array_equal(closes[name], h.close.loc[closes.index])
    span = pd.date_range(btc_daily.first, eth_daily.last, freq="D")
    gone = set(span) - set(closes.index)
    stated = {
        (row.asset, stamp)
        for row in aligned.holes.itertuples()
        for stamp in pd.date_range(row.start, row.end, freq="D")
    }
    assert {stamp for _, stamp in stated} == gone
    assert stated == {
        (h.asset, stamp) for h in (eth_daily, btc_daily) for stamp in span if stamp not in h.close
    }
    assert aligned.holes["bars"].sum() == len(stated)
    before = int((eth_daily.close.index < btc_daily.first).sum())
    assert aligned.left_out.to_numpy().tolist() == [["ETH/USD", before, "outside the common span"]]


def test_with_sessions_only_session_days_are_due(sp500, eth_daily):
    aligned = align([eth_daily, sp500])
    assert aligned.calendar is Calendar.SESSIONS
    assert (aligned.closes.index.day_of_week < 5).all()
    inside = sp500.bars.loc[aligned.closes.index[0] : aligned.closes.index[-1]]
    eth_lacks = aligned.holes.loc[aligned.holes["asset"] == "ETH/USD", "bars"].sum()
    assert len(aligned.closes) == len(inside) - eth_lacks
    reasons = set(aligned.left_out["reason"])
    assert reasons == {"outside the common span", "not due on the common calendar"}


@settings(max_examples=25, deadline=None)
@given(st.lists(HOURS, min_size=2, max_size=4))
def test_rows_and_stated_holes_make_up_the_common_span(sets):
    start = pd.Timestamp("2024-03-09", tz="UTC")
    names = "ABCD"[: len(sets)]
    several = [
        history({str(start + pd.Timedelta(hours=h)): 1.0 + h for h in sorted(s)}, asset=name)
        for name, s in zip(names, sets, strict=True)
    ]
    low, high = max(min(s) for s in sets), min(max(s) for s in sets)
    inside = [s & set(range(low, high + 1)) for s in sets]
    if low > high or not all(inside):
        with pytest.raises(InputError):
            align(several)
        return
    aligned = align(several)
    got = [int((t - start) / pd.Timedelta(hours=1)) for t in aligned.closes.index]
    assert got == sorted(set.intersection(*inside))
    missing = aligned.holes.groupby("asset")["bars"].sum()
    for name, s in zip(names, inside, strict=True):
        assert missing.get(name, 0) == high - low + 1 - len(s)


def test_what_cannot_be_aligned_is_refused(btc_hourly, btc_daily, eth_daily):
    with pytest.raises(InputError, match="bars of one length"):
        align([btc_hourly, replace(btc_daily, asset="other")])
    with pytest.raises(InputError, match="two or more, each named once"):
        align([btc_daily, btc_daily])
    early = eth_daily.between("2016-01-01", "2016-12-31")
    with pytest.raises(InputError, match="share a span"):
        align([early, btc_daily])
    shifted = replace(
        btc_daily, asset="shifted", bars=btc_daily.bars.shift(freq=pd.Timedelta(hours=1))
    )
    with pytest.raises(InputError, match="open at the same moments"):
        align([eth_daily, shifted])


def test_spot_joins_perpetual_with_basis_and_funding():
    stamps = [f"2024-01-01T{h:02d}:00:00Z" for h in range(7, 11)]
    spot = history(dict(zip(stamps, [100.0, 101.0, 102.0, 103.0], strict=True)))
    perpetual = history(dict(zip(stamps[1:], [101.0, 103.0, 103.5], strict=True)))
    paid = pd.Series(
        [1e-4, -2e-4, 3e-4],
        index=pd.to_datetime(
            ["2024-01-01T08:00:00.004Z", "2024-01-01T08:59:59.999Z", "2024-01-01T10:00:00Z"],
            format="ISO8601",
        ),
    )
    table = join_spot_perpetual(spot, perpetual, paid)
    assert list(table.index) == [pd.Timestamp(s) for s in stamps[1:]]
    np.testing.assert_allclose(
        table["log_basis"], np.log([101 / 101, 103 / 102, 103.5 / 103]), atol=1e-15
    )
    np.testing.assert_allclose(table["funding_rate"], [-1e-4, 0.0, 3e-4], atol=1e-18)
    assert "funding_rate" not in join_spot_perpetual(spot, perpetual)
