"""The view of the trade-off: sliders of the mechanism, live parameters, and Export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from riskkit.lab.explorers import words
from riskkit.lab.explorers.controls import LABEL, SLIDERS, WIDE, bind
from riskkit.lab.explorers.export import Exported, VenueFile, formats_for, live_of
from riskkit.lab.explorers.snapshot import Snapshot
from riskkit.lab.explorers.view import View, choice, entry
from riskkit.paths.start import StartState

if TYPE_CHECKING:
    from riskkit.lab.explorers.explorer import Explorer

NO_VENUE = "parameter file only"
STAGES = {"fit": "fitting", "buffers": "simulating buffers", "history": "walking through history"}


class TradeOffView(View):
    """Controls and words of a `MarginExplorer` or a `LiquidationExplorer`."""

    _explorer: Explorer

    def __init__(self, explorer: Explorer, kind: str) -> None:
        loan = kind == "loan"
        model = explorer.model
        self._state = choice("Start from", [state.value for state in StartState])
        bind(model, "start_state", self._state)
        self._live = entry(
            "Live LT, max LTV, %" if loan else "Live MM, IM, %",
            "today's, e.g. 80, 75" if loan else "today's, e.g. 5, 10",
        )
        w.link((model, "live"), (self._live, "value"))
        self._venue = choice("Export as", [NO_VENUE, *formats_for(kind)])
        self._live_file = entry("Live file", "the venue's file that runs today")
        self._live_market = entry("Market in it", "its name, if there are several")
        self._context = entry("Venue's fields", "TOML: ids, caps, addresses")
        self._asset_is = entry("Asset is", "the market's, if it is named otherwise")
        self._historical = w.Checkbox(
            description="although data are old",
            layout=WIDE,
            style=LABEL,
            indent=True,
        )
        self._asked = w.VBox(
            [
                self._live_file,
                self._live_market,
                self._context,
                self._asset_is,
                self._historical,
            ],
            layout=w.Layout(width="auto", display="none"),
        )
        self._venue.observe(self._ask, names="value")
        self._live_file.observe(self._take_live, names="value")
        self._live_market.observe(self._take_live, names="value")
        self._asset_is.observe(self._take_live, names="value")
        self._export = w.Button(
            description="Export",
            tooltip="Calibrate in full, and write the parameter file (and the venue's)",
            layout={"width": "auto"},
        )
        self._export.on_click(
            lambda _: self.attempt(lambda: explorer.export(venue=self.venue_file()))
        )
        self._written = w.HTML()
        dials = [d for d in SLIDERS if kind in d.kinds]
        super().__init__(explorer, dials, ["long"] if loan else ["long", "short"])

    def controls(self) -> list[w.Widget]:
        """Every control, from top to bottom."""
        return [
            self._market,
            self._side,
            self._spec,
            self._state,
            *self.sliders.values(),
            self._live,
            w.HBox([self._pin, self._unpin, self._export]),
            self._venue,
            self._asked,
            self._own,
        ]

    def below(self) -> list[w.Widget]:
        """Parameters, health, and what was written."""
        return [self._table, self._health, self._written]

    def venue_file(self) -> VenueFile | None:
        """What the controls say about a venue's file; None for the parameter file alone."""
        if self._venue.value == NO_VENUE:
            return None
        live, market, context, asset_is = (
            widget.value.strip() or None
            for widget in (self._live_file, self._live_market, self._context, self._asset_is)
        )
        historical = self._historical.value
        return VenueFile(self._venue.value, live, market, context, historical, asset_is)

    def show(self, snapshot: Snapshot, pins: Sequence[Snapshot]) -> None:
        """Say what was computed."""
        self._table.value = words.parameters_table(snapshot, pins)
        self._health.value = words.health_line(snapshot, self._explorer.model.chosen)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress of an export."""
        self._written.value = (
            f'<div class="rk-words">Calibrating: {STAGES[stage]}, {done} of {total}</div>'
        )

    def show_export(self, exported: Exported) -> None:
        """Say where the files are, and what changed."""
        self._written.value = words.export_words(exported)

    def _ask(self, change: Any) -> None:
        self._asked.layout.display = "none" if change["new"] == NO_VENUE else "flex"

    def _take_live(self, _: Any) -> None:
        """A live file says what runs today: it goes on the frontier."""
        venue = self.venue_file()
        if venue is not None and venue.live is not None:
            study = self._explorer.model.study()
            self.attempt(lambda: setattr(self._explorer.model, "live", live_of(venue, study)))
