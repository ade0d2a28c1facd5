"""The portfolio explorer: notionals of a book's legs, and what margin, offsets and dates say."""

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

from riskkit.calibration.collateral import answer_collateral
from riskkit.calibration.portfolio import JointAnswer, answer_panel
from riskkit.calibration.portfolio_stress import worst_dates
from riskkit.collateral.haircut import MONEY, way
from riskkit.errors import InputError
from riskkit.lab.explorers.panelled import LABEL, WIDE, PanelledExplorer, Settings
from riskkit.lab.figures.portfolio_panels import LABELS, portfolio_panels
from riskkit.lab.template import Theme
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.books import hedged_books
from riskkit.portfolio.margin import margin_accounts
from riskkit.study.panel import PanelCase

Array = np.ndarray[Any, np.dtype[np.float64]]

MILLION = 1e6
LARGEST = 10.0
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
AS_SET = "as set below"


class PortfolioSettings(Settings):
    """The settings of the portfolio explorer.

    Attributes
    ----------
    notionals : tuple of float
        Of each asset in the panel's order, signed, millions of money.
    floor, decorrelation : float
        Shares, as in a study's ``[portfolio]``.
    """

    NAMES = ("notionals", "floor", "decorrelation")

    notionals = traitlets.Tuple()
    floor = traitlets.Float(0.0)
    decorrelation = traitlets.Float(0.0)


@dataclass(frozen=True)
class PortfolioAnswer:
    """What a setting gives.

    Attributes
    ----------
    row : Series
        The account's, as in `riskkit.portfolio.margin.PortfolioMargin`.
    contributions, own : ndarray (N,)
        Of each leg to the maintenance margin, and its margin alone; money.
    losses : ndarray (M,)
        Of the book over the margin period in every scenario, the largest first; money.
    dates : DataFrame
        As `riskkit.calibration.portfolio_stress.worst_dates`.
    collateral : DataFrame or None
        As `riskkit.calibration.collateral.CollateralAnswer.accounts`, for a study with
        ``[collateral]``.
    """

    row: pd.Series
    contributions: Array = field(repr=False)
    own: Array = field(repr=False)
    losses: Array = field(repr=False)
    dates: pd.DataFrame = field(repr=False)
    collateral: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def saved(self) -> float:
        """Share of the legs' own margins that the account is not asked for."""
        return 1.0 - float(self.row["maintenance"] / self.row["legs"])


