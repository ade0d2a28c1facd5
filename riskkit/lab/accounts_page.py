"""The page of accounts that hold several assets, under stress."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, template
from riskkit.stress.baskets import BasketStress
from riskkit.units import money


def in_money(table: pd.DataFrame) -> pd.DataFrame:
    """A table of outcomes with its money said; closures stay numbers."""

    def said(name: object, value: float) -> str:
        return f"{value:,.4g}" if name == "closures" else money(float(value))

    if table.index.name == "outcome":
        rows = {key: [said(key, v) for v in row] for key, row in table.iterrows()}
        return pd.DataFrame(rows, index=table.columns).T.rename_axis("outcome")
    return table.assign(**{name: [said(name, v) for v in table[name]] for name in table.columns})


def accounts_words(found: BasketStress) -> list[str]:
    """What follows for the venue."""
    venue, lost = found.venue, found.paths["bad_debt"]
    lines = [
        f"bad debt: {money(float(lost.mean()))} a run on average, "
        f"{money(float(np.quantile(lost, 0.99)))} in the worst hundredth, of "
        f"{money(venue.gross)} gross; if closing moved no price "
        f"{money(float(found.still['bad_debt'].mean()))} and "
        f"{money(float(np.quantile(found.still['bad_debt'], 0.99)))}"
    ]
    seized = [name for name in found.paths.columns if name.startswith("seized ")]
    if seized and float(found.paths[seized].sum().sum()) > 0.0:
        taken = found.paths[seized].sum()
        told = ", ".join(f"{name[7:]} {taken[name] / taken.sum():.0%}" for name in seized)
        lines.append(f"what liquidators take, of all they take: {told}")
    if found.runs:
        lines.append("n reaches 1 at crash depth within the stress move: a run, never averaged")
    return lines


def render_accounts_page(found: BasketStress) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    figure = pio.to_html(
        _losses(found),
        include_plotlyjs=True,
        full_html=False,
        div_id="losses",
        config={"displaylogo": False, "responsive": True},
    )
    tables = {
        "branching": found.branching.reset_index().set_index("side"),
        "losses": in_money(found.loss_table()),
        "scenarios": in_money(found.scenarios),
    }
    html = {
        name: shown(frame, percent=frozenset({"move"})).set_uuid(name).to_html()
        for name, frame in tables.items()
    }
    return _template().render(
        found=found,
        study=found.venue.study,
        words=accounts_words(found),
        tables=html,
        figure=figure,
        style=STYLE,
        script=follow_scheme(),
    )


def _losses(found: BasketStress) -> go.Figure:
    """Share of paths that lose more than an amount, with the cascade and without."""
    figure = go.Figure()
    figure.update_layout(
        template=template(), title="Bad debt of a run", meta={"id": "losses"}, height=400
    )
    for table, name, dash in (
        (found.paths, "with the cascade", "solid"),
        (found.still, "if closing moved no price", "dash"),
    ):
        lost = np.sort(table["bad_debt"].to_numpy())[::-1]
        some = lost > 0.0
        figure.add_scatter(
            x=lost[some] / found.venue.gross,
            y=(np.arange(lost.size)[some] + 1.0) / lost.size,
            name=name,
            mode="lines",
            line={"color": Colour.BREACH.value, "dash": dash, "shape": "hv"},
        )
    figure.update_yaxes(type="log", title="share of paths", tickformat=PROBABILITY)
    figure.update_xaxes(title="bad debt, of gross positions", tickformat=PERCENT)
    return figure


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("accounts_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
