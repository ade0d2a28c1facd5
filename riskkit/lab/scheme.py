"""Pages in the reader's own colour scheme: figures follow it in the browser, without a network."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from riskkit.lab.template import Theme, template_values

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: A page's colours by meaning; figures take theirs from the template of the same theme.
STYLE = """\
:root { color-scheme: light dark; --paper:#fff; --ink:#1f2933; --quiet:#616e7c; --line:#e4e7eb;
        --warn:#b44d12; --warnbg:#fff3e6; --pass:#0b6b4b; --fail:#b42318; --shade:#f5f7fa; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper:#15191f; --ink:#e4e7eb; --quiet:#9aa5b1; --line:#323f4b;
          --warn:#f0a868; --warnbg:#2e2416; --pass:#4cc38a; --fail:#ff8a80; --shade:#1f262e; }
}"""

PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>%(title)s · riskkit</title>
<style>
%(style)s
  body { background: var(--paper); }
</style></head>
<body>%(figure)s
%(script)s
</body>
</html>
"""

SCRIPT = """\
<script>
(() => {
  const templates = %s;
  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const each = change => document.querySelectorAll(".js-plotly-plot").forEach(change);
  const paint = () => each(figure =>
    Plotly.relayout(figure, {template: templates[dark.matches ? "dark" : "light"]}));
  dark.addEventListener("change", paint);
  // Paper is white and 182 mm wide between its margins; a figure keeps the size it was drawn in.
  addEventListener("beforeprint", () => each(figure =>
    Plotly.relayout(figure, {template: templates.light, autosize: false, width: 680})));
  addEventListener("afterprint", () => { each(figure =>
    Plotly.relayout(figure, {autosize: true, width: null})); paint(); });
  addEventListener("load", () => { if (dark.matches) paint(); });
})();
</script>"""


@cache
def follow_scheme() -> str:
    """The script that gives every figure of a page the house template of the reader's scheme."""
    templates = {theme.value: template_values(theme) for theme in Theme}
    return SCRIPT % json.dumps(templates)


def figure_page(figure: go.Figure) -> str:
    """One figure as a page of its own, self-contained; the same figure gives the same bytes."""
    import plotly.io as pio  # loads plotly's objects, which a report does without

    drawn = pio.to_html(
        figure,
        include_plotlyjs=True,
        full_html=False,
        div_id=figure.layout.meta["id"],
        config={"displaylogo": False, "responsive": True},
    )
    title = str(figure.layout.title.text).split("<br>")[0]
    parts = {"title": escape(title), "style": STYLE, "figure": drawn, "script": follow_scheme()}
    return PAGE % parts