class PortfolioExplorer(PanelledExplorer[PortfolioSettings, PortfolioAnswer]):
    """Change the legs of a book, and see its margin, what offsets save, and its worst dates.

    Parameters
    ----------
    study : str, Path or JointAnswer
        A study with ``[assets]``, or its answer.
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    model : PortfolioSettings
    books : dict of str to ndarray (N,)
        Books to begin from, gross 1.
    """

    def __init__(
        self, study: str | Path | JointAnswer, *, theme: Theme | None = None, threads: int = 1
    ) -> None:
        self.answer = (
            study
            if isinstance(study, JointAnswer)
            else answer_panel(PanelCase.read(study), threads=threads)
        )
        self.assets, self.threads = self.answer.panel.names, threads
        self.books = books_to_begin_from(self.answer)
        accepts = self.answer.study.collateral is not None
        self.collateral = answer_collateral(self.answer, threads=threads) if accepts else None
        rule = self.answer.requirement.rule
        model = PortfolioSettings(
            notionals=tuple(_millions(next(iter(self.books.values())))),
            floor=rule.floor,
            decorrelation=rule.decorrelation,
        )
        figure = portfolio_panels("portfolio-explorer", self.assets, theme or Theme.LIGHT)
        super().__init__(model, figure, labels=LABELS, theme=theme)

    def take(self, book: str) -> None:
        """Begin from one of `books`.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        if book not in self.books:
            rule = f"must be one of {', '.join(self.books)}"
            raise InputError("book", book, rule, "Or set model.notionals")
        self.model.notionals = tuple(_millions(self.books[book]))

    def _compute(self) -> PortfolioAnswer:
        given = self.model.notionals
        if len(given) != len(self.assets) or not any(given):
            rule = f"must be one for each of {', '.join(self.assets)}, one of them not 0"
            raise InputError("notionals", given, rule, "Move a slider")
        prices = self.answer.panel.last_closes
        legs = [
            ("book", name, million * MILLION / float(prices[name]))
            for name, million in zip(self.assets, given, strict=True)
        ]
        asked = self.answer.requirement
        changed = replace(
            asked.rule, floor=self.model.floor, decorrelation=self.model.decorrelation
        )
        requirement = replace(asked, rule=changed)
        accounts = Accounts.of(legs, prices)
        margin = margin_accounts(accounts, requirement, threads=self.threads)
        exposures = accounts.exposures
        own = requirement.legs.of(exposures)[0][0]
        # einsum sums in the order of the assets, whatever the threads of a BLAS.
        losses = -np.einsum("mn,n->m", requirement.moves, exposures[0])
        return PortfolioAnswer(
            margin.table.iloc[0],
            margin.contributions.to_numpy()[0],
            own,
            np.sort(losses)[::-1],
            worst_dates(self.answer, exposures[0]),
            self._in_collateral(exposures, margin.table["maintenance"].to_numpy()),
        )

    def _in_collateral(self, exposures: Array, money: Array) -> pd.DataFrame | None:
        if self.collateral is None or not np.isfinite(money).all():
            return None
        needs = self.collateral.needs(exposures, money)
        return pd.DataFrame(
            {
                "collateral": needs.names,
                "joint": needs.joint[0],
                "separate": needs.separate[0],
                "way": [way(float(share)) for share in needs.wrong_way[0]],
            }
        )

    def _show(self, answer: PortfolioAnswer, traces: Mapping[str, Any]) -> None:
        row, gross = answer.row, float(answer.row["gross"])
        traces["contributions"].y = answer.contributions / gross
        traces["own"].y = answer.own / gross
        maintenance, initial = float(row["maintenance"]), float(row["initial"])
        steps = (row["legs"], row["base"] - row["legs"], row["floor"], row["decorrelation"])
        parts = [*steps, row["concentration"], 0.0, initial - maintenance, 0.0]
        traces["parts"].y = np.array(parts, dtype=np.float64) / gross
        few = np.unique(np.geomspace(1, answer.losses.size // 2, 300).astype(np.int64))
        traces["losses"].x = answer.losses[few - 1] / gross
        traces["losses"].y = few / answer.losses.size
        lowest = 1.0 / answer.losses.size
        tail = row["es" if self.answer.requirement.rule.measure.startswith("exp") else "var"]
        for name, at in (("tail", tail), ("maintenance", maintenance), ("initial", initial)):
            traces[name].x, traces[name].y = [at / gross] * 2, [lowest, 0.5]
        days = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(answer.dates.index)]
        for asset in self.assets:
            traces[f"date {asset}"].x = days
            traces[f"date {asset}"].y = answer.dates[asset].to_numpy() / gross
        ends = (answer.losses[few - 1].min(), max(answer.losses[0], initial))
        room = 0.04 * (ends[1] - ends[0])
        self.figure.layout.xaxis3.range = ((ends[0] - room) / gross, (ends[1] + room) / gross)
        self.figure.layout.title.text = ", ".join(
            f"{name} {million:+.2f} m"
            for name, million in zip(self.assets, self.model.notionals, strict=True)
            if million
        )

    def _told(self, answer: PortfolioAnswer) -> tuple[Iterable[tuple[str, str]], str]:
        row, gross = answer.row, float(answer.row["gross"])
        net = sum(self.model.notionals) * MILLION

        def money(name: str) -> str:
            return f"{row[name]:,.0f} ({row[name] / gross:.2%} of gross)"

        rows = [
            ("gross, net", f"{gross:,.0f}, {net:,.0f}"),
            ("maintenance margin", money("maintenance")),
            ("initial margin", money("initial")),
            ("legs alone would need", money("legs")),
            ("saved", f"{answer.saved:.1%}"),
            ("expected shortfall", money("es")),
        ]
        if answer.collateral is not None:
            rows += [
                (
                    f"held in {r['collateral']}, {r['way']}",
                    f"{r['joint']:,.0f} (schedule {r['separate']:,.0f})",
                )
                for _, r in answer.collateral.iterrows()
                if r["collateral"] != MONEY
            ]
        return rows, escape(self.answer.statement)

    def _controls(self) -> list[w.Widget]:
        begin = w.Dropdown(
            options=[AS_SET, *self.books], value=AS_SET, description="Begin from",
            layout=WIDE, style=LABEL,
        )  # fmt: skip

        def taken(change: dict[str, Any]) -> None:
            if change["new"] != AS_SET:
                self.take(change["new"])
                begin.value = AS_SET

        begin.observe(taken, names="value")
        controls: list[w.Widget] = [begin]
        sliders = []
        for name, million in zip(self.assets, self.model.notionals, strict=True):
            slider = w.FloatSlider(
                value=million, min=-LARGEST, max=LARGEST, step=0.01, readout_format="+.2f",
                description=f"{name}, millions", continuous_update=False, layout=WIDE, style=LABEL,
            )  # fmt: skip
            sliders.append(slider)
        moving: list[bool] = []

        def moved(_: Any) -> None:
            if not moving:
                self.model.notionals = tuple(slider.value for slider in sliders)

        def set_elsewhere(change: dict[str, Any]) -> None:
            if len(change["new"]) == len(sliders):
                moving.append(True)
                for slider, million in zip(sliders, change["new"], strict=True):
                    slider.value = million
                moving.clear()

        for slider in sliders:
            slider.observe(moved, names="value")
        self.model.observe(set_elsewhere, names="notionals")
        controls += sliders
        for name, title in (("floor", "Floor, of gross"), ("decorrelation", "Decorrelation")):
            now = getattr(self.model, name)
            share = w.SelectionSlider(
                options=sorted({*SHARES, now}), value=now, description=title,
                continuous_update=False, layout=WIDE, style=LABEL,
            )  # fmt: skip
            controls.append(self._bound(name, share))
        return controls


def books_to_begin_from(answer: JointAnswer) -> dict[str, Array]:
    """Books of gross 1: first against second, all alike, each asset hedged by the others."""
    names, size = answer.panel.names, len(answer.panel)
    found: dict[str, Array] = {}
    if size > 1:
        pair = np.zeros(size)
        pair[:2] = 0.5, -0.5
        found[f"{names[0]} against {names[1]}"] = pair
    found["all long"], found["all short"] = np.full(size, 1.0 / size), np.full(size, -1.0 / size)
    if size > 1:
        hedges = hedged_books(answer.panel.joint_returns().to_numpy())[::2]
        found |= {
            f"{name} hedged by the others": row for name, row in zip(names, hedges, strict=True)
        }
    return found


def _millions(weights: Array) -> list[float]:
    """Notionals of a book of two millions, in the steps of the sliders."""
    return [round(2.0 * float(weight), 2) for weight in weights]
