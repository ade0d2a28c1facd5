"""Figures of a review: exceptions over time, traffic light, margins at lags, crashes."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy import stats

from riskkit.lab.template import PERCENT, Colour, Theme, left_headings, template
from riskkit.position import Side
from riskkit.validation.review import Review

YEAR_OF_TESTS = 250
LINE = 1.3
ZONES = (("green", "rgba(0,158,115,.14)"), ("yellow", "rgba(230,159,0,.16)"),
         ("red", "rgba(204,41,54,.13)"))  # fmt: skip
LAG_SYMBOLS = ("x", "circle-open", "diamond-open", "square-open", "triangle-up-open")


def exceptions_over_time(review: Review, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Losses of one bar against the VaR forecast before it, with the exceptions marked."""
    figure = _sides()
    counts = []
    for row, side in enumerate(Side, start=1):
        part = review.one_bar.side(side)
        beyond = part[part["exception"]]
        lost = part[part["loss"] > 0.0]
        counts.append(f"{len(beyond)} {side.value}")
        traces = (
            _points(lost["loss"], "loss", Colour.LOSS, 3, "circle", 0.45),
            _line(part["var"], "VaR, forecast at the origin", Colour.MAINTENANCE),
            _points(beyond["loss"], "exception", Colour.BREACH, 8, "x", 1.0),
        )
        _add(figure, traces, row)
    q = review.one_bar.question
    title = (
        f"{review.one_bar.asset}: {100 * q.confidence:.4g} % VaR of one bar, "
        f"exceptions {', '.join(counts)}"
    )
    return _finish(figure, title, "% of notional", theme, "exceptions")


def traffic_light_over_time(review: Review, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Exceptions in the last 250 bars, on the zones of the Basel traffic light."""
    p = 1.0 - review.one_bar.question.confidence
    # A zone ends at the last count whose cumulative probability is below its limit.
    edges = [float(stats.binom.ppf(level, YEAR_OF_TESTS, p)) - 0.5 for level in (0.95, 0.9999)]
    figure = go.Figure()
    top = edges[1] + 2.0
    for side, colour in ((Side.LONG, Colour.LONG), (Side.SHORT, Colour.SHORT)):
        flags = review.one_bar.side(side)["exception"].astype(float)
        window = flags.rolling(YEAR_OF_TESTS).sum().dropna()
        top = max([top, *(window + 1.0)])
        figure.add_trace(
            _line(window, f"{side.value}, {review.lights[side].zone.value} overall", colour)
        )
    for (zone, fill), low, high in zip(ZONES, [-0.5, *edges], [*edges, top], strict=True):
        figure.add_hrect(
            y0=low,
            y1=high,
            fillcolor=fill,
            line_width=0,
            layer="below",
            annotation={"text": zone, "font": {"size": 11}, "opacity": 0.7},
            annotation_position="top right",
        )
    figure.update_traces(hovertemplate="%{y:.0f}")
    figure.update_yaxes(range=[-0.5, top], title_text=f"exceptions in {YEAR_OF_TESTS} bars")
    title = f"{review.one_bar.asset}: traffic light"
    return figure.update_layout(
        template=template(theme), title_text=title, meta={"id": "traffic-light"}
    )


def margin_at_lags(review: Review, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Margin in force without lag, and the breaches that each lag of governance leaves."""
    figure = _sides()
    for row, side in enumerate(Side, start=1):
        part = review.period.side(side)
        traces = [_line(part["margin"], "margin in force, no lag", Colour.MAINTENANCE)]
        for i, (days, result) in enumerate(review.lagged.items()):
            late = result.side(side)
            breach = late[late["needed"] > late["margin"]]
            name = f"breach, lag {days} d" if days else "breach, no lag"
            colour = (Colour.BREACH, Colour.LONG, Colour.INITIAL, Colour.RECOMMENDED)[i % 4]
            symbol = LAG_SYMBOLS[i % len(LAG_SYMBOLS)]
            traces.append(_points(breach["needed"], name, colour, 7 + 2 * i, symbol, 1.0))
        _add(figure, traces, row)
    bars = review.period.question.bars
    title = f"{review.period.asset}: margin over {bars} bar{'s' * (bars > 1)} and its breaches"
    return _finish(figure, title, "% of notional", theme, "margin-at-lags")


def crash_bars(review: Review, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Margin in force before the worst period of each event, and the margin it called for."""
    figure = _sides(shared=False)
    rows = review.ledger.rows
    for row, side in enumerate(Side, start=1):
        part = rows[rows["side"] == side.value]
        covered = part["covered"].astype(bool)
        colours = [Colour.LOSS.value if c else Colour.BREACH.value for c in covered]
        traces = (
            go.Bar(x=part["event"], y=part["margin"], name="margin in force",
                   marker_color=Colour.MAINTENANCE.value),
            go.Bar(x=part["event"], y=part["needed"], name="called for (red: not covered)",
                   marker_color=colours, customdata=part[["what"]],
                   hovertemplate="%{y:.2%}, %{customdata[0]}"),
        )  # fmt: skip
        _add(figure, traces, row)
    figure.update_xaxes(type="category")
    totals = review.ledger.summary()
    title = (
        f"{review.period.asset}: crashes, {totals['events breached']:.0f} of "
        f"{totals['events']:.0f} with a breach"
    )
    return _finish(figure, title, "% of notional", theme, "crash-ledger")


def _sides(shared: bool = True) -> go.Figure:
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=shared,
        vertical_spacing=0.1 if shared else 0.18,
        subplot_titles=[f"{side.value} side" for side in Side],
    )
    return left_headings(figure)


def _add(figure: go.Figure, traces: Iterable[go.Scatter | go.Bar], row: int) -> None:
    for trace in traces:
        trace.update(legendgroup=trace.name, showlegend=row == 1)
        if trace.hovertemplate is None:
            trace.update(hovertemplate="%{y:.2%}")
        figure.add_trace(trace, row=row, col=1)


def _line(values: pd.Series, name: str, colour: Colour) -> go.Scatter:
    return go.Scatter(
        x=values.index,
        y=values.to_numpy(),
        mode="lines",
        line={"color": colour.value, "width": LINE},
        name=name,
    )


def _points(
    values: pd.Series, name: str, colour: Colour, size: int, symbol: str, opacity: float
) -> go.Scatter:
    return go.Scatter(
        x=values.index,
        y=values.to_numpy(),
        mode="markers",
        marker={"color": colour.value, "size": size, "symbol": symbol, "opacity": opacity},
        name=name,
    )


def _finish(figure: go.Figure, title: str, y_title: str, theme: Theme, name: str) -> go.Figure:
    figure.update_yaxes(title_text=y_title, tickformat=PERCENT)
    return figure.update_layout(
        template=template(theme),
        title_text=title,
        meta={"id": name},
        height=640,
    )
