"""Several tails over the same fits, judged side by side: what a model adds to past returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import Backtest, BacktestPlan, backtest, refit_along
from riskkit.validation.battery import coverage_table, run_battery, side_report
from riskkit.validation.coverage import proportion_of_failures
from riskkit.validation.power import exact_power
from riskkit.validation.scores import diebold_mariano, fz0_score
from riskkit.validation.verdict import verdict_table
from riskkit.volatility.spec import VolatilitySpec, spec_named


@dataclass(frozen=True)
class TailComparison:
    """Backtests of several tails along one history, by the name of the tail.

    Attributes
    ----------
    results : mapping of str to Backtest
        On the same fits and days.
    """

    results: Mapping[str, Backtest] = field(repr=False)

    @property
    def confidence(self) -> float:
        """Of every VaR."""
        return next(iter(self.results.values())).question.confidence

    @property
    def days(self) -> int:
        """Periods that each tail forecast, of one side."""
        return len(next(iter(self.results.values())).side(Side.LONG))

    def of(self, tail: str) -> Backtest:
        """The backtest of one tail.

        Raises
        ------
        InputError
        """
        if tail in self.results:
            return self.results[tail]
        rule = f"must be one of {', '.join(self.results)}"
        raise InputError("tail", tail, rule, "Choose one of those that were run")

    def coverage(self) -> pd.DataFrame:
        """Exceptions beside what right forecasts show, index ``tail, side``.

        Columns as in `riskkit.validation.battery.coverage_table`.
        """
        tables = {
            name: coverage_table([side_report(result, side) for side in Side])
            for name, result in self.results.items()
        }
        return pd.concat(tables, names=["tail"]).droplevel("asset")

    def verdicts(
        self, tail: str, side: Side | str, *, seed: int, draws: int = 1_000
    ) -> pd.DataFrame:
        """Every test of one tail and side, a row each, by `riskkit.validation.battery.run_battery`.

        Parameters
        ----------
        seed : int
            Of the bootstrap and of the simulated p-values.
        """
        return verdict_table(run_battery(self.of(tail), Side(side), seed=seed, draws=draws))

    def power(self, days: Sequence[int], times: float = 2.0) -> pd.Series:
        """Chance that Kupiec's test rejects, after so many days, a rate ``times`` too high."""
        rate = 1.0 - self.confidence
        found = {
            f"{n:,} days": exact_power(proportion_of_failures, n, rate, times * rate).rejected
            for n in days
        }
        return pd.Series(found, name="probability of finding it")

    def against(self, tail: str, other: str) -> pd.DataFrame:
        """Whether a tail forecasts VaR and ES better than another, a column for each side.

        Diebold and Mariano's test of the FZ0 scores (Patton, Ziegel and Chen 2019): rows as in
        `riskkit.validation.scores.ScoreComparison`; a negative difference favours the first.
        """
        columns = {}
        for side in Side:
            first, second = (
                fz0_score(rows["loss"], rows["var"], rows["es"], 1.0 - self.confidence)
                for rows in (self.of(tail).side(side), self.of(other).side(side))
            )
            columns[side.value] = vars(diebold_mariano(first, second))
        return pd.DataFrame(columns)


def compare_tails(
    history: PriceHistory,
    spec: VolatilitySpec | str,
    *,
    confidence: float = 0.99,
    minimum_bars: int = 500,
    refit_every: int = 1,
    tails: Sequence[TailMethod | str] = tuple(TailMethod),
) -> TailComparison:
    """Backtest several tails along a history, both sides, out of sample, on the same fits.

    Parameters
    ----------
    spec : VolatilitySpec or str
    confidence : float
        Of VaR and ES.
    minimum_bars, refit_every : int
        Returns before the first forecast, and bars between refits.
    tails : sequence of TailMethod or str
        How shocks become a tail; every way there is, unless told otherwise.

    Raises
    ------
    InputError
        If the history is too short, or a tail is unknown.

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_sample("sp500")
    >>> found = riskkit.compare_tails(
    ...     history, "ewma-normal", minimum_bars=4000, refit_every=1000, tails=["historical"]
    ... )
    >>> found.coverage().index.names
    FrozenList(['tail', 'side'])
    """
    methods = [_method(tail) for tail in tails]
    known, plan = spec_named(spec), BacktestPlan(minimum_bars, refit_every)
    refits, question = refit_along(history, known, plan), TailQuestion(confidence=confidence)
    return TailComparison(
        {
            method.value: backtest(
                history, known, method=method, question=question, plan=plan, refits=refits
            )
            for method in methods
        }
    )


def _method(tail: TailMethod | str) -> TailMethod:
    try:
        return TailMethod(tail)
    except ValueError:
        rule = f"must be one of {', '.join(method.value for method in TailMethod)}"
        raise InputError("tails", tail, rule, "Leave it out for all of them") from None
