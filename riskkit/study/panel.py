"""The panel that a study names: its own asset and those beside it, cut at its day."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from riskkit.market import PriceHistory, load_prices, resample
from riskkit.market.panel import SUFFIXES, Panel
from riskkit.market.store import SeriesKey, find_store
from riskkit.study.prices import load_study_prices
from riskkit.study.scope import bars_until
from riskkit.study.study import Study


def load_study_panel(study: Study, folder: str | Path, *, now: pd.Timestamp | None = None) -> Panel:
    """Load the prices of every asset of a study; files are relative to ``folder``, the study's own.

    Bars that close after the study's ``as_of`` are left out of each.

    Raises
    ------
    InputError
        If prices break a rule, or the histories make no panel; see `Panel.of`.
    """
    own = load_study_prices(study, folder, now=now)
    histories = [own, *_beside(study, Path(folder), now)]
    return Panel.of([bars_until(study.as_of, history) for history in histories])


def _beside(study: Study, folder: Path, now: pd.Timestamp | None) -> list[PriceHistory]:
    assets, data = study.assets, study.data
    paths = [folder / name for name in assets.prices]
    names = list(assets.names) or [path.stem for path in paths]
    if assets.folder is not None:
        found = sorted(p for p in (folder / assets.folder).glob("*") if p.suffix in SUFFIXES)
        own = None if data.prices is None else (folder / data.prices).resolve()
        found = [path for path in found if path.resolve() != own]
        paths, names = paths + found, names + [path.stem for path in found]
    histories = [
        load_prices(path, asset=name, bar=data.bar, invalid_rows=data.invalid_rows, now=now)
        for path, name in zip(paths, names, strict=True)
    ]
    for key in assets.stored:
        history = find_store(folder).load(key, asset=SeriesKey.parse(key).market)
        histories.append(history if data.bar is None else resample(history, data.bar))
    return histories
