"""A file with a change of a capped oracle's snapshot: live, target, limit, the loans it marks."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AwareDatetime, Field, ValidationError

from riskkit.collateral.capped_oracle import RateCap, check_states, states_of_change
from riskkit.errors import InputError
from riskkit.study.explain import explain
from riskkit.study.reading import MOST_BYTES
from riskkit.study.tables import Positive, Share, Table

Array = npt.NDArray[np.float64]


class SnapshotTable(Table):
    """A snapshot: base per token, and when."""

    ratio: Positive
    time: AwareDatetime


class CapChange(Table):
    """A change of a snapshot, at a moment with a true rate.

    ``together`` moves the time with the ratio; without it the time moves in full at the first step,
    as a guard that limits the ratio alone would have it.
    """

    rate: Positive
    moment: AwareDatetime
    growth_per_year_fraction: Annotated[float, Field(strict=True, ge=0.0, lt=10.0)]
    largest_change_fraction: Annotated[float, Field(strict=True, gt=0.0)]
    tolerance_fraction: Share = 0.0
    together: bool = True
    liquidation_threshold: Annotated[float, Field(strict=True, gt=0.0, le=1.0)] = 1.0
    positions: str | None = None
    live: SnapshotTable
    target: SnapshotTable

    @classmethod
    def read(cls, path: Path) -> CapChange:
        """From a TOML file.

        Raises
        ------
        InputError
            If it cannot be read, or a value breaks a rule.
        """
        try:
            with path.open("rb") as stream:
                content = tomllib.loads(stream.read(MOST_BYTES).decode("utf-8"))
            return cls.model_validate(content)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            rule = f"must be a TOML file that can be read ({error})"
            remedy = "Write rate, moment, growth, [live] and [target]"
            raise InputError("CHANGE", str(path), rule, remedy) from None
        except ValidationError as error:
            raise explain(error, cls, "change") from None

    def states(self, *, together: bool) -> list[RateCap]:
        """Every state on the way."""
        growth = self.growth_per_year_fraction
        live, target = (
            RateCap(end.ratio, pd.Timestamp(end.time), growth) for end in (self.live, self.target)
        )
        return states_of_change(live, target, self.largest_change_fraction, together=together)

    def checked(self, folder: Path) -> pd.DataFrame:
        """Every state with its mark, as `check_states`.

        Raises
        ------
        InputError
            If a state is bad, or the positions cannot be read.
        """
        live = RateCap(self.live.ratio, pd.Timestamp(self.live.time), self.growth_per_year_fraction)
        live.largest(pd.Timestamp(self.moment))  # refused where it is of the future
        collateral, debt = _loans(None if self.positions is None else folder / self.positions)
        return check_states(
            self.states(together=self.together),
            self.rate,
            pd.Timestamp(self.moment),
            tolerance=self.tolerance_fraction,
            collateral=collateral,
            debt=debt,
            threshold=self.liquidation_threshold,
        )


def _loans(path: Path | None) -> tuple[Array | None, Array | None]:
    if path is None:
        return None, None
    try:
        rows = pd.read_csv(path)
        found = [rows[name].to_numpy(dtype=np.float64) for name in ("collateral", "debt")]
    except (OSError, KeyError, ValueError) as error:
        rule = f"must be a CSV with the columns collateral and debt ({error})"
        raise InputError("positions", str(path), rule, "Write tokens held and base owed") from None
    if not all(np.isfinite(part).all() and (part > 0.0).all() for part in found):
        rule = "must be finite and above 0 in every row"
        raise InputError("positions", str(path), rule, "Leave out loans without debt")
    return found[0], found[1]
