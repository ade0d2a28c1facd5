"""Several histories on one clock."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import Calendar, load_prices, load_sample, log_returns
from riskkit.market.panel import Panel
from tests.support import ROOT

BTC = load_prices(ROOT / "data" / "btc_usd_daily.csv", asset="BTC")
ETH = load_prices(ROOT / "data" / "eth_usd_daily.csv", asset="ETH")


def test_each_asset_keeps_its_own_start_and_a_panel_of_one_changes_nothing():
    panel = Panel.of([BTC, ETH])
    assert panel.asset("ETH").first == ETH.first
    assert panel.returns()["ETH"].values.equals(log_returns(ETH).values)
    alone = Panel.of([ETH])
    assert alone.joint_returns()["ETH"].to_numpy().tolist() == log_returns(ETH).array.tolist()
    joint = panel.joint_returns()
    assert joint.index[0] > BTC.first
    assert joint.loc[joint.index[5], "ETH"] == log_returns(ETH).values.loc[joint.index[5]]


def test_what_falls_into_a_hole_is_in_no_joint_row_and_is_counted():
    gap = BTC.bars.index[600:607]
    holed = replace(BTC, bars=BTC.bars.drop(gap))
    panel = Panel.of([holed, ETH])
    missing = gap.append(BTC.bars.index[[607]])
    assert not panel.joint_returns().index.isin(missing).any()
    row = panel.coverage().set_index("asset").loc["BTC"]
    assert row["lacking"] >= len(gap)


def test_a_market_round_the_clock_beside_sessions_spans_what_the_sessions_span():
    shares = load_sample("sp500")
    panel = Panel.of([shares, ETH.between(None, "2018-12-31")])
    assert panel.calendar is Calendar.SESSIONS
    assert "session ends hours before" in panel.notes[0]
    assert panel.left_out["bars"].sum() > 0
    joint = panel.joint_returns()
    assert set(joint.index.day_of_week) <= {0, 1, 2, 3, 4}
    monday = next(day for day in joint.index if day.day_of_week == 0)
    friday = monday - pd.Timedelta(days=3)
    expected = np.log(ETH.close.loc[monday] / ETH.close.loc[friday])
    assert joint.loc[monday, "ETH"] == pytest.approx(expected, abs=1e-15)


def test_closes_that_come_a_bar_late_are_told_by_their_correlation():
    late = replace(BTC, asset="LATE", bars=BTC.bars.assign(close=ETH.close.reindex(BTC.bars.index)))
    bars = late.bars.dropna(subset="close")
    shifted = bars.assign(close=bars["close"].shift(1)).dropna()
    table = Panel.of([BTC, replace(late, bars=shifted)]).lead_lag()
    assert table["asynchronous"].all()
    assert not Panel.of([BTC, ETH]).lead_lag()["asynchronous"].any()


def test_a_panel_of_files_a_folder_and_until_a_day(tmp_path):
    for history in (BTC, ETH):
        history.bars[["close"]].to_csv(tmp_path / f"{history.asset}.csv")
    panel = Panel.of_folder(tmp_path)
    assert panel.names == ("BTC", "ETH")
    assert Panel.of_files([tmp_path / "ETH.csv"]).names == ("ETH",)
    early = panel.until(pd.Timestamp("2019-01-01", tz="UTC"))
    assert early.names == ("ETH",)
    assert early.last_closes["ETH"] == ETH.close.loc["2019-01-01 00:00:00+00:00"]


@pytest.mark.parametrize(
    ("histories", "words"),
    [
        ([], "one or more"),
        ([BTC, replace(ETH, asset="BTC")], "each named once"),
        ([BTC, replace(BTC, asset="BTC2")], "must be two series"),
        ([BTC, replace(ETH, bar=pd.Timedelta(hours=1))], "one length"),
    ],
)
def test_what_is_no_panel_is_refused_in_words(histories, words):
    with pytest.raises(InputError, match=words):
        Panel.of(histories)


def test_an_unknown_asset_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="BTC, ETH"):
        Panel.of([BTC, ETH]).asset("DOGE")
    with pytest.raises(InputError, match="must hold price files"):
        Panel.of_folder(tmp_path)
