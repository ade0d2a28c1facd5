"""Figures of collateral: pegs, a token's basis, closed hours, baskets. They compute nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from riskkit.collateral.basis import BasisMargins
from riskkit.collateral.baskets import BasketWalk
from riskkit.collateral.closed_hours import ClosedMargins
from riskkit.collateral.peg import PegLaw
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, template


def pegs_figure(laws: Mapping[str, PegLaw], theme: Theme = Theme.LIGHT) -> go.Figure:
    """What a day costs, by how rarely: each stratum's law with its band, and episodes as seen."""
    odds = np.geomspace(1e-5, 1e-2, 25)
    shades = (Colour.LONG, Colour.SHORT, Colour.INITIAL, Colour.RECOMMENDED)
    figure = go.Figure()
    for law, shade in zip(laws.values(), shades * len(laws), strict=False):
        figure.add_scatter(
            x=odds, y=[law.loss(p) for p in odds], name=law.stratum, line={"color": shade.value},
            hovertemplate="once in %{x:.1e}: %{y:.2%}<extra>" + law.stratum + "</extra>",
        )  # fmt: skip
        ends = np.array([law.band(p) for p in odds[::6]])
        figure.add_scatter(
            x=odds[::6], y=ends.mean(axis=1), mode="markers", showlegend=False,
            marker={"color": shade.value, "size": 1},
            error_y={
                "array": 0.5 * (ends[:, 1] - ends[:, 0]), "color": shade.value, "thickness": 1
            },
            hoverinfo="skip",
        )  # fmt: skip
    figure.update_xaxes(type="log", tickformat=PROBABILITY, title="probability of a day, and more")
    figure.update_yaxes(tickformat=PERCENT, title="loss, of the peg", rangemode="tozero")
    return _page(figure, "pegs", theme)


def basis_figure(
    made: BasisMargins, days: int | None = None, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """A horizon's margin along history, and the losses that came beyond half of it."""
    days = max(made.walk) if days is None else days
    rows = made.walk[days]
    figure = go.Figure()
    figure.add_scatter(
        x=rows.index, y=rows["margin"], name=f"margin over {days} days",
        line={"color": Colour.MAINTENANCE.value},
    )  # fmt: skip
    figure.add_scatter(
        x=rows.index,
        y=rows["lost"],
        name="lost since",
        line={"color": Colour.LOSS.value, "width": 1},
    )
    beyond = rows[rows["lost"] > rows["margin"]]
    figure.add_scatter(
        x=beyond.index, y=beyond["lost"], mode="markers", name="more than the margin",
        marker={"color": Colour.BREACH.value, "size": 6},
    )  # fmt: skip
    figure.update_yaxes(tickformat=PERCENT, title="of the value in the base")
    return _page(figure, "basis", theme)


def closed_figure(made: ClosedMargins, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Gaps by kind of closure between the margins of both sides."""
    shades = {"night": Colour.LOSS, "weekend": Colour.LONG, "event": Colour.RECOMMENDED}
    figure = go.Figure()
    for kind, rows in made.walk.groupby("kind"):
        figure.add_scatter(
            x=rows.index, y=np.expm1(rows["gap"]), mode="markers", name=f"{kind}, gap",
            marker={"size": 3, "color": shades.get(str(kind), Colour.SHORT).value},
        )  # fmt: skip
    nights = made.walk[made.walk["kind"] == "night"]
    for side, sign in (("long", -1.0), ("short", 1.0)):
        figure.add_scatter(
            x=nights.index, y=sign * nights[side], name=f"margin of a {side}, nights",
            line={"color": Colour.MAINTENANCE.value, "width": 1},
        )  # fmt: skip
    figure.update_yaxes(tickformat=PERCENT, title="close to open")
    return _page(figure, "closed-hours", theme)


def baskets_figure(walk: BasketWalk, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Each basket's haircut out of sample, beside that of the best single asset."""
    rows = walk.table
    single = rows.iloc[-1]
    figure = go.Figure()
    figure.add_bar(
        x=rows["basket"], y=rows["haircut"], name="haircut of one bar",
        marker={"color": [Colour.LONG.value] * (len(rows) - 1) + [Colour.INITIAL.value]},
    )  # fmt: skip
    figure.add_scatter(
        x=rows["basket"], y=[single["haircut"]] * len(rows), mode="lines", name=single["basket"],
        line={"color": Colour.INITIAL.value, "dash": "dot"},
    )  # fmt: skip
    figure.update_yaxes(tickformat=PERCENT, rangemode="tozero")
    return _page(figure, "baskets", theme)


def _page(figure: go.Figure, name: str, theme: Theme) -> go.Figure:
    figure.update_layout(template=template(theme), height=420, meta={"id": name})
    return figure
