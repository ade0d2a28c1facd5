"""Price history with its provenance and quality report, and its returns."""

from riskkit.market.align import Aligned, align, join_spot_perpetual
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory, Provenance
from riskkit.market.load import TableSource, history_from_table, load_prices
from riskkit.market.quality import Finding, Kind, QualityReport
from riskkit.market.resample import resample
from riskkit.market.returns import Returns, log_returns
from riskkit.market.samples import load_sample
from riskkit.market.tables import Columns
from riskkit.market.validation import InvalidRows

__all__ = [
    "Aligned",
    "Calendar",
    "Columns",
    "Finding",
    "InvalidRows",
    "Kind",
    "PriceHistory",
    "Provenance",
    "QualityReport",
    "Returns",
    "TableSource",
    "align",
    "history_from_table",
    "join_spot_perpetual",
    "load_prices",
    "load_sample",
    "log_returns",
    "resample",
]
