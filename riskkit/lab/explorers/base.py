"""What every explorer does: settings in, one figure out, and nothing stale passes for current."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from riskkit.errors import RiskkitError
from riskkit.lab.explorers.chart import Chart
from riskkit.lab.explorers.market import Market, market_of_prices, market_of_study
from riskkit.lab.explorers.model import MarketModel
from riskkit.lab.explorers.view import View
from riskkit.lab.figures.series import PINS
from riskkit.lab.notebook_report import EXPLORER
from riskkit.lab.template import Theme
from riskkit.market import InvalidRows

#: Seconds between the first of several moves and the computation: what came in between is in it.
PATIENCE = 0.001

Model = TypeVar("Model", bound=MarketModel)
Answer = TypeVar("Answer")


class LiveExplorer(ABC, Generic[Model, Answer]):
    """A model of settings, one figure, and the computation between them.

    Without a running event loop every change of `model` is computed at once. In a notebook it is
    computed as soon as the running cell, or the kernel, has a moment; reading `snapshot` computes
    at once, so that a stale result is never taken for a current one.

    Attributes
    ----------
    model : MarketModel
    figure : plotly.graph_objects.Figure
    chart : Chart
        Its view.
    view : View
    error : str
        Why the settings could not be computed; empty if they were.
    """

    def __init__(
        self,
        model: Model,
        figure: go.Figure,
        *,
        narrow: dict[str, Any],
        threads: int,
        theme: Theme | None = None,
    ) -> None:
        self.model, self.threads, self.error = model, threads, ""
        self.figure, self.chart = figure, Chart(figure, narrow=narrow, theme=theme)
        self._traces = {trace.meta: trace for trace in self.figure.data}
        self._pins: list[Answer] = []
        self._answer: Answer | None = None
        self._stale, self._due, self._at_work = True, False, RLock()
        self._shown: dict[str, Any] = {}
        self._drawn: dict[str, Any] = {}
        self.view = self._new_view()
        self.model.observe(self._changed)
        self.recompute()

    @property
    def stale(self) -> bool:
        """Whether what is shown belongs to earlier settings."""
        return self._stale

    @property
    def pins(self) -> tuple[Answer, ...]:
        """The pinned answers, oldest first."""
        return tuple(self._pins)

    @property
    def snapshot(self) -> Answer:
        """What the present settings give, computed now if it was not yet.

        Raises
        ------
        InputError
            If the settings cannot be computed.
        """
        if self._stale:
            self.recompute()
        if self._stale or self._answer is None:
            self._compute()  # raises what `recompute` put into words
        assert self._answer is not None
        return self._answer

    def recompute(self) -> None:
        """Compute the present settings and show them; an error is shown as words."""
        with self._at_work:
            settings = self.model.settings()
            try:
                answer = self._compute()
            except RiskkitError as error:
                self.error = str(error)
                self.view.show_error(self.error)
                return
            self.error = ""
            self._show(answer, settings)

    def pin(self) -> None:
        """Keep the present settings in the figure; the third pushes the first out."""
        with self._at_work:
            answer = self.snapshot
            self._pins = [*self._pins, answer][-PINS:]
            self._show(answer, self._shown)

    def unpin(self) -> None:
        """Take every pinned setting off the figure."""
        with self._at_work:
            self._pins = []
            self._show(self.snapshot, self._shown)

    def load(self, path: str | Path, *, invalid_rows: InvalidRows = InvalidRows.RAISE) -> None:
        """Explore one's own CSV or parquet, with the present settings.

        Parameters
        ----------
        invalid_rows : InvalidRows
            What becomes of rows that cannot be prices.

        Raises
        ------
        InputError
            If the prices break a rule, or are too few to fit.
        """
        market = market_of_prices(path, self.model.study(), invalid_rows)
        self._try_market(market)  # refused before it replaces what is shown
        again = market.name == self.model.market
        self.model.add(market)
        self.view.offer_markets()
        self.model.market = market.name
        if again:  # other prices under the name that is chosen: no setting says so
            self._shown = {}
            self._changed(None)

    @abstractmethod
    def _new_view(self) -> View:
        """The widgets around the figure."""

    @abstractmethod
    def _compute(self) -> Answer:
        """The answer of the present settings; pure but for the time it takes."""

    @abstractmethod
    def _try_market(self, market: Market) -> None:
        """Raise `InputError` if nothing can be computed from a market."""

    @abstractmethod
    def _panels(self, answer: Answer) -> dict[str, dict[str, Any]]:
        """Properties of every trace, by its ``meta``."""

    @abstractmethod
    def _titles(self, answer: Answer) -> Mapping[str, Any]:
        """``title``, ``annotations`` (one per panel), ``axes`` (titles) and ``ticks``, by axis."""

    @abstractmethod
    def _say(self, answer: Answer) -> None:
        """Put what was computed into the view's words."""

    def _show(self, answer: Answer, settings: dict[str, Any]) -> None:
        # What a move leaves as it was is neither sent nor put into words again.
        found = {
            name: {k: v for k, v in properties.items() if self._is_new(f"{name}.{k}", v)}
            for name, properties in self._panels(answer).items()
        }
        changed = {name: properties for name, properties in found.items() if properties}
        self._head(self._titles(answer))
        self.chart.update(changed)
        self._say(answer)
        self._answer, self._shown = answer, settings
        # A kernel may take a slider's next message in another thread while this one computes: its
        # settings are not those that are shown, and their own computation is on its way.
        self._stale = self.model.settings() != settings
        if not self._stale:
            self.view.show_current()
        for name, properties in changed.items():  # while the page draws
            for key, value in properties.items():
                self._traces[name][key] = value

    def _head(self, heads: Mapping[str, Any]) -> None:
        layout = self.figure.layout
        if self._is_new("title", heads["title"]):
            layout.title.text = heads["title"]
        for i, text in enumerate(heads["annotations"]):
            if self._is_new(f"annotation {i}", text):
                layout.annotations[i].text = text
        for axis, text in heads["axes"].items():
            if self._is_new(axis, text):
                layout[axis].title.text = text
        for axis, ticks in heads.get("ticks", {}).items():
            if self._is_new(f"{axis} ticks", ticks):
                layout[axis].update(ticks)

    def _is_new(self, place: str, value: Any) -> bool:
        """Whether the figure holds something else there; from now on it holds this."""
        if place in self._drawn and _same(self._drawn[place], value):
            return False
        self._drawn[place] = value
        return True

    def _changed(self, _: Any) -> None:
        with self._at_work:
            # A market brings many settings at once, and a slider may come back to where it was.
            self._stale = self.model.settings() != self._shown
            if not self._stale:
                if self._answer is not None:
                    self.error = ""
                    self.view.show_current()
                return
            self.view.mark_stale()
        if self._due:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.recompute()
            return
        self._due = True
        loop.call_later(PATIENCE, self._recompute_due)

    def _recompute_due(self) -> None:
        self._due = False
        if self._stale:
            self.recompute()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if self._stale:  # settings of this very cell, which the loop had no moment to compute
            self.recompute()
        shown = self.view.widget._repr_mimebundle_()
        still = {EXPLORER: json.loads(self.figure.to_json())}
        display({**shown, **still}, raw=True)  # type: ignore[no-untyped-call]


def _same(one: Any, other: Any) -> bool:
    """Whether two properties of a trace are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.Index):
        return bool(one.equals(other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def markets_of(studies: str | Path | Sequence[str | Path | Market]) -> dict[str, Market]:
    """Markets by name, from study files or markets.

    Raises
    ------
    InputError
        If a study or its prices break a rule.
    """
    given = [studies] if isinstance(studies, str | Path) else list(studies)
    markets = [s if isinstance(s, Market) else market_of_study(s) for s in given]
    return {market.name: market for market in markets}
