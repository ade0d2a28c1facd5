"""The prices a study names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from riskkit.market import Columns, PriceHistory, load_prices, load_sample, resample
from riskkit.study.study import Study


def load_study_prices(
    study: Study, folder: str | Path, *, now: pd.Timestamp | None = None
) -> PriceHistory:
    """Load the prices of a study; a file's name is relative to ``folder``, the study's own.

    A stored series is looked for in the store in force there; see `riskkit.market.store`, which
    holds closed bars only. Bars of a file that close after the moment of reading are left out,
    whoever reads it: a command, an explorer or a notebook.

    Parameters
    ----------
    now : Timestamp, optional
        The moment of reading, UTC; that of the clock by default. What was left out is in the
        history's provenance, and nothing below reads a clock.

    Raises
    ------
    DataError
        If the prices break a rule; see `riskkit.market.load_prices`.
    InputError
        If a stored series is not there.

    Examples
    --------
    >>> import riskkit
    >>> study = riskkit.read_study("studies/eth-collateral-daily.toml")
    >>> history = riskkit.load_study_prices(study, "studies")
    >>> len(history) > 2_000
    True
    """
    data = study.data
    if data.sample is not None:
        return replace(load_sample(data.sample), asset=data.asset)
    if data.stored is not None:
        from riskkit.market.store import find_store  # parquet, which other prices do not need

        history = find_store(folder).load(
            data.stored, asset=data.asset, exclude_rows=data.exclude_rows
        )
        return history if data.bar is None else resample(history, data.bar)
    assert data.prices is not None  # a study names one of the three
    return load_prices(
        Path(folder) / data.prices,
        asset=data.asset,
        bar=data.bar,
        calendar=data.calendar,
        columns=Columns(data.time_column, data.price_column, data.delimiter, data.decimal),
        invalid_rows=data.invalid_rows,
        exclude_rows=data.exclude_rows,
        closed_by=None if data.closed_by is None else pd.Timestamp(data.closed_by),
        now=pd.Timestamp.now("UTC") if now is None else now,
    )
