"""Figures of accounts of several positions. They draw, and compute nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.calibration.portfolio import JointAnswer
from riskkit.lab.scheme import figure_page
from riskkit.lab.template import Colour, Theme, left_headings, template
from riskkit.portfolio.liquidation import liquidation_prices
from riskkit.portfolio.margin import PortfolioMargin
from riskkit.proof.panel_generations import PanelGenerations

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


def accounts_figure(
    answer: JointAnswer, margin: PortfolioMargin, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """`portfolio_figure` of a book of accounts."""
    return portfolio_figure(answer, margin, liquidation_prices(margin, answer.requirement), theme)


def rules_figure(found: PanelGenerations, title: str = "", theme: Theme = Theme.LIGHT) -> go.Figure:
    """`panel_generations_figure` under a title."""
    return panel_generations_figure(title, found, theme)


def panel_generations_figure(
    title: str, found: PanelGenerations, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """Margin of each rule at equal frequency and at equal bad debt; margin by group of books."""
    figure = make_subplots(
        rows=2,
        cols=1,
        subplot_titles=(
            "mean margin of the second half, share of gross",
            "by group of books, at equal bad debt",
        ),
        vertical_spacing=0.16,
    )
    for equal, colour in (("frequency", Colour.LONG), ("bad debt", Colour.SHORT)):
        rows = found.table[found.table["equal"] == equal]
        figure.add_trace(
            go.Bar(
                x=rows["rule"],
                y=rows["margin"],
                name=f"equal {equal}",
                marker_color=colour.value,
                customdata=rows[["defaults", "bad_debt_bps"]],
                hovertemplate="%{x}: %{y:.2%}, defaults %{customdata[0]:.2%}, bad debt "
                "%{customdata[1]:.2f} bps a day<extra></extra>",
            ),
            row=1,
            col=1,
        )
    held = found.groups[found.groups["equal"] == "bad debt"]
    for k, (rule, rows) in enumerate(held.groupby("rule", sort=False)):
        figure.add_trace(
            go.Scatter(
                x=rows["group"],
                y=rows["margin"],
                name=str(rule),
                mode="markers",
                marker={"symbol": k, "size": 10},
                hovertemplate="%{x}: %{y:.2%}<extra>" + str(rule) + "</extra>",
            ),
            row=2,
            col=1,
        )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_layout(
        template=template(theme),
        height=760,
        title={"text": f"{title}: how accounts are margined, equally safe"},
        meta={"id": "panel-generations"},
    )
    return left_headings(figure)


def panel_generations_page(title: str, found: PanelGenerations) -> str:
    """The figure as a page of its own, self-contained."""
    return figure_page(panel_generations_figure(title, found))
