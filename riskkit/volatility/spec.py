"""What a volatility model is: three swappable parts and a presample convention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from riskkit.errors import InputError


class Mean(StrEnum):
    """Conditional mean of a bar's log return."""

    ZERO = "zero"
    CONSTANT = "constant"


class Variance(StrEnum):
    """Conditional variance recursion, all of order (1, 1).

    ``GARCH``   h[t] = omega + alpha e[t-1]^2 + beta h[t-1]                     (Bollerslev 1986)
    ``GJR``     GARCH plus gamma e[t-1]^2 where e[t-1] < 0   (Glosten, Jagannathan & Runkle 1993)
    ``EGARCH``  ln h[t] = omega + alpha (|z[t-1]| - E|z|) + gamma z[t-1] + beta ln h[t-1]
                with E|z| = sqrt(2/pi), arch's convention                          (Nelson 1991)
    ``EWMA``    h[t] = lambda h[t-1] + (1 - lambda) e[t-1]^2, lambda = 0.94: the declared
                fallback, IGARCH without an intercept                       (RiskMetrics 1996)
    """

    GARCH = "garch"
    GJR = "gjr"
    EGARCH = "egarch"
    EWMA = "ewma"


class Innovation(StrEnum):
    """Law of the standardised shocks, always of mean 0 and variance 1."""

    NORMAL = "normal"
    STUDENT_T = "t"
    SKEW_T = "skewt"


class Presample(StrEnum):
    """Variance before the first observation; the choice visibly moves the estimates.

    ``SAMPLE``    mean(e^2) recomputed at every mu (the published benchmark's choice)
    ``BACKCAST``  exponentially weighted mean of the first 75 squared residuals (arch's choice)
    """

    SAMPLE = "sample"
    BACKCAST = "backcast"


@dataclass(frozen=True)
class VolatilitySpec:
    """A volatility model, before it has seen any data. Change one with `dataclasses.replace`."""

    variance: Variance = Variance.GARCH
    innovation: Innovation = Innovation.STUDENT_T
    mean: Mean = Mean.CONSTANT
    presample: Presample = Presample.SAMPLE

    @property
    def name(self) -> str:
        """Short name, e.g. ``"gjr-skewt"``; a zero mean and a backcast are appended."""
        parts = [self.variance.value, self.innovation.value]
        if self.mean is Mean.ZERO:
            parts.append("zero")
        if self.presample is Presample.BACKCAST:
            parts.append("backcast")
        return "-".join(parts)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the estimated parameters, in the order every table uses."""
        names = ["mu"] if self.mean is Mean.CONSTANT else []
        if self.variance is not Variance.EWMA:
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
        rule = "must read variance-innovation[-zero][-backcast]"
        remedy = (
            f"variance is one of {[v.value for v in Variance]}, "
            f"innovation one of {[i.value for i in Innovation]}; for example 'gjr-skewt'"
        )
        try:
            variance, innovation = Variance(parts[0]), Innovation(parts[1])
        except (ValueError, IndexError):
            raise InputError("spec", name, rule, remedy) from None
        if set(parts[2:]) - {"zero", "backcast"} or len(parts) != len(set(parts)):
            raise InputError("spec", name, rule, remedy)
        return cls(
            variance=variance,
            innovation=innovation,
            mean=Mean.ZERO if "zero" in parts else Mean.CONSTANT,
            presample=Presample.BACKCAST if "backcast" in parts else Presample.SAMPLE,
        )


GARCH_T = VolatilitySpec()
"""The default model: GARCH(1,1) with a constant mean and Student t innovations."""
