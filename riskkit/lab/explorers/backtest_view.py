"""The view of the backtest explorer: model, window and overlays, verdict and behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as w
import pandas as pd

from riskkit.lab.explorers.backtest_answer import BacktestAnswer
from riskkit.lab.explorers.backtest_model import ONE_BAR, PERIOD, BacktestModel
from riskkit.lab.explorers.controls import BACKTEST_SLIDERS, LABEL, WIDE, bind
from riskkit.lab.explorers.view import Explored, View, choice
from riskkit.lab.figures.coverage_data import judged_words
from riskkit.position import Side
from riskkit.tail.shocks import TailMethod
from riskkit.validation.battery import Grade, rests_on


class BacktestView(View):
    """Controls and words of a `BacktestExplorer`."""

    def __init__(self, explorer: Explored, model: BacktestModel) -> None:
        self._model = model
        self._tail = choice("Tail", [method.value for method in TailMethod])
        self._horizon = choice("Losses over", [ONE_BAR, PERIOD])
        bind(model, "tail", self._tail)
        bind(model, "horizon", self._horizon)
        self.window = w.SelectionRangeSlider(
            options=[""], description="Window", continuous_update=True, layout=WIDE, style=LABEL
        )
        self.window.add_class("rk-window")
        self._offering = False
        self._offer_days()
        model.observe(lambda _: self._offer_days(), names=["market", "minimum_bars"])
        model.observe(lambda _: self._to_window(), names=["first_day", "last_day"])
        self.window.observe(self._from_window, names="value")
        super().__init__(explorer, BACKTEST_SLIDERS, [side.value for side in Side])

    def controls(self) -> list[w.Widget]:
        """Every control, from top to bottom."""
        return [
            self._market,
            self._side,
            self._spec,
            self._tail,
            self._horizon,
            self.window,
            *self.sliders.values(),
            w.HBox([self._pin, self._unpin]),
            self._own,
        ]

    def show(self, answer: BacktestAnswer, pins: Sequence[BacktestAnswer]) -> None:
        """Say what was found."""
        self._table.value = behaviour_table(answer, pins)
        self._health.value = verdict_words(answer)

    def _offer_days(self) -> None:
        """The first day of every month with a forecast, and the last day of all."""
        if self._model.market not in self._model.markets:
            return
        days = self._days()
        self._offering = True
        self.window.options = [(day[:7], day) for day in days]
        self._offering = False
        self._to_window()

    def _days(self) -> list[str]:
        history = self._model.chosen.history
        index = history.bars.index
        first = pd.Timestamp(index[min(max(self._model.minimum_bars, 0), len(index) - 1)])
        first = first.floor("D").replace(day=1)
        months = pd.date_range(first, history.last, freq="MS")
        return [*(f"{day:%Y-%m-%d}" for day in months), f"{history.last:%Y-%m-%d}"]

    def _to_window(self) -> None:
        days = [day for _, day in self.window.options]
        first, last = self._model.first_day or days[0], self._model.last_day or days[-1]
        # A day between the months is left to the figure's title: the slider cannot show it.
        if first in days and last in days and self.window.value != (first, last):
            self._offering = True
            self.window.value = (first, last)
            self._offering = False

    def _from_window(self, change: Any) -> None:
        if self._offering:
            return
        days = [day for _, day in self.window.options]
        first, last = change["new"]
        with self._model.hold_trait_notifications():
            self._model.first_day = "" if first == days[0] else first
            self._model.last_day = "" if last == days[-1] else last


def behaviour_table(now: BacktestAnswer, pins: Sequence[BacktestAnswer]) -> str:
    """The margin's cost, cover and rises: without overlays, with them, and as pinned."""
    columns = [("no overlay", now.plain), ("this setting", now.adjusted)]
    columns += [(f"pinned {i}", pin.adjusted) for i, pin in enumerate(pins, start=1)]
    rows = [
        ("mean margin", [f"{b.mean_margin:.2%}" for _, b in columns]),
        ("breaches", [f"{b.breaches} ({b.breach_rate:.2%})" for _, b in columns]),
        ("mean shortfall of a breach", [f"{b.mean_shortfall:.2%}" for _, b in columns]),
        ("largest shortfall", [f"{b.largest_shortfall:.2%}" for _, b in columns]),
        ("peak to trough", [f"{b.peak_to_trough:.2f}×" for _, b in columns]),
        ("largest rise in 5 bars", [f"{dict(b.rise)[5]:.2f}×" for _, b in columns]),
    ]
    head = "".join(f"<th>{title}</th>" for title, _ in columns)
    body = "".join(
        f"<tr><td>{label}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for label, cells in rows
    )
    notes = "<br>".join(
        escape(f"pinned {i}: {pin.side.value} · {judged_words(pin)}")
        for i, pin in enumerate(pins, start=1)
    )
    return (
        f'<div class="rk-words"><table id="rk-behaviour"><tr><th></th>{head}</tr>{body}</table>'
        f"{notes}</div>"
    )


def verdict_words(now: BacktestAnswer) -> str:
    """Whether the forecast held in the window, by the rule and by two tests."""
    r = now.report
    bars = now.result.question.bars
    passed = f"{r.grade.value}: {r.reason}" if r.reason else r.grade.value
    tests = "; ".join(
        f"{v.name}: p = {v.p_value:.3g}{' (rejected)' if v.rejected else ''}" for v in now.tests
    )
    rows, health = now.rows, now.rows["health"]
    unhealthy = int((~health.str.startswith("healthy")).sum())
    integrated = int(health.str.contains("persistence at or above 1").sum())
    fallen = int((rows["model"] != now.result.spec.name).sum())
    lines = [
        f"Verdict: {passed}.",
        f"{r.exceptions} exceptions in {r.observations:,} periods of {bars} bar{'s' * (bars > 1)} "
        f"({r.low} to {r.high} expected); conditional coverage p = "
        f"{r.conditional_coverage:.3g}; {tests}; traffic light: {now.light.zone.value}. The power "
        f"against twice the rate is {r.power:.0%}. The verdict {rests_on(r)}.",
        f"{now.result.refits} fits on expanding windows; {unhealthy:,} of {len(rows):,} forecasts "
        f"rest on an unhealthy fit, {fallen:,} on another model than asked, {integrated:,} on one "
        "with persistence at or above 1. Overlays use margins published before only; costs of "
        "closing are in the margin, not in VaR.",
    ]
    tone = "" if r.grade in (Grade.PASSED, Grade.NOT_REJECTED) else "rk-warn"
    text = "<br>".join(escape(line) for line in lines)
    return f'<div class="rk-words"><div id="rk-verdict" class="{tone}">{text}</div></div>'
