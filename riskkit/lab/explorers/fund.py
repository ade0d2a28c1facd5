"""The fund explorer: years of a book, and sliders for fund, depth, interest, leverage, winners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import numpy.typing as npt
import traitlets

from riskkit.lab.explorers.panelled import LABEL, WIDE, PanelledExplorer, Settings
from riskkit.lab.figures.fund_panels import HEADINGS, LABELS, fund_panels
from riskkit.lab.template import Theme
from riskkit.stress.open import PosedVenue, pose_venue
from riskkit.stress.terms import StressedVenue
from riskkit.study.case import Case
from riskkit.units import money
from riskkit.venue.accounts import AccountClass
from riskkit.waterfall.answer import STILL
from riskkit.waterfall.size import ONCE_IN, FundSize, fund_size
from riskkit.waterfall.year import VenueYears, endless, run_years

#: Years that a slider's answer runs: as many as its rarest size needs, ten times.
YEARS = 500
FACTORS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
FUNDS = (0.0, *FACTORS)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


class FundSettings(Settings):
    """The settings of the fund explorer; factors are of the study's own fund, depth and book.

    Attributes
    ----------
    fund, depth, interest, leverage : float
    hedged, makers : float
        Share of accounts that hold another leg, and that quote; below 0 keeps the book's own.
    """

    NAMES = ("fund", "depth", "interest", "leverage", "hedged", "makers")

    fund = traitlets.Float(1.0)
    depth = traitlets.Float(1.0)
    interest = traitlets.Float(1.0)
    leverage = traitlets.Float(1.0)
    hedged = traitlets.Float(-1.0)
    makers = traitlets.Float(-1.0)


@dataclass(frozen=True)
class FundAnswer:
    """What a setting gives.

    Attributes
    ----------
    years, still, layered : VenueYears
        With a fund that pays everything; that without impact; with the layers set.
    sizes : tuple of FundSize
    fund : float
        The fund set, in money.
    """

    years: VenueYears = field(repr=False)
    still: VenueYears = field(repr=False)
    layered: VenueYears = field(repr=False)
    sizes: tuple[FundSize, ...]
    fund: float

    @property
    def used_up(self) -> float:
        """Share of years that use the fund up."""
        return float((self.years.of("fund_needed") > self.fund).mean())


class FundExplorer(PanelledExplorer[FundSettings, FundAnswer]):
    """Change fund, depth, interest, leverage and who wins; see who pays, and how large it must be.

    Parameters
    ----------
    source : str, Path or PosedVenue
        A study with ``[depth]`` and ``[book]``.
    years : int
        Run for each answer.
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    model : FundSettings
    """

    def __init__(
        self,
        source: str | Path | PosedVenue,
        *,
        years: int = YEARS,
        theme: Theme | None = None,
        threads: int = 1,
    ) -> None:
        if isinstance(source, PosedVenue):
            self.posed = source
        else:
            self.posed = pose_venue(Case.read(source), Path(source).parent, threads=threads)
        self.count = years
        figure = fund_panels("fund-explorer", theme or Theme.LIGHT)
        super().__init__(FundSettings(), figure, labels=LABELS, theme=theme)

    def _venue(self) -> StressedVenue:
        """The study's venue with the settings in it; depth is met by the interest's inverse."""
        set_, venue = self.model, self.posed.venue
        book, fund = venue.book, venue.fund
        kind = book.kind.copy()
        order = np.random.default_rng(np.random.SFC64(1)).permutation(book.size)
        if set_.hedged >= 0.0 or set_.makers >= 0.0:
            hedgers = round(max(set_.hedged, 0.0) * book.size)
            makers = round(max(set_.makers, 0.0) * book.size)
            kind = np.full(book.size, int(AccountClass.TRADER))
            kind[order[: hedgers + makers]] = int(AccountClass.MAKER)
            kind[order[:hedgers]] = int(AccountClass.HEDGER)
        fund = replace(
            fund,
            fund=fund.fund * set_.fund,
            maker_depth=max(fund.maker_depth, min(max(set_.makers, 0.0), 1.0)),
        )
        return replace(venue, book=replace(book, kind=kind), fund=fund)

    def _compute(self) -> FundAnswer:
        set_ = self.model
        # years at depth d are those of a book and a fund of 1/d, scaled: money comes back by d
        venue = self._venue()
        scale = set_.interest / set_.depth
        posed = replace(self.posed, venue=venue)
        unit = replace(venue.fund, fund=venue.fund.fund / set_.depth)
        if unit.backstop is not None:
            capital = unit.backstop.capital / set_.depth
            unit = replace(unit, backstop=replace(unit.backstop, capital=capital))
        if unit.tranche is not None:
            capital = unit.tranche.capital / set_.depth
            unit = replace(unit, tranche=replace(unit.tranche, capital=capital))
        calm = replace(venue.depth, bids=STILL, offers=STILL)
        leverage, count = set_.leverage, self.count
        pays_all = endless(unit)
        years = run_years(posed, count, fund=pays_all, scale=scale, leverage=leverage)
        still = run_years(posed, count, fund=pays_all, scale=scale, leverage=leverage, depth=calm)
        layered = run_years(posed, count, fund=unit, scale=scale, leverage=leverage)
        need = years.of("fund_needed")
        sizes = tuple(fund_size(need, once) for once in ONCE_IN if once <= count)
        return FundAnswer(years, still, layered, sizes, unit.fund)

    def _show(self, answer: FundAnswer, traces: Mapping[str, Any]) -> None:
        interest = answer.years.open_interest
        for name, found in (("needed", answer.years), ("still", answer.still)):
            need = np.sort(found.of("fund_needed"))[::-1]
            some = need > 0.0
            traces[name].x = need[some] / interest
            traces[name].y = (np.arange(need.size)[some] + 1.0) / need.size
        traces["today"].x = [answer.fund / interest] * 2
        traces["today"].y = [1.0 / answer.years.years, 1.0]
        traces["payers"].y = self._paid(answer) / interest
        sizes = answer.sizes
        traces["sizes"].x = [f"{size.once_in:g}" for size in sizes]
        traces["sizes"].y = [size.size / interest for size in sizes]
        traces["sizes"].error_y.array = [(size.high - size.size) / interest for size in sizes]
        traces["sizes"].error_y.arrayminus = [(size.size - size.low) / interest for size in sizes]
        for name, found in (("falls", answer.layered), ("falls endless", answer.years)):
            fall = np.sort(-np.expm1(found.of("lowest_price")))[::-1]
            traces[name].x, traces[name].y = fall, (np.arange(fall.size) + 1.0) / fall.size

    @staticmethod
    def _paid(answer: FundAnswer) -> npt.NDArray[np.float64]:
        years, fund = answer.layered, answer.layered.fund
        vault = 0.0 if fund.backstop is None else fund.backstop.capital
        staked = 0.0 if fund.tranche is None else fund.tranche.capital
        return np.array(
            [
                float(np.maximum(answer.fund - years.of("fund_lowest"), 0.0).mean()),
                float(np.maximum(vault - years.of("vault_lowest"), 0.0).mean()),
                float((staked - years.of("tranche")).mean()),
                float(years.of("deleveraging_cost").mean()),
                float(years.of("socialised").mean()),
            ]
        )

    def _told(self, answer: FundAnswer) -> tuple[Iterable[tuple[str, str]], str]:
        depth, interest = self.model.depth, answer.years.open_interest
        once = f"once in {1.0 / answer.used_up:,.3g} years" if answer.used_up else "in none"
        rows = [
            ("fund", f"{money(answer.fund * depth)}, used up {once} of {self.count:,}"),
            *(
                (
                    f"once in {size.once_in:g} years",
                    f"{money(size.size * depth)} ({size.size / interest:.2%} of open interest)",
                )
                for size in answer.sizes
            ),
            ("deleveraged, mean a year", money(float(answer.layered.of("deleveraged").mean()))),
        ]
        return rows, ""

    def _controls(self) -> list[w.Widget]:
        own: tuple[tuple[str, float], ...] = (("as in the book", -1.0),)
        shares = own + tuple((f"{share:.0%}", share) for share in SHARES)
        controls = []
        for name, title, options in (
            ("fund", "Fund, times", FUNDS),
            ("depth", "Depth, times", FACTORS),
            ("interest", "Open interest, times", FACTORS),
            ("leverage", "Leverage, times", FACTORS),
            ("hedged", "Accounts hedged", shares),
            ("makers", "Accounts of makers", shares),
        ):
            slider = w.SelectionSlider(
                options=options,
                value=getattr(self.model, name),
                description=title,
                continuous_update=False,
                layout=WIDE,
                style=LABEL,
            )
            controls.append(self._bound(name, slider))
        return controls

    def _below(self) -> list[w.Widget]:
        return [w.HTML(f'<div class="rk-words">{escape("; ".join(HEADINGS))}</div>')]
