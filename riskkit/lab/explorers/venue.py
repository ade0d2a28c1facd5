"""The venue explorer: a book of accounts, and sliders for depth, interest, leverage and delays."""

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

from riskkit.lab.explorers.panelled import LABEL, WIDE, PanelledExplorer, Settings
from riskkit.lab.figures.venue_panels import (
    HEAT_DEPTHS,
    HEAT_MOVES,
    LABELS,
    TITLES,
    venue_panels,
)
from riskkit.lab.template import Theme
from riskkit.position import Side
from riskkit.stress.cap import stress_displacement
from riskkit.stress.open import OpenedVenue, open_venue
from riskkit.stress.scenarios import bar_by_bar
from riskkit.stress.terms import StressedVenue
from riskkit.venue.cascade import CascadePaths, VenueOutcome, run_cascade
from riskkit.venue.criticality import Criticality, criticality, sales

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Paths that a slider's answer runs.
PATHS = 1_000
#: Depths of the heatmap, of the calm one, and moves of the mark.
DEPTHS, MOVES = np.array(HEAT_DEPTHS), HEAT_MOVES

FACTORS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class VenueSettings(Settings):
    """The settings of the venue explorer; factors are of the study's own book and depth.

    Attributes
    ----------
    depth, interest, leverage : float
    delay : int
        Bars from trigger to execution.
    notice : int
        Bars until a margin that follows volatility binds; no matter where margins are constant.
    """

    NAMES = ("depth", "interest", "leverage", "delay", "notice")

    depth = traitlets.Float(1.0)
    interest = traitlets.Float(1.0)
    leverage = traitlets.Float(1.0)
    delay = traitlets.Int(0)
    notice = traitlets.Int(0)


@dataclass(frozen=True)
class VenueAnswer:
    """What a setting gives.

    Attributes
    ----------
    venue : StressedVenue
        With the setting in it.
    critical : mapping of Side to Criticality
    outcome : VenueOutcome
        On the explorer's paths.
    heat : ndarray (depths, moves)
        n of the worse side by move of the mark and depth.
    worst : DataFrame
        The path with the largest losses, bar by bar.
    """

    venue: StressedVenue
    critical: dict[Side, Criticality]
    outcome: VenueOutcome
    heat: Array = field(repr=False)
    worst: pd.DataFrame = field(repr=False)

    @property
    def peak(self) -> float:
        """Largest n up to the stress move at crash depth."""
        return max(
            found.peak(stress_displacement(self.venue.move, side))
            for side, found in self.critical.items()
        )


