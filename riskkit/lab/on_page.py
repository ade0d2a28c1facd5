"""Figures of the house in a notebook: on whatever page, light or dark, they are shown.

A saved figure cannot know the page that will show it, and JupyterLab changes its theme under a
figure that is there already. In a notebook the house template therefore has no background of its
own, and ink that can be read on white as on black. Pages written by riskkit give their figures the
template of the reader's scheme instead (`riskkit.lab.scheme`).
"""

from __future__ import annotations

from typing import Any

import plotly.io as pio
from plotly.io.base_renderers import PlotlyRenderer

from riskkit.lab.template import Theme, page_template, template

RENDERER = "plotly_mimetype"  # plotly's own choice in a kernel


class OnAnyPage(PlotlyRenderer):  # type: ignore[misc]
    """Plotly's renderer of notebooks, with the template of any page for figures of the house."""

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        """The figure as data; one that has asked for the dark theme, or is not ours, as it is."""
        layout = fig_dict.get("layout", {})
        if _paper(layout) == _paper({"template": _plain(template())}):
            layout = {**layout, "template": _plain(page_template())}
        bundle: dict[str, Any] = super().to_mimebundle({**fig_dict, "layout": layout})
        return bundle


def follow_page() -> None:
    """Have this kernel show figures of the house on any page, if it shows them as data."""
    pio.renderers[RENDERER] = OnAnyPage()
    if pio.renderers.default == RENDERER:
        pio.renderers.default = RENDERER  # it holds the renderer itself, not its name


def as_written(layout: dict[str, Any]) -> dict[str, Any]:
    """The layout of a figure that a kernel has shown, in the light template again."""
    if _paper(layout) == _paper({"template": _plain(page_template())}):
        return {**layout, "template": _plain(template(Theme.LIGHT))}
    return layout


def _plain(found: Any) -> dict[str, Any]:
    plain: dict[str, Any] = found.to_plotly_json()
    return plain


def _paper(layout: dict[str, Any]) -> Any:
    """Colour of the paper and of the ink: what tells a template."""
    within = layout.get("template", {}).get("layout", {})
    return within.get("paper_bgcolor"), within.get("font", {}).get("color")
