"""The page of attacks on a venue: table, cost and gain against the move, what follows."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import jinja2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.attack.found import AttackKind, VenueAttacks
from riskkit.attack.gain import attack
from riskkit.attack.incidents import incident_table
from riskkit.attack.words import attack_words
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.lab.template import PERCENT, Colour, template
from riskkit.study.attack import AttackSection
from riskkit.units import money

FRACTIONS = frozenset({"mark", "slippage", "maintenance margin, at least"})
SHARES = frozenset({"fund", "fund, worst hundredth", "owner", "closed by the venue"})


def cost_and_gain(found: VenueAttacks, kind: AttackKind) -> go.Figure:
    """Cost and gain of an attack against the move of the mark, at today's interest.

    Each point holds the market for the time that is cheapest there.
    """
    multiples = np.unique(np.concatenate([np.geomspace(0.3, 1.0, 60), np.geomspace(1.0, 4.0, 90)]))
    interest = found.venue.book.open_interest
    times = np.unique(np.geomspace(1.0, max(kind.mark.window, 1.0), 12))
    costs, gains = [], []
    for multiple in multiples:
        tried = [
            attack(
                kind.mark,
                found.prey,
                multiple=float(multiple),
                held=float(held),
                interest=interest,
                margin=found.margin,
                realisable=kind.realisable,
            )
            for held in times
        ]
        best = min(tried, key=lambda a: a.cost.loss)
        costs.append(best.cost.loss if np.isfinite(best.cost.loss) else np.nan)
        gains.append(best.gain)
    figure = go.Figure(layout={"template": template()})
    figure.update_layout(
        title=f"{kind.name}: what a move of the mark costs, and what it brings",
        meta={"id": f"attack-{kind.name.replace(' ', '-')}"},
        height=380,
    )
    figure.add_scatter(x=multiples - 1.0, y=gains, name="gain", line={"color": Colour.LONG.value})
    figure.add_scatter(x=multiples - 1.0, y=costs, name="cost", line={"color": Colour.SHORT.value})
    figure.update_xaxes(title="move of the mark", tickformat=PERCENT)
    figure.update_yaxes(title="money", rangemode="tozero", range=[0.0, 2.0 * max(gains) + 1.0])
    return figure


def _sizes(found: VenueAttacks) -> pd.DataFrame:
    """What a position of a size must have; no leverage where the margin would pass one."""
    rows = [
        {
            "position": one.notional,
            "slippage": one.slippage if math.isfinite(one.slippage) else math.nan,
            "maintenance margin, at least": one.maintenance if one.leverage >= 1.0 else math.nan,
            "leverage, at most": one.leverage if one.leverage >= 1.0 else math.nan,
        }
        for one in found.sizes
    ]
    return pd.DataFrame(rows).set_index("position")


def render_attack_page(found: VenueAttacks) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    drawn = [cost_and_gain(found, kind) for kind in found.kinds]
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
    table = shown(found.table(), percent=FRACTIONS).set_uuid("attacks").to_html()
    sizes = shown(_sizes(found), percent=FRACTIONS).set_uuid("sizes").to_html()
    conducts = (
        shown(found.strategic_table(), percent=SHARES).set_uuid("conducts").to_html()
        if found.strategic
        else ""
    )
    owners = (
        shown(found.owners_table(), percent=SHARES).set_uuid("owners").to_html()
        if found.owners
        else ""
    )
    guards = shown(found.guard_table()).set_uuid("guards").to_html()
    incidents = shown(incident_table().set_index("incident")).set_uuid("incidents").to_html()
    return _template().render(
        found=found,
        words=attack_words(found),
        cap=money(found.cap),
        table=table,
        sizes=sizes,
        conducts=conducts,
        owners=owners,
        acting=(found.study.attack or AttackSection()).acting_fraction,
        guards=guards,
        incidents=incidents,
        figures=figures,
        style=STYLE,
        script=follow_scheme(),
    )


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("attack_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
