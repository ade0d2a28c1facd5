"""The page of policies of closing: what each costs on four samples, and one path of the price."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import jinja2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.closing.answer import ClosingAnswer
from riskkit.closing.compare import COSTS, PolicyTable
from riskkit.closing.run import price_path
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, template
from riskkit.proof.liquidation_record import JudgedForecasts
from riskkit.venue.cascade import CascadePaths

FRACTIONS = frozenset({"unfair", "forced", "deeper", "closed", "unclosed"})
NAMES = {"bad_debt": "bad debt", "owners_cost": "owners' cost", "missed": "missed rebound"}
FORECASTS = frozenset({"distance", "probability", "corrected", "error", "price"})
LINES = (Colour.LONG, Colour.SHORT, Colour.LOSS, Colour.INITIAL)
RATES = frozenset({"forecast", "realised", "gap_low", "gap_high", "skill"})
#: Accounts that are shown.
SHOWN = 25
COLOURS = (Colour.LONG, Colour.SHORT, Colour.INITIAL)


def cost_figure(table: PolicyTable, chosen: str, weights: Sequence[float]) -> go.Figure:
    """What each policy costs on one sample, with the band of the total."""
    rows = table.table.iloc[::-1]
    names = [f"<b>{name}</b>" if name == chosen else str(name) for name in rows.index]
    figure = go.Figure(layout={"template": template()})
    for name, colour, weight in zip(COSTS, COLOURS, weights, strict=True):
        figure.add_bar(
            y=names,
            x=weight * rows[name],
            name=NAMES[name] if weight == 1.0 else f"{NAMES[name]}, at {weight:g}",
            orientation="h",
            marker={"color": colour.value},
            hovertemplate="%{x:.3g} bps a year",
        )
    figure.add_scatter(
        x=rows["total"],
        y=names,
        mode="markers",
        name="total, 95 % band",
        marker={"color": Colour.LOSS.value, "size": 5},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rows["total_high"] - rows["total"],
            "arrayminus": rows["total"] - rows["total_low"],
            "color": Colour.LOSS.value,
        },
        hovertemplate="%{x:.3g} bps a year",
    )
    figure.update_layout(
        title=f"What closing costs: {table.sample.paths:,} {table.sample.name}",
        meta={"id": f"closing-{table.sample.name.replace(' ', '-')}"},
        barmode="relative",
        height=160 + 26 * len(rows),
    )
    figure.update_xaxes(title="bps of open interest a year", rangemode="tozero")
    return figure


def path_figure(found: ClosingAnswer) -> go.Figure:
    """The price on the stretch of the second half that cost most, beside the market's own."""
    chosen, bench = found.chosen, found.chosen.bench
    sample = found.lived.sample
    path = int(np.argmax(found.lived.costs[0].sum(axis=1)))
    returns = sample.returns[path : path + 1]
    figure = go.Figure(layout={"template": template()})
    bars = np.arange(returns.shape[1] + 1)
    own = np.concatenate([[0.0], np.cumsum(returns[0])])
    figure.add_scatter(
        x=bars, y=np.expm1(own), name="the market's own", line={"color": Colour.INITIAL.value}
    )
    first = chosen.policies[0]
    for policy, colour in ((first, Colour.LONG), (chosen.policy, Colour.SHORT)):
        if policy is first and colour is Colour.SHORT:
            continue
        moved = price_path(
            bench.book,
            bench.depth,
            policy,
            CascadePaths(returns, volatility=sample.volatility),
            bench.terms,
        )
        figure.add_scatter(
            x=bars,
            y=np.expm1(np.concatenate([[0.0], moved])),
            name=policy.name,
            line={"color": colour.value},
        )
    figure.update_layout(
        title="The price with closing, on the stretch of the second half that cost most",
        meta={"id": "closing-path"},
        height=380,
    )
    figure.update_xaxes(title="bars")
    figure.update_yaxes(title="move from the opening", tickformat=PERCENT)
    return figure


def reliability_figure(found: JudgedForecasts) -> go.Figure:
    """Realised against forecast rate of liquidation, cell by cell, on log axes."""
    figure = go.Figure(layout={"template": template()})
    for (name, record), colour in zip(found.records.items(), LINES, strict=True):
        cells = record.reliability()
        cells = cells[(cells["forecast"] > 0.0) & (cells["realised"] > 0.0)]
        figure.add_scatter(
            x=cells["forecast"],
            y=cells["realised"],
            mode="markers+lines",
            name=name,
            line={"color": colour.value},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": np.maximum(
                    cells["gap_high"] - (cells["realised"] - cells["forecast"]), 0.0
                ),
                "arrayminus": np.maximum(
                    (cells["realised"] - cells["forecast"]) - cells["gap_low"], 0.0
                ),
            },
        )
    ends = [1e-4, 1.0]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="forecast = realised", line={"color": Colour.LOSS.value}
    )
    figure.update_layout(
        title=f"Liquidated within {found.hours:g} hours: forecast and realised, "
        f"{len(found.plain.days):,} days",
        meta={"id": "closing-reliability"},
        height=420,
    )
    figure.update_xaxes(title="forecast", type="log", tickformat=PROBABILITY)
    figure.update_yaxes(title="realised", type="log", tickformat=PROBABILITY)
    return figure


def render_closing_page(found: ClosingAnswer, accounts: JudgedForecasts | None = None) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    weights = found.chosen.bench.weights.tolist()
    drawn = [cost_figure(table, found.chosen.name, weights) for table in found.tables]
    drawn.append(path_figure(found))
    ranked = rates = ""
    if accounts is not None:
        drawn.append(reliability_figure(accounts))
        table = accounts.forecasts.table.head(SHOWN).drop(columns=["owner"])
        ranked = shown(table, percent=FORECASTS).set_uuid("ranked").to_html()
        both = pd.concat(
            {name: one.rates() for name, one in accounts.records.items()}, names=["forecast by"]
        )
        rates = shown(both, percent=RATES).set_uuid("rates").to_html()
    figures = [
        pio.to_html(
            figure,
            include_plotlyjs=index == 0,
            full_html=False,
            div_id=figure.layout.meta["id"],
            config={"displaylogo": False, "responsive": True},
        )
        for index, figure in enumerate(drawn)
    ]
    tables = [
        (
            f"{table.sample.paths:,} {table.sample.name}",
            shown(table.table, percent=FRACTIONS).set_uuid(f"closing-{number}").to_html(),
        )
        for number, table in enumerate(found.tables)
    ]
    return _template().render(
        found=found,
        study=found.chosen.case.study,
        policies=[(p.name, p.words()) for p in found.chosen.policies],
        words=[*found.words(), *([] if accounts is None else accounts.words())],
        ranked=ranked,
        rates=rates,
        tables=tables,
        figures=figures,
        style=STYLE,
        script=follow_scheme(),
    )


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("closing_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
