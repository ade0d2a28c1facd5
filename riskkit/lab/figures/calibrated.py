"""Figures: pure functions from a result to a plotly figure; they draw, and compute nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.calibration.evidence import LOAN_COLUMNS, PERPETUAL_COLUMNS, published
from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Calibration
from riskkit.lab.figures.series import estimated, few
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, left_headings, template
from riskkit.position import Instrument, Side
from riskkit.units import duration

LINE = 1.4


def returns_and_sigma(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Log returns with the fitted volatility around them; sigma[t] uses returns up to t - 1."""
    fit, c = calibration.fit, calibration
    sigma = fit.sigma
    mu = float(fit.params.get("mu", 0.0))
    returns = mu + sigma * fit.residuals
    rows = few(len(sigma), returns.to_numpy(), sigma.to_numpy())
    sigma, returns = sigma.iloc[rows], returns.iloc[rows]
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
    loan = c.study.is_loan
    sides = c.served
    figure = make_subplots(
        rows=len(sides),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=[f"{s.value} side" for s in sides] if len(sides) > 1 else None,
    )
    for row, side in enumerate(sides, start=1):
        table = _few(published(c.question, c.dynamic, side, c.loading[side]), loan)
        figure.add_traces(_margin_traces(table, loan, row == 1), rows=row, cols=1)
    for row in range(1, len(sides) + 1):
        figure.update_yaxes(
            title_text="% of collateral" if loan else "% of notional",
            tickformat=PERCENT,
            rangemode="normal" if loan else "tozero",
            row=row,
            col=1,
        )
    counts = ", ".join(f"{e.side.value} {e.breaches} of {e.evaluated:,}" for e in c.evidence)
    what = "liquidation threshold" if loan else "margin"
    title = f"{c.study.data.asset}: dynamic {what}; breaches: {counts} periods"
    figure.update_layout(height=300 * len(sides) + 140)
    figure = _titled(figure, title, None, theme, "dynamic-margin")
    return left_headings(figure) if len(sides) > 1 else figure


def loss_tail(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Probability of a loss beyond x over the margin period of risk, with the chosen numbers."""
    c = calibration
    figure = go.Figure()
    for side, colour in ((Side.LONG, Colour.LONG), (Side.SHORT, Colour.SHORT)):
        if side not in c.served:
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
    )
    figure.add_annotation(  # on a log axis an annotation is placed by its exponent
        x=1.0,
        xref="x domain",
        xanchor="right",
        y=float(np.log10(target)),
        yanchor="bottom",
        text=f"target {100 * target:g} %",
        showarrow=False,
    )
    for i, r in enumerate(c.recommended):
        _mark_chosen(figure, r.limits, height=0.99 - 0.08 * i)
    figure.update_yaxes(type="log", dtick=1, tickformat=PROBABILITY, title_text="probability")
    figure.update_xaxes(tickformat=PERCENT, title_text="simple loss, % of notional")
    figure.update_layout(hovermode="closest", height=480)
    state = c.study.simulation.start_state.value
    bars = c.periods.margin_period_of_risk
    title = f"{c.study.data.asset}: loss over {bars} bars from the state “{state}”"
    figure = _titled(figure, title, None, theme, "loss-tail")
    return figure


def frontier(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The trade-off in two panels, with 95 % bands, targets and recommended points.

    A star is the recommended number on its own curve: the safe end of its band, floor included.
    Left, P(default | liquidation) against MM (LT); right, P(liquidation within the reaction time)
    against IM - MM (LT - LTV). Both start from the study's state.
    """
    c, targets = calibration, calibration.study.targets
    loan = c.study.is_loan
    strict, gap = ("LT", "LT − max LTV") if loan else ("MM", "IM − MM")
    of = "collateral" if loan else "notional"
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=[
            "P(default | liquidation)",
            f"P(liquidation within {duration(c.periods.reaction_time.requested)})",
        ],
    )
    for f, r in zip(c.frontier, c.recommended, strict=True):
        colour = Colour.LONG if f.side is Side.LONG else Colour.SHORT
        name, low, high = "default_given_liquidation", "low", "high"
        shown = estimated(f.default, name)
        figure.add_traces(
            [
                _area(shown["trigger"], shown[name], shown[f"{name}_low"], shown[f"{name}_high"]),
                _curve(shown["trigger"], shown[name], f.side.value, colour, legend=True),
            ],
            rows=1,
            cols=1,
        )
        panel = f.liquidation
        figure.add_traces(
            [
                _area(panel["distance"], panel["probability"], panel[low], panel[high]),
                _curve(panel["distance"], panel["probability"], f.side.value, colour, legend=False),
            ],
            rows=1,
            cols=2,
        )
        at, apart = r.limits.trigger.value, r.limits.distance
        found = _on_curve(at, shown["trigger"], shown[name])
        within = _on_curve(apart, panel["distance"], panel["probability"])
        for col, (x, y) in enumerate(((at, found), (apart, within)), start=1):
            figure.add_trace(_recommended(x, y, f.side.value, colour), row=1, col=col)
    for col, (target, title) in enumerate(
        (
            (targets.default_given_liquidation_probability, strict),
            (targets.liquidation_within_reaction_time_probability, gap),
        ),
        start=1,
    ):
        figure.add_hline(y=target, line={"dash": "dot", "color": Colour.LOSS}, row=1, col=col)
        figure.update_xaxes(title_text=f"{title}, % of {of}", tickformat=PERCENT, col=col)
        figure.update_yaxes(type="log", dtick=1, tickformat=PROBABILITY, row=1, col=col)
    figure.add_traces(_key())
    figure.update_layout(hovermode="closest", height=460)
    state = c.study.simulation.start_state.value
    title = f"{c.study.data.asset}: what safety costs, from the state “{state}”"
    return left_headings(_titled(figure, title, None, theme, "frontier"))


