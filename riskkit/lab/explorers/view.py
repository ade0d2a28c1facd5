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
from riskkit.lab.explorers.controls import LABEL, WIDE, Dial, bind, bind_slider, slider

if TYPE_CHECKING:
    from riskkit.lab.explorers.base import LiveExplorer

MODELS = (
    *("gjr-skewt", "gjr-t", "gjr-normal", "garch-skewt", "garch-t", "garch-normal"),
    *("egarch-t", "ewma-normal"),
)


class View:
    """The widgets of an explorer; `widget` is what a notebook shows.

    Attributes
    ----------
    widget : ipywidgets.Box
    sliders : dict of str to slider
        By the trait they move.
    """

    def __init__(
        self, explorer: LiveExplorer[Any, Any], dials: Sequence[Dial], sides: Sequence[str]
    ) -> None:
        self._explorer, model = explorer, explorer.model
        self._market = choice("Market", model.markets)
        self._side = w.ToggleButtons(
            options=list(sides),
            description="Side",
            style={**LABEL, "button_width": "60px"},
            layout=WIDE,
        )
        self._spec = choice("Volatility model", sorted({*MODELS, *model.specs}))
        for widget, trait in ((self._market, "market"), (self._side, "side"), (self._spec, "spec")):
            bind(model, trait, widget)
        self.sliders = {d.trait: slider(d) for d in dials}
        for d in dials:
            bind_slider(model, d, self.sliders[d.trait])
        self._pin = self.button("Pin", "Keep this setting in the figure", explorer.pin)
        self._unpin = self.button("Unpin all", "Take pinned settings off", explorer.unpin)
        self._path = entry("Own prices", "path of a CSV or parquet")
        self._path.observe(self._load_path, names="value")
        self._upload = w.FileUpload(
            accept=".csv,.gz,.parquet", description="or choose a file", layout={"width": "auto"}
        )
        self._upload.observe(self._load_upload, names="value")
        self._status, self._table, self._health = w.HTML(), w.HTML(), w.HTML()
        self.widget = self._arrange()

    def controls(self) -> list[w.Widget]:
        """Controls from top to bottom; a view with more of them puts its own between these."""
        return [
            self._market,
            self._side,
            self._spec,
            *self.sliders.values(),
            w.HBox([self._pin, self._unpin]),
            self._path,
            self._upload,
        ]

    def below(self) -> list[w.Widget]:
        """What stands under the figure."""
        return [self._table, self._health]

    def offer_markets(self) -> None:
        """List the markets anew."""
        with self._market.hold_trait_notifications():
            chosen = self._explorer.model.market
            self._market.options = self._explorer.model.markets
            self._market.value = chosen

    def show_current(self) -> None:
        """Nothing is stale, and nothing is wrong."""
        self._tell_status("")
        self.widget.remove_class("rk-stale")

    def show_error(self, error: str) -> None:
        """Say why the settings cannot be computed; what is drawn stays marked as stale."""
        self.widget.add_class("rk-stale")
        self._tell_status(words.error_words(error))

    def mark_stale(self) -> None:
        """What is drawn belongs to earlier settings."""
        self.widget.add_class("rk-stale")

    def button(self, text: str, tip: str, do: Callable[[], object]) -> w.Button:
        """A button; what it cannot do is said in the panel."""
        button = w.Button(description=text, tooltip=tip, layout={"width": "auto"})
        button.on_click(lambda _: self.attempt(do))
        return button

    def attempt(self, do: Callable[[], object]) -> None:
        """Do what a control asks for; what cannot be done is said in the panel."""
        self._tell_status("")
        try:
            do()
        except RiskkitError as error:
            self._tell_status(words.error_words(str(error)))

    def _arrange(self) -> w.Box:
        controls = w.VBox(
            [w.HTML(words.STYLE), *self.controls(), self._status],
            layout=w.Layout(flex="0 0 380px"),
        )
        controls.add_class("rk-controls")
        figure = w.VBox([self._explorer.figure, *self.below()])
        figure.layout = w.Layout(flex="1 1 480px", min_width="0px", overflow="visible")
        for shown in (self._explorer.figure, self._table):
            shown.add_class("rk-shown")
        box = w.Box([controls, figure])
        box.add_class("rk-explorer")
        box.layout = w.Layout(display="flex", flex_flow="row wrap", width="100%", grid_gap="12px")
        return box

    def _tell_status(self, text: str) -> None:
        self._status.value = text

    def _load_path(self, change: Any) -> None:
        if change["new"].strip():
            self.attempt(lambda: self._explorer.load(change["new"].strip()))

    def _load_upload(self, change: Any) -> None:
        for file in change["new"]:
            # The loader reads files, and a file's own name is part of its provenance.
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(file["name"]).name
                path.write_bytes(bytes(file["content"]))
                self.attempt(partial(self._explorer.load, path))


def choice(label: str, options: Sequence[str]) -> w.Dropdown:
    """A labelled list to choose from."""
    return w.Dropdown(options=list(options), description=label, layout=WIDE, style=LABEL)


def entry(label: str, hint: str) -> w.Text:
    """A labelled line of text that is sent when it is complete."""
    return w.Text(
        placeholder=hint,
        description=label,
        layout=WIDE,
        style=LABEL,
        continuous_update=False,
    )
