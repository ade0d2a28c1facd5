"""Figures: pure functions from a result to a plotly figure; they draw, and compute nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.calibration.evidence import published
from riskkit.calibration.result import Calibration, LoanParameters, PerpetualParameters
from riskkit.lab.template import PERCENT, Colour, Theme, template
from riskkit.tail.losses import Side

LINE = 1.4


def returns_and_sigma(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Log returns with the fitted volatility around them; sigma[t] uses returns up to t - 1."""
    fit, c = calibration.fit, calibration
    sigma = fit.sigma
    mu = float(fit.params.get("mu", 0.0))
    returns = mu + sigma * fit.residuals
    figure = go.Figure(
        [
            go.Scatter(
                x=sigma.index,
                y=returns.to_numpy(),
                mode="markers",
                marker={"size": 3, "color": Colour.LOSS, "opacity": 0.55},
                name="log return",
                hovertemplate="%{y:.2%}",
            ),
            *(
                go.Scatter(
                    x=sigma.index,
                    y=mu + k * sigma.to_numpy(),
                    mode="lines",
                    line={"color": Colour.LONG, "width": LINE},
                    name="± 2 sigma",
                    legendgroup="sigma",
                    showlegend=k > 0,
                    hovertemplate=f"{k:+.0f} sigma %{{y:.2%}}",
                )
                for k in (2.0, -2.0)
            ),
        ]
    )
    return _titled(
        figure,
        f"{c.study.data.asset}: returns and conditional volatility ({fit.spec.name})",
        "log return per bar",
        theme,
        "returns-and-sigma",
    )


def dynamic_margin(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Requirement along history, out of sample, against what each period called for."""
    c = calibration
    loan = c.study.venue.kind == "loan"
    sides = c.study.sides
    figure = make_subplots(
        rows=len(sides),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=[f"{s.value} side" for s in sides] if len(sides) > 1 else None,
    )
    figure.update_annotations(x=0.0, xanchor="left", font_size=13)
    for row, side in enumerate(sides, start=1):
        table = published(c.study, c.dynamic, side)
        figure.add_traces(_margin_traces(table, loan, row == 1), rows=row, cols=1)
    for row in range(1, len(sides) + 1):
        figure.update_yaxes(
            title_text="fraction of collateral" if loan else "fraction of notional",
            tickformat=PERCENT,
            rangemode="normal" if loan else "tozero",
            row=row,
            col=1,
        )
    breaches = sum(e.breaches for e in c.evidence)
    judged = sum(e.evaluated for e in c.evidence)
    what = "liquidation threshold" if loan else "margin"
    title = f"{c.study.data.asset}: dynamic {what}, {breaches} breaches in {judged:,} periods"
    figure.update_layout(height=300 * len(sides) + 140)
    figure = _titled(figure, title, None, theme, "dynamic-margin")
    figure.update_layout(legend={"y": 1.06}, margin={"t": 96})
    return figure


def loss_tail(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Probability of a loss beyond x over the margin period of risk, with the chosen numbers."""
    c, m = calibration, calibration.study.mechanism
    figure = go.Figure()
    for side, colour in ((Side.LONG, Colour.LONG), (Side.SHORT, Colour.SHORT)):
        if side not in c.study.sides:
            continue
        loss = np.sort(c.forecast.loss(side))[::-1]
        loss = loss[loss > 0.0]
        # A path in a hundred is drawn from the body, every path from the tail.
        ranks = np.unique(np.concatenate([np.arange(min(400, loss.size)), _spread(loss.size)]))
        figure.add_trace(
            go.Scatter(
                x=loss[ranks],
                y=(ranks + 1) / c.forecast.paths,
                mode="lines",
                line={"color": colour, "width": 2},
                name=f"{side.value}: P(loss > x)",
                hovertemplate="loss %{x:.2%}: probability %{y:.2~e}",
            )
        )
    target = c.study.targets.default_given_liquidation_probability
    figure.add_hline(
        y=target,
        line={"dash": "dot", "color": Colour.LOSS},
        annotation_text=f"target {target:g}",
        annotation_position="top right",
    )
    for p in c.recommended:
        _mark_chosen(figure, p, m.slippage_fraction + m.fee_fraction)
    figure.update_yaxes(type="log", dtick=1, exponentformat="power", title_text="probability")
    figure.update_xaxes(tickformat=PERCENT, title_text="simple loss, fraction of notional")
    figure.update_layout(hovermode="closest")
    state = c.study.simulation.start_state.value
    bars = c.periods.margin_period_of_risk
    title = f"{c.study.data.asset}: loss over {bars} bars from the state “{state}”"
    figure = _titled(figure, title, None, theme, "loss-tail")
    return figure


def _margin_traces(table: pd.DataFrame, loan: bool, legend: bool) -> list[go.Scatter]:
    origin, breach = table["origin"], table["breach"].to_numpy()
    lost = (table["realised_loss"] > 0.0).to_numpy()
    strict, lenient = (
        ("liquidation_threshold", "max_loan_to_value")
        if loan
        else ("maintenance_margin", "initial_margin")
    )
    lines = [
        go.Scatter(
            x=origin[lost],
            y=table["needed"][lost],
            mode="markers",
            marker={"size": 3, "color": Colour.LOSS, "opacity": 0.45},
            name="what losing periods called for",
        ),
        *(
            go.Scatter(
                x=origin,
                y=table[column],
                mode="lines",
                line={"color": colour, "width": LINE},
                name=column.replace("_", " "),
            )
            for column, colour in ((lenient, Colour.INITIAL), (strict, Colour.MAINTENANCE))
        ),
        go.Scatter(
            x=origin[breach],
            y=table["needed"][breach],
            mode="markers",
            marker={"size": 9, "color": Colour.BREACH, "symbol": "x"},
            name="breach",
        ),
    ]
    for trace in lines:
        trace.update(hovertemplate="%{y:.2%}", legendgroup=trace.name, showlegend=legend)
    return lines


def _mark_chosen(figure: go.Figure, p: PerpetualParameters | LoanParameters, cost: float) -> None:
    """A vertical line at the loss that the chosen number can take."""
    if isinstance(p, LoanParameters):
        covered, name = p.tail_loss.value, "covered by LT"
    else:
        s, mm = p.side.sign, p.maintenance_margin.value
        covered, name = (mm - cost) / (1.0 - s * cost), f"{p.side.value}: covered by MM {mm:.1%}"
    figure.add_vline(
        x=covered,
        line={"color": Colour.LONG if p.side is Side.LONG else Colour.SHORT, "dash": "dash"},
        annotation_text=name,
        annotation_position="top right" if p.side is Side.SHORT else "bottom right",
    )


def _spread(n: int) -> np.ndarray:
    return np.unique(np.geomspace(1, n, 600).astype(np.int64)) - 1


def _titled(
    figure: go.Figure, title: str, y_title: str | None, theme: Theme, name: str
) -> go.Figure:
    figure.update_layout(template=template(theme), title_text=title, meta={"id": name})
    if y_title:
        figure.update_yaxes(title_text=y_title, tickformat=PERCENT)
    return figure
