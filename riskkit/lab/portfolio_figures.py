"""Figures of accounts of several positions. They draw, and compute nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.calibration.portfolio import JointAnswer
from riskkit.lab.scheme import figure_page
from riskkit.lab.template import Colour, Theme, left_headings, template
from riskkit.portfolio.margin import PortfolioMargin

MOST_ACCOUNTS = 40
PARTS = {
    "base": ("after offsets", Colour.LONG),
    "floor": ("floor", Colour.SHORT),
    "decorrelation": ("decorrelation", Colour.INITIAL),
    "concentration": ("concentration", Colour.LOSS),
}


def portfolio_figure(
    answer: JointAnswer,
    margin: PortfolioMargin,
    prices: pd.DataFrame,
    theme: Theme = Theme.LIGHT,
) -> go.Figure:
    """What accounts need beside what their legs would need alone; contributions; move to trigger.

    Shares of gross notional; the accounts with the largest requirement, at most 40.
    """
    rows = margin.table.sort_values("maintenance", ascending=False).head(MOST_ACCOUNTS)
    gross = rows["gross"].where(rows["gross"] > 0.0)
    figure = make_subplots(
        rows=3,
        cols=1,
        subplot_titles=(
            "maintenance margin, share of gross, beside the legs' own sum",
            "contribution of each asset, share of gross",
            "move of one asset's price that liquidates the account",
        ),
        vertical_spacing=0.11,
    )
    for name, (label, colour) in PARTS.items():
        figure.add_trace(
            go.Bar(
                x=rows["account"],
                y=rows[name] / gross,
                name=label,
                marker_color=colour.value,
                hovertemplate="%{x}: %{y:.2%}<extra>" + label + "</extra>",
            ),
            row=1,
            col=1,
        )
    figure.add_trace(
        go.Scatter(
            x=rows["account"],
            y=rows["legs"] / gross,
            name="legs alone",
            mode="markers",
            marker={"symbol": "line-ew-open", "size": 18, "color": Colour.LOSS.value},
            hovertemplate="%{x}: %{y:.2%}<extra>legs alone</extra>",
        ),
        row=1,
        col=1,
    )
    moves = prices / answer.panel.last_closes[prices.columns] - 1.0
    for k, asset in enumerate(margin.contributions.columns):
        shown = margin.contributions.loc[rows["account"], asset].to_numpy() / gross.to_numpy()
        shade = f"hsl({int(360 * k / len(margin.contributions.columns))}, 55%, 50%)"
        shared = {"x": rows["account"], "legendgroup": asset, "marker": {"color": shade}}
        figure.add_trace(
            go.Bar(
                y=shown, name=asset, hovertemplate="%{x}: %{y:.2%}<extra>" + asset + "</extra>",
                **shared,
            ),
            row=2,
            col=1,
        )  # fmt: skip
        at = moves.loc[rows["account"], asset].to_numpy()
        figure.add_trace(
            go.Scatter(
                y=np.where(np.isfinite(at), at, np.nan), name=asset, mode="markers",
                showlegend=False,
                hovertemplate="%{x}: %{y:+.1%}<extra>" + asset + "</extra>",
                **shared,
            ),
            row=3,
            col=1,
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(
        template=template(theme),
        barmode="relative",
        height=900,
        title={"text": f"{answer.study.title}: accounts<br><sup>{answer.statement}</sup>"},
        meta={"id": "portfolio"},
    )
    return left_headings(figure)


def portfolio_page(answer: JointAnswer, margin: PortfolioMargin, prices: pd.DataFrame) -> str:
    """The figure as a page of its own, self-contained."""
    return figure_page(portfolio_figure(answer, margin, prices))
