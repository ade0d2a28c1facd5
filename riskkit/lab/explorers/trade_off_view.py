"""The view of the trade-off: sliders of the mechanism, live parameters, and Export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import ipywidgets as w

from riskkit.lab.explorers import words
from riskkit.lab.explorers.controls import LABEL, SLIDERS, WIDE, bind
from riskkit.lab.explorers.export import Exported, VenueFile, formats_for, live_of
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import Snapshot
from riskkit.lab.explorers.view import Explored, View, choice, entry
from riskkit.paths.start import StartState

NO_VENUE = "parameter file only"
STAGES = {"fit": "fitting", "buffers": "simulating buffers", "history": "walking through history"}


class Exporting(Explored, Protocol):
    """An explorer that writes files."""

    def export(self, *, venue: VenueFile | None = None) -> Exported:
        """Calibrate the present settings in full, and write them."""


class TradeOffView(View):
    """Controls and words of a `MarginExplorer` or a `LiquidationExplorer`."""

    def __init__(self, explorer: Exporting, model: ExplorerModel, kind: str) -> None:
        loan = kind == "loan"
        self._state = choice("Start from", [state.value for state in StartState])
        bind(model, "start_state", self._state)
        self._live = entry(
            "Live LT, max LTV, %" if loan else "Live MM, IM, %",
            "today's, e.g. 80, 75" if loan else "today's, e.g. 5, 10",
        )
        w.link((model, "live"), (self._live, "value"))
        self._live_fault = w.HTML()
        self._live_fault.add_class("rk-aside")
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
        self._export.on_click(lambda _: self._do_export(explorer))
        self._said = w.HTML(layout=w.Layout(flex="1 1 0", min_width="0px"))
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
            self._live_fault,
            w.HBox([self._pin, self._unpin]),
            self._venue,
            self._asked,
            w.HBox([self._export, self._said], layout=w.Layout(align_items="center")),
            self._written,
            self._own,
        ]

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

    def show_live_fault(self, error: str) -> None:
        """Say why today's numbers are not shown; nothing else depends on them."""
        (self._live.add_class if error else self._live.remove_class)("rk-bad")
        self._live_fault.value = words.live_fault_words(error) if error else ""

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress of an export."""
        self._said.value = words.busy_words(f"{STAGES[stage]}, {done} of {total}")

    def show_export(self, exported: Exported) -> None:
        """Say where the files are, and what changed."""
        self._said.value = words.written_words(exported)
        self._written.value = words.export_words(exported)

    def _do_export(self, explorer: Exporting) -> None:
        self._export.disabled = True
        self._said.value, self._written.value = words.busy_words("beginning"), ""
        try:
            self.attempt(lambda: explorer.export(venue=self.venue_file()))
        finally:
            self._export.disabled = False
            if "rk-spinner" in self._said.value:  # it stopped: the panel says why
                self._said.value = ""

    def _ask(self, change: Any) -> None:
        self._asked.layout.display = "none" if change["new"] == NO_VENUE else "flex"

    def _take_live(self, _: Any) -> None:
        """A live file says what runs today: it goes on the frontier."""
        venue = self.venue_file()
        if venue is not None and venue.live is not None:
            study = self._explorer.model.study()
            self.attempt(lambda: setattr(self._explorer.model, "live", live_of(venue, study.data)))