class VenueExplorer(PanelledExplorer[VenueSettings, VenueAnswer]):
    """Change depth, interest, leverage, delay and notice, and see n, losses and the worst path.

    Parameters
    ----------
    study : str, Path or OpenedVenue
        A study with ``[depth]`` and ``[book]``.
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    model : VenueSettings
    """

    def __init__(
        self, study: str | Path | OpenedVenue, *, theme: Theme | None = None, threads: int = 1
    ) -> None:
        self.opened = study if isinstance(study, OpenedVenue) else open_venue(study, paths=PATHS)
        self.threads = threads
        margin = self.opened.margin
        model = VenueSettings(
            delay=self.opened.venue.engine.delay, notice=0 if margin is None else margin.lag
        )
        figure = venue_panels("venue-explorer", theme or Theme.LIGHT)
        super().__init__(model, figure, labels=LABELS, theme=theme)

    def _compute(self) -> VenueAnswer:
        opened, set_ = self.opened, self.model
        venue = opened.venue
        book = venue.book.geared(set_.leverage).scaled(set_.interest)
        book = book.kept(~book.beyond_trigger)
        venue = replace(venue, book=book, engine=replace(venue.engine, delay=set_.delay))
        margin = opened.margin
        if margin is not None:
            margin = replace(margin, lag=set_.notice)
        depth = venue.depth
        critical, heat = {}, np.zeros((DEPTHS.size, MOVES.size))
        for side in Side:
            if not (book.side == side.sign).any():
                continue
            found = criticality(
                book.scaled(1.0 / set_.depth), depth, venue.engine, side, margin=margin
            )
            critical[side] = found
            at = np.searchsorted(found.displacement, MOVES - 1e-12)
            heat = np.maximum(heat, found.calm[at] / DEPTHS[:, None])
        outcome = run_cascade(
            book,
            depth,
            venue.engine,
            venue.fund,
            CascadePaths(opened.returns, volatility=opened.volatility, horizon=venue.horizon),
            thickness=set_.depth,
            margin=margin,
            threads=self.threads,
        )
        worst_path = int(np.argmax(outcome.lost + 1e-9 * outcome.of("sold") / book.open_interest))
        worst = bar_by_bar(
            venue,
            opened.returns[worst_path],
            volatility=opened.volatility,
            thickness=set_.depth,
            margin=margin,
        )
        return VenueAnswer(venue, critical, outcome, heat, worst)

    def _show(self, answer: VenueAnswer, traces: Mapping[str, Any]) -> None:
        for side, found in answer.critical.items():
            traces[f"n {side.value}"].x = -side.sign * found.displacement
            traces[f"n {side.value}"].y = np.maximum(found.crash + found.by_margin, 1e-3)
        x, v = np.concatenate(
            [
                np.array([-side.sign * s, q])
                for side in answer.critical
                for s, q in [sales(answer.venue.book, side, answer.venue.engine, MOVES[-1])]
            ],
            axis=1,
        )
        edges = np.linspace(-MOVES[-1], MOVES[-1], 161)
        heights, _ = np.histogram(x, edges, weights=v)
        traces["triggers"].x = 0.5 * (edges[1:] + edges[:-1])
        traces["triggers"].y = heights / answer.venue.book.open_interest
        traces["heat"].z = np.log10(np.maximum(answer.heat, 1e-3))
        losses = np.sort(answer.outcome.lost)[::-1]
        traces["losses"].x, traces["losses"].y = losses, (np.arange(losses.size) + 1) / losses.size
        for name in ("market", "price"):
            traces[name].x = answer.worst.index.to_numpy()
            traces[name].y = answer.worst[name].to_numpy()

    def _told(self, answer: VenueAnswer) -> tuple[Iterable[tuple[str, str]], str]:
        losses = answer.outcome.lost
        run = " <strong>It runs: nothing is exported on it.</strong>" if answer.peak >= 1.0 else ""
        rows = (
            ("largest n to the stress move, crash depth", f"{answer.peak:.3g}"),
            ("losses, 99 % quantile", f"{np.quantile(losses, 0.99):.2%} of open interest"),
            ("worst path", f"{losses.max():.2%}"),
            ("accounts closed, mean", f"{answer.outcome.of('closures').mean():,.1f}"),
            ("accounts", f"{answer.venue.book.size:,}"),
        )
        return rows, run

    def _controls(self) -> list[w.Widget]:
        controls = []
        for name, title in (
            ("depth", "Depth, times"),
            ("interest", "Open interest, times"),
            ("leverage", "Leverage, times"),
        ):
            slider = w.SelectionSlider(
                options=FACTORS, value=1.0, description=title, layout=WIDE, style=LABEL
            )
            controls.append(self._bound(name, slider))
        for name, title in (("delay", "Delay, bars"), ("notice", "Notice of margins, bars")):
            most = max(24, getattr(self.model, name))
            whole = w.IntSlider(
                value=getattr(self.model, name),
                min=0,
                max=most,
                description=title,
                continuous_update=False,
                layout=WIDE,
                style=LABEL,
            )
            whole.disabled = name == "notice" and self.opened.margin is None
            controls.append(self._bound(name, whole))
        return controls

    def _below(self) -> list[w.Widget]:
        return [w.HTML(f'<div class="rk-words">{escape("; ".join(TITLES))}</div>')]
