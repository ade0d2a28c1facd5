"""What became of an input: the same answer, another one that is said, a refusal, or worse."""

from __future__ import annotations

import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from riskkit.errors import RiskkitError
from riskkit.market import PriceHistory, load_prices, log_returns

SECONDS = 60
"""An input that takes longer is stopped; a limit against hanging, and no measurement."""


class Verdict(StrEnum):
    """What became of an input."""

    SAME = "same"
    SAID = "differs, and says so"
    REFUSED = "refused"
    SILENT = "silent wrong"
    TRACEBACK = "traceback"
    FALSE_ALARM = "false alarm"


@dataclass(frozen=True)
class Judged:
    """One input and its verdict.

    Attributes
    ----------
    kind, damage, name : str
        Kind of file; what was done to it (empty: nothing); which file.
    verdict : Verdict
    words : str
        The refusal, or what went wrong.
    seconds : float
    """

    kind: str
    damage: str
    name: str
    verdict: Verdict
    words: str
    seconds: float


def judge(
    kind: str,
    damage: str,
    name: str,
    read: Callable[[], Any],
    same: Callable[[Any], Verdict] | None,
) -> Judged:
    """Read an input and say what became of it.

    Parameters
    ----------
    damage : str
        Empty for a clean input, which must be taken.
    read : callable
        Gives the reader's value, or raises.
    same : callable or None
        Verdict on a value that was read; None where any value will do.
    """
    began, words = time.perf_counter(), ""
    try:
        with _bounded(), warnings.catch_warnings():
            warnings.simplefilter("error")
            value = read()
        verdict = same(value) if same else Verdict.SAME
    except RiskkitError as error:
        verdict, words = Verdict.REFUSED, str(error)
        if not damage:
            verdict = Verdict.FALSE_ALARM
        elif len(words) > 2_000 or "Traceback" in words:
            verdict = Verdict.TRACEBACK
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        verdict, words = Verdict.TRACEBACK, f"{type(error).__name__}: {error}"
    return Judged(kind, damage, name, verdict, words[:300], time.perf_counter() - began)


@contextmanager
def _bounded() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read_price_file(folder: Path, name: str, content: bytes) -> PriceHistory:
    """The history in a file of that name and content."""
    path = folder / name
    path.write_bytes(content)
    return load_prices(path)


def against(clean: PriceHistory) -> Callable[[PriceHistory], Verdict]:
    """Hold a damaged file's history to the clean one's.

    The numbers are the returns and their dates, from which every other number comes: stricter than
    any margin. What differs must be said: a finding, a note or a dropped row the clean file lacks.
    """
    numbers, known = log_returns(clean), {(f.kind, f.start) for f in clean.quality.findings}

    def verdict(found: PriceHistory) -> Verdict:
        returns = log_returns(found)
        equal = (
            len(returns) == len(numbers)
            and found.calendar is clean.calendar
            and returns.target.equals(numbers.target)
            and np.allclose(returns.array, numbers.array, rtol=0.0, atol=1e-7)
        )
        if equal:
            return Verdict.SAME
        new = {(f.kind, f.start) for f in found.quality.findings} - known
        provenance = found.provenance
        noted = set(provenance.notes) - set(clean.provenance.notes)
        return Verdict.SAID if new or noted or provenance.dropped else Verdict.SILENT

    return verdict


def memory_megabytes() -> float:
    """The most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
