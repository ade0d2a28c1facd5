"""The house style of every figure: colours, type, axes, in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import plotly.graph_objects as go


class Theme(StrEnum):
    """Background of the figures."""

    LIGHT = "light"
    DARK = "dark"


class Colour(StrEnum):
    """Colours by meaning, from the palette of Okabe and Ito (safe for colour-blind readers)."""

    LONG = "#0072B2"
    SHORT = "#D55E00"
    LOSS = "#8A8F98"
    BREACH = "#CC2936"
    INITIAL = "#009E73"
    MAINTENANCE = "#E69F00"
    BAND = "rgba(86, 180, 233, 0.30)"
    RECOMMENDED = "#CC79A7"


_INK = {
    Theme.LIGHT: ("#FFFFFF", "#1F2933", "#E4E7EB"),
    Theme.DARK: ("#15191F", "#E4E7EB", "#323F4B"),
}
PERCENT = ".1~%"
#: Of a probability on a log axis, where a tick may be a thousandth of a per cent.
PROBABILITY = ".4~%"


#: No paper, and ink that has the same contrast on white as on JupyterLab's black.
_ANY_PAGE = ("rgba(0, 0, 0, 0)", "#777C84", "rgba(127, 133, 143, 0.30)")


def template(theme: Theme = Theme.LIGHT) -> go.layout.Template:
    """The house template: quiet grid, one hover label for all traces, no clutter."""
    return go.layout.Template(template_values(theme))


def template_values(theme: Theme = Theme.LIGHT) -> dict[str, Any]:
    """The house template as plain values, without loading plotly's objects."""
    return _values(*_INK[theme])


def page_template() -> go.layout.Template:
    """The house template for a page whose theme is not known, or changes."""
    found = go.layout.Template(_values(*_ANY_PAGE))
    paper, ink, grid = _INK[Theme.LIGHT]  # else a label would be as transparent as the paper
    found.layout.hoverlabel = {"bgcolor": paper, "bordercolor": grid, "font": {"color": ink}}
    return found


def _values(paper: str, ink: str, grid: str) -> dict[str, Any]:
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "ticks": "outside",
        "tickcolor": grid,
        "title": {"standoff": 8, "font": {"size": 13}},
        "automargin": True,
    }
    layout = {
        "font": {"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": ink},
        "paper_bgcolor": paper,
        "plot_bgcolor": paper,
        "title": {
            "x": 0.0,
            "xanchor": "left",
            "xref": "paper",
            "y": 1.0,
            "yanchor": "top",
            "pad": {"t": 18},
            "font": {"size": 16},
        },
        "colorway": [Colour.LONG, Colour.SHORT, Colour.INITIAL, Colour.MAINTENANCE],
        "xaxis": axis,
        "yaxis": axis,
        "hovermode": "x unified",
        # Below the plot it never runs into a title, however narrow the page.
        "legend": {
            "orientation": "h",
            "xanchor": "left",
            "x": 0.0,
            "yref": "container",
            "yanchor": "bottom",
            "y": 0.01,
        },
        "margin": {"l": 64, "r": 24, "t": 64, "b": 84},
    }
    return {"layout": layout}


def subtitled(title: str, *lines: str) -> str:
    """A title with smaller lines under it, evenly spaced: raised type would crowd the title."""
    small = "<br>".join(lines)
    return f'{title}<br><span style="font-size:12px">{small}</span>'


LEGEND_ROWS = 6
"""With two pins and today's numbers, in two columns."""
NARROW_LEGEND_ROWS = 11
#: Pixels above the panels, and of a row of the legend.
TOP, ROW = 96, 19


def quick_template(theme: Theme) -> go.layout.Template:
    """The house template without what has every label measured before an axis is drawn."""
    found = template(theme)
    found.layout.yaxis.title.standoff = None
    return found


def placed_panels(figure: go.Figure, headings: Sequence[str]) -> None:
    """Axes of two rows and two columns, each with its heading at the upper left."""
    left, right, top, bottom = [0.0, 0.45], [0.55, 1.0], [0.58, 1.0], [0.0, 0.4]
    places = (("", left, top), ("2", right, top), ("3", left, bottom), ("4", right, bottom))
    layout = {}
    for (number, x, y), heading in zip(places, headings, strict=True):
        layout[f"xaxis{number}"] = {"domain": x, "anchor": f"y{number}"}
        layout[f"yaxis{number}"] = {"domain": y, "anchor": f"x{number}"}
        figure.add_annotation(
            text=heading, x=x[0], y=y[1], xref="paper", yref="paper", yanchor="bottom",
            xanchor="left", showarrow=False,
        )  # fmt: skip
    figure.update_layout(**layout)


def four_panels(figure: go.Figure, name: str, theme: Theme, *, labels: int) -> go.Figure:
    """House style of an explorer's figure: four headed panels as wide as the page.

    Parameters
    ----------
    figure : Figure
        Of two rows and two columns, with four empty subplot titles.
    labels : int
        Pixels that the lower panels' axis labels take. The legend stands under them, in room kept
        for it: a legend that makes its own room has every axis drawn twice.
    """
    panels, size = 520, 12
    bottom = labels + 12 + ROW * LEGEND_ROWS
    figure.update_layout(
        template=quick_template(theme),
        meta={"id": name},
        autosize=True,
        height=TOP + panels + bottom,
        hovermode="closest",
        legend={"yref": "paper", "yanchor": "top", "y": -labels / panels, "font_size": size},
        # Room is kept for all that stands around the panels: plotly need not look for it.
        margin={"l": 72, "t": TOP, "b": bottom, "r": 16, "autoexpand": False},
    )
    # Every axis is drawn anew at every move, and these ask for every label to be measured first.
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(automargin=False, ticklabeloverflow="allow", zeroline=False)
    return left_headings(figure)


def one_column(*, labels: int) -> dict[str, Any]:
    """What changes in the layout of `four_panels` where the page is too narrow for two columns.

    Parameters
    ----------
    labels : int
        As there, of the last panel.
    """
    panel, gap = 200, 92
    panels = 4 * panel + 3 * gap
    bottom = labels + 12 + ROW * NARROW_LEGEND_ROWS
    found: dict[str, Any] = {
        "height": TOP + panels + bottom,
        "margin": {"b": bottom},
        "legend": {"y": -labels / panels},
        "annotations": [],
    }
    for i, number in enumerate(("", "2", "3", "4")):
        high = 1.0 - i * (panel + gap) / panels
        found[f"xaxis{number}"] = {"domain": [0.0, 1.0]}
        found[f"yaxis{number}"] = {"domain": [max(high - panel / panels, 0.0), high]}
        found["annotations"].append({"x": 0.0, "y": high})
    return found


def left_headings(figure: go.Figure) -> go.Figure:
    """Headings of the panels in small type, each at the left edge of its panel."""
    notes = [n for n in figure.layout.annotations if n.xref == n.yref == "paper"]
    for i, note in enumerate(notes, start=1):
        axis = figure.layout["xaxis" if i == 1 else f"xaxis{i}"]
        note.update(x=axis.domain[0], xanchor="left", font_size=13)
    return figure
