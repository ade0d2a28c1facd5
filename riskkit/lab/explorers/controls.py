"""Sliders with units, and their two-way bond with the model's traits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import pandas as pd

from riskkit.lab.explorers.model import SETTINGS, MarketModel, TraitSetting
from riskkit.study.described import fact_at, kinds_with
from riskkit.study.fact import steps
from riskkit.units import count_bars

BOTH = ("perpetual", "loan")
WIDE = w.Layout(width="auto")
LABEL = {"description_width": "168px"}
#: Units of times that a study rounds up to bars.
TIMES = {
    "s": pd.Timedelta(seconds=1),
    "h": pd.Timedelta(hours=1),
    "d": pd.Timedelta(days=1),
}


@dataclass(frozen=True)
class Dial:
    """A slider over one trait.

    Attributes
    ----------
    trait : str
    label : str
    unit : str
        What the slider shows: ``"%"`` of a fraction, or the unit of the number itself.
    stops : tuple of float
        Values of the trait that the slider offers, increasing.
    """

    trait: str
    label: str
    unit: str
    stops: tuple[float, ...]
    kinds: tuple[str, ...] = BOTH

    def words(self, value: float, bar: pd.Timedelta | None = None) -> str:
        """A value with its unit, and a time in the bars it comes to; a factor of zero is off."""
        if self.unit == "times" and value == 0.0:
            return "no limit"
        said = f"{value * (100.0 if self.unit == '%' else 1.0):.5g} {self.unit}"
        if bar is None or self.unit not in TIMES or value < 0.0:
            return said
        bars = count_bars(value * TIMES[self.unit], bar).bars
        return f"{said} → {bars} bar{'s' * (bars != 1)}"


def _dial(trait: str, setting: TraitSetting) -> Dial:
    """The dial of a setting, as the study's own field describes it."""
    fact = fact_at(setting.key)
    shown, _ = fact.scale
    label = f"{fact.label[:1].upper()}{fact.label[1:]}, {shown}"
    stops = tuple(round(stop / setting.per, 9) for stop in fact.stops)
    return Dial(trait, label, shown, stops, kinds_with(setting.key, "position") or BOTH)


SLIDERS = tuple(
    _dial(trait, setting) for trait, setting in SETTINGS.items() if fact_at(setting.key).stops
)


BACKTEST_SLIDERS = (
    Dial("confidence", "Confidence, %", "%", (0.9, 0.95, 0.975, 0.98, 0.99, 0.995, 0.999)),
    Dial("minimum_bars", "First forecast after, bars", "bars", steps(2000.0, 250.0, low=250.0)),
    Dial("lag_days", "In force after, d", "d", steps(14.0, 1.0)),
    Dial("stressed_weight", "Stressed weight, %", "%", steps(0.5, 0.05)),
    Dial("buffer_share", "Buffer, %", "%", steps(0.5, 0.05)),
    Dial("floor_multiple", "Floor of long-run, sigmas", "sigmas", steps(5.0, 0.25)),
    Dial("speed_limit", "Rise in 5 bars, times", "times", (0.0, *steps(3.0, 0.1, low=1.1))),
)


def slider(dial: Dial) -> w.SelectionSlider:
    """The slider of a dial; it sends while it moves.

    A slider of stops, not of floats: a float slider in the page rounds what it is given to its
    step and sends that back, and a study's 5 % would become 5.01 %.
    """
    found = w.SelectionSlider(
        options=[(dial.words(stop), stop) for stop in dial.stops],
        description=dial.label,
        continuous_update=True,
        layout=w.Layout(width="auto"),  # of its own: it may be hidden
        style=LABEL,
    )
    found.add_class(f"rk-{dial.trait.replace('_', '-')}")
    return found


def bind_slider(model: MarketModel, dial: Dial, widget: w.SelectionSlider) -> None:
    """Keep slider and trait together; a value between or beyond the stops becomes one.

    A slider that the market's study has nothing for is not shown.
    """
    offering = False

    def to_slider(_: Any) -> None:
        nonlocal offering
        value = getattr(model, dial.trait)
        known = model.market in model.markets
        bar = model.chosen.history.bar if known else None
        stops = [stop for _, stop in widget.options]
        if value not in stops:
            stops = sorted([*stops, value])
        offered = [(dial.words(stop, bar), stop) for stop in stops]
        if offered != list(widget.options):
            # New options select the first of them, which the trait must not follow.
            offering = True
            widget.options = offered
            offering = False
        if widget.value != value:
            widget.value = value

    def to_model(change: Any) -> None:
        if not offering:
            setattr(model, dial.trait, change["new"])

    def show(_: Any) -> None:
        widget.layout.display = None if model.offers(dial.trait) else "none"

    show(None)
    model.observe(show, names="market")
    to_slider(None)
    model.observe(to_slider, names=[dial.trait, "market"])
    widget.observe(to_model, names="value")


def bind(model: MarketModel, trait: str, widget: w.Widget) -> None:
    """Keep a choice and a trait together; a value that is no option is left to the error panel."""

    def to_widget(_: Any) -> None:
        value = getattr(model, trait)
        if value in widget.options and widget.value != value:
            widget.value = value

    to_widget(None)
    model.observe(to_widget, names=trait)
    widget.observe(lambda change: setattr(model, trait, change["new"]), names="value")
