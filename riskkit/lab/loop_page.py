"""The page of the loop: regret by year, what was tried, and what is proposed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.lab.template import PERCENT, Colour, template
from riskkit.loop.answer import LoopAnswer

FRACTIONS = frozenset(
    {
        *("capital_loop", "capital_nothing", "capital_fixed", "capital", "rise"),
        *("cap", "memory", "floor_share", "step"),
    }
)
#: Trials of the search that are shown, the best first.
SHOWN = 20


def regret_figure(found: LoopAnswer) -> go.Figure:
    """Regret of each year against doing nothing and against the best fixed rule."""
    table = found.walk.table()
    years = table.drop(index="all")
    figure = go.Figure(layout={"template": template()})
    for name, words, colour in (
        ("regret_nothing", "against doing nothing", Colour.LONG),
        ("regret_fixed", "against the best fixed rule, in hindsight", Colour.SHORT),
    ):
        figure.add_bar(
            x=years.index,
            y=years[name],
            name=words,
            marker={"color": colour.value},
            hovertemplate="%{y:+.3g} bps a year",
        )
    figure.update_layout(
        title="Regret by year: above zero the loop cost more",
        meta={"id": "loop-regret"},
        height=360,
    )
    figure.update_xaxes(title="year, chosen on what was before it", type="category")
    figure.update_yaxes(title="bps of open interest a year")
    return figure


def trial_figure(found: LoopAnswer) -> go.Figure:
    """Capital and bad debt of every policy that was tried, those within the bounds apart."""
    figure = go.Figure(layout={"template": template()})
    search = found.search
    if search is not None:
        table = search.table()
        legal = table["broken"] == 0.0
        for part, words, colour in (
            (table[~legal], "breaks a bound", Colour.LOSS),
            (table[legal], "within the bounds", Colour.LONG),
        ):
            figure.add_scatter(
                x=part["capital"],
                y=np.maximum(part["bad_debt_high"], 1e-3),
                mode="markers",
                name=words,
                marker={"color": colour.value, "size": 6},
                hovertemplate="margin %{x:.2%}, bad debt at most %{y:.3g} bps a year",
            )
        figure.add_scatter(
            x=[search.today.capital],
            y=[max(search.today.bad_debt_high, 1e-3)],
            mode="markers",
            name="today's rule",
            marker={"color": Colour.SHORT.value, "size": 11, "symbol": "diamond"},
        )
        figure.add_hline(
            y=search.bounds.bad_debt, line={"color": Colour.BREACH.value, "dash": "dot"}
        )
    figure.update_layout(
        title="What was tried on all of the history", meta={"id": "loop-trials"}, height=400
    )
    figure.update_xaxes(title="mean margin", tickformat=PERCENT)
    figure.update_yaxes(title="bad debt, upper end, bps a year", type="log")
    return figure


def render_loop_page(found: LoopAnswer) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    drawn = [regret_figure(found)] + ([] if found.search is None else [trial_figure(found)])
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
    years = shown(found.walk.table(), percent=FRACTIONS).set_uuid("years").to_html()
    tried = ""
    if found.search is not None:
        table = found.search.table()
        best = table.sort_values(["broken", "loss"]).head(SHOWN).reset_index(drop=True)
        tried = shown(best, percent=FRACTIONS).set_uuid("tried").to_html()
    path = found.move.path.table()
    return _template().render(
        study=found.case.study,
        words=found.words(),
        figures=figures,
        years=years,
        tried=tried,
        steps=shown(path).set_uuid("steps").to_html() if len(path) else "",
        style=STYLE,
        script=follow_scheme(),
    )


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("loop_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
