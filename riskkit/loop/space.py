"""What the loop may choose: a margin rule and the model that it reads, as a point of a cube.

Every point is a rule that `riskkit.venue.rule.check_rule` accepts: what cannot go together is
settled here, once, so that no proposal is ever refused for what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from riskkit.venue.rule import PublishedRule

Array = npt.NDArray[np.float64]

#: Models that a rule's track can hold.
MODELS = ("gjr-normal", "garch-normal", "ewma-normal")
AXES = ("multiple", "floor_share", "smoothing", "notice", "step", "cap", "memory", "model")
MULTIPLES = (1.5, 24.0)
MOST_SMOOTHING_HOURS, MOST_NOTICE_HOURS = 240.0, 72.0
STEPS = (0.02, 1.0)
CAPS = (0.05, 0.5)
MOST_MEMORY = 0.4
#: A step whose axis lies beyond is no limit at all.
NO_LIMIT = 0.9


@dataclass(frozen=True)
class LoopPolicy:
    """A policy of parameters.

    Attributes
    ----------
    multiple : float
        Of the forecast volatility.
    floor_share : float
        The floor, of the margin at the long-run volatility.
    smoothing_hours, notice_hours : float
    step : float
        Largest relative change from one publication to the next; infinite for no limit.
    cap : float
    memory : float
        Weight of the last blows.
    model : str
    """

    multiple: float
    floor_share: float
    smoothing_hours: float
    notice_hours: float
    step: float
    cap: float
    memory: float
    model: str

    def rule(
        self, base: PublishedRule, *, bar_hours: float, long_run: float, horizon: int
    ) -> PublishedRule:
        """The published rule, legal whatever the policy; times rounded up to bars.

        Parameters
        ----------
        base : PublishedRule
            Whose window, cost, interval and staleness it keeps.
        long_run : float
            Volatility of a bar that is usual, as known when it is proposed.
        horizon : int
            Bars for which positions are held: a longer notice would bind nobody.
        """
        usual = self.multiple * long_run * math.sqrt(base.window) + base.cost
        cap = max(self.cap, 1.25 * max(base.cost, base.fallback), 1e-4)
        cap = min(cap, 0.99)
        floor = min(self.floor_share * usual, 0.9 * cap)
        return replace(
            base,
            multiple=_digits(self.multiple),
            floor=_digits(floor) if floor > 0.0 else 0.0,
            smoothing=self.smoothing_hours / bar_hours,
            notice=min(math.ceil(self.notice_hours / bar_hours - 1e-9), horizon),
            greatest_change=self.step if math.isinf(self.step) else _digits(self.step),
            cap=_digits(cap),
            memory=_digits(self.memory) if self.memory > 0.0 else 0.0,
        )

    def point(self) -> Array:
        """The point of the cube that is this policy."""
        low, high = MULTIPLES
        step = 1.0 if math.isinf(self.step) else NO_LIMIT * _log_share(self.step, *STEPS)
        found = [
            _log_share(self.multiple, low, high),
            self.floor_share,
            math.log1p(self.smoothing_hours) / math.log1p(MOST_SMOOTHING_HOURS),
            math.log1p(self.notice_hours) / math.log1p(MOST_NOTICE_HOURS),
            step,
            _log_share(self.cap, *CAPS),
            self.memory / MOST_MEMORY,
            (MODELS.index(self.model) + 0.5) / len(MODELS),
        ]
        return np.asarray(np.clip(found, 0.0, 1.0))

    def words(self) -> str:
        """What it says, in a line."""
        parts = [
            f"{self.multiple:.3g} sigma of {self.model}",
            f"floor {self.floor_share:.0%} of the usual margin",
            f"smoothed over {self.smoothing_hours:.3g} h",
            f"notice {self.notice_hours:.3g} h",
            "no limit on a step" if math.isinf(self.step) else f"steps of {self.step:.0%}",
            f"cap {self.cap:.1%}",
            f"memory {self.memory:.0%}",
        ]
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "multiple": self.multiple,
            "floor_share": self.floor_share,
            "smoothing_hours": self.smoothing_hours,
            "notice_hours": self.notice_hours,
            "step": None if math.isinf(self.step) else self.step,
            "cap": self.cap,
            "memory": self.memory,
            "model": self.model,
        }


def policy_at(point: npt.ArrayLike) -> LoopPolicy:
    """The policy at a point of the cube; coordinates outside are brought to its walls."""
    p = np.clip(np.asarray(point, dtype=np.float64), 0.0, 1.0)
    step = math.inf if p[4] > NO_LIMIT else _log_at(p[4] / NO_LIMIT, *STEPS)
    return LoopPolicy(
        multiple=_log_at(p[0], *MULTIPLES),
        floor_share=float(p[1]),
        smoothing_hours=_hours(p[2], MOST_SMOOTHING_HOURS),
        notice_hours=_hours(p[3], MOST_NOTICE_HOURS),
        step=step,
        cap=_log_at(p[5], *CAPS),
        memory=float(MOST_MEMORY * p[6]),
        model=MODELS[min(int(p[7] * len(MODELS)), len(MODELS) - 1)],
    )


def _hours(share: float, most: float) -> float:
    return float(math.expm1(float(share) * math.log1p(most)))


def _log_at(share: float, low: float, high: float) -> float:
    return float(low * (high / low) ** float(share))


def _log_share(value: float, low: float, high: float) -> float:
    return math.log(min(max(value, low), high) / low) / math.log(high / low)


def _digits(value: float) -> float:
    """Six digits: what a venue publishes is written down."""
    return float(f"{value:.6g}")
