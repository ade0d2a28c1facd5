"""The coverage figure: four panels whose traces keep their places while a slider moves.

`coverage` draws it empty; `riskkit.lab.figures.coverage_data` says what every trace holds.
"""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.figures.series import PINS
from riskkit.lab.template import PERCENT, Colour, Theme, four_panels

PIN_COLOURS = (Colour.RECOMMENDED, Colour.SHORT)
DATED = "%{x|%Y-%m-%d}: %{y:.2%}<extra></extra>"
#: Pixels of the names of the bars, in two lines.
LABELS = 56
COUNTED = "%{x|%Y-%m-%d}: %{y:.0f}<extra></extra>"


def coverage(name: str, *, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The empty figure: losses and VaR, exceptions so far, margins in force, their rises."""
    figure = make_subplots(
        rows=2,
        cols=2,
        row_heights=[0.5, 0.5],
        column_widths=[0.58, 0.42],
        horizontal_spacing=0.1,
        vertical_spacing=0.16,
        subplot_titles=[" ", " ", " ", " "],
    )
    for trace, (row, col) in _slots():
        figure.add_trace(trace, row=row, col=col)
    figure.update_yaxes(tickformat=PERCENT, rangemode="tozero", col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=2)
    figure.update_yaxes(ticksuffix="×", rangemode="tozero", row=2, col=2)
    figure.update_xaxes(tickangle=0, tickfont={"size": 11}, row=2, col=2)
    figure.update_layout(bargap=0.25, bargroupgap=0.06)
    # The multiples would run into each other beside the bars; a hover says them.
    return four_panels(figure, name, theme, labels=LABELS)


def _slots() -> list[tuple[go.Scatter | go.Bar, tuple[int, int]]]:
    """Every trace, empty, with its panel; ``meta`` is the name by which the data know it."""
    slots: list[tuple[go.Scatter | go.Bar, tuple[int, int]]] = [
        (_marks("loss", "loss", Colour.LOSS, "circle", 3), (1, 1)),
        (_line("var", "VaR, forecast before", Colour.MAINTENANCE), (1, 1)),
        (_marks("exception", "exception", Colour.BREACH, "x", 8), (1, 1)),
        (_band("expected band", "95 % of right forecasts"), (1, 2)),
        (_line("seen", "exceptions so far", Colour.BREACH, hover=COUNTED), (1, 2)),
        (_line("margin", "margin, no overlay", Colour.LOSS), (2, 1)),
        (_line("adjusted", "margin, this setting", Colour.LONG, width=2), (2, 1)),
        (_marks("breach", "breach", Colour.BREACH, "x-thin-open", 9, legend=True), (2, 1)),
        (_bars("rises plain", Colour.LOSS), (2, 2)),
        (_bars("rises adjusted", Colour.LONG), (2, 2)),
    ]
    for i, colour in enumerate(PIN_COLOURS[:PINS], start=1):
        title = f"pinned {i}"
        slots += [
            (_line(f"pin {i} adjusted", title, colour, dash="dash"), (2, 1)),
            (
                _line(f"pin {i} seen", title, colour, dash="dash", legend=False, hover=COUNTED),
                (1, 2),
            ),
            (_bars(f"pin {i} rises", colour), (2, 2)),
        ]
    return slots


def _line(
    name: str,
    title: str,
    colour: Colour,
    *,
    dash: str = "solid",
    width: float = 1.4,
    legend: bool = True,
    hover: str = DATED,
) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name=title,
        mode="lines",
        line={"color": colour.value, "width": width, "dash": dash},
        showlegend=legend,
        hovertemplate=hover,
    )


def _marks(
    name: str, title: str, colour: Colour, symbol: str, size: int, *, legend: bool = True
) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name=title,
        mode="markers",
        marker={
            "color": colour.value,
            "symbol": symbol,
            "size": size,
            "opacity": 0.5 if name == "loss" else 1.0,
            "line": {"color": colour.value, "width": 2 if symbol.endswith("-open") else 0},
        },
        showlegend=legend,
        hovertemplate=DATED,
    )


def _band(name: str, title: str) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name=title,
        fill="toself",
        fillcolor=Colour.BAND.value,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
    )


def _bars(name: str, colour: Colour) -> go.Bar:
    return go.Bar(
        meta=name,
        name=name,
        marker={"color": colour.value},
        showlegend=False,
        hovertemplate="%{x}: %{y:.2f}×<extra></extra>",
    )
