"""Real series that every test of the room may use."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def sp500() -> pd.Series:
    """Daily log returns of the S&P 500, 1999-2018, from arch's data."""
    from arch.data import sp500

    return np.log(sp500.load()["Adj Close"]).diff().dropna()


@pytest.fixture(scope="session")
def wti() -> pd.Series:
    """Daily log returns of WTI crude oil, from arch's data."""
    from arch.data import wti

    return np.log(wti.load()["DCOILWTICO"].dropna()).diff().dropna()
