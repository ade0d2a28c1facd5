"""A case: a study with the bars that it may know."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from riskkit.market.history import PriceHistory
from riskkit.position import Side
from riskkit.study.prices import load_study_prices
from riskkit.study.scope import bars_until
from riskkit.study.study import Study, read_study


@dataclass(frozen=True)
class Case:
    """A study with its prices, cut at its ``as_of``; made by `of` or `read`.

    Examples
    --------
    >>> import riskkit
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> case.is_loan, case.bar.days
    (True, 1)
    """

    study: Study
    history: PriceHistory = field(repr=False)

    @classmethod
    def of(cls, study: Study, history: PriceHistory) -> Case:
        """A study with prices at hand; bars that close after its ``as_of`` are left out.

        Raises
        ------
        InputError
            If fewer than two bars are left.
        """
        return cls(study, bars_until(study.as_of, history))

    @classmethod
    def read(cls, path: str | Path, *, now: pd.Timestamp | None = None) -> Case:
        """A study's file with the prices that it names; ``now`` as in `load_study_prices`.

        Raises
        ------
        InputError
            If the study or its prices break a rule.
        """
        study = read_study(path)
        return cls.of(study, load_study_prices(study, Path(path).parent, now=now))

    @property
    def name(self) -> str:
        """Title of the study."""
        return self.study.title

    @property
    def bar(self) -> pd.Timedelta:
        """Length of a bar."""
        return self.history.bar

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides that are margined."""
        return self.study.sides

    @property
    def is_loan(self) -> bool:
        """Whether collateral is lent against; else a perpetual is margined."""
        return self.study.is_loan
