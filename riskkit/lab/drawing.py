"""A figure as the plain values that plotly's script draws.

Plotly's Python objects check and copy every value, which takes a report longer than simulating a
study's buffers: a report writes these values into its page as they are. A notebook's figure is
made from the same ones.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit.lab.template import Colour, Theme, template, template_values

if TYPE_CHECKING:
    import plotly.graph_objects as go

Values = dict[str, Any]

_DIV = """\
<div>{before}<div id="{name}" class="plotly-graph-div" style="height:{height}; width:100%;"></div>
<script>
Plotly.newPlot("{name}", {traces}, {layout}, {{"displaylogo": false, "responsive": true}});
</script></div>"""
# What would end a script, or open a comment in it, as JSON writes any character.
_AS_TEXT = {"<": "\\u003c", ">": "\\u003e", "/": "\\u002f"}


@dataclass(frozen=True)
class Drawing:
    """Traces and layout of a figure.

    Attributes
    ----------
    name : str
        Of the figure on its page.
    traces : sequence of dict
        With arrays, series and indexes as their data.
    layout : dict
        Without a template.
    """

    name: str
    traces: Sequence[Values] = field(repr=False)
    layout: Mapping[str, Any] = field(repr=False)

    def figure(self, theme: Theme = Theme.LIGHT) -> go.Figure:
        """The figure for a notebook."""
        import plotly.graph_objects as go

        layout = {**self.layout, "meta": {"id": self.name}, "template": template(theme)}
        return go.Figure(list(self.traces), layout)

    def html(self, *, script: bool) -> str:
        """The figure for a page, in the light template.

        Parameters
        ----------
        script : bool
            Whether plotly's own script comes with it, which a page needs once.
        """
        layout = {**self.layout, "meta": {"id": self.name}, "template": template_values()}
        height = self.layout.get("height")
        return _DIV.format(
            before=f"<script>{_plotly_script()}</script>\n" if script else "",
            name=self.name,
            height="100%" if height is None else f"{height}px",
            traces=_for_script(self.traces),
            layout=_for_script(layout),
        )


def scatter(x: Any, y: Any, **rest: Any) -> Values:
    """A trace of points, or of a line through them."""
    return {"type": "scatter", "x": x, "y": y, **rest}


def on_axes(trace: Values, number: int) -> Values:
    """The trace in the panel of this number, counted from 1."""
    return {**trace, "xaxis": f"x{_suffix(number)}", "yaxis": f"y{_suffix(number)}"}


def across(height: float, number: int = 1) -> Values:
    """A dotted line across a panel."""
    n = _suffix(number)
    place = {"x0": 0, "x1": 1, "xref": f"x{n} domain", "y0": height, "y1": height, "yref": f"y{n}"}
    return {"type": "line", **place, "line": {"color": Colour.LOSS, "dash": "dot"}}


def panels(headings: Sequence[str], *, gap: float, across: bool) -> Values:
    """Axes of panels side by side, or one below the other, and a heading at the left of each.

    Parameters
    ----------
    headings : sequence of str
        One for each panel; a single panel shows none.
    gap : float
        Between two panels, as a share of the whole.
    across : bool
        Side by side. Panels below each other share their horizontal axis.
    """
    count = len(headings)
    size = (1.0 - gap * (count - 1)) / count
    found: Values = {"annotations": []}
    for number, heading in enumerate(headings, start=1):
        n, at = _suffix(number), (number - 1) * (size + gap)
        wide = [at, at + size] if across else [0.0, 1.0]
        high = [0.0, 1.0] if across else [max(1.0 - at - size, 0.0), 1.0 - at]
        found[f"xaxis{n}"] = {"anchor": f"y{n}", "domain": wide}
        found[f"yaxis{n}"] = {"anchor": f"x{n}", "domain": high}
        if not across and number < count:
            found[f"xaxis{n}"] |= {"matches": f"x{count}", "showticklabels": False}
        if count > 1:
            place = {"x": wide[0], "xanchor": "left", "xref": "paper"}
            place |= {"y": high[1], "yanchor": "bottom", "yref": "paper"}
            note = {"text": heading, "font": {"size": 13}, "showarrow": False, **place}
            found["annotations"].append(note)
    return found


def _suffix(number: int) -> str:
    return "" if number == 1 else str(number)


def _plotly_script() -> str:
    return (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _for_script(values: Any) -> str:
    text = plain_json(values, packed=True)
    for character, escaped in _AS_TEXT.items():  # a table of all at once looks at every character
        text = text.replace(character, escaped)
    return text


def plain_json(values: Any, *, packed: bool = False) -> str:
    """Traces or a layout as plotly's script reads them.

    Moments are UTC to the second. What is not finite is null.

    Parameters
    ----------
    packed : bool
        Whether the numbers of arrays are written as the bytes that they are, in a third of the
        space; a page's own script finds them as numbers only where they are not.
    """
    plain = partial(_plain, packed=packed)
    try:
        return json.dumps(values, default=plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(values), default=plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any, packed: bool) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (pd.Series, pd.Index)):
        dated = isinstance(value.dtype, pd.DatetimeTZDtype)
        value = value.to_numpy("datetime64[s]") if dated else value.to_numpy()
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} is nothing that a figure holds")
    if value.dtype.kind == "M":
        return np.datetime_as_string(value.astype("datetime64[s]")).tolist()
    if not packed or value.dtype != np.float64:
        return _finite(value.tolist())
    text = base64.b64encode(np.ascontiguousarray(value, "<f8").tobytes()).decode("ascii")
    found = {"dtype": "f8", "bdata": text}
    return found if value.ndim == 1 else found | {"shape": ", ".join(map(str, value.shape))}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
