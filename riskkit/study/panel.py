"""A study of several assets with the panel that it names: its own asset and those beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from riskkit.market import PriceHistory, load_prices, resample
from riskkit.market.panel import SUFFIXES, Panel
from riskkit.market.store import SeriesKey, find_store
from riskkit.study.portfolio import AssetsSection
from riskkit.study.prices import load_study_prices
from riskkit.study.scope import bars_until
from riskkit.study.study import Study, read_study
from riskkit.study.tables import DataSection


@dataclass(frozen=True)
class PanelCase:
    """A study of several assets with the prices of each, cut at its ``as_of``; made by `read`."""

    study: Study
    panel: Panel = field(repr=False)

    @classmethod
    def read(cls, path: str | Path, *, now: pd.Timestamp | None = None) -> PanelCase:
        """A study's file with the prices of its own asset and of those beside it.

        Bars that close after the study's ``as_of`` are left out of each.

        Raises
        ------
        InputError
            If the study or prices break a rule, or the histories make no panel; see `Panel.of`.
        """
        study, folder = read_study(path), Path(path).parent
        own = load_study_prices(study, folder, now=now)
        histories = [own, *_beside(study.assets, study.data, folder, now)]
        panel = Panel.of([bars_until(study.as_of, history) for history in histories])
        return cls(study, panel)


def _beside(
    assets: AssetsSection, data: DataSection, folder: Path, now: pd.Timestamp | None
) -> list[PriceHistory]:
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
