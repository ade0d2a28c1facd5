"""The house style of every figure: colours, type, axes, in light and dark."""

from __future__ import annotations

from enum import StrEnum

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


def template(theme: Theme = Theme.LIGHT) -> go.layout.Template:
    """The house template: quiet grid, one hover label for all traces, no clutter."""
    paper, ink, grid = _INK[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "ticks": "outside",
        "tickcolor": grid,
        "title": {"standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout=go.Layout(
            font={"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": ink},
            paper_bgcolor=paper,
            plot_bgcolor=paper,
            title={"x": 0.0, "xanchor": "left", "xref": "paper", "font": {"size": 16}},
            colorway=[Colour.LONG, Colour.SHORT, Colour.INITIAL, Colour.MAINTENANCE],
            xaxis=axis,
            yaxis=axis,
            hovermode="x unified",
            legend={
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.0,
                "xanchor": "right",
                "x": 1.0,
            },
            margin={"l": 64, "r": 24, "t": 72, "b": 48},
        )
    )


def four_panels(figure: go.Figure, name: str, theme: Theme) -> go.Figure:
    """House style of an explorer's figure: four headed panels as wide as the page.

    Parameters
    ----------
    figure : Figure
        Of two rows and two columns, with four empty subplot titles.
    """
    figure.update_layout(
        template=template(theme),
        meta={"id": name},
        autosize=True,
        height=800,
        hovermode="closest",
        legend={"y": 1.05, "x": 0.0, "xanchor": "left"},
        margin={"t": 150, "b": 110, "r": 16},
        title={"y": 0.98, "yanchor": "top"},
    )
    figure.update_xaxes(title_font_size=12)
    figure.update_yaxes(title_font_size=12)
    figure.update_annotations(font_size=13, xanchor="left")
    for note, axis in zip(figure.layout.annotations, ("", "2", "3", "4"), strict=True):
        note.x = figure.layout[f"xaxis{axis}"].domain[0]
    return figure
