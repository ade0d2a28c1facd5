"""A sample that comes with riskkit, to try it without prices of one's own.

``eth_usdt_1h.csv``: ETH/USDT spot at Binance, hours of 2024-01-01 to 2024-06-30 (4,368 bars, no
hole), summed up from five-minute candles kept in imsatoshi/GeneTrader at 2b5dfc6 (MIT).
"""

from __future__ import annotations

from importlib.resources import files

SAMPLES = {"ETH": "eth_usdt_1h.csv"}


def sample_bytes(symbol: str) -> bytes:
    """The file of a sample, as it is shipped."""
    return files("riskkit.market.packaged").joinpath(SAMPLES[symbol]).read_bytes()
