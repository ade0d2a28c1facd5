"""What every explorer with one figure of panels does: settings in, an answer or an error out."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Generic, TypeVar

import ipywidgets as w
import plotly.graph_objects as go
import traitlets

from riskkit.errors import RiskkitError
from riskkit.lab.explorers.chart import Chart
from riskkit.lab.explorers.layout import arrange
from riskkit.lab.notebook_report import EXPLORER
from riskkit.lab.template import Theme, one_column

#: How a control of such an explorer stands: as wide as its column, behind a label of one width.
WIDE, LABEL = {"width": "auto"}, {"description_width": "168px"}


class Settings(traitlets.HasTraits):
    """Settings that sliders and Python both set; `NAMES` says which of its traits they are."""

    NAMES: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Every setting by name."""
        return {name: getattr(self, name) for name in self.NAMES}


S = TypeVar("S", bound=Settings)
A = TypeVar("A")


class PanelledExplorer(Generic[S, A]):
    """One figure of panels, its numbers in words, and controls: every change is computed at once.

    Who inherits computes an answer (`_compute`), writes it into the figure (`_show`) and into rows
    (`_told`), and makes the controls.

    Attributes
    ----------
    model : Settings
        Set its traits from Python; every change is computed at once.
    figure : plotly.graph_objects.Figure
    error : str
        Why the settings could not be computed; empty if they were.
    """

    def __init__(
        self,
        model: S,
        figure: go.Figure,
        *,
        labels: int,
        theme: Theme | None,
    ) -> None:
        self.model, self.figure, self.error = model, figure, ""
        self.chart = Chart(figure, narrow=one_column(labels=labels), theme=theme)
        self._words = w.HTML()
        self.widget = arrange([self._words], self._controls(), self.chart, self._below())
        model.observe(lambda _: self.recompute(), names=list(model.NAMES))
        self.recompute()

    @property
    def snapshot(self) -> A:
        """What the present settings give.

        Raises
        ------
        InputError
            If they cannot be computed.
        """
        return self._compute()

    def recompute(self) -> None:
        """Compute the present settings and show them; an error is shown as words."""
        try:
            answer = self._compute()
        except RiskkitError as error:
            self.error = str(error)
            self._say(f'<div class="rk-error">{escape(self.error)}</div>')
            return
        self.error = ""
        traces = {trace.meta: trace for trace in self.figure.data}
        self._show(answer, traces)
        self.chart.update(tuple(traces))
        rows, after = self._told(answer)
        body = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in rows)
        self._say(f"<table>{body}</table>{after}")

    def _say(self, words: str) -> None:
        self._words.value = f'<div class="rk-words">{words}</div>'

    @abstractmethod
    def _compute(self) -> A:
        """The answer of the present settings."""

    @abstractmethod
    def _show(self, answer: A, traces: Mapping[str, Any]) -> None:
        """Write an answer into the figure's traces, which are given by their ``meta``."""

    @abstractmethod
    def _told(self, answer: A) -> tuple[Iterable[tuple[str, str]], str]:
        """Rows of a table, and what is said after it, as HTML."""

    @abstractmethod
    def _controls(self) -> list[w.Widget]:
        """Controls, bound to the model."""

    def _below(self) -> list[w.Widget]:
        return []

    def _bound(self, name: str, control: w.Widget) -> w.Widget:
        """A control whose value is a setting."""
        traitlets.link((self.model, name), (control, "value"))
        return control

    def _ipython_display_(self) -> None:
        from IPython.display import display

        shown = self.widget._repr_mimebundle_()
        still = {EXPLORER: json.loads(self.figure.to_json())}
        display({**shown, **still}, raw=True)  # type: ignore[no-untyped-call]
