"""Real histories and one real calibration, shared by the tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.result import Calibration
from riskkit.market import PriceHistory, load_prices, load_sample
from riskkit.paths import pieces
from tests.support import DATA, small_study

# CI draws the same examples every time; a developer's runs keep looking for new ones.
# Neither has a deadline: a busy machine is no counterexample.
settings.register_profile("searching", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "searching")


@pytest.fixture(scope="session")
def eth_daily() -> PriceHistory:
    return load_prices(DATA / "eth_usd_daily.csv", asset="ETH/USD")


@pytest.fixture(scope="session")
def btc_daily() -> PriceHistory:
    return load_prices(DATA / "btc_usd_daily.csv", asset="BTC/USD")


@pytest.fixture(scope="session")
def btc_hourly() -> PriceHistory:
    return load_prices(DATA / "btc_usd_hourly.csv", asset="BTC/USD")


@pytest.fixture(scope="session")
def sp500() -> PriceHistory:
    return load_sample("sp500")


@pytest.fixture(scope="session")
def btc_calibration(btc_daily: PriceHistory) -> Calibration:
    return calibrate(small_study(), btc_daily)


@pytest.fixture
def shared_by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs however small are shared among the threads they ask for."""
    monkeypatch.setattr(pieces, "SHARED_FROM", 0)
