"""What the sliders stand for: traits with units in their names, and the study they make.

Plain Python drives them: ``model.delay_hours = 4.0``. Traits hold whatever they are given; the
study refuses what breaks a rule, in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import traitlets

from riskkit.errors import InputError
from riskkit.lab.explorers.live import Live, read_live
from riskkit.lab.explorers.market import Market
from riskkit.position import Side
from riskkit.study.study import Study


class MarketModel(traitlets.HasTraits):
    """A choice of market, side and volatility model: what every explorer's settings begin with.

    Attributes
    ----------
    market : str
        Name of one of ``markets``; choosing one takes over its study's settings.
    side : str
        ``"long"`` or ``"short"``; a loan is long.
    spec : str
        Volatility model, such as ``"gjr-skewt"``.
    """

    #: Traits that make a setting.
    NAMES: ClassVar[tuple[str, ...]] = ("market", "side", "spec")

    market = traitlets.Unicode()
    side = traitlets.Unicode(Side.LONG.value)
    spec = traitlets.Unicode()

    def __init__(self, markets: Mapping[str, Market]) -> None:
        super().__init__()
        self._markets = dict(markets)
        self.observe(self._take_over, names="market")
        self.market = next(iter(self._markets))

    @property
    def markets(self) -> tuple[str, ...]:
        """Names of the markets to choose from."""
        return tuple(self._markets)

    @property
    def specs(self) -> tuple[str, ...]:
        """Volatility models of the markets' studies."""
        return tuple(dict.fromkeys(m.study.model.spec for m in self._markets.values()))

    def add(self, market: Market) -> None:
        """Add a market, or replace the one of that name."""
        self._markets[market.name] = market

    @property
    def chosen(self) -> Market:
        """The market in ``market``.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        found = self._markets.get(self.market)
        if found is None:
            known = ", ".join(self._markets)
            raise InputError("market", self.market, f"must be one of {known}", "Choose one")
        return found

    def settings(self) -> dict[str, Any]:
        """Every setting by its trait's name."""
        return {name: getattr(self, name) for name in self.NAMES}

    def study(self) -> Study:
        """The market's study with this volatility model.

        Raises
        ------
        InputError
            If there is no such model.
        """
        return self.chosen.study.changed({"model.spec": self.spec})

    def offers(self, trait: str) -> bool:
        """Whether the chosen market's study has what a trait moves."""
        return trait in self.NAMES

    def chosen_side(self, margined: tuple[Side, ...]) -> Side:
        """The side, one of the study's.

        Raises
        ------
        InputError
            If the study does not margin it.
        """
        sides = {side.value: side for side in margined}
        if self.side not in sides:
            rule = f"must be one of {', '.join(sides)} in this study"
            raise InputError("side", self.side, rule, "Choose a side that the study margins")
        return sides[self.side]

    def take(self, market: Market) -> None:
        """Set every trait to what the market's study says."""
        if self.side not in {side.value for side in market.study.sides}:
            self.side = market.study.sides[0].value
        self.spec = market.study.model.spec

    def _take_over(self, _: Any) -> None:
        if self.market in self._markets:
            with self.hold_trait_notifications():
                self.take(self._markets[self.market])


@dataclass(frozen=True)
class TraitSetting:
    """Where a study keeps what a trait says, and how much of the study's unit one of it is."""

    key: str
    per: float = 1.0

    def to_study(self, value: Any) -> Any:
        """The study's value of a trait's."""
        return value if self.per == 1.0 else value * self.per

    def to_trait(self, value: Any) -> Any:
        """The trait's value of a study's."""
        return getattr(value, "value", value) if self.per == 1.0 else value / self.per


SETTINGS: dict[str, TraitSetting] = {
    "spec": TraitSetting("model.spec"),
    "default_probability": TraitSetting("targets.default_given_liquidation_probability"),
    "liquidation_probability": TraitSetting("targets.liquidation_within_reaction_time_probability"),
    "delay_hours": TraitSetting("liquidation.delay.seconds", per=3600.0),
    "oracle_latency_seconds": TraitSetting("oracle.latency.seconds"),
    "oracle_deviation_fraction": TraitSetting("oracle.deviation_fraction"),
    "reaction_hours": TraitSetting("position.reaction_time_hours"),
    "slippage_fraction": TraitSetting("liquidity.rate_fraction"),
    "fee_fraction": TraitSetting("position.penalty_fraction"),
    "bonus_fraction": TraitSetting("position.bonus_fraction"),
    "start_state": TraitSetting("simulation.start_state"),
}


class ExplorerModel(MarketModel):
    """The settings of the margin and liquidation explorers.

    Attributes
    ----------
    default_probability, liquidation_probability : float
        Targets of P(default | liquidation) and of P(liquidation within the reaction time).
    delay_hours, oracle_latency_seconds, reaction_hours : float
        Rounded up to bars.
    oracle_deviation_fraction, slippage_fraction, fee_fraction, bonus_fraction : float
    start_state : str
        ``"now"``, ``"through-the-cycle"`` or ``"stressed"``.
    live : str
        What the venue runs today, in percent: MM and IM (``"5, 10"``), or LT and max LTV; empty
        if it is not to be shown.
    """

    NAMES = ("market", "side", *SETTINGS, "live")

    default_probability = traitlets.Float()
    liquidation_probability = traitlets.Float()
    delay_hours = traitlets.Float()
    oracle_latency_seconds = traitlets.Float()
    oracle_deviation_fraction = traitlets.Float()
    reaction_hours = traitlets.Float()
    slippage_fraction = traitlets.Float()
    fee_fraction = traitlets.Float()
    bonus_fraction = traitlets.Float()
    start_state = traitlets.Unicode()
    live = traitlets.Unicode()

    def study(self) -> Study:
        """The market's study with these settings.

        Raises
        ------
        InputError
            Naming the setting that breaks a rule.
        """
        study = self.chosen.study
        has = {entry.key for entry in study.entries()}
        return study.changed(
            {
                setting.key: setting.to_study(getattr(self, trait))
                for trait, setting in SETTINGS.items()
                if setting.key in has
            }
        )

    def offers(self, trait: str) -> bool:
        """Whether the chosen market's study has what a trait moves: a drawn delay is no number."""
        if trait in SETTINGS and self.market in self.markets:
            return any(e.key == SETTINGS[trait].key for e in self.chosen.study.entries())
        return super().offers(trait)

    def live_parameters(self) -> Live | None:
        """What ``live`` says.

        Raises
        ------
        InputError
            If it is not two percentages.
        """
        return read_live(self.live)

    def take(self, market: Market) -> None:
        """Set every trait to what the market's study says; live parameters were another's."""
        super().take(market)
        values = {entry.key: entry.value for entry in market.study.entries()}
        for trait, setting in SETTINGS.items():
            if setting.key in values:
                setattr(self, trait, setting.to_trait(values[setting.key]))
        self.live = ""
