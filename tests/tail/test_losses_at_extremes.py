"""Losses to the extremes of bars beside those to their closes, along history and in the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.position import Side
from riskkit.tail.along_history import with_realised_losses
from riskkit.validation.crashes import CrashMarket, crash_ledger


@pytest.fixture(scope="module")
def history() -> PriceHistory:
    rng = np.random.default_rng(8)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal(400)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = 0.02 * np.abs(rng.standard_normal((2, close.size)))
    table = pd.DataFrame(
        {
            "time": pd.date_range("2021-01-01", periods=close.size, tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(reach[0]),
            "low": np.minimum(opened, close) * np.exp(-reach[1]),
            "close": close,
        }
    )
    return history_from_table(table, TableSource("a market", "made for a test"), bar="1d")


@pytest.fixture(scope="module")
def losses(history) -> pd.DataFrame:
    origins = history.bars.index[100:]
    table = pd.concat(
        [pd.DataFrame({"origin": origins, "side": side.value}) for side in Side],
        ignore_index=True,
    )
    return with_realised_losses(table, history, 3, extremes=True)


def test_a_loss_at_the_extreme_is_to_the_low_of_a_long_and_the_high_of_a_short(history, losses):
    bars = history.bars
    for row in losses[losses["not_evaluated"] == ""].sample(40, random_state=1).itertuples():
        start = bars.loc[row.origin, "close"]
        last = bars.loc[row.origin + 3 * history.bar]
        long = row.side == "long"
        wanted = 1.0 - last["low"] / start if long else last["high"] / start - 1.0
        assert row.loss_at_extreme == pytest.approx(wanted)
        assert row.loss_at_extreme > row.realised_loss
    ends = losses[losses["not_evaluated"] != ""]
    assert len(ends) == 6
    assert ends["loss_at_extreme"].isna().all()


def test_closes_alone_gain_no_column(history, losses):
    plain = losses.drop(columns=["loss_at_extreme"])
    found = with_realised_losses(losses[["origin", "side"]], history, 3)
    pd.testing.assert_frame_equal(found, plain)


def test_the_ledger_counts_what_only_extremes_breach(losses):
    judged = losses[losses["not_evaluated"] == ""]
    table = pd.DataFrame(
        {
            "side": judged["side"],
            "start": judged["origin"],
            "target": judged["target"],
            "loss": judged["realised_loss"],
            "needed": judged["realised_loss"],
            "margin": 0.05,
        }
    )
    plain = crash_ledger(table, CrashMarket.CRYPTO).rows
    both = crash_ledger(
        table.assign(needed_at_extreme=judged["loss_at_extreme"]), CrashMarket.CRYPTO
    ).rows
    assert list(plain["event"].unique()) == ["2021-05-19"]
    pd.testing.assert_frame_equal(both[plain.columns], plain)
    inside = (table["target"] >= "2021-05-19") & (table["start"] < "2021-05-24")
    for row in both.itertuples():
        mine = inside & (table["side"] == row.side)
        beyond = judged["loss_at_extreme"][mine] - 0.05
        assert row.breached_at_extremes == (beyond > 0.0).sum() >= row.breached
        assert row.excess_at_extremes == pytest.approx(beyond.max())
    assert both["breached_at_extremes"].sum() > both["breached"].sum()
