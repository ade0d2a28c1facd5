"""The fund explorer's figure: who uses a fund up, who pays, sizes, how far prices fall."""

from __future__ import annotations

import plotly.graph_objects as go

from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, four_panels, placed_panels

HEADINGS = (
    "Years that use a fund up",
    "Who pays, mean a year",
    "Fund, used up once in",
    "Years that fall further",
)
#: Pixels under the lower panels.
LABELS = 48
PAYERS = ("fund", "backstop", "tranche", "winners", "nobody")


def fund_panels(name: str, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The figure without its answer; every trace is named by its ``meta``."""
    figure = go.Figure()
    none: list[float] = []
    for meta, label, dash in (
        ("needed", "with the cascade", "solid"),
        ("still", "if closing moved no price", "dash"),
    ):
        figure.add_scatter(
            x=none,
            y=none,
            meta=meta,
            name=label,
            line={"color": Colour.BREACH.value, "dash": dash, "shape": "hv"},
            xaxis="x",
            yaxis="y",
        )
    figure.add_scatter(
        x=none,
        y=none,
        meta="today",
        name="the fund",
        mode="lines",
        line={"color": Colour.LOSS.value, "dash": "dot"},
        xaxis="x",
        yaxis="y",
    )
    figure.add_bar(
        x=list(PAYERS),
        y=[0.0] * len(PAYERS),
        meta="payers",
        marker={"color": Colour.LOSS.value},
        showlegend=False,
        xaxis="x2",
        yaxis="y2",
    )
    figure.add_bar(
        x=none,
        y=none,
        meta="sizes",
        marker={"color": Colour.INITIAL.value},
        error_y={"type": "data", "symmetric": False, "array": none, "arrayminus": none},
        showlegend=False,
        xaxis="x3",
        yaxis="y3",
    )
    for meta, dash, colour in (
        ("falls", "solid", Colour.INITIAL),
        ("falls endless", "dash", Colour.LOSS),
    ):
        figure.add_scatter(
            x=none,
            y=none,
            meta=meta,
            name="these layers" if meta == "falls" else "a fund that pays everything",
            line={"color": colour.value, "dash": dash, "shape": "hv"},
            xaxis="x4",
            yaxis="y4",
        )
    placed_panels(figure, HEADINGS)
    figure.update_layout(
        xaxis={"tickformat": PERCENT},
        yaxis={"type": "log", "tickformat": PROBABILITY},
        yaxis2={"tickformat": PERCENT},
        xaxis3={"type": "category", "title": "years"},
        yaxis3={"tickformat": PERCENT},
        xaxis4={"tickformat": PERCENT, "title": "fall of the price"},
        yaxis4={"type": "log", "tickformat": PROBABILITY},
    )
    return four_panels(figure, name, theme, labels=LABELS).update_layout(margin={"t": 40})
