"""Figures of the notebooks: pure functions from a result to a plotly figure, like `lab.figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy import stats

from riskkit.calibration.delay_map import DelayMap
from riskkit.calibration.result import Calibration
from riskkit.formats.guardrails import ChangePath
from riskkit.lab.figures import drawn_parts
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, template
from riskkit.market import Kind, PriceHistory
from riskkit.position import Side
from riskkit.tail.extremes import ParetoTail
from riskkit.validation.backtest import Backtest
from riskkit.validation.policy_comparison import PolicyComparison
from riskkit.validation.tail_comparison import TailComparison
from riskkit.volatility.news import REACH, SHOCKS, news_impact
from riskkit.volatility.result import VolatilityFit

LINE = 1.4
#: Light for longer than plotly's blues, so that a number can be read in every cell.
PALE_TO_BLUE = ((0.0, "#F7FBFF"), (0.6, "#9ECAE1"), (1.0, "#084594"))
PALETTE = (Colour.LONG, Colour.SHORT, Colour.INITIAL, Colour.MAINTENANCE, Colour.RECOMMENDED)


def price_and_findings(history: PriceHistory, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Closing price on a log scale; holes are red bars, other findings crosses."""
    close = history.close
    figure = go.Figure(_line(close.index, close, "close", Colour.LONG, "%{y:,.2f}"))
    holes = history.quality.of(Kind.HOLE)
    for hole in holes:
        # The line shows a day that a decade would hide.
        edge = {"color": Colour.BREACH.value, "width": 1}
        figure.add_vrect(
            x0=hole.start, x1=hole.end, fillcolor=Colour.BREACH.value, opacity=0.5, line=edge
        )
    if holes:
        swatch = {"symbol": "square", "size": 9, "color": Colour.BREACH.value, "opacity": 0.7}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=swatch, name="bars missing")
        )
    others = [f for f in history.quality.findings if f.kind is not Kind.HOLE]
    if others:
        figure.add_trace(
            go.Scatter(
                x=[f.start for f in others],
                y=[float(close.loc[f.start]) for f in others],
                mode="markers",
                marker={"size": 9, "color": Colour.BREACH, "symbol": "x"},
                name="finding",
                text=[f"{f.kind.value}: {f.detail}" for f in others],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    counts = {kind: n for kind, n in history.quality.counts().items() if n}
    found = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts.items())
    figure.update_yaxes(type="log", title_text="price (log scale)", tickformat=",~r")
    title = f"{history.asset}: {len(history):,} bars, {found or 'no finding'}"
    return _titled(figure, title, theme, "price-and-findings")


def news_impact_curves(curves: Mapping[str, pd.DataFrame], theme: Theme = Theme.LIGHT) -> go.Figure:
    """Volatility of the next bar against today's return, both as multiples of today's sigma.

    Parameters
    ----------
    curves : mapping of name to DataFrame
        Tables of `news_impact`, divided by the sigma that they were asked at.
    """
    figure = go.Figure(
        [
            _line(c["shock"], c["next_sigma"], name, colour, "%{y:.2f}")
            for (name, c), colour in zip(curves.items(), PALETTE, strict=False)
        ]
    )
    figure.update_xaxes(title_text="return of today's bar, in sigmas")
    figure.update_yaxes(title_text="sigma of the next bar, of today's", rangemode="tozero")
    return _titled(figure, "What a return does to tomorrow's volatility", theme, "news-impact")


def news_impact_of(fits: Mapping[str, VolatilityFit], theme: Theme = Theme.LIGHT) -> go.Figure:
    """The news impact curve of each fit, asked at the median of its own sigma."""
    curves = {}
    for name, fit in fits.items():
        level = float(fit.sigma.median())
        curves[name] = news_impact(fit, np.linspace(-REACH, REACH, SHOCKS) * level, level) / level
    return news_impact_curves(curves, theme)


def sigma_forecasts(table: pd.DataFrame, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Size of each return against the sigma forecast one bar before, per model of a walk."""
    first = table[table["model"] == table["model"].iloc[0]]
    figure = go.Figure(
        go.Scatter(
            x=first["target"],
            y=first["log_return"].abs(),
            mode="markers",
            marker={"size": 3, "color": Colour.LOSS, "opacity": 0.5},
            name="size of the return",
            hovertemplate="%{y:.2%}",
        )
    )
    models = table.groupby("model", sort=False)
    for (name, rows), colour in zip(models, PALETTE, strict=False):
        figure.add_trace(_line(rows["target"], rows["sigma"], str(name), colour, "%{y:.2%}"))
    figure.update_yaxes(title_text="size per bar", tickformat=PERCENT, rangemode="tozero")
    title = f"{table['asset'].iloc[0]}: forecast sigma, out of sample, and what came"
    return _titled(figure, title, theme, "sigma-forecasts")


def exceedance_curve(
    losses: pd.Series, tail: ParetoTail, unit: str, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """P(loss > x) on log scales: every loss beyond a tenth of the threshold, and the Pareto tail.

    Parameters
    ----------
    losses : Series
        The losses that the tail was fitted to.
    unit : str
        Of the losses, for the axis.
    """
    sample = np.sort(losses.to_numpy(dtype=np.float64))[::-1]
    sample = sample[sample > tail.threshold / 10.0]
    probability = np.arange(1, sample.size + 1) / tail.observations
    grid = np.geomspace(tail.threshold * 1.001, sample[0] * 1.5, 80)
    figure = go.Figure(
        [
            go.Scatter(
                x=sample,
                y=probability,
                mode="markers",
                marker={"size": 4, "color": Colour.LOSS},
                name="observed",
                hovertemplate="beyond %{x:.3g}: %{y:.3~%}",
            ),
            _line(
                grid,
                tail.exceedance_probability(grid),
                f"Pareto tail, xi = {tail.xi:.2f} ± {tail.standard_errors[0]:.2f}",
                Colour.LONG,
                "beyond %{x:.3g}: %{y:.3~%}",
            ),
        ]
    )
    figure.add_vline(x=tail.threshold, line={"dash": "dot", "color": Colour.LOSS})
    figure.update_xaxes(type="log", dtick="D2", tickformat="~g", title_text=f"loss, {unit}")
    figure.update_yaxes(
        type="log", dtick=1, tickformat=PROBABILITY, title_text="probability of a larger loss"
    )
    figure.update_layout(hovermode="closest")
    title = f"The {tail.exceedances} largest of {tail.observations:,} losses"
    return _titled(figure, title, theme, "exceedance-curve")


def exceedance_of(
    tail: ParetoTail, losses: pd.Series, unit: str, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """`exceedance_curve` of a tail and the losses that it was fitted to."""
    return exceedance_curve(losses, tail, unit, theme)


def exceptions_over_time(
    results: Mapping[str, Backtest], side: Side, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """Exceptions counted along a backtest, inside what 95 % of right forecasts would show."""
    figure = go.Figure()
    for (name, result), colour in zip(results.items(), PALETTE, strict=False):
        rows = result.side(side)
        count = rows["exception"].cumsum()
        if not figure.data:
            seen = np.arange(1, len(rows) + 1)
            low, high = stats.binom.interval(0.95, seen, 1.0 - result.question.confidence)
            figure.add_trace(_band(pd.DatetimeIndex(rows.index), low, high, "95 % if right"))
        figure.add_trace(_line(count.index, count, name, colour, "%{y}"))
    figure.update_yaxes(title_text="exceptions so far", rangemode="tozero")
    title = f"{next(iter(results.values())).asset}: losses beyond VaR, {side.value} side"
    return _titled(figure, title, theme, "exceptions-over-time")


def exceptions_of(
    found: TailComparison, side: Side | str = Side.LONG, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """`exceptions_over_time` of the tails of a comparison."""
    return exceptions_over_time(found.results, Side(side), theme)


def margin_waterfall(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """What each part of the recommended MM (of 1 - LT for a loan) is for."""
    return drawn_parts.margin_waterfall(calibration).figure(theme)


def default_map(found: DelayMap, theme: Theme = Theme.LIGHT) -> go.Figure:
    """P(default | liquidation) over buffer and liquidation delay."""
    axis = found.instrument.words[0]
    estimate = found.default_given_liquidation
    value = estimate.value.T
    words = np.where(estimate.bound.T, "< ", "").astype(object)
    text = words + np.vectorize("{:.2%}".format, otypes=[object])(value)
    figure = go.Figure(
        go.Heatmap(
            x=[f"{100 * x:.4g} %" for x in found.triggers],
            y=[f"{delay} bars" if delay != 1 else "1 bar" for delay in found.delays],
            z=np.log10(value),
            text=text,
            texttemplate="%{text}",
            colorscale=PALE_TO_BLUE,
            colorbar={
                "title": {"text": "probability"},
                "tickvals": [-4, -3, -2, -1, 0],
                "ticktext": ["0.01%", "0.1%", "1%", "10%", "100%"],
            },
            hovertemplate=f"{axis} %{{x}}, delay %{{y}}: %{{text}}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=axis, type="category")
    figure.update_yaxes(title_text="liquidation delay", type="category")
    title = f"P(default | liquidation) within {found.horizon} bars, {found.side.value}, simulated"
    return _titled(figure, title, theme, "default-map").update_layout(showlegend=False)


def margins_over_time(
    margins: Mapping[str, pd.Series], losses: pd.Series, asset: str, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """Margins in force against the losses that came; series are indexed by target."""
    lost = losses[losses > 0.0]
    figure = go.Figure(
        go.Scatter(
            x=lost.index,
            y=lost,
            mode="markers",
            marker={"size": 3, "color": Colour.LOSS, "opacity": 0.5},
            name="loss",
            hovertemplate="%{y:.2%}",
        )
    )
    for (name, margin), colour in zip(margins.items(), PALETTE, strict=False):
        figure.add_trace(_line(margin.index, margin, name, colour, "%{y:.2%}"))
    figure.update_yaxes(title_text="% of notional", tickformat=PERCENT, rangemode="tozero")
    return _titled(figure, f"{asset}: margins and losses", theme, "margins-over-time")


def crash_cover(
    ledgers: Mapping[str, pd.DataFrame], asset: str, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """Worst row of each event: its loss as a bar, and the margin in force under each policy.

    Parameters
    ----------
    ledgers : mapping of policy to DataFrame
        ``rows`` of a `CrashLedger`, one side of it, with the same events.
    """
    first = next(iter(ledgers.values()))
    figure = go.Figure(
        go.Bar(
            x=first["event"],
            y=first["loss"],
            width=0.9,
            offset=-0.45,  # as wide as the marks of all policies beside each other
            name="loss",
            marker={"color": Colour.LOSS, "opacity": 0.45},
            customdata=first["what"],
            hovertemplate="%{customdata}: %{y:.2%}",
        )
    )
    for (name, rows), colour in zip(ledgers.items(), PALETTE, strict=False):
        figure.add_trace(
            go.Scatter(
                x=rows["event"],
                y=rows["margin"],
                mode="markers",
                marker={
                    "size": 11,
                    "color": colour,
                    "symbol": np.where(rows["covered"].astype(bool), "circle", "x"),
                },
                name=name,
                offsetgroup=name,
                legendgroup=name,
                showlegend=False,
                hovertemplate="%{y:.2%}",
            )
        )
        # In the legend a policy is a dot: its first crash may well have been a cross.
        dot = {"size": 11, "color": colour, "symbol": "circle"}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=dot, name=name, legendgroup=name)
        )
    figure.update_layout(scattermode="group", scattergap=0.35)
    figure.update_xaxes(type="category", tickangle=-35)
    figure.update_yaxes(title_text="% of notional", tickformat=PERCENT)
    title = f"{asset}: margin in force and worst loss of each crash (× = breached)"
    return _titled(figure, title, theme, "crash-cover")


def margins_of(
    found: PolicyComparison, names: Sequence[str] | None = None, theme: Theme = Theme.LIGHT
) -> go.Figure:
    """`margins_over_time` of the policies of a comparison, or of some of them."""
    drawn = {name: found.margin(name) for name in names or found.tables}
    return margins_over_time(drawn, found.needed, f"{found.asset}, {found.side.value}", theme)


def crashes_of(found: PolicyComparison, theme: Theme = Theme.LIGHT) -> go.Figure:
    """`crash_cover` of the policies of a comparison."""
    rows = {name: ledger.rows for name, ledger in found.ledgers.items()}
    return crash_cover(rows, f"{found.asset}, {found.side.value}", theme)


def change_steps(path: ChangePath, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Each parameter from its live value to its target, in the steps that a guardrail allows."""
    table = path.table()
    figure = go.Figure()
    for (name, live), colour in zip(path.live, PALETTE, strict=False):
        if not any(name in step.moved for step in path.steps):
            continue
        dates = [table["date"].iloc[0] - pd.Timedelta(days=3), *table["date"]]
        line = _line(dates, [float(live), *table[name]], name.replace("_", " "), colour, "%{y:.2%}")
        figure.add_trace(line.update(line={"shape": "hv", "width": 2}))
    figure.update_yaxes(title_text="% of collateral", tickformat=PERCENT)
    return _titled(figure, f"{path.guardrail}: {path.summary()}", theme, "change-steps")


def _line(x: object, y: object, name: str, colour: Colour, hover: str) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": colour.value, "width": LINE},
        name=name,
        hovertemplate=hover,
    )


def _band(x: pd.DatetimeIndex, low: np.ndarray, high: np.ndarray, name: str) -> go.Scatter:
    return go.Scatter(
        x=x.append(x[::-1]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=Colour.BAND.value,
        line={"width": 0},
        hoverinfo="skip",
        name=name,
    )


def _titled(figure: go.Figure, title: str, theme: Theme, name: str) -> go.Figure:
    return figure.update_layout(
        template=template(theme),
        title_text=title,
        meta={"id": name},
        height=420,
        showlegend=True,
    )
