"""The thin view: controls with units, the figure, the words around it. It computes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from riskkit.errors import RiskkitError
from riskkit.lab.explorers import words
from riskkit.lab.explorers.controls import SLIDERS, bind, bind_slider, slider
from riskkit.volatility.paths import StartState

if TYPE_CHECKING:
    from riskkit.lab.explorers.explorer import Explorer
    from riskkit.lab.explorers.export import Exported
    from riskkit.lab.explorers.snapshot import Snapshot

MODELS = ("gjr-skewt", "gjr-t", "garch-skewt", "garch-t", "garch-normal", "egarch-t", "ewma-normal")
STAGES = {"fit": "fitting", "buffers": "simulating buffers", "history": "walking through history"}
WIDE = w.Layout(width="100%")
LABEL = {"description_width": "160px"}


class View:
    """The widgets of an explorer; `widget` is what a notebook shows.

    Attributes
    ----------
    widget : ipywidgets.Box
    sliders : dict of str to slider
        By the trait they move.
    """

    def __init__(self, explorer: Explorer, kind: str) -> None:
        self._explorer, model = explorer, explorer.model
        loan = kind == "loan"
        self._market = w.Dropdown(options=model.markets, description="Market", **_wide())
        self._spec = w.Dropdown(
            options=sorted({*MODELS, model.spec}), description="Volatility model", **_wide()
        )
        self._state = w.Dropdown(
            options=[state.value for state in StartState], description="Start from", **_wide()
        )
        self._side = w.ToggleButtons(
            options=["long"] if loan else ["long", "short"],
            description="Side",
            style={**LABEL, "button_width": "60px"},
        )
        for widget, trait in (
            (self._market, "market"),
            (self._spec, "spec"),
            (self._state, "start_state"),
            (self._side, "side"),
        ):
            bind(model, trait, widget)
        self.sliders = {d.trait: slider(d) for d in SLIDERS if kind in d.kinds}
        for d in SLIDERS:
            if d.trait in self.sliders:
                bind_slider(model, d, self.sliders[d.trait])
        self._pin = self._button("Pin", "Keep this setting on the frontier", explorer.pin)
        self._unpin = self._button("Unpin all", "Take pinned settings off", explorer.unpin)
        self._export = self._button(
            "Export", "Calibrate in full, and write the parameter file", explorer.export
        )
        self._path = w.Text(placeholder="path of a CSV or parquet", description="Own prices")
        self._path.layout, self._path.style = WIDE, LABEL
        self._path.continuous_update = False
        self._path.observe(self._load_path, names="value")
        self._upload = w.FileUpload(
            accept=".csv,.gz,.parquet", description="or choose a file", layout={"width": "auto"}
        )
        self._upload.observe(self._load_upload, names="value")
        self._status = w.HTML()
        self._table = w.HTML()
        self._health = w.HTML()
        self._written = w.HTML()
        self.widget = self._arrange()

    def offer_markets(self) -> None:
        """List the markets anew."""
        with self._market.hold_trait_notifications():
            chosen = self._explorer.model.market
            self._market.options = self._explorer.model.markets
            self._market.value = chosen

    def show(self, snapshot: Snapshot, pins: Sequence[Snapshot]) -> None:
        """Say what was computed; nothing is stale."""
        self._table.value = words.parameters_table(snapshot, pins)
        self._health.value = words.health_line(snapshot, self._explorer.model.chosen)
        self._say("")
        self.widget.remove_class("rk-stale")

    def show_error(self, error: str) -> None:
        """Say why the settings cannot be computed; what is drawn stays marked as stale."""
        self.widget.add_class("rk-stale")
        self._say(words.error_words(error))

    def mark_stale(self) -> None:
        """What is drawn belongs to earlier settings."""
        self.widget.add_class("rk-stale")

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress of an export."""
        self._written.value = (
            f'<div class="rk-words">Calibrating: {STAGES[stage]}, {done} of {total}</div>'
        )

    def show_export(self, exported: Exported) -> None:
        """Say where the file is, and what changed."""
        self._written.value = words.export_words(exported)

    def _arrange(self) -> w.Box:
        controls = w.VBox(
            [
                w.HTML(words.STYLE),
                self._market,
                self._side,
                self._spec,
                self._state,
                *self.sliders.values(),
                w.HBox([self._pin, self._unpin, self._export]),
                self._path,
                self._upload,
                self._status,
            ],
            layout=w.Layout(flex="0 0 380px"),
        )
        controls.add_class("rk-controls")
        figure = w.VBox([self._explorer.figure, self._table, self._health, self._written])
        figure.layout = w.Layout(flex="1 1 480px", min_width="0px", overflow="visible")
        for shown in (self._explorer.figure, self._table):
            shown.add_class("rk-shown")
        box = w.Box([controls, figure])
        box.add_class("rk-explorer")
        box.layout = w.Layout(display="flex", flex_flow="row wrap", width="100%", grid_gap="12px")
        return box

    def _button(self, text: str, tip: str, do: Callable[[], object]) -> w.Button:
        button = w.Button(description=text, tooltip=tip, layout={"width": "auto"})
        button.on_click(lambda _: self._try(do))
        return button

    def _try(self, do: Callable[[], object]) -> None:
        """Do what a control asks for; what cannot be done is said in the panel."""
        self._say("")
        try:
            do()
        except RiskkitError as error:
            self._say(words.error_words(str(error)))

    def _say(self, text: str) -> None:
        self._status.value = text

    def _load_path(self, change: Any) -> None:
        if change["new"].strip():
            self._try(lambda: self._explorer.load(change["new"].strip()))

    def _load_upload(self, change: Any) -> None:
        for file in change["new"]:
            # The loader reads files, and a file's own name is part of its provenance.
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(file["name"]).name
                path.write_bytes(bytes(file["content"]))
                self._try(partial(self._explorer.load, path))


def _wide() -> dict[str, Any]:
    return {"layout": WIDE, "style": LABEL}
