"""Figures of a venue under stress."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from riskkit.lab.template import PERCENT, PROBABILITY, Colour, template
from riskkit.position import Side
from riskkit.stress.answer import VenueStress
from riskkit.stress.cap import stress_displacement
from riskkit.stress.paths import path_returns
from riskkit.stress.scenarios import bar_by_bar
from riskkit.venue.criticality import RUN, SAFE, Criticality, sales

COLOURS = {Side.LONG: Colour.LONG, Side.SHORT: Colour.SHORT}
BIN = 0.001


def branching_figure(critical: Mapping[Side, Criticality], move: float) -> go.Figure:
    """Branching ratio by move of the mark: crash and calm depth, with and without the ten largest.

    Parameters
    ----------
    move : float
        The stress move, a simple fraction, which is marked.
    """
    figure = _figure("branching", "What one sale triggers: the branching ratio n")
    for side, found in critical.items():
        x = -side.sign * found.displacement
        for y, dash, name in (
            (found.crash, "solid", "crash depth"),
            (found.calm, "dash", "calm depth"),
            (found.crash_without, "dot", "crash, without the ten largest"),
        ):
            figure.add_scatter(
                x=x,
                y=np.maximum(y, 1e-3),
                mode="lines",
                name=f"{side.value}: {name}",
                line={"color": COLOURS[side].value, "dash": dash},
            )
        edge = -side.sign * stress_displacement(move, side)
        figure.add_vline(x=edge, line={"dash": "dot", "width": 1})
    for level, text in ((SAFE, "a half"), (RUN, "a run")):
        figure.add_hline(y=level, line={"width": 1}, annotation_text=text)
    figure.update_yaxes(type="log", title="n")
    figure.update_xaxes(title="move of the mark, in logs", tickformat=PERCENT)
    return figure


def branching_of(found: Criticality, move: float) -> go.Figure:
    """`branching_figure` of one side."""
    return branching_figure({found.side: found}, move)


def triggers_figure(found: VenueStress) -> go.Figure:
    """The book's triggers by displacement."""
    figure = _figure("triggers", "Where accounts are triggered")
    edges = np.arange(0.0, 0.5 + BIN, BIN)
    for side in found.critical:
        x, v = sales(found.venue.book, side, found.venue.engine, float(edges[-1]))
        heights, _ = np.histogram(x, edges, weights=v)
        figure.add_bar(
            x=-side.sign * (edges[:-1] + 0.5 * BIN),
            y=heights,
            width=BIN,
            name=side.value,
            marker={"color": COLOURS[side].value, "line": {"width": 0}},
        )
    figure.update_yaxes(title="quantity, money at today's price")
    figure.update_xaxes(title="move of the mark, in logs", tickformat=PERCENT)
    return figure


def losses_figure(found: VenueStress) -> go.Figure:
    """Share of paths with larger losses."""
    figure = _figure("losses", "What fund and winners bear")
    losses = np.sort(found.paths.losses / found.paths.open_interest)[::-1]
    share = (np.arange(losses.size) + 1.0) / losses.size
    some = losses > 0.0
    figure.add_scatter(
        x=losses[some],
        y=share[some],
        mode="lines",
        line={"color": Colour.BREACH.value, "shape": "hv"},
        name="paths",
    )
    figure.update_yaxes(type="log", title="share of paths", tickformat=PROBABILITY)
    figure.update_xaxes(title="loss, of open interest", tickformat=PERCENT)
    return figure


def worst_path(found: VenueStress) -> go.Figure:
    """The path with the largest losses, bar by bar."""
    figure = _figure("worst-path", "The worst path, bar by bar")
    returns = path_returns(found.world, found.run, found.paths.bars, found.paths.worst)
    rows = bar_by_bar(found.venue, returns, volatility=found.paths.volatility, margin=found.margin)
    figure.add_bar(
        x=rows.index,
        y=rows["closed"].diff().fillna(rows["closed"]) / found.paths.open_interest,
        name="closed, of open interest",
        yaxis="y2",
        marker={"color": Colour.LOSS.value},
    )
    for name, dash, colour in (
        ("market", "dash", Colour.LOSS),
        ("price", "solid", Colour.LONG),
    ):
        figure.add_scatter(
            x=rows.index, y=rows[name], name=name, line={"dash": dash, "color": colour.value}
        )
    figure.update_layout(
        yaxis={"title": "price, of the opening"},
        yaxis2={"overlaying": "y", "side": "right", "tickformat": PERCENT, "showgrid": False},
    )
    figure.update_xaxes(title="bar")
    return figure


def _figure(name: str, title: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(template=template(), title=title, meta={"id": name}, height=420)
    return figure
