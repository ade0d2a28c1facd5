"""The backtest explorer: whether the margin holds out of sample, and whom it hurts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskkit.lab.explorers.backtest_answer import BacktestAnswer, take_answer
from riskkit.lab.explorers.backtest_model import BacktestModel
from riskkit.lab.explorers.backtest_view import BacktestView
from riskkit.lab.explorers.base import LiveExplorer, markets_of
from riskkit.lab.explorers.market import Market, fit_market
from riskkit.lab.figures.coverage import LABELS, coverage
from riskkit.lab.figures.coverage_data import panels, titles
from riskkit.lab.template import Theme, one_column


class BacktestExplorer(LiveExplorer[BacktestModel, BacktestAnswer]):
    """Coverage and procyclicality of a margin: choose a model and a window, drag the overlays.

    A new model, tail, lag or first forecast walks through history again (about a second); windows
    and overlays are immediate.

    Parameters
    ----------
    studies : path, or sequence of paths or Market
        Study files to choose from; the first is shown first.
    name : str
        The figure's ``layout.meta["id"]``.
    theme : Theme, optional
        By default the figure follows the page around it.
    """

    view: BacktestView

    def __init__(
        self,
        studies: str | Path | Sequence[str | Path | Market],
        *,
        name: str = "backtest-explorer",
        theme: Theme | None = None,
    ) -> None:
        figure = coverage(name, theme=theme or Theme.LIGHT)
        narrow = one_column(labels=LABELS)
        model = BacktestModel(markets_of(studies))
        super().__init__(model, figure, narrow=narrow, threads=1, theme=theme)

    def _new_view(self) -> BacktestView:
        return BacktestView(self, self.model)

    def _compute(self) -> BacktestAnswer:
        return take_answer(self.model)

    def _try_market(self, market: Market) -> None:
        fit_market(market, self.model.spec)

    def _panels(self, answer: BacktestAnswer) -> dict[str, dict[str, Any]]:
        return panels(answer, self._pins)

    def _titles(self, answer: BacktestAnswer) -> Mapping[str, Any]:
        return titles(answer)

    def _say(self, answer: BacktestAnswer) -> None:
        self.view.show(answer, self._pins)
