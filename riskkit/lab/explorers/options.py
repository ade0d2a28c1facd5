"""The options explorer: a structure by sliders, its payoff, margin, worst dates and holes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets

from riskkit.calibration.option_market import OptionMarket
from riskkit.calibration.options import OptionAnswer
from riskkit.calibration.portfolio import JointAnswer, answer_panel
from riskkit.calibration.scenario_set import calibrate_set
from riskkit.lab.explorers.panelled import LABEL, WIDE, PanelledExplorer, Settings
from riskkit.lab.figures.option_panels import LABELS, option_panels
from riskkit.lab.template import Theme
from riskkit.options.grid import Structure, VerifiedSet, grid_loss, hole_sweep, payoff
from riskkit.options.legs import OptionBook, OptionLeg
from riskkit.options.margin import leg_losses, margin_options
from riskkit.options.shapes import SHAPES, shaped, unit_delta
from riskkit.portfolio.scenario_set import SetStyle
from riskkit.study.panel import PanelCase

Array = np.ndarray[Any, np.dtype[np.float64]]

DATES, FINE, CENTRES = 12, 401, 41
TENORS = (1.0, 2.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
#: Part of a period that a leg is asked to outlive, so that the shortest is not expired at birth.
LATER = pd.Timedelta(minutes=1)


class OptionSettings(Settings):
    """The settings of the options explorer.

    Attributes
    ----------
    underlying, shape : str
    sold : bool
    middle, wing : float
        Middle strike less the price, and distance of the wings, fractions.
    days : float
        To expiry.
    volatility : float
        Implied, a year.
    hedged : bool
        Whether the underlying is held against the structure's delta.
    """

    NAMES = ("underlying", "shape", "sold", "middle", "wing", "days", "volatility", "hedged")

    underlying = traitlets.Unicode()
    shape = traitlets.Unicode("butterfly")
    sold = traitlets.Bool(True)
    middle = traitlets.Float(-0.02)
    wing = traitlets.Float(0.01)
    days = traitlets.Float(1.0)
    volatility = traitlets.Float(0.6)
    hedged = traitlets.Bool(False)


@dataclass(frozen=True)
class StructureAnswer:
    """What a setting gives; money for one unit.

    Attributes
    ----------
    legs : tuple of OptionLeg
    price : float
    row : Series
        As in `riskkit.options.margin.OptionMargins.table`.
    spot : float
        VaR if implied volatilities stood still.
    at_once, decayed : float
        What the set asks, without and with decayed scenarios.
    moves : ndarray (k,)
    gains : mapping of str to ndarray (k,)
        After a move: ``at once``, at the end of the margin ``period``, with ``vol up``, at
        ``expiry``.
    points : ndarray (p, 2)
        Moves of the set within its range, and the least gain at each.
    dates : DataFrame
        By date, the worst first: ``loss``, and of it ``price`` alone and ``volatility``.
    holes : DataFrame
        As `riskkit.options.grid.hole_sweep`, by middle strike less the price.
    here : float
        The hole of the structure itself.
    """

    legs: tuple[OptionLeg, ...] = field(repr=False)
    price: float
    row: pd.Series = field(repr=False)
    spot: float
    at_once: float
    decayed: float
    moves: Array = field(repr=False)
    gains: dict[str, Array] = field(repr=False)
    points: Array = field(repr=False)
    dates: pd.DataFrame = field(repr=False)
    holes: pd.DataFrame = field(repr=False)
    here: float


class OptionsExplorer(PanelledExplorer[OptionSettings, StructureAnswer]):
    """Change a structure of options, and see its payoff, margin, worst dates and a set's holes.

    Parameters
    ----------
    case : str, Path, JointAnswer or OptionAnswer
        A study's file, or what it was answered with; volatilities are read beside the file.
    folder : str or Path, optional
        In which the study's files have their names, where an answer is given.
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    model : OptionSettings
    market : OptionMarket
    """

    def __init__(
        self,
        case: str | Path | JointAnswer | OptionAnswer,
        *,
        folder: str | Path | None = None,
        theme: Theme | None = None,
        threads: int = 1,
    ) -> None:
        self.threads = threads
        self._sets: dict[str, VerifiedSet] = {}
        if isinstance(case, OptionAnswer):
            self.market, self._sets = case.market, dict(case.sets)
        elif isinstance(case, JointAnswer):
            self.market = OptionMarket.of(case, "." if folder is None else folder)
        else:
            beside = Path(case).parent if folder is None else folder
            answer = answer_panel(PanelCase.read(case), threads=threads)
            self.market = OptionMarket.of(answer, beside)
        self._base = calibrate_set(self.market.answer, SetStyle.DERIBIT)
        self._dates, self._rows = self.market.rows()
        model = OptionSettings(underlying=self.market.scenarios.names[0])
        figure = option_panels("options-explorer", theme or Theme.LIGHT)
        super().__init__(model, figure, labels=LABELS, theme=theme)

    def verified(self, underlying: str) -> VerifiedSet:
        """The set that covers the library of structures on an underlying, calibrated once."""
        if underlying not in self._sets:
            self._sets[underlying] = self.market.calibrated(self._base, underlying)
        return self._sets[underlying]

    def _structure(self, middle: float) -> Structure:
        """The structure of the settings with another middle."""
        asked, market = self.model, self.market
        price = market.prices[asked.underlying]
        expiry = market.moment + pd.Timedelta(days=asked.days) + LATER
        legs = shaped(
            asked.shape,
            asked.underlying,
            price,
            expiry,
            centre=1.0 + middle,
            wing=asked.wing,
            volatility=asked.volatility,
            units=-1.0 if asked.sold else 1.0,
        )
        linear = -unit_delta(legs, price, market.moment) if asked.hedged else 0.0
        return Structure(asked.shape, legs, linear)

    def _compute(self) -> StructureAnswer:
        asked, market = self.model, self.market
        structure = self._structure(asked.middle)
        price, days = market.prices[asked.underlying], market.scenarios.days
        book = OptionBook.of(structure.legs, market.moment, market.scenarios.names)
        scenarios = market.scenarios_for(book)
        n = scenarios.names.index(asked.underlying)
        straight = np.zeros(len(scenarios.names))
        straight[n] = structure.linear * price
        rule = market.answer.requirement.rule
        terms: dict[str, Any] = {
            "linear": {structure.name: straight},
            "confidence": rule.confidence,
            "loading": market.loading,
            "short_floor": market.asked.short_floor_fraction,
            "threads": self.threads,
        }
        row = margin_options(book, scenarios, **terms).table.iloc[0]
        still = replace(scenarios, volatility=np.zeros_like(scenarios.volatility))
        spot = float(margin_options(book, still, **terms).table["var"].iloc[0])
        found = self.verified(asked.underlying).scenario_set
        here = (structure, market.moment, price)
        moves, gains, points = self._payoffs(structure, price)
        centres = np.linspace(-1.0, 1.0, CENTRES) * 0.75 * found.shocks[asked.underlying].range
        others = [replace(self._structure(float(c)), name=f"{c:+.2%}") for c in centres]
        holes = hole_sweep(found, others, market.moment, price, days)
        (own,) = hole_sweep(found, [structure], market.moment, price, days)["hole"]
        return StructureAnswer(
            structure.legs,
            price,
            row,
            spot,
            grid_loss(found, *here),
            grid_loss(found, *here, decayed_days=days),
            moves,
            gains,
            points,
            self._worst_dates(structure, price),
            holes.set_index(centres),
            float(own),
        )

    def _payoffs(self, structure: Structure, price: float) -> tuple[Array, dict[str, Array], Array]:
        market, name = self.market, self.model.underlying
        found = self.verified(name).scenario_set
        shock = found.shocks[name]
        moves = np.linspace(-1.25, 1.25, FINE) * shock.range
        law = market.scenarios.law
        days, expiry = market.scenarios.days, structure.legs[0].days(market.moment)
        up = np.log1p(shock.volatility_up)
        here = (structure, market.moment, price)
        gains = {
            "at once": payoff(*here, moves, 0.0),
            "period": payoff(*here, moves, days),
            "vol up": payoff(*here, moves, days, lambda left: float(np.exp(law.term(left) * up))),
            "expiry": payoff(*here, moves, expiry),
        }
        rows = found.scenarios(name)
        near = np.unique(rows[np.abs(rows[:, 0]) <= shock.range * (1.0 + 1e-9), 0])
        return moves, gains, np.column_stack([near, payoff(*here, near, 0.0)])

    def _worst_dates(self, structure: Structure, price: float) -> pd.DataFrame:
        market = self.market
        book = OptionBook.of(structure.legs, market.moment, market.scenarios.names)
        still = replace(self._rows, volatility=np.zeros_like(self._rows.volatility))
        moves = self._rows.moves[:, self._rows.names.index(self.model.underlying)]
        linear = structure.linear * price * moves
        whole, alone = (
            leg_losses(structure.legs, (structure.name,), book, rows)[0] - linear
            for rows in (self._rows, still)
        )
        table = pd.DataFrame(
            {"loss": whole, "price": alone, "volatility": whole - alone}, index=self._dates
        )
        worst = table.sort_values("loss", ascending=False, kind="stable")
        return worst.head(DATES).rename_axis("date")

    def _show(self, answer: StructureAnswer, traces: Mapping[str, Any]) -> None:
        price, row = answer.price, answer.row
        for meta, gain in answer.gains.items():
            traces[meta].x, traces[meta].y = answer.moves, gain / price
        ends = [answer.moves[0], answer.moves[-1]]
        traces["asked"].x, traces["asked"].y = ends, [-answer.decayed / price] * 2
        traces["points"].x, traces["points"].y = answer.points[:, 0], answer.points[:, 1] / price
        asked = (row["greeks"], answer.spot, row["var"], row["es"], row["maintenance"])
        traces["margins"].y = np.array([*asked, answer.at_once, answer.decayed]) / price
        days = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(answer.dates.index)]
        for part in ("price", "volatility"):
            traces[f"date {part}"].x = days
            traces[f"date {part}"].y = answer.dates[part].to_numpy() / price
        for meta, column in (("open", "hole"), ("closed", "with decayed scenarios")):
            traces[meta].x = answer.holes.index.to_numpy()
            traces[meta].y = answer.holes[column].to_numpy() / price
        traces["here"].x, traces["here"].y = [self.model.middle], [answer.here / price]
        self.figure.layout.title.text = self._title()

    def _title(self) -> str:
        asked = self.model
        way = "short" if asked.sold else "long"
        wing = (
            ""
            if len({k for _, k, _ in SHAPES[asked.shape](1.0, asked.wing)}) == 1
            else (f", wings {asked.wing:.1%}")
        )
        hedge = ", hedged" if asked.hedged else ""
        return (
            f"{way} {asked.shape} on {asked.underlying} at {asked.middle:+.1%}{wing}, "
            f"{asked.days:g} d{hedge}"
        )

    def _told(self, answer: StructureAnswer) -> tuple[Iterable[tuple[str, str]], str]:
        price, row, found = answer.price, answer.row, self.verified(self.model.underlying)

        def money(value: float) -> str:
            return f"{value:,.2f} ({value / price:.2%} of the price)"

        shock = found.scenario_set.shocks[self.model.underlying]
        rows = (
            ("maintenance margin, one unit", money(row["maintenance"])),
            ("VaR, ES", f"{row['var'] / price:.2%}, {row['es'] / price:.2%} of the price"),
            (
                "VaR at sticky strike, sticky delta",
                f"{row['sticky_strike'] / price:.2%}, {row['sticky_delta'] / price:.2%}",
            ),
            ("set: range, volatility", f"{shock.range:.1%}, +{shock.volatility_up:.0%} "
             f"-{shock.volatility_down:.0%}; covers {len(found.table)} structures"),
            ("the set at once does not see", money(answer.here)),
        )  # fmt: skip
        return rows, escape(self.market.evidence)

    def _controls(self) -> list[w.Widget]:
        common = {"layout": WIDE, "style": LABEL}
        made: dict[str, w.Widget] = {
            "underlying": w.Dropdown(
                options=list(self.market.scenarios.names), description="Underlying", **common
            ),
            "shape": w.Dropdown(options=list(SHAPES), description="Structure", **common),
            "sold": w.Dropdown(
                options=[("sold", True), ("bought", False)], description="Way", **common
            ),
            "middle": w.FloatSlider(
                min=-0.3, max=0.3, step=0.0025, readout_format="+.2%", continuous_update=False,
                description="Middle less price", **common,
            ),
            "wing": w.FloatSlider(
                min=0.0025, max=0.3, step=0.0025, readout_format=".2%", continuous_update=False,
                description="Wings", **common,
            ),
            "days": w.SelectionSlider(
                options=[(f"{d:g} d", d) for d in TENORS], description="Expiry",
                continuous_update=False, **common,
            ),
            "volatility": w.FloatSlider(
                min=0.05, max=2.0, step=0.05, readout_format=".0%", continuous_update=False,
                description="Implied volatility", **common,
            ),
            "hedged": w.Dropdown(
                options=[("alone", False), ("against its delta", True)],
                description="Underlying held", **common,
            ),
        }  # fmt: skip
        for name, control in made.items():
            control.value = getattr(self.model, name)
            self._bound(name, control)
        return list(made.values())
