"""riskkit: margins and liquidation thresholds from price history."""

__version__ = "0.1.0"
