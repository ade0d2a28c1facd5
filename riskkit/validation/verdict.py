"""What every test returns, and the one way exception sequences come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Decision(StrEnum):
    """What a test says of its null hypothesis: that the forecast is right."""

    NOT_REJECTED = "not rejected"
    REJECTED = "rejected"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True)
class Verdict:
    """Result of one test.

    Attributes
    ----------
    name : str
        Name of the test in the literature.
    tests : str
        What it tests, in one sentence.
    statistic : float
        Never NaN: 0 where the sample holds no evidence, with the reason in ``note``.
    p_value : float
        Probability of a statistic at least as extreme if the forecast is right.
    decision : Decision
    significance : float
        Level of the decision.
    observations : int
    exceptions : int
        Losses strictly above VaR.
    note : str
        A bound or a limit of the sample that the numbers alone do not show; empty if none.
    """

    name: str
    tests: str
    statistic: float
    p_value: float
    decision: Decision
    significance: float
    observations: int
    exceptions: int
    note: str = ""

    @property
    def rejected(self) -> bool:
        """Whether the test rejects the forecast."""
        return self.decision is Decision.REJECTED


def verdict_table(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """One row per verdict, indexed by the test's name."""
    columns = [f.name for f in fields(Verdict)]
    rows = [[getattr(v, c) for c in columns] for v in verdicts]
    return pd.DataFrame(rows, columns=columns).set_index("name")


def decide(p_value: float, significance: float, *, testable: bool = True) -> Decision:
    """Reject where the p-value lies below the significance level."""
    if not testable:
        return Decision.NOT_TESTABLE
    return Decision.REJECTED if p_value < significance else Decision.NOT_REJECTED


def as_exceptions(exceptions: npt.ArrayLike) -> Flags:
    """Exceptions in time order as booleans, shape (n,).

    Raises
    ------
    InputError
        If empty, not one-dimensional, or holding anything but true and false (a missing value is
        neither: an observation without a forecast has no place in a coverage test).
    """
    raw = np.asarray(exceptions)
    if raw.ndim != 1 or raw.size == 0:
        raise InputError(
            "exceptions",
            f"shape {raw.shape}",
            "must be a sequence of at least one observation",
            "Give one true or false per observation, in time order",
        )
    if raw.dtype != np.bool_:
        values = np.asarray(raw, dtype=np.float64) if raw.dtype != object else raw
        if not np.isin(values, (0, 1)).all():
            raise InputError(
                "exceptions",
                raw,
                "must hold only true and false",
                "Compute loss > VaR and drop observations that have no forecast",
            )
    return raw.astype(np.bool_)


def as_sample(length: int | None = None, **series: npt.ArrayLike) -> tuple[Array, ...]:
    """Series of one shape (n,) as float arrays, all finite; named as the caller knows them."""
    arrays = []
    for name, values in series.items():
        array = np.asarray(values, dtype=np.float64)
        length = array.size if length is None else length
        if array.shape != (length,) or length == 0:
            raise InputError(
                name,
                f"shape {array.shape}",
                f"must have shape ({length or 'n'},), one value per observation",
                "Give losses and forecasts of the same bars, in time order",
            )
        if not np.isfinite(array).all():
            raise InputError(
                name,
                f"{int((~np.isfinite(array)).sum())} values not finite",
                "must be finite",
                "Drop observations that have no forecast, and count them",
            )
        arrays.append(array)
    return tuple(arrays)


def check_fraction(argument: str, value: float) -> float:
    """A probability strictly between 0 and 1.

    Raises
    ------
    InputError
        Otherwise; percent are the usual cause.
    """
    if not 0.0 < value < 1.0:
        raise InputError(argument, value, "must lie strictly between 0 and 1", "Write 1 % as 0.01")
    return float(value)
