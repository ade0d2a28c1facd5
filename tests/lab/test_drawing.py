"""Drawings: what a page holds is what plotly's own objects would have written."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from riskkit.lab.drawing import Drawing, across, on_axes, panels, plain_json, scatter
from riskkit.lab.template import Colour, Theme, template

NAME = "</script><b>&"
DAYS = pd.date_range("2020-03-12", periods=3, tz="UTC")
DRAWN = Drawing(
    "drawn",
    [
        on_axes(scatter(DAYS, np.array([1.0, np.nan, -2.5]), name=NAME), 1),
        on_axes(scatter(pd.Series(DAYS), pd.Series([0.5, 1 / 3, 2.0]), line={"width": 2}), 2),
        scatter([None], [0.25], marker={"color": Colour.LOSS}),
    ],
    {
        **panels(["one", "two"], gap=0.1, across=False),
        "shapes": [across(0.01, 2)],
        "title": {"text": NAME},
        "height": 300,
    },
)


def on_page(html: str) -> tuple[Any, Any]:
    """Traces and layout of the page's call."""
    call = re.search(r'Plotly.newPlot\("drawn", (.*)\);', html)
    assert call is not None
    traces, layout, _ = json.loads(f"[{call[1]}]")
    return traces, layout


def test_a_page_holds_what_plotly_would_write() -> None:
    traces, layout = on_page(DRAWN.html(script=False))
    same = json.loads(pio.to_json(DRAWN.figure(), validate=True))
    for trace in (*traces, *same["data"]):
        if isinstance(trace["x"][0], str):  # plotly's script reads no zone
            trace["x"] = pd.to_datetime(trace["x"], utc=True).tolist()
    assert traces == same["data"]
    assert layout == same["layout"]


def test_no_name_ends_the_script() -> None:
    html = DRAWN.html(script=False)
    assert "<b>" not in html
    assert html.count("</script>") == 1


def test_numbers_travel_as_plotly_reads_them() -> None:
    values = {
        "grid": np.array([[1.0, 2.0], [3.0, np.nan]]),
        "counts": np.array([1, 2]),
        "words": pd.Index(["a", "b"]),
        "nothing": [np.nan, np.inf, 0.5],
        "one": np.float64(0.25),
    }
    found = json.loads(plain_json(values, packed=True))
    same = json.loads(pio.to_json(go.Figure(go.Heatmap(z=values["grid"]))))
    assert found["grid"] == same["data"][0]["z"]
    assert json.loads(plain_json(values))["grid"] == [[1.0, 2.0], [3.0, None]]
    assert found["counts"] == [1, 2]
    assert found["words"] == ["a", "b"]
    assert found["nothing"] == [None, None, 0.5]
    assert found["one"] == 0.25
    with pytest.raises(TypeError, match="set is nothing that a figure holds"):
        plain_json({1, 2})


def test_plotly_comes_once_and_only_where_it_is_asked_for() -> None:
    with_script, without = DRAWN.html(script=True), DRAWN.html(script=False)
    assert "plotly.js v" in with_script[:400]
    assert with_script.endswith(without.removeprefix("<div>"))


def test_a_figure_takes_the_theme() -> None:
    for theme in Theme:
        assert DRAWN.figure(theme).layout.template == template(theme)


def test_panels_share_the_height_and_the_horizontal_axis() -> None:
    layout = panels(["a", "b", "c"], gap=0.1, across=False)
    high = [layout[f"yaxis{n}"]["domain"] for n in ("", "2", "3")]
    np.testing.assert_allclose(high, [[0.7333, 1.0], [0.3667, 0.6333], [0.0, 0.2667]], atol=1e-4)
    assert [layout[f"xaxis{n}"].get("matches") for n in ("", "2", "3")] == ["x3", "x3", None]
    assert panels(["alone"], gap=0.1, across=False)["annotations"] == []
