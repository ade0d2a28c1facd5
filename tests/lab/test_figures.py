"""Figures say what their marks are, and nothing on them is cut short."""

from __future__ import annotations

import pandas as pd
import pytest

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.result import Calibration
from riskkit.lab.figures import frontier
from riskkit.lab.notebook_figures import crash_cover, margin_waterfall, price_and_findings
from riskkit.lab.template import PROBABILITY
from riskkit.market import PriceHistory
from tests.support import small_study


@pytest.fixture(scope="module")
def calibration(btc_daily: PriceHistory) -> Calibration:
    return calibrate(small_study(simulation={"bootstrap_refits": 0}), btc_daily)


def test_the_frontier_names_every_mark_and_unit(calibration: Calibration) -> None:
    figure = frontier(calibration)
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert named == ["long", "short", "recommended", "target", "95 % interval"]
    for axis in (figure.layout.xaxis, figure.layout.xaxis2):
        assert axis.title.text.endswith(", % of notional")
    for axis in (figure.layout.yaxis, figure.layout.yaxis2):
        # Two digits showed a thousandth of a per cent as "0%".
        assert axis.tickformat == PROBABILITY == ".4~%"


def test_a_side_has_one_colour_in_the_waterfall(calibration: Calibration) -> None:
    for trace in margin_waterfall(calibration).data:
        colours = {getattr(trace, part).marker.color for part in ("increasing", "decreasing")}
        assert colours == {trace.totals.marker.color}


def test_holes_are_in_the_legend_where_there_are_any(
    eth_daily: PriceHistory, btc_daily: PriceHistory
) -> None:
    assert [t.name for t in price_and_findings(eth_daily).data] == ["close", "bars missing"]
    assert [t.name for t in price_and_findings(btc_daily).data] == ["close"]


def test_policies_stand_beside_each_other_and_are_dots_in_the_legend() -> None:
    rows = pd.DataFrame(
        {
            "event": ["2020-03-12", "2022-11"],
            "what": ["Black Thursday", "end of FTX"],
            "loss": [0.44, 0.15],
            "margin": [0.18, 0.17],
            "covered": [False, True],
        }
    )
    figure = crash_cover({"dynamic": rows, "static": rows}, "ETH")
    marks = [t for t in figure.data if t.type == "scatter" and t.offsetgroup]
    assert [list(t.marker.symbol) for t in marks] == [["x", "circle"]] * 2
    assert len({t.offsetgroup for t in marks}) == 2
    legend = [t for t in figure.data if t.type == "scatter" and t.showlegend is not False]
    assert [(t.name, t.marker.symbol) for t in legend] == [
        ("dynamic", "circle"),
        ("static", "circle"),
    ]
