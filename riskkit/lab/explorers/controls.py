"""Sliders with units, and their two-way bond with the model's traits."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import ipywidgets as w

from riskkit.lab.explorers.model import ExplorerModel

BOTH = ("perpetual", "loan")


@dataclass(frozen=True)
class Dial:
    """A slider over one trait.

    Attributes
    ----------
    trait : str
    label : str
        With the unit of what the slider shows.
    low, high, step : float
        In the slider's unit; of the decimal logarithm if ``logarithmic``.
    per_unit : float
        What one unit of the trait is on the slider: 100 for a fraction in percent.
    """

    trait: str
    label: str
    low: float
    high: float
    step: float
    per_unit: float = 1.0
    logarithmic: bool = False
    kinds: tuple[str, ...] = BOTH


SLIDERS = (
    Dial("default_probability", "P(default | liquidation), %", -1.0, 1.0, 0.05, 100.0, True),
    Dial("liquidation_probability", "P(liquidation in time), %", -0.5, 1.5, 0.05, 100.0, True),
    Dial("delay_hours", "Liquidation delay, h", 0.0, 96.0, 1.0),
    Dial("oracle_latency_seconds", "Oracle latency, s", 0.0, 14_400.0, 60.0),
    Dial("reaction_hours", "Reaction time, h", 1.0, 168.0, 1.0),
    Dial("slippage_fraction", "Slippage, %", 0.0, 5.0, 0.05, 100.0),
    Dial("fee_fraction", "Penalty and fee, %", 0.0, 5.0, 0.05, 100.0, kinds=("perpetual",)),
    Dial("bonus_fraction", "Liquidation bonus, %", 0.0, 20.0, 0.1, 100.0, kinds=("loan",)),
)


def slider(dial: Dial) -> w.Widget:
    """The slider of a dial; it sends while it moves."""
    kind = w.FloatLogSlider if dial.logarithmic else w.FloatSlider
    found = kind(
        min=dial.low,
        max=dial.high,
        step=dial.step,
        description=dial.label,
        readout_format=".2f",
        continuous_update=True,
        layout=w.Layout(width="100%"),
        style={"description_width": "190px"},
    )
    found.add_class(f"rk-{dial.trait.replace('_', '-')}")
    return found


def bind_slider(model: ExplorerModel, dial: Dial, widget: w.Widget) -> None:
    """Keep slider and trait together, also where the trait leaves the slider's range."""

    def to_slider(_: Any) -> None:
        value = round(getattr(model, dial.trait) * dial.per_unit, 9)
        shown = (value > 0.0) if dial.logarithmic else True
        if shown and round(widget.value, 9) != value:
            _widen(widget, dial, value)
            widget.value = value

    def to_model(change: Any) -> None:
        value = round(change["new"] / dial.per_unit, 12)
        if round(getattr(model, dial.trait), 12) != value:
            setattr(model, dial.trait, value)

    to_slider(None)
    model.observe(to_slider, names=dial.trait)
    widget.observe(to_model, names="value")


def bind(model: ExplorerModel, trait: str, widget: w.Widget) -> None:
    """Keep a choice and a trait together; a value that is no option is left to the error panel."""

    def to_widget(_: Any) -> None:
        value = getattr(model, trait)
        if value in widget.options and widget.value != value:
            widget.value = value

    to_widget(None)
    model.observe(to_widget, names=trait)
    widget.observe(lambda change: setattr(model, trait, change["new"]), names="value")


def _widen(widget: w.Widget, dial: Dial, value: float) -> None:
    """A slider that clipped its trait would show a setting that is not in force."""
    if dial.logarithmic:
        widget.min = min(widget.min, floor(log10(value)))
        widget.max = max(widget.max, ceil(log10(value)))
    else:
        widget.min, widget.max = min(widget.min, value), max(widget.max, value)
