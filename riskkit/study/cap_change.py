"""A file with a change of a capped oracle's snapshot: live, target, limit, the loans it marks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AwareDatetime, Field, ValidationError

from riskkit.collateral.capped_oracle import RateCap, check_states, states_of_change
from riskkit.errors import InputError
from riskkit.reading import read_bytes, read_csv, read_toml
from riskkit.study.explain import explain
from riskkit.study.tables import Positive, Share, Table

Array = npt.NDArray[np.float64]

MOST_BYTES = 24_000_000


@dataclass(frozen=True)
class CapState:
    """A state of the caps: the largest rate that is believed, and the most that is supplied."""

    rate: RateCap
    supply: float | None


class SnapshotTable(Table):
    """A snapshot: base per token, and when; and the most that may be supplied, money."""

    ratio: Positive
    time: AwareDatetime
    supply_cap_notional: Positive | None = None


class CapChange(Table):
    """A change of a snapshot, at a moment with a true rate.

    ``together`` moves the time with the ratio; without it the time moves in full at the first step,
    as a guard that limits the ratio alone would have it.
    """

    rate: Positive
    moment: AwareDatetime
    growth_per_year_fraction: Annotated[float, Field(strict=True, ge=0.0, lt=10.0)]
    largest_change_fraction: Annotated[float, Field(strict=True, ge=1e-4)]
    tolerance_fraction: Share = 0.0
    together: bool = True
    liquidation_threshold: Annotated[float, Field(strict=True, gt=0.0, le=1.0)] = 1.0
    positions: str | None = None
    largest_supply_change_fraction: Annotated[float, Field(strict=True, ge=1e-4)] = 1.0
    crash_depth_fraction: Annotated[float, Field(strict=True, gt=0.0, le=1.0)] = 0.2
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
        remedy = "Write rate, moment, growth, [live] and [target]"
        content = read_toml(path, "CHANGE", remedy=remedy)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise explain(error, cls, "change") from None

    def states(self, *, together: bool) -> list[RateCap]:
        """Every state on the way."""
        growth = self.growth_per_year_fraction
        live, target = (
            RateCap(end.ratio, pd.Timestamp(end.time), growth) for end in (self.live, self.target)
        )
        return states_of_change(live, target, self.largest_change_fraction, together=together)

    def caps(self) -> list[CapState]:
        """What runs today and every state of both caps: each takes its own largest steps."""
        live = RateCap(self.live.ratio, pd.Timestamp(self.live.time), self.growth_per_year_fraction)
        rates = [live, *self.states(together=self.together)]
        supplies = self._supplies()
        return [
            CapState(rates[min(k, len(rates) - 1)], supplies[min(k, len(supplies) - 1)])
            for k in range(max(len(rates), len(supplies)))
        ]

    def _supplies(self) -> list[float | None]:
        now, goal = self.live.supply_cap_notional, self.target.supply_cap_notional
        if now is None or goal is None:
            return [now]
        found: list[float | None] = [now]
        while now != goal:
            room = now * self.largest_supply_change_fraction
            now = min(goal, now + room) if goal > now else max(goal, now - min(room, 0.5 * now))
            found.append(now)
        return found

    def loans(self, folder: Path) -> tuple[Array | None, Array | None]:
        """Tokens held and base owed, of the positions named in the file; None without them."""
        return _loans(None if self.positions is None else folder / self.positions)

    def checked(self, folder: Path) -> pd.DataFrame:
        """Every state with its mark, as `check_states`.

        Raises
        ------
        InputError
            If a state is bad, or the positions cannot be read.
        """
        live = RateCap(self.live.ratio, pd.Timestamp(self.live.time), self.growth_per_year_fraction)
        live.largest(pd.Timestamp(self.moment))  # refused where it is of the future
        collateral, debt = self.loans(folder)
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
    content = io.BytesIO(read_bytes(path, "positions", most=MOST_BYTES))
    try:
        rows = read_csv(content)
        found = [rows[name].to_numpy(dtype=np.float64) for name in ("collateral", "debt")]
    except (KeyError, ValueError) as error:
        rule = f"must be a CSV with the columns collateral and debt ({error})"
        raise InputError("positions", str(path), rule, "Write tokens held and base owed") from None
    if not all(np.isfinite(part).all() and (part > 0.0).all() for part in found):
        rule = "must be finite and above 0 in every row"
        raise InputError("positions", str(path), rule, "Leave out loans without debt")
    return found[0], found[1]
