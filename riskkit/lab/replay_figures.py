"""Figures of a replayed margin rule: the margin in force, and the days on which accounts failed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.template import PERCENT, Colour, Theme, left_headings, template
from riskkit.proof.rule_judgement import RuleJudgement

MOST_POINTS = 4_000


def margin_in_force(judged: RuleJudgement, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Price, published maintenance margin, and every account that defaulted, over one clock.

    A cross is an account that ended with less than nothing: where it stood on the margin's scale
    is what was missing, a fraction of its notional.
    """
    margin = thinned(judged.base.margin)
    closes = judged.case.history.close.reindex(margin.index)
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.12,
        row_heights=[0.4, 0.6],
        subplot_titles=("price", "maintenance margin published, and bad debt of each default"),
    )
    line = {"color": Colour.LONG.value, "width": 1.2}
    figure.add_trace(
        go.Scatter(x=closes.index, y=closes, mode="lines", line=line, name="close"), row=1, col=1
    )
    figure.add_trace(
        go.Scatter(
            x=margin.index,
            y=margin,
            mode="lines",
            line={"color": Colour.MAINTENANCE.value, "width": 1.5, "shape": "hv"},
            name="maintenance margin",
        ),
        row=2,
        col=1,
    )
    failed = judged.base.accounts[judged.base.accounts["defaulted"]]
    for side, part in failed.groupby("side"):
        colour = Colour.LONG if side == "long" else Colour.SHORT
        figure.add_trace(
            go.Scatter(
                x=part["ended"],
                y=part["bad_debt"],
                mode="markers",
                marker={"color": colour.value, "symbol": "x", "size": 7, "opacity": 0.7},
                name=f"{side} in default: bad debt",
                customdata=np.stack([part["distance"], part["margin"]], axis=1),
                hovertemplate="bad debt %{y:.2%} · opened %{customdata[0]:.0%} from its trigger"
                " at a margin of %{customdata[1]:.2%}",
            ),
            row=2,
            col=1,
        )
    figure.update_yaxes(tickformat=PERCENT, rangemode="tozero", row=2, col=1)
    days = judged.base.judged.episodes
    title = (
        f"{judged.base.asset}: {len(failed):,} of {len(judged.base.accounts):,} accounts in "
        f"default, on {days} day{'' if days == 1 else 's'}"
    )
    figure.update_layout(
        template=template(theme),
        title_text=title,
        hovermode="closest",
        height=640,
        margin={"t": 96},
        meta={"id": "margin-in-force"},
    )
    return left_headings(figure)


def debt_by_distance(judged: RuleJudgement, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Bad debt a year of each group of accounts, under the rule and under its caps."""
    figure = go.Figure()
    shown = [
        name
        for name in judged.by_distance.columns
        if name == "the rule" or name.startswith(("capped", "constant"))
    ]
    for name in shown:
        figure.add_trace(
            go.Bar(
                x=[f"{distance:.0%}" for distance in judged.by_distance.index],
                y=judged.by_distance[name],
                name=name,
                # Five bars, and four colours that are told apart in either theme.
                marker={"pattern": {"shape": "/" if name.startswith("constant") else ""}},
                hovertemplate="%{y:,.1f} bps a year",
            )
        )
    figure.update_xaxes(title_text="IM - MM at opening", type="category")
    figure.update_yaxes(title_text="bad debt, bps a year of open interest")
    figure.update_layout(
        template=template(theme),
        title_text=f"{judged.base.asset}: who leaves the bad debt",
        barmode="group",
        height=420,
        meta={"id": "debt-by-distance"},
    )
    return figure


def thinned(margin: pd.Series) -> pd.Series:
    """A series with no more points than a page should carry, the highest of each stretch kept."""
    step = -(-len(margin) // MOST_POINTS)
    if step <= 1:
        return margin
    piece = np.arange(len(margin)) // step
    best = pd.Series(margin.to_numpy()).groupby(piece).idxmax().to_numpy()
    return margin.iloc[best]
