"""The page of what stands behind a venue: its fund, the layers, who is deleveraged, leverage."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, template
from riskkit.waterfall.answer import VenueFund
from riskkit.waterfall.words import fund_words, in_words

#: Columns that are fractions.
FRACTIONS = frozenset(
    {
        *("of_interest", "share_of_years", "of_winners", "largest_loss_of_profit"),
        *("cleared", "moved", "deepest_hundredth"),
    }
)


def depletion_figure(found: VenueFund) -> go.Figure:
    """Share of years that would use a fund of each size up, with the cascade and without impact."""
    figure = _figure("depletion", "Share of years that use a fund up")
    for years, name, dash in (
        (found.years, "with the cascade", "solid"),
        (found.still, "if closing moved no price", "dash"),
    ):
        needed = np.sort(years.of("fund_needed"))[::-1]
        some = needed > 0.0
        figure.add_scatter(
            x=needed[some] / years.open_interest,
            y=(np.arange(needed.size)[some] + 1.0) / needed.size,
            name=name,
            mode="lines",
            line={"color": Colour.BREACH.value, "dash": dash, "shape": "hv"},
        )
    today = found.section.notional / found.years.open_interest
    figure.add_vline(x=today, line={"dash": "dot", "width": 1}, annotation_text="today's fund")
    level = 1.0 / found.section.depletion_years
    figure.add_hline(y=level, line={"dash": "dot", "width": 1}, annotation_text="allowed")
    figure.update_yaxes(type="log", title="share of years", tickformat=PROBABILITY)
    figure.update_xaxes(title="fund, of open interest", tickformat=PERCENT)
    return figure


def leverage_figure(found: VenueFund) -> go.Figure:
    """What leverage earns a year against what it costs, at the same equity."""
    figure = _figure("leverage", "What leverage earns and costs, a year")
    table = found.leverage
    assert table is not None
    earned = table["trading"] + table["closing"]
    cost = table["bad_debt"] + table["capital"]
    for y, name, colour in (
        (earned, "fees", Colour.LONG),
        (cost, "bad debt and the fund's capital", Colour.SHORT),
        (table["net"], "net", Colour.LOSS),
    ):
        figure.add_scatter(
            x=table.index, y=y, name=name, mode="lines+markers", line={"color": colour.value}
        )
    figure.update_xaxes(title="leverage, times today's, at the same equity")
    figure.update_yaxes(title="money a year")
    return figure


def render_fund_page(found: VenueFund) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    drawn = [depletion_figure(found)]
    if found.leverage is not None:
        drawn.append(leverage_figure(found))
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
    deleveraged = found.deleveraging_table()
    tables = {
        "sizes": found.sizes(),
        "layers": found.layer_table(),
    }
    if found.leverage is not None:
        tables["leverage"] = found.leverage
    if found.lending is not None:
        tables["bonuses"] = found.lending.table
    for name, table in (("walls", found.walls), ("pools", found.pools)):
        if table is not None:
            tables[name] = table.reset_index()
    if found.lending is not None:
        tables["ways"] = found.lending.ways
    if found.deleveraged is not None:
        tables["winners"] = found.deleveraged.by_winners
    if deleveraged is not None:
        tables["deleveraging"] = deleveraged.drop(columns="scenario")
    html = {
        name: shown(in_words(frame), percent=FRACTIONS).set_uuid(name).to_html()
        for name, frame in tables.items()
    }
    return _template().render(
        found=found,
        study=found.posed.study,
        words=fund_words(found),
        scenario=None if deleveraged is None else deleveraged["scenario"].iloc[0],
        tables=html,
        figures=figures,
        style=STYLE,
        script=follow_scheme(),
    )


def _figure(name: str, title: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(template=template(), title=title, meta={"id": name}, height=400)
    return figure


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("fund_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
