"""All tests on one side of a backtest, and the one line that a table of assets needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.validation.backtest import Backtest
from riskkit.validation.coverage import (
    binomial,
    binomial_interval,
    conditional_coverage,
    independence,
    proportion_of_failures,
    traffic_light,
)
from riskkit.validation.cumulative_violations import du_escanciano, du_escanciano_independence
from riskkit.validation.durations import (
    duration_independence,
    time_between_failures,
    time_between_failures_independence,
    time_until_first_failure,
)
from riskkit.validation.dynamic_quantile import dynamic_quantile
from riskkit.validation.power import exact_power
from riskkit.validation.shortfall import (
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    mcneil_frey,
    nolde_ziegel,
    tail_sampler,
)
from riskkit.validation.verdict import Flags, Verdict

#: Fewer observations than this cannot tell a right forecast from a wrong one: not "passed".
ENOUGH_OBSERVATIONS = 800
SIGNIFICANCE = 0.05


class Grade(StrEnum):
    """What a side's tests say together.

    ``PASSED``        count and conditional coverage hold, and no independence test rejects
    ``NOT_REJECTED``  the same, on too few observations to call it passed: see the power
    ``AMBER``         count and conditional coverage hold, an independence test rejects
    ``NOT_PASSED``    the count or the conditional coverage is rejected
    """

    PASSED = "passed"
    NOT_REJECTED = "not rejected"
    AMBER = "amber"
    NOT_PASSED = "not passed"


@dataclass(frozen=True)
class SideReport:
    """Coverage of one side, by the rule that was set before any run.

    Attributes
    ----------
    asset, side : str
    observations, exceptions : int
    low, high : int
        95 % of right forecasts show this many exceptions.
    conditional_coverage : float
        p-value of Christoffersen's test.
    power : float
        Power of Kupiec's test at this size against exceptions twice as frequent.
    independence : tuple of Verdict
        Whether exceptions come apart: one test each.
    """

    asset: str
    side: str
    observations: int
    exceptions: int
    low: int
    high: int
    conditional_coverage: float
    power: float
    independence: tuple[Verdict, ...]

    @property
    def clustered(self) -> tuple[Verdict, ...]:
        """The independence tests that reject."""
        return tuple(v for v in self.independence if v.rejected)

    @property
    def passed(self) -> bool:
        """Count and conditional coverage hold, on observations enough."""
        return not self._rejected and self.observations >= ENOUGH_OBSERVATIONS

    @property
    def grade(self) -> Grade:
        """All tests together; a rejected independence test is amber at best."""
        if self._rejected:
            return Grade.NOT_PASSED
        if self.clustered:
            return Grade.AMBER
        return Grade.PASSED if self.passed else Grade.NOT_REJECTED

    @property
    def reason(self) -> str:
        """What was rejected, or what the sample cannot tell; empty where all holds."""
        parts = [*self._rejected, *(f"{v.name} p = {v.p_value:.3f}" for v in self.clustered)]
        if not parts and not self.passed:
            parts = [f"power {self.power:.0%} on {self.observations:,} observations"]
        return "; ".join(parts)

    @property
    def _rejected(self) -> list[str]:
        parts = []
        if not self.low <= self.exceptions <= self.high:
            parts.append(f"{self.exceptions} exceptions, not {self.low} to {self.high}")
        if not self.conditional_coverage > SIGNIFICANCE:
            parts.append(f"conditional coverage p = {self.conditional_coverage:.3f}")
        return parts


def rests_on(report: SideReport) -> str:
    """The tests behind a grade, in one sentence."""
    names = ", ".join(v.name for v in report.independence)
    return (
        "rests on the 95 % interval of the count, Christoffersen conditional coverage, and for "
        f"amber {names}, each at {SIGNIFICANCE:.0%}"
    )


def side_report(result: Backtest, side: Side) -> SideReport:
    """Judge one side of a backtest."""
    rows = result.side(side)
    flags = rows["exception"].to_numpy(dtype=bool)
    p = 1.0 - result.question.confidence
    n, x = flags.size, int(flags.sum())
    low, high = binomial_interval(n, p)
    return SideReport(
        asset=result.asset,
        side=side.value,
        observations=n,
        exceptions=x,
        low=low,
        high=high,
        conditional_coverage=conditional_coverage(flags, p).p_value,
        power=exact_power(proportion_of_failures, n, p, min(2.0 * p, 0.5)).rejected,
        independence=_independence_tests(rows, flags, p),
    )


def _independence_tests(rows: pd.DataFrame, flags: Flags, p: float) -> tuple[Verdict, ...]:
    var, u = (rows[name].to_numpy(dtype=float) for name in ("var", "tail_probability"))
    return (
        independence(flags),
        time_between_failures_independence(flags, p),
        duration_independence(flags),
        dynamic_quantile(flags, var, p),
        du_escanciano_independence(u, p),
    )


def run_battery(result: Backtest, side: Side, *, seed: int, draws: int = 1_000) -> list[Verdict]:
    """Every coverage and shortfall test on one side of a backtest.

    Parameters
    ----------
    seed : int
        Of the bootstrap and of the simulated p-values.
    draws : int

    Raises
    ------
    InputError
        If the side has too few rows for the tests that look back.
    """
    rows = result.side(side)
    if len(rows) < 20:
        raise InputError(
            "result", f"{len(rows)} rows", "must have at least 20 rows a side", "Test more bars"
        )
    p = 1.0 - result.question.confidence
    flags = rows["exception"].to_numpy(dtype=bool)
    loss, var, es, sigma, u = (
        rows[name].to_numpy(dtype=float)
        for name in ("loss", "var", "es", "sigma", "tail_probability")
    )
    sampler = tail_sampler(result.beyond_of(side), p)
    return [
        proportion_of_failures(flags, p),
        binomial(flags, p),
        traffic_light(flags, p),
        time_until_first_failure(flags, p),
        time_between_failures(flags, p),
        time_between_failures_independence(flags, p),
        independence(flags),
        conditional_coverage(flags, p),
        duration_independence(flags),
        dynamic_quantile(flags, var, p),
        mcneil_frey(loss, var, es, scale=sigma, draws=draws, seed=seed),
        acerbi_szekely_z1(loss, var, es, sampler, draws=draws, seed=seed),
        acerbi_szekely_z2(loss, var, es, p, sampler, draws=draws, seed=seed),
        nolde_ziegel(loss, var, es, p),
        du_escanciano(u, p),
        du_escanciano_independence(u, p),
    ]


def coverage_table(reports: list[SideReport]) -> pd.DataFrame:
    """One row per side, in the order given."""
    columns = ("asset", "side", "observations", "exceptions", "low", "high",
               "conditional_coverage", "power", "grade", "reason")  # fmt: skip
    rows = [{name: getattr(report, name) for name in columns} for report in reports]
    return pd.DataFrame(rows).astype({"grade": "str"}).set_index(["asset", "side"])
