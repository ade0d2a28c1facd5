"""The thin view: controls with units, the figure, the words around it. It computes nothing.

It knows its explorer only as `Explored`: explorers import views, never the other way round.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import ipywidgets as w

from riskkit.errors import InputError, RiskkitError
from riskkit.lab.explorers import words
from riskkit.lab.explorers.chart import Chart
from riskkit.lab.explorers.controls import LABEL, WIDE, Dial, bind, bind_slider, slider
from riskkit.lab.explorers.layout import arrange
from riskkit.lab.explorers.model import MarketModel
from riskkit.market import InvalidRows

MODELS = (
    *("gjr-skewt", "gjr-t", "gjr-normal", "garch-skewt", "garch-t", "garch-normal"),
    *("egarch-t", "ewma-normal"),
)


class Explored(Protocol):
    """An explorer, as its view knows it."""

    @property
    def model(self) -> MarketModel:
        """Its settings."""

    @property
    def chart(self) -> Chart:
        """Its figure."""

    @property
    def stale(self) -> bool:
        """Whether what is shown belongs to earlier settings."""

    def pin(self) -> None:
        """Keep the present settings in the figure."""

    def unpin(self) -> None:
        """Take every pinned setting off the figure."""

    def load(self, path: str | Path, *, invalid_rows: InvalidRows) -> None:
        """Explore one's own prices."""


class View:
    """The widgets of an explorer; `widget` is what a notebook shows.

    Attributes
    ----------
    widget : ipywidgets.Box
    sliders : dict of str to slider
        By the trait they move.
    """

    def __init__(self, explorer: Explored, dials: Sequence[Dial], sides: Sequence[str]) -> None:
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
        # A corrected file has the name it had: its entry does not change, and sends nothing.
        self._load = self.button("Load", "Read the file, also once more", self._load_named)
        self._drop = w.Checkbox(
            description="drop invalid rows", layout=WIDE, style=LABEL, indent=True
        )
        self._own = w.VBox([self._path, w.HBox([self._load, self._upload]), self._drop])
        self._status, self._table, self._health = w.HTML(), w.HTML(), w.HTML()
        self.widget = arrange(
            [self._status, self._table], self.controls(), explorer.chart, self.below()
        )

    def controls(self) -> list[w.Widget]:
        """Controls from top to bottom; a view with more of them puts its own between these."""
        return [
            self._market,
            self._side,
            self._spec,
            *self.sliders.values(),
            w.HBox([self._pin, self._unpin]),
            self._own,
        ]

    def below(self) -> list[w.Widget]:
        """What stands under the figure."""
        return [self._health]

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
        self._tell_status(words.error_words(error, stale=True))

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
            self._tell_status(words.error_words(str(error), stale=self._explorer.stale))

    def _tell_status(self, text: str) -> None:
        self._status.value = text

    def _load_path(self, change: Any) -> None:
        if change["new"].strip():
            self.attempt(self._load_named)

    def _load_named(self) -> None:
        path = self._path.value.strip()
        if not path:
            raise InputError("own prices", "no path", "must name a file", "Type it, or choose one")
        self._explorer.load(path, invalid_rows=self._policy())

    def _policy(self) -> InvalidRows:
        return InvalidRows.DROP if self._drop.value else InvalidRows.RAISE

    def _load_upload(self, change: Any) -> None:
        for file in change["new"]:
            # The loader reads files, and a file's own name is part of its provenance.
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(file["name"]).name
                path.write_bytes(bytes(file["content"]))
                self.attempt(partial(self._explorer.load, path, invalid_rows=self._policy()))


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
