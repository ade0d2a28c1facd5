"""What a study sees inside its bars, and what it says where the prices do not know it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.effort import effort_of
from riskkit.errors import InputError
from riskkit.market.ranges import log_ranges
from riskkit.market.returns import log_returns
from riskkit.paths.inside import Fill
from riskkit.study.case import Case
from riskkit.study.inside import inside_words, ranges_of, reranged
from riskkit.study.proposal import propose_study
from riskkit.study.study import parse_study
from riskkit.study.suited import SUITED, suited

BASE = {
    "schema_version": 2,
    "title": "BTC",
    "as_of": date(2019, 12, 31),
    "data": {"asset": "BTC", "prices": "btc.csv"},
}


def study(**liquidation):
    return parse_study({**BASE, "liquidation": liquidation, "model": {"holes": "left-out"}})


def test_extremes_are_watched_where_there_are_any_and_nothing_else_is_asked(btc_hourly, btc_daily):
    assert ranges_of(study(), btc_daily) is None
    assert ranges_of(study(trigger="close"), btc_hourly) is None
    found = ranges_of(study(fill="midpoint"), btc_hourly)
    assert found.fill is Fill.MIDPOINT
    returns = log_returns(btc_hourly)
    assert (found.table["low"] <= returns.values).all()
    assert (found.table["high"] >= returns.values).all()
    row = btc_hourly.bars.iloc[1]
    before = btc_hourly.close.iloc[0]
    assert found.table["low"].iloc[0] == pytest.approx(np.log(row["low"] / before))
    assert reranged(study(trigger="close"), found) is None
    assert reranged(study(fill="close"), found).fill is Fill.CLOSE


def test_extremes_that_the_prices_do_not_have_are_refused(btc_daily):
    for asked in ({"trigger": "extreme"}, {"fill": "extreme"}):
        with pytest.raises(InputError, match=r"needs a high and a low in every bar"):
            ranges_of(study(**asked), btc_daily)
    with pytest.raises(InputError, match=r"fill = extreme needs trigger = extreme"):
        study(trigger="close", fill="extreme")


def test_a_bar_that_contradicts_itself_touched_its_close(btc_hourly):
    bars = btc_hourly.bars.iloc[:50].copy()
    bars.loc[bars.index[7], ["high", "low"]] = bars["close"].iloc[7] * np.array([0.9, 1.1])
    bars.loc[bars.index[7], "open"] = bars["close"].iloc[7]
    history = replace(btc_hourly, bars=bars)
    returns = log_returns(history)
    table = log_ranges(history, returns)
    assert table["low"].iloc[6] == table["high"].iloc[6] == returns.values.iloc[6]


def test_bars_without_a_range_are_said(btc_hourly):
    bars = btc_hourly.bars.iloc[:400].copy()
    for name in ("open", "high", "low"):
        bars.iloc[100:124, bars.columns.get_loc(name)] = bars["close"].iloc[100:124]
    # The open of the day apart, a day whose high is its low moved all the same.
    found = ranges_of(study(), replace(btc_hourly, bars=bars))
    words = inside_words(found)
    assert "bars have no range: what they touched is not known" in words


@pytest.mark.parametrize("row", SUITED, ids=lambda row: f"{row.shortest}")
def test_what_suits_a_bar_is_enough_of_it(row):
    bar = max(row.shortest, pd.Timedelta(minutes=1))
    assert suited(bar) is row
    pace = parse_study(BASE).pace(bar)
    assert pace.minimum_bars >= 250
    assert pace.refit_every >= 1
    assert row.brief_history_days <= row.minimum_history_days
    assert pd.Timedelta(hours=row.holding_horizon_hours) / bar <= 1440


def test_days_and_bars_of_one_thing_are_not_both_said():
    with pytest.raises(InputError, match="not both: they are one thing"):
        parse_study({**BASE, "model": {"refit_every_days": 30, "refit_every_bars": 30}})
    with pytest.raises(InputError, match=r"minimum_history_days: got 2.*Give 10.4167 days"):
        parse_study({**BASE, "model": {"minimum_history_days": 2}}).pace(pd.Timedelta("1h"))


def test_a_longer_history_and_more_refits_are_foretold_to_take_longer(btc_hourly):
    asked = propose_study(btc_hourly, {"prices": "x"}, as_of=date(2019, 10, 17))
    whole = effort_of(Case.of(asked, btc_hourly))
    part = effort_of(Case.of(asked, btc_hourly.between(None, "2018-06-01")))
    more = effort_of(Case.of(asked.changed({"simulation.bootstrap_refits": 40}), btc_hourly))
    assert part.seconds < whole.seconds < more.seconds
    assert "of one processor" in whole.statement
