"""The ledger of named crashes, on real ETH prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.validation.crashes import EVENTS, CrashMarket, crash_ledger

DATA = Path(__file__).parents[2] / "data"
ETH = pd.read_csv(DATA / "eth_usd_daily.csv", index_col="time", parse_dates=True)["close"]


def table(close: pd.Series, margin: float, bars: int = 1) -> pd.DataFrame:
    close = close.tz_localize("UTC") if close.index.tz is None else close
    loss = (1.0 - close.shift(-bars) / close).iloc[:-bars]
    rows = pd.DataFrame(
        {"start": loss.index, "target": close.index[bars:], "loss": loss.to_numpy()}
    )
    short = rows.assign(loss=-rows["loss"], side="short")
    both = pd.concat([rows.assign(side="long"), short])
    return both.assign(margin=margin, needed=both["loss"])


def test_black_thursday_is_found_with_its_loss():
    # ETH closed at 194.57 on 2020-03-11 and at 109.42 on 2020-03-12 (data/README.md).
    ledger = crash_ledger(table(ETH, 0.30), CrashMarket.CRYPTO)
    row = ledger.rows.set_index(["event", "side"]).loc[("2020-03-12", "long")]
    assert row["worst"] == pd.Timestamp("2020-03-12", tz="UTC")
    assert row["loss"] == pytest.approx(1 - 109.42 / 194.57)
    assert row["excess"] == pytest.approx(1 - 109.42 / 194.57 - 0.30)
    assert not row["covered"]
    assert (row["opened"], row["breached"]) == (3, 1)


def test_more_margin_covers_more():
    ledgers = [crash_ledger(table(ETH, m), CrashMarket.CRYPTO).summary() for m in (0.05, 0.3, 0.9)]
    breached = [s["breached"] for s in ledgers]
    assert breached[0] > breached[1] > breached[2] == 0
    assert ledgers[2]["largest shortfall"] == 0.0
    assert ledgers[0]["largest shortfall"] == pytest.approx(1 - 109.42 / 194.57 - 0.05)


def test_events_outside_the_span_are_named():
    part = ETH.loc["2020-01-01":"2021-12-31"]
    ledger = crash_ledger(table(part, 0.2), CrashMarket.CRYPTO)
    assert set(ledger.rows["event"]) == {"2020-03-12", "2021-05-19"}
    outside = {e.name: why for e, why in ledger.outside}
    assert outside["2022-11"] == "not within 2020-01-01 to 2021-12-31"
    assert "2018-11" in outside
    assert len(ledger.outside) + 2 == sum(e.market is CrashMarket.CRYPTO for e in EVENTS)
    assert set(ledger.rows["side"]) == {"long", "short"}


def test_a_span_without_events_gives_an_empty_ledger():
    ledger = crash_ledger(table(ETH.loc["2023-01-01":"2023-06-30"], 0.2), CrashMarket.CRYPTO)
    assert ledger.rows.empty
    assert ledger.summary()["largest shortfall"] == 0.0


def test_longer_periods_touch_the_window():
    daily = crash_ledger(table(ETH, 0.3), CrashMarket.CRYPTO).rows
    weekly = crash_ledger(table(ETH, 0.3, bars=7), CrashMarket.CRYPTO).rows
    key = (daily["event"] == "2020-03-12") & (daily["side"] == "long")
    assert daily[key]["opened"].item() == 3
    key = (weekly["event"] == "2020-03-12") & (weekly["side"] == "long")
    assert weekly[key]["opened"].item() == 9
    assert weekly[key]["loss"].item() > 0.4


def test_events_are_in_order_and_named_once():
    assert all(e.first <= e.last for e in EVENTS)
    firsts = [e.first for e in EVENTS]
    assert firsts == sorted(firsts)
    assert len({e.name for e in EVENTS}) == len(EVENTS)
    assert np.all([e.what for e in EVENTS])


def test_bad_input():
    with pytest.raises(InputError, match=r"without \['margin'\]"):
        crash_ledger(table(ETH, 0.3).drop(columns="margin"), CrashMarket.CRYPTO)
    with pytest.raises(InputError, match="table: got no rows"):
        crash_ledger(table(ETH, 0.3).iloc[:0], CrashMarket.CRYPTO)
