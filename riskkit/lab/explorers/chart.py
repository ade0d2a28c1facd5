"""The figure in a page: as current as its words, however late or often the page draws it.

The figure travels as one text that holds all of it, on an ordinary widget. A page that draws later,
again, or in a second view needs no message that it may have missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Any

import anywidget
import ipywidgets as w
import plotly.graph_objects as go
import traitlets
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from riskkit.lab.drawing import plain_json
from riskkit.lab.template import Theme, quick_template


class Sheet(w.Widget):  # type: ignore[misc]
    """A text that pages read; no view of its own, and no clock on its messages."""

    text = traitlets.Unicode().tag(sync=True)


_source: Sheet | None = None


def plotly_source() -> Sheet:
    """Plotly's script, sent once for all the figures of a kernel."""
    global _source
    if _source is None or _source.comm is None:  # closed with every other widget
        _source = Sheet(text=get_plotlyjs())
    return _source


class Chart(anywidget.AnyWidget):
    """The view of a figure; `update` sends what changed.

    Parameters
    ----------
    figure : Figure
        It may change afterwards, its number of traces excepted.
    narrow : dict
        What is other in the layout of a narrow page.
    theme : Theme, optional
        By default figures follow the page.

    Attributes
    ----------
    sheet : Sheet
        The figure as pages read it, without its template.
    """

    _esm = files("riskkit.lab.explorers").joinpath("chart.js").read_text("utf-8")
    source = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Unicode().tag(sync=True)
    version = traitlets.Unicode(get_plotlyjs_version()).tag(sync=True)
    templates = traitlets.Dict().tag(sync=True)
    narrow = traitlets.Dict().tag(sync=True)

    def __init__(
        self, figure: go.Figure, *, narrow: dict[str, Any], theme: Theme | None = None
    ) -> None:
        self._drawn, self.sheet, self._source = figure, Sheet(), plotly_source()
        self._values = {trace.meta: trace.to_plotly_json() for trace in figure.data}
        self._traces = {name: plain_json(values) for name, values in self._values.items()}
        super().__init__(
            source=self._source.model_id,
            narrow=narrow,
            figure=self.sheet.model_id,
            templates={
                page.value: quick_template(theme or page).to_plotly_json() for page in Theme
            },
        )
        self.update(())

    def update(self, changed: Collection[str] | Mapping[str, Mapping[str, Any]]) -> None:
        """Send the figure.

        Parameters
        ----------
        changed : collection of str, or mapping
            ``meta`` of the traces that changed since it was last sent; or properties of those
            traces, which are sent without asking the figure: it takes ten times as long to copy
            its traces as to write them.
        """
        for trace in () if isinstance(changed, Mapping) else self._drawn.data:
            if trace.meta in changed:
                self._values[trace.meta] = trace.to_plotly_json()
        if isinstance(changed, Mapping):
            for name, properties in changed.items():
                self._values[name].update(properties)
        self._traces |= {name: plain_json(self._values[name]) for name in changed}
        layout = self._drawn.layout.to_plotly_json()
        layout.pop("template", None)
        data = ",".join(self._traces.values())
        self.sheet.text = f'{{"data":[{data}],"layout":{plain_json(layout)}}}'
