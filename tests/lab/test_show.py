"""One word for a result: what it shows, what it refuses; and files that are kept together."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import riskkit
from riskkit.errors import InputError
from riskkit.lab.explore import EXPLORERS
from riskkit.lab.show import VIEWS
from riskkit.parameters.build import build_parameter_file


def test_a_calibration_and_its_file_show_the_recommendation(btc_calibration, tmp_path):
    file = build_parameter_file(btc_calibration)
    recommended = btc_calibration.recommended[0].limits.trigger.value
    words = riskkit.show(btc_calibration).to_html()
    assert "recommended" in words
    assert f"{100 * float(recommended):.2f}"[:3] in words
    row = file.to_dict()["parameters"]["recommended"][0]
    assert str(row["maintenance_margin_fraction"])[:5] in riskkit.show(file).to_html()
    assert riskkit.read_parameter_file(file.write(tmp_path / "new" / "p.json")) == file


@pytest.mark.parametrize("view", VIEWS["Calibration"])
def test_every_look_at_a_calibration_is_a_table_or_a_figure(btc_calibration, view):
    found = riskkit.show(btc_calibration, view)
    assert isinstance(found, go.Figure) == (view not in ("requirements", "outcomes", "evidence"))
    assert found.to_json() if isinstance(found, go.Figure) else found.to_html()


def test_every_view_that_is_a_function_is_there():
    looks = [look for views in VIEWS.values() for look in views.values() if ":" in look]
    assert len(looks) > 15
    for look in looks:
        module, _, name = look.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_a_view_takes_what_it_needs(btc_daily):
    fit = riskkit.fit_volatility(riskkit.log_returns(btc_daily), "garch-t")
    tail = riskkit.fit_tail(-fit.residuals)
    assert riskkit.show(tail, losses=-fit.residuals, unit="sigmas").layout.title.text
    with pytest.raises(InputError, match="options: got nothing; missing a required argument"):
        riskkit.show(tail)
    assert "alpha" in riskkit.show(fit).to_html()
    fits = {"BTC": fit}
    curve = riskkit.show(fits, "news").data[0]
    assert curve.x[0] == pytest.approx(-5.0)
    assert np.all(np.diff(np.asarray(curve.y)[curve.x > 0.0]) > 0.0)
    assert "BTC" in riskkit.show(fits).to_html()
    assert len(riskkit.show(btc_daily).data) >= 1


def test_tables_are_shown_as_they_are_and_anything_else_is_refused():
    table = pd.DataFrame({"margin": [0.25, 0.5]})
    for result in (table, table["margin"], {"margin": 0.25}):
        assert "0.25" in riskkit.show(result).to_html()
    assert "25.00%" in riskkit.show(table, percent=["margin"]).to_html()
    with pytest.raises(InputError, match="result: got int; must be one of Calibration, "):
        riskkit.show(3)
    with pytest.raises(InputError, match="view: got map; must be one of table, sigma for DataFra"):
        riskkit.show(table, "map")


def test_an_explorer_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="what: got margin; must be one of margins, thresholds, b"):
        riskkit.explore("study.toml", "margin")
    with pytest.raises(InputError, match="study"):
        riskkit.explore("no-such-study.toml")
    assert "backtest" in EXPLORERS


def test_what_is_kept_is_read_again(btc_calibration, tmp_path):
    done = riskkit.keep(btc_calibration, tmp_path / "kept")
    assert {p.name for p in done.path.parent.iterdir()} == {"parameters.json", "report.html"}
    assert riskkit.read_parameter_file(done.path) == done.file
    assert done.venue is None
    with pytest.raises(InputError, match="venue: got nowhere; must be one of aave-v3"):
        riskkit.keep(btc_calibration, tmp_path / "kept", venue="nowhere")


def test_a_calibration_answers_for_a_side_in_words(btc_calibration):
    limits = btc_calibration.limits("long")
    assert limits is btc_calibration.recommended[0].limits
    entry, reach = 100.0, limits.trigger.value
    price = limits.liquidation_price(entry)
    assert limits.opening.value + price / entry - 1.0 == pytest.approx(reach * price / entry)
    with pytest.raises(InputError, match="side: got sideways; must be one of long"):
        btc_calibration.limits("sideways")


def test_the_delay_map_meets_the_frontiers_sweep_at_the_recommendation(btc_calibration):
    found = btc_calibration.delay_map("long", [0.5, 0.4], delays=[0, 2])
    trigger = btc_calibration.limits("long").trigger.value
    assert found.triggers.tolist() == sorted({0.5, 0.4, trigger})
    delay = btc_calibration.question.venue.delay
    at = btc_calibration.delay_map("long", [], delays=[delay]).table()[delay].loc[trigger]
    assert at == pytest.approx(btc_calibration.default_given_liquidation("long"), rel=1e-9)
