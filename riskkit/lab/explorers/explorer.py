"""The explorer: a model of settings, one figure, and the computation between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from riskkit.errors import InputError, RiskkitError
from riskkit.lab.explorers.export import Exported, export_setting
from riskkit.lab.explorers.market import Market, fit_market, market_of_prices, market_of_study
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import Snapshot, take_snapshot
from riskkit.lab.explorers.view import View
from riskkit.lab.figures.trade_off import PINS, panels, titles, trade_off
from riskkit.lab.template import Theme

#: Seconds between the first of several moves and the computation: what came in between is in it.
PATIENCE = 0.02


class Explorer:
    """Drag a slider, see what safety costs; or drive the same object from plain Python.

    Without a running event loop every change of `model` is computed at once. In a notebook it is
    computed as soon as the running cell, or the kernel, has a moment; reading `snapshot` computes
    at once, so that a stale result is never taken for a current one.

    Parameters
    ----------
    studies : path, or sequence of paths or Market
        Study files to choose from; the first is shown first.
    name : str
        The figure's ``layout.meta["id"]``.
    out : path
        Folder of the exports.
    threads : int
        Change no number.
    theme : Theme

    Attributes
    ----------
    model : ExplorerModel
    figure : plotly.graph_objects.FigureWidget
    view : View
    error : str
        Why the settings could not be computed; empty if they were.
    """

    KIND = "perpetual"

    def __init__(
        self,
        studies: str | Path | Sequence[str | Path | Market],
        *,
        name: str,
        out: str | Path = "out",
        threads: int = 2,
        theme: Theme = Theme.LIGHT,
    ) -> None:
        given = [studies] if isinstance(studies, str | Path) else list(studies)
        markets = [s if isinstance(s, Market) else market_of_study(s) for s in given]
        for market in markets:
            self._check_kind(market)
        self.out, self.threads, self.error = Path(out), threads, ""
        self.model = ExplorerModel({market.name: market for market in markets})
        self.figure = go.FigureWidget(trade_off(name, theme))
        self._traces = {trace.meta: trace for trace in self.figure.data}
        self._pins: list[Snapshot] = []
        self._snapshot: Snapshot | None = None
        self._stale, self._due = True, False
        self._shown: dict[str, Any] = {}
        self._exported: Exported | None = None
        self.view = View(self, self.KIND)
        self.model.observe(self._changed)
        self.recompute()

    @property
    def stale(self) -> bool:
        """Whether what is shown belongs to earlier settings."""
        return self._stale

    @property
    def pins(self) -> tuple[Snapshot, ...]:
        """The pinned settings, oldest first."""
        return tuple(self._pins)

    @property
    def snapshot(self) -> Snapshot:
        """What the present settings give, computed now if it was not yet.

        Raises
        ------
        InputError
            If the settings cannot be computed.
        """
        if self._stale:
            self.recompute()
        if self._stale or self._snapshot is None:
            self._compute()  # raises what `recompute` put into words
        assert self._snapshot is not None
        return self._snapshot

    def recompute(self) -> None:
        """Compute the present settings and show them; an error is shown as words."""
        try:
            snapshot = self._compute()
        except RiskkitError as error:
            self.error = str(error)
            self.view.show_error(self.error)
            return
        self.error = ""
        self._show(snapshot)

    def pin(self) -> None:
        """Keep the present settings on the frontier; the third pushes the first out."""
        snapshot = self.snapshot
        self._pins = [*self._pins, snapshot][-PINS:]
        self._show(snapshot)

    def unpin(self) -> None:
        """Take every pinned setting off the frontier."""
        self._pins = []
        self._show(self.snapshot)

    def load(self, path: str | Path) -> None:
        """Explore one's own CSV or parquet, with the present settings.

        Raises
        ------
        InputError
            If the prices break a rule, or are too few to fit.
        """
        market = market_of_prices(path, self.model.study())
        fit_market(market, self.model.spec)  # refused before it replaces what is shown
        self.model.add(market)
        self.view.offer_markets()
        self.model.market = market.name

    def export(self, folder: str | Path | None = None) -> Exported:
        """Calibrate the present settings in full and write the parameter file.

        The live numbers have Monte-Carlo bands only; the file's recommendation also rests on the
        bootstrap refits the study asks for, and holds every side, start state and the evidence.

        Raises
        ------
        InputError
            If the settings cannot be calibrated, or the folder cannot be written.
        """
        self._exported = export_setting(
            self.model.study(),
            self.model.chosen.history,
            Path(folder) if folder is not None else self.out,
            last=self._exported,
            threads=self.threads,
            progress=self.view.tell,
        )
        self.view.show_export(self._exported)
        return self._exported

    def _compute(self) -> Snapshot:
        study = self.model.study()
        fitted = fit_market(self.model.chosen, study.model.spec)
        return take_snapshot(fitted, study, self.model.chosen_side(study), threads=self.threads)

    def _show(self, snapshot: Snapshot) -> None:
        heads = titles(snapshot)
        with self.figure.batch_update():
            for name, properties in panels(snapshot, self._pins).items():
                self._traces[name].update(properties, overwrite=True)
            self.figure.layout.title.text = heads["title"]
            for note, text in zip(
                self.figure.layout.annotations, heads["annotations"], strict=True
            ):
                note.text = text
            for axis, text in heads["axes"].items():
                self.figure.layout[axis].title.text = text
        self._snapshot, self._stale, self._shown = snapshot, False, self.model.settings()
        self.view.show(snapshot, self._pins)

    def _changed(self, _: Any) -> None:
        # A market brings many settings at once, and a slider may come back to where it was.
        self._stale = self.model.settings() != self._shown
        if not self._stale:
            if self._snapshot is not None:
                self.error = ""
                self.view.show(self._snapshot, self._pins)
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

    def _check_kind(self, market: Market) -> None:
        kind = market.study.venue.kind
        if kind != self.KIND:
            raise InputError(
                "venue.kind",
                kind,
                f"{type(self).__name__} explores a {self.KIND}",
                "Use MarginExplorer for perpetuals and LiquidationExplorer for loans",
            )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.view.widget)  # type: ignore[no-untyped-call]


class MarginExplorer(Explorer):
    """The margins of a perpetual: MM and IM against both target probabilities."""

    KIND = "perpetual"

    def __init__(
        self, studies: str | Path | Sequence[str | Path | Market], **settings: Any
    ) -> None:
        super().__init__(studies, **{"name": "margin-explorer"} | settings)


class LiquidationExplorer(Explorer):
    """The thresholds of a loan: liquidation threshold, max LTV and bonus."""

    KIND = "loan"

    def __init__(
        self, studies: str | Path | Sequence[str | Path | Market], **settings: Any
    ) -> None:
        super().__init__(studies, **{"name": "liquidation-explorer"} | settings)
