"""The trade-off figure: four panels whose traces keep their places while a slider moves.

`trade_off` draws it empty; `riskkit.lab.figures.trade_off_data` says what every trace holds for a
setting, and an explorer writes that into the figure that is already on the screen.
"""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.figures.trade_off_data import PANELS
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, four_panels

#: Pixels of the names of the waterfall's parts.
LABELS = 152


def trade_off(name: str, *, loan: bool, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The empty figure: frontier in two panels, requirement along history, waterfall."""
    figure = make_subplots(
        rows=2,
        cols=2,
        row_heights=[0.52, 0.48],
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.11,
        vertical_spacing=0.2,
        subplot_titles=[" ", " ", " ", " "],
    )
    for trace, (row, col) in _slots(loan):
        figure.add_trace(trace, row=row, col=col)
    for col in (1, 2):
        figure.update_yaxes(type="log", dtick=1, tickformat=PROBABILITY, row=1, col=col)
        figure.update_xaxes(tickformat=PERCENT, tickangle=0, row=1, col=col)
    for col in (1, 2):
        figure.update_yaxes(tickformat=PERCENT, row=2, col=col)
    # The names of the waterfall's parts stand aslant under it.
    figure.update_xaxes(tickangle=-50, tickfont={"size": 11}, row=2, col=2)
    return four_panels(figure, name, theme, labels=LABELS)


def _slots(loan: bool) -> list[tuple[go.Scatter | go.Waterfall, tuple[int, int]]]:
    """Every trace, empty, with its panel; ``meta`` is the name by which `panels` knows it."""
    pins = [
        (
            _line(f"pin {i + 1} {panel}", colour, dash="dash", legend=panel == "default"),
            (1, col),
        )
        for i, colour in enumerate((Colour.RECOMMENDED, Colour.LOSS))
        for col, panel in enumerate(PANELS, start=1)
    ]
    frontier = [
        (trace, (1, col))
        for col, panel in enumerate(PANELS, start=1)
        for trace in (
            _area(f"{panel} band", legend=panel == "default"),
            _line(panel, Colour.LONG, legend=panel == "default"),
            _line(f"{panel} target", Colour.LOSS, dash="dot", legend=panel == "default"),
            _marks(f"{panel} recommended", Colour.BREACH, "star", 13, legend=panel == "default"),
            _marks(f"{panel} live", Colour.SHORT, "diamond", 11, legend=panel == "default"),
        )
    ]
    dated = "%{x|%Y-%m-%d}: %{y:.2%}"
    history = [
        # A line is one shape of the page: hundreds of dots are as many, drawn anew at every move.
        (_line("called for", Colour.LOSS, width=1, legend=True, hover=dated), (2, 1)),
        (_line("lenient", Colour.INITIAL, legend=True, hover=dated), (2, 1)),
        (_line("strict", Colour.MAINTENANCE, legend=True, hover=dated), (2, 1)),
        (_marks("breach", Colour.BREACH, "x", 8, legend=True, hover=dated), (2, 1)),
    ]
    history[1][0].name, history[2][0].name = (
        ("max LTV", "liquidation threshold") if loan else ("initial margin", "maintenance margin")
    )
    return [*pins, *frontier, *history, (_parts(), (2, 2))]


def _label(name: str) -> str:
    """What the legend says: the panels share one entry."""
    for word in ("target", "recommended"):
        if name.endswith(word):
            return word
    if name.endswith("live"):
        return "live today"
    if name.startswith("pin "):
        return f"pinned {name.split()[1]}"
    return {
        "default": "this setting",
        "liquidation": "this setting",
        "called for": "what losing periods called for",
    }.get(name, name)


def _area(name: str, *, legend: bool) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name="95 % Monte-Carlo band",
        fill="toself",
        fillcolor=Colour.BAND.value,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=legend,
    )


def _line(
    name: str,
    colour: Colour,
    *,
    dash: str = "solid",
    width: int = 2,
    legend: bool = False,
    hover: str = "%{x:.2%}: %{y:.3~%}",
) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name=_label(name),
        mode="lines",
        line={"color": colour.value, "width": width, "dash": dash},
        showlegend=legend,
        hovertemplate=hover + "<extra></extra>",
    )


def _marks(
    name: str,
    colour: Colour,
    symbol: str,
    size: int,
    *,
    legend: bool = False,
    hover: str = "%{x:.2%}: %{y:.3~%}",
) -> go.Scatter:
    return go.Scatter(
        meta=name,
        name=_label(name),
        mode="markers",
        marker={"color": colour.value, "symbol": symbol, "size": size},
        showlegend=legend,
        hovertemplate=hover + "<extra></extra>",
    )


def _parts() -> go.Waterfall:
    return go.Waterfall(
        meta="parts",
        name="parts",
        increasing={"marker": {"color": Colour.LONG.value}},
        decreasing={"marker": {"color": Colour.INITIAL.value}},
        totals={"marker": {"color": Colour.MAINTENANCE.value}},
        connector={"line": {"width": 1, "color": Colour.LOSS.value}},
        showlegend=False,
        hovertemplate="%{x}: %{delta:+.2%}, so far %{y:.2%}<extra></extra>",
    )
