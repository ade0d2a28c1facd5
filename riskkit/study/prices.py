"""The prices a study names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from riskkit.market import PriceHistory, load_prices, load_sample, resample
from riskkit.market.store import find_store
from riskkit.study.study import Study


def load_study_prices(study: Study, folder: str | Path) -> PriceHistory:
    """Load the prices of a study; a file's name is relative to ``folder``, the study's own.

    A stored series is looked for in the store in force there; see `riskkit.market.store`.

    Raises
    ------
    DataError
        If the prices break a rule; see `riskkit.market.load_prices`.
    InputError
        If a stored series is not there.
    """
    data = study.data
    if data.sample is not None:
        return replace(load_sample(data.sample), asset=data.asset)
    if data.stored is not None:
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
        price_column=data.price_column,
        invalid_rows=data.invalid_rows,
        exclude_rows=data.exclude_rows,
    )
