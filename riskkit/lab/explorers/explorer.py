"""Drag a slider, see what safety costs: the explorers of margins and of loan thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskkit.calibration.question import venue_of
from riskkit.calibration.venue import BarrierVenue
from riskkit.errors import InputError
from riskkit.lab.explorers.base import LiveExplorer, markets_of
from riskkit.lab.explorers.export import (
    Exported,
    VenueFile,
    check_venue,
    export_setting,
    export_venue,
)
from riskkit.lab.explorers.live import Live, losses_of
from riskkit.lab.explorers.market import Market, fit_market
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import Snapshot, take_snapshot
from riskkit.lab.explorers.trade_off_view import TradeOffView
from riskkit.lab.figures.trade_off import LABELS, trade_off
from riskkit.lab.figures.trade_off_data import panels, titles
from riskkit.lab.template import Theme, one_column
from riskkit.position import Side
from riskkit.study.case import Case


class Explorer(LiveExplorer[ExplorerModel, Snapshot]):
    """The trade-off between capital efficiency and safety, live.

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
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    live_error : str
        Why today's numbers are not shown; empty if they are, or none were given.
    """

    KIND = "perpetual"
    view: TradeOffView

    def __init__(
        self,
        studies: str | Path | Sequence[str | Path | Market],
        *,
        name: str,
        out: str | Path = "out",
        threads: int = 2,
        theme: Theme | None = None,
    ) -> None:
        markets = markets_of(studies)
        for market in markets.values():
            self._check_kind(market)
        self.out = Path(out).resolve()
        self._exported: Exported | None = None
        self.live_error = ""
        figure = trade_off(name, loan=self.KIND == "loan", theme=theme or Theme.LIGHT)
        narrow, model = one_column(labels=LABELS), ExplorerModel(markets)
        super().__init__(model, figure, narrow=narrow, threads=threads, theme=theme)

    def export(
        self, folder: str | Path | None = None, *, venue: VenueFile | None = None
    ) -> Exported:
        """Calibrate the present settings in full, write the parameter file and a venue's.

        The live numbers have Monte-Carlo bands only; the file's recommendation also rests on the
        bootstrap refits the study asks for, and holds every side, start state and the evidence.
        The venue's file is written beside it if the target still holds on the venue's own
        rounded values; the parameter file is kept if it does not.

        Parameters
        ----------
        venue : VenueFile, optional
            Which format, and what the user gives for it.

        Raises
        ------
        InputError
            If the settings cannot be calibrated, the folder cannot be written, or the venue
            cannot hold the parameters.
        """
        case = Case(self.model.study(), self.model.chosen.history)
        if venue is not None:
            # What is missing is said at once, not after the calibration.
            check_venue(venue, case.study.data)
        last = self._exported
        done = export_setting(
            case,
            Path(folder) if folder is not None else self.out,
            last=last,
            threads=self.threads,
            progress=self.view.tell,
        )
        self._exported = done
        self.view.show_export(done)
        if venue is not None:
            self._exported = export_venue(done, venue, case, last=last)
            self.view.show_export(self._exported)
        return self._exported

    def _new_view(self) -> TradeOffView:
        return TradeOffView(self, self.model, self.KIND)

    def _compute(self) -> Snapshot:
        study = self.model.study()
        fitted = fit_market(self.model.chosen, study.model.spec)
        side = self.model.chosen_side(study.sides)
        venue = venue_of(study, fitted.market.history.bar)
        live, self.live_error = self._live(venue, side)
        return take_snapshot(fitted, study, side, live=live, threads=self.threads)

    def _live(self, venue: BarrierVenue, side: Side) -> tuple[Live | None, str]:
        """Today's numbers, or why they cannot be shown: nothing else depends on them."""
        try:
            live = self.model.live_parameters()
            if live is not None:
                losses_of(venue, side, live)
        except InputError as error:
            return None, str(error)
        return live, ""

    def _try_market(self, market: Market) -> None:
        self._check_kind(market)
        fit_market(market, self.model.spec)

    def _panels(self, answer: Snapshot) -> dict[str, dict[str, Any]]:
        return panels(answer, self._pins)

    def _titles(self, answer: Snapshot) -> Mapping[str, Any]:
        return titles(answer)

    def _say(self, answer: Snapshot) -> None:
        self.view.show(answer, self._pins)
        self.view.show_live_fault(self.live_error)

    def _check_kind(self, market: Market) -> None:
        kind = market.study.position.kind
        if kind != self.KIND:
            raise InputError(
                "venue.kind",
                kind,
                f"{type(self).__name__} explores a {self.KIND}",
                "Use MarginExplorer for perpetuals and LiquidationExplorer for loans",
            )


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
