"""What the download tests share: the truth, a patient client, and work for other processes."""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pandas as pd
import requests

from riskkit.market.download import fetch_series
from riskkit.market.exchange import Exchange, Patience, connect
from riskkit.market.store import PriceStore, SeriesKey
from tests.market.exchange_server import HOUR, NO_ANSWER, NOW, candle

SYMBOL = "ETH/USDT"
KEY = SeriesKey.of("binance", SYMBOL, "1h")
# Longer than any load delays an answer of the tests' own server.
QUICK = Patience(pause_seconds=0.0, timeout_seconds=600.0)


def stamp(milliseconds: int) -> pd.Timestamp:
    return pd.Timestamp(milliseconds, unit="ms", tz="UTC")


def hours_ago(hours: int) -> int:
    """Open of the bar so many bars before the one that is still moving."""
    return NOW // HOUR * HOUR - hours * HOUR


def truth(opens: list[int] | range) -> pd.DataFrame:
    """The rows a store must hold for these bars."""
    columns = list(KEY.kind.columns)
    rows = [[t, *candle(t, HOUR)[1:6]] for t in opens]
    table = pd.DataFrame(rows, columns=["time", *columns])
    table[columns] = table[columns].astype(float)
    times = pd.to_datetime(table["time"], unit="ms", utc=True)
    return table.assign(time=times.astype("datetime64[us, UTC]"))


def client(url: str, sleeps: list[float] | None = None, patience: Patience = QUICK) -> Exchange:
    sleep = (lambda _: None) if sleeps is None else sleeps.append
    exchange = connect("binance", mirror=url, patience=patience, sleep=sleep)
    exchange._api.session.hooks["response"].append(_no_answer)
    return exchange


def _no_answer(response: requests.Response, *_: object, **__: object) -> None:
    """Raise what the client raises when no answer comes in time."""
    if NO_ANSWER in response.headers:
        response.close()  # or its socket would stay open until it is collected
        raise requests.exceptions.ReadTimeout("no answer in time")


def fetch_in_process(url: str, root: Path, since: int, halt: Halt | None = None) -> None:
    """Run in another process: fetch until done, halted or killed."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    if halt is not None:
        halt.arm()
    exchange = client(url)
    fetch_series(exchange, PriceStore(root), SYMBOL, KEY, stamp(since))


@dataclass(frozen=True)
class Halt:
    """A process stops for good before a call of a commit, and says so: however fast it runs.

    Attributes
    ----------
    call : str
        ``"fsync"``, ``"replace"`` or ``"unlink"``.
    number : int
        Which of these calls, from 0.
    reached : Event
    """

    call: str
    number: int
    reached: Event

    def arm(self) -> None:
        owner = os if self.call == "fsync" else Path
        real, numbers = getattr(owner, self.call), itertools.count()

        def halting(*args: Any, **rest: Any) -> Any:
            if next(numbers) == self.number:
                self.reached.set()
                threading.Event().wait()
            return real(*args, **rest)

        setattr(owner, self.call, halting)


def append_in_process(root: Path, opens: list[list[int]], ready: Event) -> None:
    """Run in another process: append these batches of bars, each in one commit."""
    store = PriceStore(root)
    ready.wait()
    for batch in opens:
        store.append(KEY, truth(batch), stamp(NOW))
