"""All tests on one side of a backtest, and the one line that a table of assets needs."""

from __future__ import annotations

from dataclasses import dataclass

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
from riskkit.validation.verdict import Verdict

#: Fewer observations than this show a side without counting it as passed.
ENOUGH_OBSERVATIONS = 800


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
    passed : bool
        Exceptions within the interval, p-value above 0.05, and at least 800 observations.
    reason : str
        Why not, if not.
    """

    asset: str
    side: str
    observations: int
    exceptions: int
    low: int
    high: int
    conditional_coverage: float
    power: float
    passed: bool
    reason: str


def side_report(result: Backtest, side: Side) -> SideReport:
    """Judge one side of a backtest."""
    flags = result.side(side)["exception"].to_numpy(dtype=bool)
    p = 1.0 - result.question.confidence
    n, x = flags.size, int(flags.sum())
    low, high = binomial_interval(n, p)
    cc = conditional_coverage(flags, p).p_value
    reasons = []
    if n < ENOUGH_OBSERVATIONS:
        reasons.append(f"only {n} observations")
    if not low <= x <= high:
        reasons.append(f"{x} exceptions, not {low} to {high}")
    if not cc > 0.05:
        reasons.append(f"conditional coverage p = {cc:.3g}")
    return SideReport(
        asset=result.asset,
        side=side.value,
        observations=n,
        exceptions=x,
        low=low,
        high=high,
        conditional_coverage=cc,
        power=exact_power(proportion_of_failures, n, p, min(2.0 * p, 0.5)).rejected,
        passed=not reasons,
        reason="; ".join(reasons),
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
    return pd.DataFrame([vars(report) for report in reports]).set_index(["asset", "side"])
