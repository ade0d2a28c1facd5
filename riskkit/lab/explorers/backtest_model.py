"""What the backtest explorer's controls stand for, and the plan and overlays they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import traitlets

from riskkit.calibration.question import venue_of
from riskkit.errors import InputError
from riskkit.lab.explorers.market import Market
from riskkit.lab.explorers.model import MarketModel
from riskkit.paths.model import Shocks
from riskkit.study.study import Study
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.units import count_bars
from riskkit.validation.backtest import BacktestPlan
from riskkit.venue.procyclicality import Buffer, Floor, Overlay, SpeedLimit, StressedWeight

ONE_BAR, PERIOD = "one bar", "margin period of risk"
PATHS = 20_000
SPEED_BARS = 5
RELEASE = 0.95


@dataclass(frozen=True)
class Tools:
    """Anti-procyclicality tools, applied in this order; 0 leaves one out.

    Attributes
    ----------
    stressed_weight : float
        Weight of the largest margin published so far.
    buffer_share : float
        Buffer on top, released from the past 95 % quantile of the margin on.
    floor_multiple : float
        Of the long-run volatility of the returns so far, over the horizon.
    speed_limit : float
        Largest factor by which the margin grows within 5 bars.
    """

    stressed_weight: float
    buffer_share: float
    floor_multiple: float
    speed_limit: float

    def overlays(self, margin: pd.Series, long_run: pd.Series) -> tuple[Overlay, ...]:
        """The overlays of a margin; their levels come from the past only.

        Parameters
        ----------
        margin : Series
            As published, in time order.
        long_run : Series
            Long-run volatility over the horizon at each origin, same index.
        """
        past = margin.expanding()
        found: list[Overlay] = []
        if self.stressed_weight:
            found.append(StressedWeight(past.max(), self.stressed_weight))
        if self.buffer_share:
            found.append(Buffer(past.quantile(RELEASE), self.buffer_share))
        if self.floor_multiple:
            found.append(Floor(self.floor_multiple * long_run))
        if self.speed_limit:
            found.append(SpeedLimit(self.speed_limit, SPEED_BARS))
        return tuple(found)

    def words(self) -> str:
        """The tools that are on, in order."""
        said = [
            f"{100 * self.stressed_weight:g} % stressed" if self.stressed_weight else "",
            f"{100 * self.buffer_share:g} % buffer" if self.buffer_share else "",
            f"floor {self.floor_multiple:g} × long-run sigma" if self.floor_multiple else "",
            f"at most {self.speed_limit:g}× in {SPEED_BARS} bars" if self.speed_limit else "",
        ]
        return ", ".join(part for part in said if part) or "no overlay"


class BacktestModel(MarketModel):
    """The settings of the backtest explorer.

    Attributes
    ----------
    tail : str
        How the tail is formed: ``"filtered"``, ``"parametric"``, ``"extremes"``, ``"historical"``.
    horizon : str
        ``"one bar"`` or ``"margin period of risk"``.
    confidence : float
    minimum_bars : int
        Returns before the first forecast.
    first_day, last_day : str
        ISO dates: periods that start within them are judged; empty for all.
    lag_days : int
        Days until a published margin takes effect.
    stressed_weight, buffer_share, floor_multiple, speed_limit : float
        See `Tools`.
    """

    NAMES: ClassVar[tuple[str, ...]] = (
        "market", "side", "spec", "tail", "horizon", "confidence", "minimum_bars", "first_day",
        "last_day", "lag_days", "stressed_weight", "buffer_share", "floor_multiple", "speed_limit",
    )  # fmt: skip

    tail = traitlets.Unicode(TailMethod.FILTERED.value)
    horizon = traitlets.Unicode(ONE_BAR)
    confidence = traitlets.Float(0.99)
    minimum_bars = traitlets.Int()
    first_day = traitlets.Unicode()
    last_day = traitlets.Unicode()
    lag_days = traitlets.Int()
    stressed_weight = traitlets.Float()
    buffer_share = traitlets.Float()
    floor_multiple = traitlets.Float()
    speed_limit = traitlets.Float()

    def study(self) -> Study:
        """The market's study with this volatility model and this first forecast.

        Raises
        ------
        InputError
            Naming the setting that breaks a rule.
        """
        return self.chosen.study.changed(
            {
                "model.spec": self.spec,
                "model.minimum_history_days": None,
                "model.minimum_bars": self.minimum_bars,
            }
        )

    def tools(self) -> Tools:
        """The overlays that are on."""
        return Tools(self.stressed_weight, self.buffer_share, self.floor_multiple, self.speed_limit)

    def method(self) -> TailMethod:
        """The tail.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        known = [method.value for method in TailMethod]
        if self.tail not in known:
            raise InputError("tail", self.tail, f"must be one of {', '.join(known)}", "Choose one")
        return TailMethod(self.tail)

    def question(self) -> TailQuestion:
        """What is asked of the tail.

        Raises
        ------
        InputError
            If the horizon or the confidence breaks a rule.
        """
        if self.horizon not in (ONE_BAR, PERIOD):
            rule = f"must be one of {ONE_BAR}, {PERIOD}"
            raise InputError("horizon", self.horizon, rule, "Choose one")
        if not 0.5 < self.confidence < 1.0:
            rule = "must lie between 0.5 and 1"
            raise InputError("confidence", self.confidence, rule, "Typical is 0.99")
        study = self.study()
        periods = study.periods(self.chosen.history.bar)
        bars = 1 if self.horizon == ONE_BAR else periods.margin_period_of_risk
        return TailQuestion(
            confidence=self.confidence, bars=bars, paths=PATHS, seed=study.simulation.seed
        )

    def plan(self) -> BacktestPlan:
        """How the backtest runs, without overlays."""
        days, study, bar = pd.Timedelta(days=self.lag_days), self.study(), self.chosen.history.bar
        venue, pace = venue_of(study, bar), study.pace(bar)
        return BacktestPlan(
            minimum_bars=pace.minimum_bars,
            refit_every=pace.refit_every,
            apply_lag=int(count_bars(days, bar).bars) if self.lag_days else 0,
            slippage=venue.slippage,
            fee=venue.fee,
        )

    def window(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last moment at which a judged period may start, UTC.

        Raises
        ------
        InputError
            If a day is no date, or none lies between them.
        """
        bars = self.chosen.history.bars.index
        first = _day("first_day", self.first_day) if self.first_day else bars[0].floor("D")
        last = _day("last_day", self.last_day) if self.last_day else bars[-1].floor("D")
        if last < first:
            rule = f"must not come before first_day, {first:%Y-%m-%d}"
            raise InputError("last_day", self.last_day, rule, "Widen the window")
        return first, last + pd.Timedelta(days=1)

    def take(self, market: Market) -> None:
        """Set every trait that a study has a say in; overlays stay, and the window opens."""
        super().take(market)
        model, targets = market.study.model, market.study.targets
        filtered = model.shocks is Shocks.FILTERED
        self.tail = (TailMethod.FILTERED if filtered else TailMethod.PARAMETRIC).value
        self.confidence = 1.0 - targets.default_given_liquidation_probability
        self.minimum_bars = market.study.pace(market.history.bar).minimum_bars
        self.first_day = self.last_day = ""


def _day(name: str, text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError:
        raise InputError(name, text, "must be a day", "Write it as 2024-01-31") from None
