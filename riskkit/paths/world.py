"""The future that is simulated: assets, and where their volatility starts; no venue in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.inside import Fill, Ranges
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.start import Start
from riskkit.volatility.result import VolatilityFit


@dataclass(frozen=True)
class Asset:
    """One price: how it moves, and where its volatility starts."""

    name: str
    model: PathModel
    start: Start


@dataclass(frozen=True)
class World:
    """What may come after a bar; one asset is a world of one.

    Attributes
    ----------
    assets : tuple of Asset
        Their shocks are drawn from one hash of (seed, path, bar).
    origin : Timestamp or None
        Open of the last bar of information; None for a world made by hand.
    bar : Timedelta or None
    fill : Fill
        Where within its bar a close-out is filled; plays no part where only closes are known.
    """

    assets: tuple[Asset, ...]
    origin: pd.Timestamp | None = None
    bar: pd.Timedelta | None = None
    fill: Fill = Fill.EXTREME

    @classmethod
    def one(
        cls,
        model: PathModel,
        start: Start,
        *,
        origin: pd.Timestamp | None = None,
        bar: pd.Timedelta | None = None,
        name: str = "price",
    ) -> World:
        """A world of one asset.

        Raises
        ------
        InputError
            If ``start`` is no `Start`: a bare number would not say in whose scale it is.
        """
        return cls((Asset(name, model, _start(start)),), origin, bar)

    @classmethod
    def of_fit(
        cls,
        fit: VolatilityFit,
        start: Start | None = None,
        *,
        bar: pd.Timedelta | None = None,
        shocks: Shocks = Shocks.FILTERED,
        ranges: Ranges | None = None,
        memory: OwnSideMemory | None = None,
    ) -> World:
        """The world after a fit's last return, from its forecast unless another start is given.

        Parameters
        ----------
        ranges : Ranges, optional
            Of the bars of the fit: paths then touch more than their closes.
        memory : OwnSideMemory, optional
            What each side remembers of its own losses.

        Raises
        ------
        InputError
            If the fit's model cannot be simulated, or ``start`` is no `Start`.
        """
        model = PathModel.from_fit(fit, shocks, ranges, memory)
        begin = Start.now(fit, memory) if start is None else start
        world = cls.one(model, begin, origin=fit.origin, bar=bar)
        return world if model.inside is None or ranges is None else replace(world, fill=ranges.fill)

    def starting(self, start: Start) -> World:
        """The same world from another start of its only asset."""
        return replace(self, assets=(replace(self.only, start=_start(start)),))

    @property
    def without_seasons(self) -> World:
        """The same world with every bar like an average one."""
        assets = tuple(
            replace(asset, model=replace(asset.model, seasons=None)) for asset in self.assets
        )
        return replace(self, assets=assets)

    @property
    def only(self) -> Asset:
        """The asset of a world of one.

        Raises
        ------
        InputError
            If there are several.
        """
        if len(self.assets) != 1:
            names = tuple(asset.name for asset in self.assets)
            raise InputError("world", names, "must hold one asset here", "Ask for each by itself")
        return self.assets[0]

    @property
    def model(self) -> PathModel:
        """The path model of the only asset."""
        return self.only.model

    @property
    def start(self) -> Start:
        """The start of the only asset."""
        return self.only.start


def _start(start: Start) -> Start:
    if not isinstance(start, Start):
        raise InputError(
            "start",
            start,
            "must be a Start, which says whether it is a fit's sigma or a measured volatility",
            "Use Start.now(fit), Start.at(sigma) for a fit's sigma, or Start.measured(volatility)",
        )
    return start
