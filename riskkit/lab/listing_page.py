"""The page of a listing gate: each question, the peers behind the margin of hour 0."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2

from riskkit.attack.gate import ListingGate
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.position import Side

FRACTIONS = frozenset(
    name for side in Side for name in (f"{side.value} loss", f"{side.value} beyond others'")
)


def render_listing_page(found: ListingGate) -> str:
    """HTML of one gate, self-contained; the same inputs give the same bytes."""
    return _template().render(
        found=found,
        failed=sum(not check.passed for check in found.checks),
        peers=shown(found.margin.table(), percent=FRACTIONS).set_uuid("peers").to_html(),
        style=STYLE,
        script=follow_scheme(),
    )


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("listing_page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
