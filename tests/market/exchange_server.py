"""A real HTTP server on loopback that speaks Binance's public candle API, faults included.

Spot (``/api/v3``) and USD-M futures (``/fapi/v1``): exchangeInfo, time, klines, markPriceKlines,
fundingRate, as https://developers.binance.com documents them: ``startTime`` is inclusive, a page
begins at the first candle on or after it, the last candle is the one still moving, and numbers are
strings. Candles are a function of their stamp, so that any test can say what is right.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

HOUR = 3_600_000
BARS = {"1m": 60_000, "15m": 900_000, "1h": HOUR, "4h": 4 * HOUR, "1d": 24 * HOUR}
NOW = int(pd.Timestamp("2024-03-01T12:34:56Z").timestamp() * 1_000)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    mute: bool = False
    body: Callable[[bytes], bytes] = lambda b: b
    cut_at: int | None = None


TRUNCATED = Fault(body=lambda b: b[: len(b) // 2])
CUT = Fault(cut_at=200)
PORTAL = Fault(body=lambda _: b"<html>Please sign in to the network</html>")
BUSY = Fault(status=503, body=lambda _: b"<html>Service Unavailable</html>")
LIMITED = Fault(
    status=429,
    headers={"Retry-After": "7"},
    body=lambda _: b'{"code":-1003,"msg":"Too much request weight used"}',
)
BANNED = Fault(
    status=418,
    headers={"Retry-After": "90"},
    body=lambda _: b'{"code":-1003,"msg":"Way too much request weight used; IP banned"}',
)
# An answer that the tests' client takes for none in time: no clock decides which answers come.
NO_ANSWER = "X-No-Answer"
SILENT = Fault(headers={NO_ANSWER: "yes"})
MUTE = Fault(mute=True)


def candle(stamp: int, bar: int, *, mark: bool = False) -> list[object]:
    """The candle that opens at ``stamp``: prices walk with the stamp, and differ bar by bar."""
    step = stamp // bar
    base = 2_000 + (step * 7_919) % 1_009 + (0.25 if mark else 0.0)
    volume = "0" if mark else f"{(step * 31) % 997 + 0.125:.3f}"
    return [
        stamp,
        *(f"{price:.2f}" for price in (base, base + 9.5, base - 8.75, base + step % 7)),
        volume,
        stamp + bar - 1,
        *("0", 10, "0", "0", "0"),
    ]


def funding_rate(stamp: int) -> str:
    return f"{((stamp // HOUR) % 21 - 10) / 100_000:.8f}"


@dataclass
class Venue:
    """What the server holds and does; change it between requests at will."""

    now: int = NOW
    listed: int = 0
    holes: set[int] = field(default_factory=set)
    changed: dict[int, list[object]] = field(default_factory=dict)
    faults: Callable[[str, dict[str, str], int], Fault | None] = lambda *_: None
    distort: Callable[[list[list[object]], int], list[list[object]]] = lambda page, _: page
    log: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pages(self) -> list[tuple[str, dict[str, str]]]:
        """The requests for candles and funding, without the bookkeeping ones."""
        return [(p, q) for p, q, _ in self.log if "lines" in p or "fundingRate" in p]

    def answer(self, path: str, q: dict[str, str], number: int) -> object:
        if path.endswith("/time"):
            return {"serverTime": self.now}
        if path.endswith("/exchangeInfo"):
            return {"symbols": _listing(path)}
        start, limit = int(q.get("startTime", 0)), int(q.get("limit", 500))
        if path.endswith("/fundingRate"):
            due = range(-(-max(start, self.listed) // (8 * HOUR)) * 8 * HOUR, self.now, 8 * HOUR)
            return [
                # Binance pays a few milliseconds late now and then.
                {
                    "symbol": q["symbol"],
                    "fundingTime": t + t // HOUR % 5,
                    "fundingRate": funding_rate(t),
                }
                for t in due[:limit]
            ]
        bar = BARS[q["interval"]]
        first = -(-max(start, self.listed) // bar) * bar
        largest = 1_000 if path.startswith("/api/") else 1_500
        due = range(first, self.now, bar)[: limit + len(self.holes)]
        stamps = [t for t in due if t not in self.holes][: min(limit, largest)]
        mark = path.endswith("/markPriceKlines")
        page = [self.changed.get(t) or candle(t, bar, mark=mark) for t in stamps]
        return self.distort(page, number)


def _listing(path: str) -> list[dict[str, object]]:
    listed = []
    for base in ("BTC", "ETH"):
        entry: dict[str, object] = {
            "symbol": f"{base}USDT",
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "filters": [],
        }
        if path.startswith("/fapi/"):
            entry |= {"contractType": "PERPETUAL", "marginAsset": "USDT", "pair": f"{base}USDT"}
        listed.append(entry)
    return [] if path.startswith("/dapi/") else listed


@contextmanager
def serve(venue: Venue) -> Iterator[str]:
    """Serve until the block ends; yields the address."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            q = dict(parse_qsl(url.query))
            with venue.lock:
                number = len(venue.pages())
                venue.log.append((url.path, q, dict(self.headers)))
                fault = venue.faults(url.path, q, number) or Fault()
                body = fault.body(json.dumps(venue.answer(url.path, q, number)).encode())
            if fault.mute:
                over.wait(600.0)
                return
            self.send_response(fault.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body if fault.cut_at is None else body[: fault.cut_at])
            except ConnectionError:
                self.close_connection = True
            if fault.cut_at is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing: the test reads `Venue.log`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that were killed or gave up waiting."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
