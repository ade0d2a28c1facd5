"""A calibration's figures as drawings: they say what is drawn, and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.calibration.evidence import LOAN_COLUMNS, PERPETUAL_COLUMNS, published
from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Calibration
from riskkit.lab.drawing import Drawing, Values, across, on_axes, panels, scatter
from riskkit.lab.figures.series import estimated, few
from riskkit.lab.template import PERCENT, PROBABILITY, Colour
from riskkit.position import Instrument, Side
from riskkit.units import duration

LINE = 1.4
LOG = {"type": "log", "dtick": 1, "tickformat": PROBABILITY}


def returns_and_sigma(calibration: Calibration) -> Drawing:
    """Log returns with the fitted volatility around them; sigma[t] uses returns up to t - 1."""
    fit, c = calibration.fit, calibration
    sigma = fit.sigma
    mu = float(fit.params.get("mu", 0.0))
    returns = mu + sigma * fit.residuals
    rows = few(len(sigma), returns.to_numpy(), sigma.to_numpy())
    sigma, returns = sigma.iloc[rows], returns.iloc[rows]
    dots = scatter(
        sigma.index,
        returns,
        mode="markers",
        marker={"size": 3, "color": Colour.LOSS, "opacity": 0.55},
        name="log return",
        hovertemplate="%{y:.2%}",
    )
    lines = [
        scatter(
            sigma.index,
            mu + k * sigma,
            mode="lines",
            line={"color": Colour.LONG, "width": LINE},
            name="± 2 sigma",
            legendgroup="sigma",
            showlegend=k > 0,
            hovertemplate=f"{k:+.0f} sigma %{{y:.2%}}",
        )
        for k in (2.0, -2.0)
    ]
    title = f"{c.study.data.asset}: returns and conditional volatility ({fit.spec.name})"
    axis = {"title": {"text": "log return per bar"}, "tickformat": PERCENT}
    return Drawing("returns-and-sigma", [dots, *lines], {"title": {"text": title}, "yaxis": axis})


def dynamic_margin(calibration: Calibration) -> Drawing:
    """Requirement along history, out of sample, against what each period called for."""
    c = calibration
    loan, sides = c.study.is_loan, c.served
    layout = panels([f"{side.value} side" for side in sides], gap=0.08, across=False)
    traces: list[Values] = []
    for number, side in enumerate(sides, start=1):
        table = _few(published(c.question, c.dynamic, side, c.loading[side]), loan)
        traces += [on_axes(t, number) for t in _margin_traces(table, loan, number == 1)]
        layout["yaxis" if number == 1 else f"yaxis{number}"] |= {
            "title": {"text": "% of collateral" if loan else "% of notional"},
            "tickformat": PERCENT,
            "rangemode": "normal" if loan else "tozero",
        }
    counts = ", ".join(f"{e.side.value} {e.breaches} of {e.evaluated:,}" for e in c.evidence)
    what = "liquidation threshold" if loan else "margin"
    title = f"{c.study.data.asset}: dynamic {what}; breaches: {counts} periods"
    layout |= {"height": 300 * len(sides) + 140, "title": {"text": title}}
    return Drawing("dynamic-margin", traces, layout)


def loss_tail(calibration: Calibration) -> Drawing:
    """Probability of a loss beyond x over the margin period of risk, with the chosen numbers."""
    c = calibration
    traces: list[Values] = []
    for side, colour in ((Side.LONG, Colour.LONG), (Side.SHORT, Colour.SHORT)):
        if side not in c.served:
            continue
        loss = np.sort(c.forecast.loss(side))[::-1]
        loss = loss[loss > 0.0]
        # A path in a hundred is drawn from the body, every path from the tail.
        ranks = np.unique(np.concatenate([np.arange(min(400, loss.size)), _spread(loss.size)]))
        traces.append(
            scatter(
                loss[ranks],
                (ranks + 1) / c.forecast.paths,
                mode="lines",
                line={"color": colour, "width": 2},
                name=f"{side.value}: P(loss > x)",
                hovertemplate="loss %{x:.2%}: probability %{y:.2~e}",
            )
        )
    target = c.study.targets.default_given_liquidation_probability
    named = {  # on a log axis an annotation is placed by its exponent
        "x": 1.0,
        "xref": "x domain",
        "xanchor": "right",
        "y": float(np.log10(target)),
        "yanchor": "bottom",
        "text": f"target {100 * target:g} %",
        "showarrow": False,
    }
    chosen = [_chosen(r.limits, height=0.99 - 0.08 * i) for i, r in enumerate(c.recommended)]
    state = c.study.simulation.start_state.value
    bars = c.periods.margin_period_of_risk
    title = f"{c.study.data.asset}: loss over {bars} bars from the state “{state}”"
    layout = {
        "shapes": [across(target), *(line for line, _ in chosen)],
        "annotations": [named, *(name for _, name in chosen)],
        "xaxis": {"tickformat": PERCENT, "title": {"text": "simple loss, % of notional"}},
        "yaxis": {**LOG, "title": {"text": "probability"}},
        "hovermode": "closest",
        "height": 480,
        "title": {"text": title},
    }
    return Drawing("loss-tail", traces, layout)


def frontier(calibration: Calibration) -> Drawing:
    """The trade-off in two panels, with 95 % bands, targets and recommended points.

    A star is the recommended number on its own curve: the safe end of its band, floor included.
    Left, P(default | liquidation) against MM (LT); right, P(liquidation within the reaction time)
    against IM - MM (LT - LTV). Both start from the study's state.
    """
    c, targets = calibration, calibration.study.targets
    loan = c.study.is_loan
    strict, gap = ("LT", "LT − max LTV") if loan else ("MM", "IM − MM")
    of = "collateral" if loan else "notional"
    within = f"P(liquidation within {duration(c.periods.reaction_time.requested)})"
    layout = panels(["P(default | liquidation)", within], gap=0.12, across=True)
    traces: list[Values] = []
    for f, r in zip(c.frontier, c.recommended, strict=True):
        colour = Colour.LONG if f.side is Side.LONG else Colour.SHORT
        side, name = f.side.value, "default_given_liquidation"
        shown, panel = estimated(f.default, name), f.liquidation
        left = _Curve(shown["trigger"], *(shown[f"{name}{end}"] for end in ("", "_low", "_high")))
        right = _Curve(panel["distance"], *(panel[key] for key in ("probability", "low", "high")))
        at, apart = r.limits.trigger.value, r.limits.distance
        for number, (curve, x) in enumerate(((left, at), (right, apart)), start=1):
            drawn = [
                curve.band(),
                curve.line(side, colour, legend=number == 1),
                _recommended(x, curve.at(x), side, colour),
            ]
            traces += [on_axes(trace, number) for trace in drawn]
    aims = (
        targets.default_given_liquidation_probability,
        targets.liquidation_within_reaction_time_probability,
    )
    for n, title in (("", strict), ("2", gap)):
        layout[f"xaxis{n}"] |= {"title": {"text": f"{title}, % of {of}"}, "tickformat": PERCENT}
        layout[f"yaxis{n}"] |= LOG
    state = c.study.simulation.start_state.value
    title = f"{c.study.data.asset}: what safety costs, from the state “{state}”"
    layout |= {
        "shapes": [across(aim, number) for number, aim in enumerate(aims, start=1)],
        "hovermode": "closest",
        "height": 460,
        "title": {"text": title},
    }
    return Drawing("frontier", [*traces, *_key()], layout)


def _key() -> list[Values]:
    """What the marks that both sides share mean: entries of the legend, without a point."""
    grey = Colour.LOSS
    marks: dict[str, Values] = {
        "recommended": {"mode": "markers", "marker": {"symbol": "star", "size": 12, "color": grey}},
        "target": {"mode": "lines", "line": {"dash": "dot", "color": grey}},
        "95 % interval": {"mode": "lines", "line": {"width": 10, "color": Colour.BAND}},
    }
    return [scatter([None], [None], name=name, **mark) for name, mark in marks.items()]


class _Curve:
    """A probability as a function of a number, with its 95 % band."""

    def __init__(self, x: pd.Series, y: pd.Series, low: pd.Series, high: pd.Series) -> None:
        self.x, self.y, self.low, self.high = (s.to_numpy(np.float64) for s in (x, y, low, high))

    def band(self) -> Values:
        """A bound of zero is drawn at a tenth of the estimate on the log axis."""
        floor = np.maximum(self.low, self.y / 10.0)
        return scatter(
            np.concatenate([self.x, self.x[::-1]]),
            np.concatenate([self.high, floor[::-1]]),
            fill="toself",
            fillcolor=Colour.BAND,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )

    def line(self, name: str, colour: Colour, *, legend: bool) -> Values:
        """The estimate."""
        return scatter(
            self.x,
            self.y,
            mode="lines",
            line={"color": colour, "width": 2},
            name=name,
            legendgroup=name,
            showlegend=legend,
            hovertemplate="%{x:.2%}: %{y:.3~%}",
        )

    def at(self, x: float) -> float:
        """Its height at x, straight on its log axis, or at its end if x lies beyond it."""
        order = np.argsort(self.x)
        return float(np.exp(np.interp(x, self.x[order], np.log(self.y[order]))))


def _recommended(x: float, y: float, name: str, colour: Colour) -> Values:
    return scatter(
        [x],
        [max(y, 1e-6)],
        mode="markers",
        marker={"size": 12, "symbol": "star", "color": colour},
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


def _margin_traces(table: pd.DataFrame, loan: bool, legend: bool) -> list[Values]:
    origin, needed, breach = table["origin"], table["needed"], table["breach"].to_numpy()
    lost = (table["realised_loss"] > 0.0).to_numpy()
    strict, lenient = _columns(loan)
    dots = {"size": 3, "color": Colour.LOSS, "opacity": 0.45}
    crosses = {"size": 9, "color": Colour.BREACH, "symbol": "x"}

    def trace(x: pd.Series, y: pd.Series, name: str, **rest: Any) -> Values:
        shared = {"name": name, "legendgroup": name, "showlegend": legend}
        return scatter(x, y, **shared, **rest, hovertemplate="%{y:.2%}")

    def line(column: str, colour: Colour) -> Values:
        style = {"color": colour, "width": LINE}
        return trace(origin, table[column], column.replace("_", " "), mode="lines", line=style)

    called_for = "what losing periods called for"
    return [
        trace(origin[lost], needed[lost], called_for, mode="markers", marker=dots),
        line(lenient, Colour.INITIAL),
        line(strict, Colour.MAINTENANCE),
        trace(origin[breach], needed[breach], "breach", mode="markers", marker=crosses),
    ]


def _chosen(p: Limits, *, height: float) -> tuple[Values, Values]:
    """A vertical line at the loss that the recommended number absorbs, and its name at a height."""
    name = (
        f"covered by LT {p.trigger.value:.1%}"
        if p.instrument is Instrument.LOAN
        else f"{p.side.value}: covered by MM {p.trigger.value:.1%}"
    )
    long, x = p.side is Side.LONG, p.covered_loss.value
    colour = Colour.LONG if long else Colour.SHORT
    line = {"type": "line", "x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
    named = {
        "x": x,
        "xanchor": "right" if long else "left",
        "xshift": -6 if long else 6,
        "y": height,
        "yref": "y domain",
        "yanchor": "top",
        "text": name,
        "font": {"color": colour},
        "showarrow": False,
    }
    return {**line, "line": {"color": colour, "dash": "dash"}}, named


def _spread(n: int) -> np.ndarray:
    return np.unique(np.geomspace(1, n, 600).astype(np.int64)) - 1
