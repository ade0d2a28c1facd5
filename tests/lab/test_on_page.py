"""Figures in a notebook can be read on any page, and a written page has its own scheme again."""

from __future__ import annotations

import subprocess
import sys

import plotly.graph_objects as go
import pytest

from riskkit.lab.on_page import OnAnyPage, as_written
from riskkit.lab.template import Theme, page_template, template

DATA = "application/vnd.plotly.v1+json"
PAGES = ("#FFFFFF", "#111111")  # JupyterLab's light and dark cells


def shown(theme: Theme | None) -> dict:
    figure = go.Figure(go.Scatter(y=[1.0, 2.0]))
    if theme is not None:
        figure.update_layout(template=template(theme))
    return OnAnyPage().to_mimebundle(figure.to_dict())[DATA]["layout"]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Of WCAG 2.1: from 1 to 21; 3 is asked of large text, 4.5 of small."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", PAGES)
def test_ink_can_be_read_on_either_page(page: str) -> None:
    # No grey has more than 4.35 on both.
    assert contrast(page_template().layout.font.color, page) > 4.1


def test_a_figure_of_the_house_takes_the_page_it_is_shown_on() -> None:
    layout = shown(Theme.LIGHT)["template"]["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    # What lies over the data keeps a ground of its own.
    assert layout["hoverlabel"]["bgcolor"] == "#FFFFFF"


def test_a_theme_that_was_asked_for_and_other_figures_stay() -> None:
    assert shown(Theme.DARK)["template"]["layout"]["paper_bgcolor"] == "#15191F"
    assert shown(None)["template"]["layout"]["paper_bgcolor"] == "white"


def test_a_written_page_gives_its_own_template_back() -> None:
    layout = as_written({**shown(Theme.LIGHT), "height": 300})
    assert layout["template"] == template(Theme.LIGHT).to_plotly_json()
    assert layout["height"] == 300
    for other in (Theme.DARK, None):
        assert as_written(shown(other)) == shown(other)


@pytest.mark.parametrize("kernel", [True, False])
def test_only_a_notebook_has_its_renderer_changed(kernel: bool) -> None:
    code = (
        "import sys, types\n"
        + ("sys.modules['ipykernel'] = types.ModuleType('ipykernel')\n" if kernel else "")
        + "import plotly.io as pio; pio.renderers.default = 'plotly_mimetype'\n"
        "import riskkit.lab.template\n"
        "print([type(r).__name__ for r in pio.renderers._default_renderers])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ("['OnAnyPage']" if kernel else "['PlotlyRenderer']")
