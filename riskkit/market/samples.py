"""Real series that come with the installed packages: nothing is copied, nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.market.validation import InvalidRows


def load_sample(name: str) -> PriceHistory:
    """Load ``"sp500"``, ``"nasdaq"`` or ``"wti"``, daily, from `arch.data`.

    S&P 500: adjusted closes 1999-2018. Nasdaq Composite 1999-2018, with opens (those of the S&P 500
    repeat the close before until 2006). WTI crude: spot prices 1986-2019; its 290 holidays are NaN
    in the source and are dropped by name (see the provenance).

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_sample("wti")
    >>> history.asset
    'WTI crude'
    """
    if name not in _SAMPLES:
        raise InputError(
            "sample", name, f"must be one of {', '.join(sorted(_SAMPLES))}", "Name one of these"
        )
    asset, read, policy = _SAMPLES[name]
    table = read()
    return history_from_table(
        table,
        TableSource(asset, f"arch.data:{name}"),
        bar="1d",
        calendar=Calendar.SESSIONS,
        invalid_rows=policy,
    )


def _sp500() -> pd.DataFrame:
    from arch.data import sp500

    table = sp500.load()[["Adj Close"]]
    return table.rename(columns={"Adj Close": "close"}).rename_axis("time")


def _nasdaq() -> pd.DataFrame:
    from arch.data import nasdaq

    names = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
    return nasdaq.load()[list(names)].rename(columns=names).rename_axis("time")


def _wti() -> pd.DataFrame:
    from arch.data import wti

    return wti.load().rename(columns={"DCOILWTICO": "close"}).rename_axis("time")


_SAMPLES: dict[str, tuple[str, Callable[[], pd.DataFrame], InvalidRows]] = {
    "sp500": ("S&P 500", _sp500, InvalidRows.RAISE),
    "nasdaq": ("Nasdaq Composite", _nasdaq, InvalidRows.RAISE),
    "wti": ("WTI crude", _wti, InvalidRows.DROP),
}