def _key() -> list[go.Scatter]:
    """What the marks that both sides share mean: entries of the legend, without a point."""
    grey = Colour.LOSS.value
    marks = {
        "recommended": {"mode": "markers", "marker": {"symbol": "star", "size": 12, "color": grey}},
        "target": {"mode": "lines", "line": {"dash": "dot", "color": grey}},
        "95 % interval": {"mode": "lines", "line": {"width": 10, "color": Colour.BAND.value}},
    }
    return [go.Scatter(x=[None], y=[None], name=name, **mark) for name, mark in marks.items()]


def _area(x: pd.Series, y: pd.Series, low: pd.Series, high: pd.Series) -> go.Scatter:
    """A 95 % band; a bound of zero is drawn at a tenth of the estimate on the log axis."""
    floor = np.maximum(low.to_numpy(), y.to_numpy() / 10.0)
    return go.Scatter(
        x=np.concatenate([x.to_numpy(), x.to_numpy()[::-1]]),
        y=np.concatenate([high.to_numpy(), floor[::-1]]),
        fill="toself",
        fillcolor=Colour.BAND.value,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def _curve(x: pd.Series, y: pd.Series, name: str, colour: Colour, *, legend: bool) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": colour.value, "width": 2},
        name=name,
        legendgroup=name,
        showlegend=legend,
        hovertemplate="%{x:.2%}: %{y:.3~%}",
    )


def _on_curve(x: float, xs: pd.Series, ys: pd.Series) -> float:
    """The curve's height at x, straight on its log axis, or at its end if x lies beyond it."""
    order = np.argsort(xs.to_numpy())
    return float(np.exp(np.interp(x, xs.to_numpy()[order], np.log(ys.to_numpy()[order]))))


def _recommended(x: float, y: float, name: str, colour: Colour) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[max(y, 1e-6)],
        mode="markers",
        marker={"size": 12, "symbol": "star", "color": colour.value},
        name=f"{name}, recommended",
        showlegend=False,
        hovertemplate=f"{name}, recommended: %{{x:.2%}}, %{{y:.3~%}}",
    )


def _columns(loan: bool) -> tuple[str, str]:
    return LOAN_COLUMNS if loan else PERPETUAL_COLUMNS


def _few(table: pd.DataFrame, loan: bool) -> pd.DataFrame:
    """Rows that are drawn; every breach is."""
    drawn = few(len(table), *(table[name].to_numpy() for name in (*_columns(loan), "needed")))
    breaches = np.flatnonzero(table["breach"].to_numpy())
    return table.iloc[np.union1d(drawn, breaches)]


def _margin_traces(table: pd.DataFrame, loan: bool, legend: bool) -> list[go.Scatter]:
    origin, breach = table["origin"], table["breach"].to_numpy()
    lost = (table["realised_loss"] > 0.0).to_numpy()
    strict, lenient = _columns(loan)
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


def _mark_chosen(figure: go.Figure, p: Limits, *, height: float) -> None:
    """A vertical line at the loss that the recommended number absorbs, named at a height."""
    name = (
        f"covered by LT {p.trigger.value:.1%}"
        if p.instrument is Instrument.LOAN
        else f"{p.side.value}: covered by MM {p.trigger.value:.1%}"
    )
    colour = (Colour.LONG if p.side is Side.LONG else Colour.SHORT).value
    figure.add_vline(x=p.covered_loss.value, line={"color": colour, "dash": "dash"})
    figure.add_annotation(
        x=p.covered_loss.value,
        xanchor="right" if p.side is Side.LONG else "left",
        xshift=-6 if p.side is Side.LONG else 6,
        y=height,
        yref="y domain",
        yanchor="top",
        text=name,
        font={"color": colour},
        showarrow=False,
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
