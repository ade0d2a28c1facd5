"""What some models have beside a likelihood of the returns: a season, and forecasts by ranges.

The likelihood sees returns without their season. What else a model is made of is estimated on the
same bars, and the forecasts of both are put together here: for the bars of a fit, and for any bars
that are filtered later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.measures import MEASURE
from riskkit.market.returns import LOG_RETURN
from riskkit.volatility.measured import fit_measured
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.running import (
    Filtered,
    component_coefficients,
    mean_of,
    run_filter,
    start_variance,
)
from riskkit.volatility.sample import Array, Sample, check_returns
from riskkit.volatility.season import Season, bar_of, fit_season
from riskkit.volatility.spec import Variance, VolatilitySpec

FEWEST_BARS, FEWEST_DAYS = 20_000, pd.Timedelta(days=90)
"""A combined model is estimated on the last so many bars, or the bars of so many days if more:
levels decline for years, and its variance returns to what it was estimated on."""


@dataclass(frozen=True)
class DirectPart:
    """What the likelihood is asked: recent returns without their season.

    Attributes
    ----------
    sample : Sample
        The last bars alone, of a combined model.
    spec : VolatilitySpec
        Of the model that has a likelihood.
    season : Season or None
    """

    sample: Sample
    spec: VolatilitySpec
    season: Season | None


def direct_part(sample: Sample, spec: VolatilitySpec) -> DirectPart:
    """The sample and the model that the engine fits.

    Raises
    ------
    InputError
        If the model asks for ranges or seasons that the bars do not have.
    """
    season = None
    if spec.variance is Variance.COMBINED:
        _measure_of(sample, spec)
    if spec.seasons:
        varied = np.square(sample.values) if sample.measure is None else sample.measure
        season = fit_season(varied, sample.target)
    plain = _without(sample, season)
    if spec.variance is Variance.COMBINED:
        longest = max(FEWEST_BARS, round(FEWEST_DAYS / bar_of(sample.target)))
        plain = _last(plain, longest)
    return DirectPart(plain, direct_spec(spec), season)


def direct_spec(spec: VolatilitySpec) -> VolatilitySpec:
    """The model whose likelihood a model without one of its own rests on."""
    own = Variance.COMPONENT if spec.variance is Variance.COMBINED else spec.variance
    return replace(spec, variance=own, seasons=False)


def fit_beside(
    sample: Sample, spec: VolatilitySpec, begun: DirectPart, fit: VolatilityFit
) -> VolatilityFit:
    """The fit of a model, from that of its direct part.

    Parameters
    ----------
    sample : Sample
        The bars as they are.
    begun : DirectPart
    fit : VolatilityFit
        Of its sample and spec.
    """
    measured = None
    if spec.variance is Variance.COMBINED:
        if not fit.health.healthy:
            return replace(fit, spec=spec, requested=spec)
        e = begun.sample.values - mean_of(fit.params)
        assert begun.sample.measure is not None  # `direct_part` has asked for it
        measured = fit_measured(e, begun.sample.measure, bar_of(sample.target))
    whole = replace(
        fit, spec=spec, requested=spec, season=begun.season, measured=measured, known=_table(sample)
    )
    seen = _run(whole, sample)
    return replace(
        whole,
        sigma=seen.sigma,
        residuals=seen.residuals,
        next_sigma=seen.next_sigma,
        slow=seen.slow,
    )


def filter_beside(fit: VolatilityFit, sample: Sample, *, follows: bool) -> Filtered:
    """A fit's forecasts over any bars; those that follow its own continue them.

    Raises
    ------
    InputError
        If the model asks for ranges that the bars do not have.
    """
    if fit.spec.variance is Variance.COMBINED:
        _measure_of(sample, fit.spec)
    if not follows:
        return _run(fit, sample)
    assert fit.known is not None  # every fit of such a model keeps its bars
    before = len(fit.known)
    both = pd.concat([fit.known, _table(sample)])
    found = _run(fit, check_returns(both if MEASURE in both else both[LOG_RETURN], minimum=1))
    return Filtered(
        sigma=found.sigma.iloc[before:],
        residuals=found.residuals.iloc[before:],
        next_sigma=found.next_sigma,
        origin=found.origin,
        slow=None if found.slow is None else found.slow[before:],
    )


def _run(fit: VolatilityFit, sample: Sample) -> Filtered:
    factors = np.ones(len(sample.values) + 1)
    if fit.season is not None:
        factors = fit.season.next(pd.DatetimeIndex(sample.target))
    plain, roots = _without(sample, fit.season), np.sqrt(factors)
    if fit.measured is None:
        spec = direct_spec(fit.spec)
        first = start_variance(spec, fit.params, fit.presample_variance)
        own = run_filter(spec, fit.params, plain.values, plain.target, first)
        sigma = np.append(own.sigma.to_numpy(dtype=np.float64), own.next_sigma)
        slow = own.slow
    else:
        assert plain.measure is not None  # asked for before
        coef = component_coefficients(fit.params)
        e = plain.values - mean_of(fit.params)
        sigma, slow = (np.sqrt(part) for part in fit.measured.path(coef, e, plain.measure))
    e = plain.values - mean_of(fit.params)
    seasoned = sigma * roots
    return Filtered(
        sigma=pd.Series(seasoned[:-1], index=sample.target, name="sigma"),
        residuals=pd.Series(e / sigma[:-1], index=sample.target, name="residual"),
        next_sigma=float(seasoned[-1]),
        origin=sample.target[-1],
        slow=None if slow is None else slow * roots,
    )


def _without(sample: Sample, season: Season | None) -> Sample:
    """The sample with every bar at the level of an average one."""
    if season is None:
        return sample
    factors = season.at(pd.DatetimeIndex(sample.target))
    measure = None if sample.measure is None else sample.measure / factors
    return replace(sample, values=sample.values / np.sqrt(factors), measure=measure)


def _last(sample: Sample, bars: int) -> Sample:
    measure = None if sample.measure is None else sample.measure[-bars:]
    return Sample(
        sample.values[-bars:], sample.target[-bars:], sample.origin[-bars:], sample.asset, measure
    )


def _table(sample: Sample) -> pd.DataFrame:
    table = pd.DataFrame({LOG_RETURN: sample.values}, index=sample.target)
    return table if sample.measure is None else table.assign(**{MEASURE: sample.measure})


def _measure_of(sample: Sample, spec: VolatilitySpec) -> Array:
    if sample.measure is None:
        raise InputError(
            "model.spec",
            spec.name,
            "asks for an open, a high and a low in every bar, and these returns are of closes",
            "Give prices with all four, or use component-normal",
        )
    return sample.measure
