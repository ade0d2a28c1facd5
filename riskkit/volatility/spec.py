"""What a volatility model is: three swappable parts and a presample convention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from riskkit.errors import InputError


class Mean(StrEnum):
    """Conditional mean of a bar's log return.

    ``HAR`` regresses on the means of the last 1, 5 and 22 returns (Corsi 2009); through arch.
    """

    ZERO = "zero"
    CONSTANT = "constant"
    HAR = "har"


class Variance(StrEnum):
    """Conditional variance recursion, of order (1, 1) where it has one.

    ``GARCH``   h[t] = omega + alpha e[t-1]^2 + beta h[t-1]                     (Bollerslev 1986)
    ``GJR``     GARCH plus gamma e[t-1]^2 where e[t-1] < 0   (Glosten, Jagannathan & Runkle 1993)
    ``EGARCH``  ln h[t] = omega + alpha (|z[t-1]| - E|z|) + gamma z[t-1] + beta ln h[t-1]
                with E|z| = sqrt(2/pi), as in arch                                 (Nelson 1991)
                and alpha >= 0, unlike in arch: free to be negative, in about a third of 250-bar
                windows it is, with a filter that hardly forgets; `Engine.ARCH` leaves it free
    ``COMPONENT``  h[t] = q[t] + alpha (e[t-1]^2 - q[t-1]) + beta (h[t-1] - q[t-1]), its slow part
                q[t] = s2 (1 - rho) + rho q[t-1] + phi (e[t-1]^2 - h[t-1]) that returns to the
                sample's s2 = mean(e^2); alpha and phi are at least .001; by normal
                quasi-likelihood only, whatever the law of the shocks      (Engle & Lee 1999)
    ``COMBINED``  the geometric mean of component GARCH with two forecasts by the range of each bar,
                HEAVY and a log-HAR; its paths are those of component GARCH, started where it has
                the forecast variance           (`riskkit.volatility.measured`)
    ``EWMA``    h[t] = lambda h[t-1] + (1 - lambda) e[t-1]^2, lambda = 0.94: the declared
                fallback, IGARCH without an intercept                       (RiskMetrics 1996)

    Three more are fitted and filtered through arch, with its parametrisation and without paths:
    ``APARCH`` (Ding, Granger & Engle 1993), ``FIGARCH`` (Baillie, Bollerslev & Mikkelsen 1996),
    ``HARCH`` over 1, 5 and 22 bars (Mueller et al. 1997).
    """

    GARCH = "garch"
    GJR = "gjr"
    EGARCH = "egarch"
    COMPONENT = "component"
    COMBINED = "combined"
    EWMA = "ewma"
    APARCH = "aparch"
    FIGARCH = "figarch"
    HARCH = "harch"


class Innovation(StrEnum):
    """Law of the standardised shocks, always of mean 0 and variance 1; GED through arch."""

    NORMAL = "normal"
    STUDENT_T = "t"
    SKEW_T = "skewt"
    GED = "ged"


class Presample(StrEnum):
    """Variance before the first observation; the choice visibly moves the estimates.

    ``SAMPLE``    mean(e^2) recomputed at every mu (the published benchmark's choice)
    ``BACKCAST``  exponentially weighted mean of the first 75 squared residuals (arch's choice)
    """

    SAMPLE = "sample"
    BACKCAST = "backcast"


class Engine(StrEnum):
    """What maximises the likelihood: riskkit's compiled kernels, or arch."""

    COMPILED = "compiled"
    ARCH = "arch"


_MEAN_PARAMETERS = {
    Mean.ZERO: (),
    Mean.CONSTANT: ("mu",),
    Mean.HAR: ("mu", "har_1", "har_5", "har_22"),
}
PARTED = (Variance.COMPONENT, Variance.COMBINED)
"""Variances with a slow part: both are of component GARCH in a simulation."""
_ARCH_PARAMETERS = {
    Variance.APARCH: ("omega", "alpha", "gamma", "beta", "delta"),
    Variance.FIGARCH: ("omega", "phi", "d", "beta"),
    Variance.HARCH: ("omega", "alpha_1", "alpha_5", "alpha_22"),
}


@dataclass(frozen=True)
class VolatilitySpec:
    """A volatility model, before it has seen any data. Change one with `dataclasses.replace`.

    Examples
    --------
    >>> import riskkit
    >>> riskkit.VolatilitySpec.parse("gjr-skewt").name
    'gjr-skewt'
    """

    variance: Variance = Variance.GARCH
    innovation: Innovation = Innovation.STUDENT_T
    mean: Mean = Mean.CONSTANT
    presample: Presample = Presample.SAMPLE
    seasons: bool = False

    @property
    def compiled(self) -> bool:
        """Whether riskkit's own kernels fit, filter and simulate it; otherwise arch fits it."""
        return (
            self.mean is not Mean.HAR
            and self.variance not in _ARCH_PARAMETERS
            and self.innovation is not Innovation.GED
            and (self.variance not in PARTED or self.targeted)
        )

    @property
    def direct(self) -> bool:
        """Whether one likelihood of the returns as they are is all there is to fit."""
        return self.variance is not Variance.COMBINED and not self.seasons

    @property
    def targeted(self) -> bool:
        """Whether its law is the normal, and its presample variance the sample's."""
        return self.innovation is Innovation.NORMAL and self.presample is Presample.SAMPLE

    @property
    def name(self) -> str:
        """Short name, e.g. ``"gjr-skewt"``; a zero or HAR mean, a backcast, seasons follow."""
        parts = [self.variance.value, self.innovation.value]
        if self.mean is not Mean.CONSTANT:
            parts.append(self.mean.value)
        if self.presample is Presample.BACKCAST:
            parts.append("backcast")
        if self.seasons:
            parts.append("seasons")
        return "-".join(parts)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the estimated parameters, in the order every table uses."""
        names = list(_MEAN_PARAMETERS[self.mean])
        if self.variance in _ARCH_PARAMETERS:
            names += _ARCH_PARAMETERS[self.variance]
        elif self.variance in PARTED:
            names += ["rho", "alpha", "phi", "beta"]
        elif self.variance is not Variance.EWMA:
            names += ["omega", "alpha"]
            if self.variance is not Variance.GARCH:
                names.append("gamma")
            names.append("beta")
        if self.innovation is not Innovation.NORMAL:
            names.append("nu")
        if self.innovation is Innovation.SKEW_T:
            names.append("lambda")
        return tuple(names)

    @classmethod
    def parse(cls, name: str) -> VolatilitySpec:
        """Read a short name back: ``VolatilitySpec.parse("gjr-t-zero")``."""
        parts = name.strip().lower().split("-")
        rule = "must read variance-innovation[-zero or -har][-backcast][-seasons]"
        remedy = (
            f"variance is one of {[v.value for v in Variance]}, "
            f"innovation one of {[i.value for i in Innovation]}; for example 'gjr-skewt'"
        )
        try:
            variance, innovation = Variance(parts[0]), Innovation(parts[1])
        except (ValueError, IndexError):
            raise InputError("spec", name, rule, remedy) from None
        extras = set(parts[2:])
        if extras - {"zero", "har", "backcast", "seasons"} or len(parts) != len(set(parts)):
            raise InputError("spec", name, rule, remedy)
        if {"zero", "har"} <= extras:
            raise InputError("spec", name, rule, remedy)
        mean = next((Mean(part) for part in ("zero", "har") if part in extras), Mean.CONSTANT)
        spec = cls(
            variance=variance,
            innovation=innovation,
            mean=mean,
            presample=Presample.BACKCAST if "backcast" in parts else Presample.SAMPLE,
            seasons="seasons" in extras,
        )
        check_targeted(spec)
        return spec


def check_targeted(spec: VolatilitySpec) -> None:
    """Refuse a model that is not fitted by normal quasi-likelihood to its own target, if it must.

    Raises
    ------
    InputError
    """
    if spec.variance in PARTED and (not spec.targeted or spec.mean is Mean.HAR):
        name = spec.variance.value
        raise InputError(
            "spec",
            spec.name,
            f"must read {name}-normal[-zero]: its variance is targeted, its law is not fitted",
            f"Use {name}-normal; fat tails come from its resampled residuals",
        )
    if spec.seasons and (not spec.compiled or spec.variance is Variance.EGARCH):
        raise InputError(
            "spec",
            spec.name,
            "has no seasons: only variances in squares that riskkit fits itself have",
            "Use component, combined, gjr or garch with seasons, or leave them out",
        )


def spec_named(spec: VolatilitySpec | str) -> VolatilitySpec:
    """A model given as itself or by its short name.

    Raises
    ------
    InputError
        If no model has the name.

    Examples
    --------
    >>> spec_named("gjr-skewt").variance.value
    'gjr'
    """
    return VolatilitySpec.parse(spec) if isinstance(spec, str) else spec


GARCH_T = VolatilitySpec()
"""The default model: GARCH(1,1) with a constant mean and Student t innovations."""
