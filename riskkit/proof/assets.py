"""Whether a study's asset is the one that a venue's market is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.errors import InputError
from riskkit.formats.assets import named_in, same_asset
from riskkit.formats.calibrated import CalibratedCollateral
from riskkit.formats.format import VenueFormat
from riskkit.study.tables import DataSection

Venue = VenueFormat[Any, Any, Any]


@dataclass(frozen=True)
class Agreement:
    """What is known of the asset of a study and that of a market.

    Attributes
    ----------
    study : str
        The study's asset, as it names it.
    market : str or None
        The market's, as the file names it; None if it names none.
    declared : str or None
        The asset that the user declared the study's to be.
    agree : bool
        Whether both names mean one asset.
    """

    study: str
    market: str | None
    declared: str | None = None
    agree: bool = False

    @property
    def doubt(self) -> str | None:
        """What could not be checked, in words; None where both names agree."""
        if self.declared is not None:
            return f"{self.study} is declared to be {self.declared}"
        if self.market is None:
            return f"this market names no asset: that it is for {self.study} was not checked"
        if not self.agree:
            return f"the prices '{self.study}' are taken to be those of {self.market}"
        return None


def check_asset(
    venue: Venue,
    value: object,
    market: str,
    asset: str,
    *,
    declared: str | None = None,
    stated: bool = True,
) -> Agreement:
    """Refuse a market of another asset than the study's, unless it is declared to be that one.

    Parameters
    ----------
    value : value of the venue's format
        A file that names the market: the live one, or the exported one.
    asset : str
        The study's; a pair's quote is passed over and a wrapped coin is the coin, see
        `riskkit.formats.assets`.
    declared : str, optional
        What the user declares the study's asset to be; it must be the market's.
    stated : bool
        False for a name taken from a file: it is refused only if it names another known asset.

    Raises
    ------
    InputError
        With both names.
    """
    theirs = venue.asset_of(value, market)
    if theirs is None:
        return Agreement(asset, None, declared)
    in_debt = venue.calibrated is CalibratedCollateral
    found = Agreement(asset, theirs, declared, same_asset(asset, theirs, in_debt=in_debt))
    if declared is not None:
        if not same_asset(declared, theirs):
            rule = f"must be the asset of the market {market}: {theirs}"
            raise InputError("asset-is", declared, rule, "Declare that one, or name its market")
        return found
    if found.agree or (not stated and not _names_another(asset, theirs)):
        return found
    rule = f"must be the asset of the market {market}: {theirs}"
    remedy = f"Choose the market or the study of the other, or declare it: --asset-is {theirs}"
    raise InputError("asset", asset, rule, remedy)


def is_stated(data: DataSection) -> bool:
    """Whether a study's data say its asset, and do not only repeat the name of its price file."""
    prices = data.prices
    return prices is None or data.asset != Path(prices).name.lstrip(".").split(".")[0]


def _names_another(name: str, theirs: str) -> bool:
    others = named_in(name)
    return bool(others) and not any(same_asset(other, theirs) for other in others)
