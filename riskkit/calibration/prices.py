"""The prices a study names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from riskkit.calibration.study import Study
from riskkit.market import PriceHistory, load_prices, load_sample


def load_study_prices(study: Study, folder: str | Path) -> PriceHistory:
    """Load the prices of a study; a file's name is relative to ``folder``, the study's own.

    Raises
    ------
    DataError
        If the prices break a rule; see `riskkit.market.load_prices`.
    """
    data = study.data
    if data.sample is not None:
        return replace(load_sample(data.sample), asset=data.asset)
    assert data.prices is not None  # the study refuses to name neither
    return load_prices(
        Path(folder) / data.prices,
        asset=data.asset,
        bar=data.bar,
        calendar=data.calendar,
        price_column=data.price_column,
        invalid_rows=data.invalid_rows,
        exclude_rows=data.exclude_rows,
    )
