"""Other protocols in the same market: their liquidation walls, and receipts held of each other.

For shared collateral what matters is the fire sale: sales of all venues are summed before n is
computed. Receipts of pools are cleared as Eisenberg and Noe do (`riskkit.waterfall.clearing`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.stress.cap import stress_displacement
from riskkit.stress.terms import StressedVenue
from riskkit.study.fund import PoolTable, WallTable
from riskkit.venue.criticality import branching, final_move, sales
from riskkit.waterfall.clearing import clear

Array = npt.NDArray[np.float64]

GRID = np.arange(0.0025, 0.5 + 1e-9, 0.0025)


def wall_table(venue: StressedVenue, walls: tuple[WallTable, ...]) -> pd.DataFrame:
    """The stress move of each side, with and without each wall, at crash depth.

    A row says what is left of n and of the move when one wall is taken away; the first two have all
    of them, and none.
    """
    rows = []
    for side in Side:
        of = [wall for wall in walls if (wall.move_fraction < 0.0) == (side is Side.LONG)]
        if not of or not (venue.book.side == side.sign).any():
            continue
        for name, kept in (
            ("all", of),
            ("none", []),
            *((f"without {gone.name}", [w for w in of if w is not gone]) for gone in of),
        ):
            rows.append({"side": side.value, "walls": name, **_answer(venue, side, kept)})
    return pd.DataFrame(rows).set_index(["side", "walls"])


def _answer(venue: StressedVenue, side: Side, walls: list[WallTable]) -> dict[str, float]:
    shock = stress_displacement(venue.move, side)
    most = max(2.0 * shock, float(GRID[-1]))
    x, v = sales(venue.book, side, venue.engine, most)
    at = [abs(math.log1p(wall.move_fraction)) for wall in walls]
    x = np.concatenate([x, at])
    v = np.concatenate([v, [wall.notional for wall in walls]])
    order = np.argsort(x, kind="stable")
    x, v = x[order], v[order]
    thickness = venue.depth.crash_fraction
    grid = GRID[shock + 1e-12 >= GRID]
    n, _ = branching(x, v, venue.depth, side, grid, thickness=thickness)
    moved, sold = final_move(x, v, venue.depth, side, shock, thickness)
    return {"n": float(n.max()), "moved": moved, "amplification": moved / shock, "sold": sold}


def pool_table(pools: tuple[PoolTable, ...]) -> pd.DataFrame:
    """What pools pay each other, and what is missing.

    Raises
    ------
    InputError
        For a pool that owes to one that is not there.
    """
    names = [pool.name for pool in pools]
    owes = np.zeros((len(names), len(names)))
    for i, pool in enumerate(pools):
        for other, amount in pool.owes_notional.items():
            if other not in names or other == pool.name:
                raise InputError(
                    f"fund.pools.{pool.name}.owes_notional",
                    other,
                    f"must be another of the pools {', '.join(names)}",
                    "Check its spelling, or add the pool",
                )
            owes[i, names.index(other)] = amount
    found = clear(owes, [pool.own_notional for pool in pools])
    return pd.DataFrame(
        {"owed": found.owed, "paid": found.paid, "missing": found.missing},
        index=pd.Index(names, name="pool"),
    )
