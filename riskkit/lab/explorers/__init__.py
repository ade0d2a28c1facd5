"""Explorers: sliders over the package's own answers, in a notebook, a dashboard or plain Python."""

from riskkit.lab.explorers.backtest import BacktestExplorer
from riskkit.lab.explorers.backtest_answer import BacktestAnswer
from riskkit.lab.explorers.backtest_model import BacktestModel
from riskkit.lab.explorers.collateral import (
    CollateralExplorer,
    CollateralSettings,
    CollateralSnapshot,
)
from riskkit.lab.explorers.explorer import Explorer, LiquidationExplorer, MarginExplorer
from riskkit.lab.explorers.export import ChangedValue, Exported, VenueExported, VenueFile
from riskkit.lab.explorers.fund import FundAnswer, FundExplorer, FundSettings
from riskkit.lab.explorers.market import Market, market_of_prices, market_of_study
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.options import OptionSettings, OptionsExplorer, StructureAnswer
from riskkit.lab.explorers.portfolio import (
    PortfolioAnswer,
    PortfolioExplorer,
    PortfolioSettings,
)
from riskkit.lab.explorers.snapshot import Snapshot
from riskkit.lab.explorers.venue import VenueAnswer, VenueExplorer, VenueSettings

__all__ = [
    "BacktestAnswer",
    "BacktestExplorer",
    "BacktestModel",
    "ChangedValue",
    "CollateralExplorer",
    "CollateralSettings",
    "CollateralSnapshot",
    "Explorer",
    "ExplorerModel",
    "Exported",
    "FundAnswer",
    "FundExplorer",
    "FundSettings",
    "LiquidationExplorer",
    "MarginExplorer",
    "Market",
    "OptionSettings",
    "OptionsExplorer",
    "PortfolioAnswer",
    "PortfolioExplorer",
    "PortfolioSettings",
    "Snapshot",
    "StructureAnswer",
    "VenueAnswer",
    "VenueExplorer",
    "VenueExported",
    "VenueFile",
    "VenueSettings",
    "market_of_prices",
    "market_of_study",
]
