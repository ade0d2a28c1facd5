"""The collateral explorer: haircuts, needs, pools and limits, by slider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets

from riskkit.calibration.collateral import CollateralAnswer, answer_collateral, crash_slippage
from riskkit.calibration.pool import PoolRun, name_of
from riskkit.calibration.portfolio import JointAnswer, answer_panel
from riskkit.collateral.haircut import MONEY
from riskkit.collateral.pool import Seizure
from riskkit.errors import InputError
from riskkit.lab.explorers.panelled import LABEL, WIDE, PanelledExplorer, Settings
from riskkit.lab.figures.collateral_panels import LABELS, collateral_panels
from riskkit.lab.template import Theme
from riskkit.study.panel import PanelCase
from riskkit.study.study import Study

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Joint paths of a slider's pool, and the shares of the first collateral that are drawn.
PATHS, SHARES = 1_500, tuple(np.linspace(0.0, 1.0, 11).round(2))
BONUSES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.075, 0.1, 0.125, 0.15)
LEFT = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
TIMES = (1, 2, 3, 5, 7, 10, 14)
FACTORS = (0.25, 0.5, 0.75, 1.0)
SIDES = ("long", "short")


class CollateralSettings(Settings):
    """The settings of the collateral explorer.

    Attributes
    ----------
    leg, side : str
        The position whose needs are shown: an asset of the study, long or short.
    hours : int
        Times the least time that every collateral takes to sell.
    bonus, crash_depth, close_factor : float
        Fractions, as in a study's ``[collateral]``.
    share : float
        Of the first collateral in the pool; the others stand in equal parts.
    seizure : str
        A `riskkit.collateral.pool.Seizure`.
    """

    NAMES = ("leg", "side", "hours", "bonus", "crash_depth", "share", "close_factor", "seizure")

    leg = traitlets.Unicode()
    side = traitlets.Unicode("long")
    hours = traitlets.Int(1)
    bonus = traitlets.Float(0.05)
    crash_depth = traitlets.Float(0.2)
    share = traitlets.Float(0.5)
    close_factor = traitlets.Float(0.5)
    seizure = traitlets.Unicode(Seizure.DEEPEST.value)


@dataclass(frozen=True)
class CollateralSnapshot:
    """What a setting gives.

    Attributes
    ----------
    schedule : DataFrame
        As `riskkit.calibration.collateral.CollateralAnswer`.
    needs : DataFrame
        Its legs, of the position that is shown.
    pool : DataFrame
        By share of the first collateral: ``share, liquidated, default, error, bad_debt_bps``.
    here : Series
        The row of the mixture that is set, with ``threshold``, ``max_ltv`` and ``mixture``.
    target : float
    """

    schedule: pd.DataFrame = field(repr=False)
    needs: pd.DataFrame = field(repr=False)
    pool: pd.DataFrame = field(repr=False)
    here: pd.Series = field(repr=False)
    target: float


class CollateralExplorer(PanelledExplorer[CollateralSettings, CollateralSnapshot]):
    """Change bonus, depth, time to sell and mixture, and see haircuts, needs, defaults, limits.

    Parameters
    ----------
    case : str, Path or JointAnswer
        A study of several assets with ``[collateral]``, or its answer.
    theme : Theme, optional
        By default the figure follows the page around it.

    Attributes
    ----------
    model : CollateralSettings

    Raises
    ------
    InputError
        If the study accepts nothing as collateral.
    """

    def __init__(
        self, case: str | Path | JointAnswer, *, theme: Theme | None = None, threads: int = 1
    ) -> None:
        self.answer = (
            case
            if isinstance(case, JointAnswer)
            else answer_panel(PanelCase.read(case), threads=threads)
        )
        asked = self.answer.study.collateral
        if asked is None:
            rule = 'must name what is accepted, as accepted = ["ETH"]'
            raise InputError("collateral", "no such table", rule, "Add [collateral] to the study")
        self.threads, self.accepted = threads, asked.accepted
        self._haircuts = lru_cache(maxsize=16)(self._answered)
        model = CollateralSettings(
            leg=self.answer.panel.names[0],
            bonus=asked.sale_bonus_fraction,
            crash_depth=asked.crash_depth_fraction,
            share=1.0 / len(self.accepted),
        )
        if asked.pool is not None:
            model.seizure = asked.pool.seizure.value
            model.close_factor = asked.pool.close_factor_fraction
        figure = collateral_panels("collateral-explorer", self.accepted, theme or Theme.LIGHT)
        super().__init__(model, figure, labels=LABELS, theme=theme)

    def _answered(self, hours: int, bonus: float, crash_depth: float) -> CollateralAnswer:
        """Haircuts, kept: a mixture and an order of seizure change none of them."""
        return answer_collateral(
            replace(self.answer, study=self._study(hours, bonus, crash_depth)),
            threads=self.threads,
        )

    def _study(self, hours: int, bonus: float, crash_depth: float) -> Study:
        study, bar = self.answer.study, self.answer.panel.bar
        asked = study.collateral
        assert asked is not None
        least = study.periods(bar).margin_period_of_risk * float(bar / pd.Timedelta(hours=1))
        own = asked.liquidation_hours or (least,) * len(asked.accepted)
        times = [max(least, one) * hours for one in own]
        return study.changed(
            {
                "collateral.liquidation_hours": times,
                "collateral.sale_bonus_fraction": bonus,
                "collateral.crash_depth_fraction": crash_depth,
            }
        )

    def _compute(self) -> CollateralSnapshot:
        set_ = self.model
        found = self._haircuts(set_.hours, set_.bonus, set_.crash_depth)
        legs = found.legs
        needs = legs[(legs["asset"] == set_.leg) & (legs["side"] == set_.side)]
        run = PoolRun.of(
            self._with_pool(found, set_.seizure, set_.close_factor),
            threads=self.threads,
            paths=PATHS,
        )
        shares = sorted({*SHARES, round(set_.share, 2)}) if len(self.accepted) > 1 else [1.0]
        weights = np.stack([self._mixture(share) for share in shares])
        outcomes = run.outcomes([run.pool] * len(weights), weights)
        limits = [run.pool.limits_of(row) for row in weights]
        pool = pd.DataFrame(
            {
                "share": shares,
                "mixture": [name_of(run.pool, row) for row in weights],
                "threshold": [threshold for threshold, _ in limits],
                "max_ltv": [ltv for _, ltv in limits],
                "liquidated": outcomes.liquidated.mean(axis=0),
                "default": outcomes.default_given_liquidation,
                "error": outcomes.error,
                "bad_debt_bps": 1e4
                * outcomes.bad_debt.mean(axis=0)
                / np.array([ltv for _, ltv in limits]),
            }
        )
        at = int(np.argmin(np.abs(pool["share"].to_numpy() - set_.share)))
        return CollateralSnapshot(found.schedule, needs, pool, pool.iloc[at], run.target)

    def _with_pool(self, found: CollateralAnswer, seizure: str, factor: float) -> CollateralAnswer:
        study = found.answer.study
        asked = study.collateral
        assert asked is not None
        table = {} if asked.pool is None else asked.pool.model_dump()
        pool = {**table, "mixtures": (), "seizure": seizure, "close_factor_fraction": factor}
        changed = study.changed({"collateral": {**asked.model_dump(), "pool": pool}})
        return replace(found, answer=replace(found.answer, study=changed))

    def _mixture(self, share: float) -> Array:
        """So much of the first, the rest in equal parts."""
        rest = len(self.accepted) - 1
        others = np.full(rest, (1.0 - share) / rest) if rest else np.zeros(0)
        return np.append(share if rest else 1.0, others)

    def _show(self, answer: CollateralSnapshot, traces: Mapping[str, Any]) -> None:
        kinds = answer.schedule[answer.schedule["collateral"] != MONEY]
        for meta, column in (("maintenance", "published"), ("initial", "initial")):
            traces[meta].x, traces[meta].y = kinds["collateral"].to_list(), kinds[column].to_numpy()
        for meta in ("joint", "separate"):
            traces[meta].x = answer.needs["collateral"].to_list()
            traces[meta].y = answer.needs[meta].to_numpy()
        traces["share"].x = answer.pool["share"].to_numpy()
        traces["share"].y = answer.pool["default"].to_numpy()
        traces["target"].x, traces["target"].y = [0.0, 1.0], [answer.target] * 2
        traces["here"].x, traces["here"].y = [answer.here["share"]], [answer.here["default"]]
        paid = self.model.bonus / (1.0 + self.model.bonus)
        study = self._study(self.model.hours, self.model.bonus, self.model.crash_depth)
        laws = crash_slippage(replace(self.answer, study=study))
        ends: list[float] = []
        for name, law, most in zip(self.accepted, laws, kinds["largest"].tolist(), strict=True):
            ends.append(most if np.isfinite(most) else 1e9)
            sizes = np.geomspace(ends[-1] / 300.0, 5.0 * ends[-1], 60)
            traces[f"cost {name}"].x = sizes
            traces[f"cost {name}"].y = np.array([law.cost(float(size)) for size in sizes])
            traces[f"limit {name}"].x = [most] if np.isfinite(most) else []
            traces[f"limit {name}"].y = [law.cost(most)] if np.isfinite(most) else []
        traces["paid"].x = [min(ends) / 300.0, 5.0 * max(ends)]
        traces["paid"].y = [paid, paid]
        self.figure.layout.title.text = (
            f"{self.model.side} {self.model.leg}; pool of {answer.here['mixture']}, "
            f"{self.model.seizure}"
        )

    def _told(self, answer: CollateralSnapshot) -> tuple[Iterable[tuple[str, str]], str]:
        here = answer.here
        kinds = answer.schedule[answer.schedule["collateral"] != MONEY]
        rows = [
            (
                f"{r['collateral']}: LT, LTV, at most",
                f"{r['threshold']:.1%}, {r['max_ltv']:.1%}, {_money(r['largest'])}",
            )
            for _, r in kinds.iterrows()
        ]
        rows += [
            (
                f"{self.model.side} {self.model.leg} in {r['collateral']}"
                + (f", {r['way']}" if r["way"] else ""),
                f"{r['joint']:.2%} (schedule {r['separate']:.2%})",
            )
            for _, r in answer.needs.iterrows()
        ]
        default = f"{here['default']:.2%} ± {here['error']:.2%}"
        rows += [
            ("pool: LT, LTV", f"{here['threshold']:.1%}, {here['max_ltv']:.1%}"),
            ("liquidated; of those default", f"{here['liquidated']:.1%}; {default}"),
            ("bad debt, bps of what is lent", f"{here['bad_debt_bps']:.1f}"),
        ]
        return rows, escape(self.answer.statement)

    def _controls(self) -> list[w.Widget]:
        return [
            self._menu("leg", list(self.answer.panel.names), "Position in"),
            self._menu("side", SIDES, "Side"),
            self._stops("hours", TIMES, "Time to sell, times"),
            self._stops("bonus", BONUSES, "Liquidation bonus"),
            self._stops("crash_depth", LEFT, "Depth in a crash"),
            self._stops("share", SHARES, f"Share of {self.accepted[0]}"),
            self._stops("close_factor", FACTORS, "Close factor"),
            self._menu("seizure", [order.value for order in Seizure], "Order of seizure"),
        ]

    def _stops(self, name: str, stops: Sequence[float], title: str) -> w.Widget:
        now = getattr(self.model, name)
        whole = isinstance(now, int)
        named = [(f"{x}" if whole else f"{100 * x:g} %", x) for x in sorted({*stops, now})]
        slider = w.SelectionSlider(
            options=named, value=now, description=title, continuous_update=False,
            layout=WIDE, style=LABEL,
        )  # fmt: skip
        return self._bound(name, slider)

    def _menu(self, name: str, options: Sequence[str], title: str) -> w.Widget:
        now = getattr(self.model, name)
        menu = w.Dropdown(options=options, value=now, description=title, layout=WIDE, style=LABEL)
        return self._bound(name, menu)


def _money(value: float) -> str:
    return "any" if not np.isfinite(value) else f"{value / 1e6:,.2f} m"
