"""One word that opens an explorer: sliders over the answers of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from riskkit.errors import InputError
from riskkit.lab.explorers import (
    BacktestExplorer,
    CollateralExplorer,
    FundExplorer,
    LiquidationExplorer,
    MarginExplorer,
    OptionsExplorer,
    PortfolioExplorer,
    VenueExplorer,
)

EXPLORERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "margins": MarginExplorer,
        "thresholds": LiquidationExplorer,
        "backtest": BacktestExplorer,
        "accounts": PortfolioExplorer,
        "collateral": CollateralExplorer,
        "options": OptionsExplorer,
        "venue": VenueExplorer,
        "fund": FundExplorer,
    }
)
"""Each explorer by the word that opens it."""


def explore(studies: Any, what: str = "margins", **options: Any) -> Any:
    """Open an explorer: in a notebook it draws itself, elsewhere its ``model`` is set by hand.

    Parameters
    ----------
    studies : path, or sequence of paths or Market
        Study files to choose from; the first is shown first. A book's explorer (``"accounts"``,
        ``"venue"``, ``"fund"``) takes one, or what its study was answered with.
    what : str
        ``"margins"`` of a perpetual, ``"thresholds"`` of a loan, ``"backtest"`` (coverage and
        procyclicality), ``"accounts"`` (legs that offset), ``"collateral"`` (haircuts, pools and
        limits), ``"options"`` (a structure, and the holes of a set of scenarios), ``"venue"`` (a
        book under stress), or ``"fund"`` (what stands behind it).
    options
        As the explorer takes them: ``theme``, ``threads``, ``out`` (where *Export* writes).

    Returns
    -------
    LiveExplorer, or PortfolioExplorer, CollateralExplorer, OptionsExplorer, VenueExplorer,
    FundExplorer
        ``model`` has the settings, ``snapshot`` what they give, ``figure`` the picture.

    Raises
    ------
    InputError
        If there is no such explorer, or a study or its prices break a rule.

    Examples
    --------
    >>> import riskkit
    >>> explorer = riskkit.explore("studies/eth-perpetual-daily.toml")
    >>> before = explorer.snapshot.point.trigger.value
    >>> explorer.model.delay_hours = 48.0
    >>> explorer.snapshot.point.trigger.value > before
    True
    """
    if what not in EXPLORERS:
        rule = f"must be one of {', '.join(EXPLORERS)}"
        raise InputError("what", what, rule, "Choose what to explore")
    return EXPLORERS[what](studies, **options)
