"""The page of a venue under stress: n by displacement, losses, scenarios, the cap."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

import jinja2
import pandas as pd
import plotly.io as pio

from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.stress_figures import branching_figure, losses_figure, triggers_figure, worst_path
from riskkit.lab.tables import shown
from riskkit.stress.answer import VenueStress
from riskkit.stress.cap import CapRule
from riskkit.units import money

#: Columns that are fractions.
FRACTIONS = frozenset(
    {
        "move",
        "triggered",
        "largest",
        "ten_largest",
        "of_open_interest",
        "of_interest",
        "market",
        "price",
        "closed",
        "lost",
        "deleveraged",
        "unclosed",
        "share",
        "triggers_at",
        "tail_loss",
        "worked_margin",
        "by_the_requirement_alone",
        "mean_loss",
        "loss_of_worst_hundredth",
        "fund_used_up",
        "slippage_calm",
        "slippage_crash",
        "margin_calm",
        "margin_crash",
        "share_of_years",
        "of_winners",
        "largest_loss_of_profit",
        "cleared",
        "deepest_hundredth",
    }
)


#: What binds, in a sentence.
BINDS = {
    CapRule.BRANCHING: "branching",
    CapRule.LOSS_BUDGET: "the loss budget",
    CapRule.ATTACK: "an attack that pays",
}


def cap_words(found: VenueStress) -> list[str]:
    """The cap on open interest, in sentences."""
    cap = found.cap
    none = "no interest looked at breaks it"
    branching = none if cap.branching == float("inf") else money(cap.branching)
    losses = none if cap.loss_budget == float("inf") else money(cap.loss_budget)
    if cap.loss_budget == 0.0:
        losses = "no interest meets it: the margins, not the interest, are too small"
    lines = [
        f"cap by branching (n below 1/2 up to {found.venue.move:.0%} at crash depth): {branching}",
        f"cap by loss budget (fund used up on {cap.allowed:.2%} of paths; {cap.depleted:.2%} at "
        f"today's interest): {losses}",
    ]
    if cap.hits < 10.0:
        lines.append(
            f"the loss budget rests on {cap.hits:.1f} paths in {found.run.paths:,}: fewer than ten "
            "is rough; raise stress.paths"
        )
    if cap.attack is None:
        why = "of loans" if found.study.is_loan else "no initial margin of new accounts is known"
        lines.append(f"cap by attacks on the price: not asked ({why})")
    elif cap.attack == float("inf"):
        lines.append("cap by attacks on the price: none pays, whatever the interest")
    else:
        lines.append(f"cap by attacks on the price (riskkit attack): {money(cap.attack)}")
    if cap.cap == float("inf"):
        lines.append(f"open interest {money(cap.interest)}: no cap binds")
        return lines
    binding = BINDS[cap.binding]
    lines.append(
        f"open interest cap: {money(cap.cap)} a side, bound by {binding}; today "
        f"{money(cap.interest)}"
    )
    if cap.above > 0.0:
        lines.append(
            f"{money(cap.above)} lies above it: a lowered cap closes nobody; positions may only "
            "shrink until interest is below it"
        )
    return lines


def render_stress_page(found: VenueStress) -> str:
    """HTML of one answer, self-contained; the same inputs give the same bytes."""
    drawn = [
        (
            branching_figure(found.critical, found.venue.move),
            "n is what one sale triggers: a move is amplified by 1/(1 - n); at 1 the book runs. "
            "Solid: crash depth; dashed: calm depth; dotted: crash depth without the ten largest "
            "accounts.",
        ),
        (
            triggers_figure(found),
            "Quantity whose trigger lies in each tenth of a per cent of log price.",
        ),
        (
            losses_figure(found),
            "Share of paths on which fund and winners bore more than that, log scale.",
        ),
        (
            worst_path(found),
            "The path with the largest losses: the market as it would have moved, and as the "
            "closing made it.",
        ),
    ]
    figures = [
        {
            "html": pio.to_html(
                figure,
                include_plotlyjs=index == 0,
                full_html=False,
                div_id=figure.layout.meta["id"],
                config={"displaylogo": False, "responsive": True},
            ),
            "caption": caption,
        }
        for index, (figure, caption) in enumerate(drawn)
    ]
    side, moving = found.run_side(), found.margin_table()
    return _template().render(
        found=found,
        run=None if side is None else side.value,
        book=_html(found.venue.book.summary()),
        critical=_html(found.criticality_table().reset_index()),
        largest=[(s.value, _html(c.largest)) for s, c in found.critical.items()],
        losses=_html(found.loss_table()),
        moving=None if moving is None else _html(moving),
        scenarios=_html(found.scenario_table()),
        sources=[(scenario.name, scenario.source) for scenario, _ in found.scenarios],
        cap=cap_words(found),
        figures=figures,
        style=STYLE,
        script=follow_scheme(),
    )


def _html(table: pd.DataFrame) -> str:
    words = shown(table, percent=FRACTIONS)
    name = sha256(words.data.to_json().encode()).hexdigest()[:8]  # type: ignore[attr-defined]
    return str(words.set_uuid(name).to_html())


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("stress_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
