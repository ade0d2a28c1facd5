"""The dynamic tail looks only back, and its realised losses are those of the prices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.paths.run import Run
from riskkit.position import Side
from riskkit.tail.along_history import DynamicTail, dynamic_tail
from riskkit.tail.curve import TailTask
from riskkit.volatility.spec import VolatilitySpec

TASK = TailTask(loss_bars=2, loss_confidence=0.99, excursion_bars=1, excursion_confidence=0.95)


def run(history, threads=1, **options) -> DynamicTail:
    return dynamic_tail(
        history,
        VolatilitySpec.parse("garch-t"),
        TASK,
        Run(4_000, 5, threads),
        minimum_bars=600,
        refit_every=200,
        **options,
    )


@pytest.fixture(scope="module")
def tail(eth_daily) -> DynamicTail:
    return run(eth_daily.between(None, "2020-12-31"))


def test_nothing_looks_ahead(eth_daily, tail):
    # Cutting the history (between two refits) changes no forecast made before the cut.
    cut = eth_daily.bars.index[1111]
    short = run(eth_daily.between(None, cut))
    for side in Side:
        a, b = short.side(side), tail.side(side).iloc[: len(short.side(side))]
        columns = ["origin", "sigma", "model", "health"]
        pd.testing.assert_frame_equal(a[columns], b[columns])
        # The curve's end nodes move with the bars it serves, by less than its Monte-Carlo error.
        for column in ("tail_loss", "excursion", "floor_loss"):
            np.testing.assert_allclose(a[column], b[column], rtol=0.03)


def test_realised_losses_are_those_of_the_closes(eth_daily, tail):
    rows = tail.side(Side.LONG).set_index("origin")
    row = rows.loc[pd.Timestamp("2020-03-11", tz="UTC")]
    assert row["target"] == pd.Timestamp("2020-03-13", tz="UTC")
    # ETH closed at 194.57, 109.42 and 135.45 on the three days.
    assert row["realised_loss"] == pytest.approx(1 - 135.45 / 194.57, rel=1e-12)
    short = tail.side(Side.SHORT).set_index("origin").loc[pd.Timestamp("2020-03-12", tz="UTC")]
    close = eth_daily.close
    assert short["realised_loss"] == pytest.approx(close["2020-03-14"] / 109.42 - 1, rel=1e-12)


def test_periods_across_holes_and_beyond_the_end_have_a_reason(tail):
    rows = tail.side(Side.LONG)
    reasons = rows["not_evaluated"].value_counts()
    assert reasons["history ends first"] == 2
    assert reasons["crosses a hole"] >= 2
    assert (rows["realised_loss"].isna() == (rows["not_evaluated"] != "")).all()


def test_every_origin_has_one_row_per_side(eth_daily, tail):
    assert not tail.table.duplicated(["origin", "side"]).any()
    assert len(tail.side(Side.LONG)) == len(tail.side(Side.SHORT))
    assert tail.refits == len(range(600, len(eth_daily.between(None, "2020-12-31")) - 1, 200))


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_change_nothing(eth_daily, tail):
    part = eth_daily.between(None, "2018-01-31")
    pd.testing.assert_frame_equal(run(part, threads=1).table, run(part, threads=2).table)


def test_a_short_history_is_refused(eth_daily):
    with pytest.raises(InputError, match=r"prices: got 49 returns; a forecast needs more than"):
        run(eth_daily.between(None, eth_daily.bars.index[49]))
