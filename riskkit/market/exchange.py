"""Ask an exchange for candles and funding rates through ccxt, and wait where it says to.

Public data only: no key or secret is read, asked for or sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.store.key import SeriesKey, SeriesKind

# Where ccxt declares none: Binance's candles, and what every exchange gives of funding rates.
USUAL_PAGE, USUAL_FUNDING_PAGE = 1_000, 100


@dataclass(frozen=True)
class Patience:
    """How long to wait for an exchange.

    Attributes
    ----------
    attempts : int
        Tries of one request; a refusal that says when to come back counts as one.
    first_wait_seconds, longest_wait_seconds : float
        The wait doubles from the first to the longest, unless the exchange names one.
    longest_ban_seconds : float
        If the exchange asks for a longer wait, stop and say so instead.
    timeout_seconds : float
    pause_seconds : float or None
        Least time between requests; None takes the exchange's published limit.
    """

    attempts: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    longest_ban_seconds: float = 180.0
    timeout_seconds: float = 10.0
    pause_seconds: float | None = None


class StoppedError(DataError):
    """The exchange could not be asked to the end; what came before is stored."""


@dataclass(frozen=True)
class Exchange:
    """A connection to one exchange's public data; make one with `connect`.

    Attributes
    ----------
    name : str
        As ccxt names it.
    client : str
        The client and its version, for provenance.
    mirror : str or None
    patience : Patience
    """

    name: str
    client: str
    mirror: str | None
    patience: Patience
    _api: Any = field(repr=False)
    _ccxt: Any = field(repr=False)
    _sleep: Callable[[float], None] = field(repr=False)

    def market_type(self, symbol: str) -> str:
        """``spot``, ``swap`` (a perpetual) or ``future`` of a market.

        Raises
        ------
        InputError
            If the exchange does not list the symbol.
        """
        self._call(self._api.load_markets)
        if symbol not in self._api.markets:
            base = symbol.split("/")[0]
            near = sorted(s for s in self._api.markets if s.split("/")[0] == base)
            listed = ", ".join(near[:8]) or f"no market of {base}"
            raise InputError(
                "symbol",
                symbol,
                f"{self.name} must list it (found {listed})",
                "Write a spot market ETH/USDT and a perpetual ETH/USDT:USDT",
            )
        return str(self._api.markets[symbol]["type"])

    def check_offered(self, symbol: str, key: SeriesKey) -> None:
        """Refuse what the exchange does not offer, before anything is asked for.

        Raises
        ------
        InputError
        """
        kind, feature = {
            SeriesKind.TRADES: ("candles", "fetchOHLCV"),
            SeriesKind.MARK: ("mark prices", "fetchMarkOHLCV"),
            SeriesKind.FUNDING: ("funding rates", "fetchFundingRateHistory"),
        }[key.kind]
        spot = self.market_type(symbol) == "spot"
        if not self._api.has.get(feature) or (spot and key.kind is not SeriesKind.TRADES):
            raise InputError(
                "kind", key.kind.value, f"{self.name} gives no {kind} of {symbol}", "Leave it out"
            )
        offered = self._api.timeframes or {}
        if key.bar is not None and key.bar_label not in offered:
            raise InputError(
                "bar",
                key.bar_label,
                f"{self.name} offers {', '.join(offered)}",
                "Fetch a shorter bar that it offers, and resample",
            )

    def now(self) -> pd.Timestamp:
        """The exchange's clock where it shows one, else this machine's.

        Whether a bar has closed is the exchange's to say: a clock that runs ahead would store a
        bar that is still moving.
        """
        if self._api.has.get("fetchTime"):
            return _stamp(self._call(self._api.fetch_time))
        return _stamp(self._api.milliseconds())

    def page_bars(self, symbol: str, kind: SeriesKind) -> int:
        """The most rows the exchange gives at once, as ccxt declares."""
        feature, usual = "fetchOHLCV", USUAL_PAGE
        if kind is SeriesKind.FUNDING:
            feature, usual = "fetchFundingRateHistory", USUAL_FUNDING_PAGE
        return int(self._api.feature_value(symbol, feature, "limit", usual) or usual)

    def candles(self, symbol: str, key: SeriesKey, since: pd.Timestamp, limit: int) -> pd.DataFrame:
        """One page of candles from ``since`` on, in order, each stamp once.

        A stamp that comes twice with different values is left out, as is a candle that cannot be
        one (a price missing or not above zero, a stamp off the grid): they count as not given.
        Bars after the last closed one may be among them.

        Returns
        -------
        DataFrame : ``time`` and the columns of the key's kind
        """
        ask = self._api.fetch_mark_ohlcv if key.kind is SeriesKind.MARK else self._api.fetch_ohlcv
        found = self._call(ask, symbol, key.bar_label, _milliseconds(since), limit)
        columns = key.kind.columns
        return _usable(_frame([row[: 1 + len(columns)] for row in found], columns), key)

    def funding(self, symbol: str, since: pd.Timestamp, limit: int) -> pd.DataFrame:
        """One page of funding rates paid from ``since`` on: ``time, rate``, each stamp once."""
        ask = self._api.fetch_funding_rate_history
        found = self._call(ask, symbol, _milliseconds(since), limit)
        table = _frame([(row["timestamp"], row["fundingRate"]) for row in found], ("rate",))
        return _once(table.dropna())

    def _call(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        """Ask, and ask again after time-outs, 429, 418, 5xx and answers that are not whole."""
        p = self.patience
        for attempt in range(1, p.attempts + 1):
            self._api.last_response_headers = None
            try:
                return ask(*arguments)
            except self._ccxt.OperationFailed as error:
                wait = min(p.first_wait_seconds * 2.0 ** (attempt - 1), p.longest_wait_seconds)
                named = _retry_after(self._api.last_response_headers)
                wait = wait if named is None else named
                if attempt == p.attempts or wait > p.longest_ban_seconds:
                    raise self._stopped(error, attempt, named) from None
                self._sleep(wait)
            except self._ccxt.BaseError as error:
                raise self._stopped(error, attempt, None) from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _stopped(self, error: Exception, attempts: int, wait: float | None) -> StoppedError:
        asked = "" if wait is None else f"; it asks to wait {wait:g} s"
        tries = "1 try" if attempts == 1 else f"{attempts} tries"
        return StoppedError(
            self.name,
            f"{type(error).__name__}: {' '.join(str(error).split())}",
            f"must answer ({tries}{asked})",
            "Check the network, the proxy (HTTPS_PROXY) and the exchange's status, or load prices "
            "from CSV",
        )


def connect(
    name: str,
    *,
    mirror: str | None = None,
    patience: Patience = Patience(),
    sleep: Callable[[float], None] = time.sleep,
) -> Exchange:
    """Prepare to ask an exchange; nothing is sent yet.

    Proxies are taken from the environment (``HTTPS_PROXY``, ``NO_PROXY``), certificates of a
    company's proxy from ``REQUESTS_CA_BUNDLE``.

    Parameters
    ----------
    name : str
        As ccxt names it: ``"binance"``, ``"kraken"``.
    mirror : str, optional
        ``scheme://host[:port][/path]`` of a mirror or reverse proxy that answers in the exchange's
        place under the same paths.

    Raises
    ------
    InputError
        If ccxt is not installed or does not know the exchange, or the mirror is no such address.
    """
    ccxt = _import_ccxt()
    if name not in ccxt.exchanges:
        near = ", ".join(n for n in ccxt.exchanges if n[:3] == name[:3]) or "binance, kraken, okx"
        raise InputError(
            "exchange", name, "must be one that ccxt knows, by its short name", f"Such as {near}"
        )
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": int(patience.timeout_seconds * 1_000),
        "requests_trust_env": True,
    }
    if patience.pause_seconds is not None:
        config["rateLimit"] = patience.pause_seconds * 1_000
    known = getattr(ccxt, name)
    api = type(known.__name__, (known,), {"fetch": _whole_answers(known, ccxt)})(config)
    # requests would look into ~/.netrc for a login; public data needs none, and none is sent.
    api.session.auth = _no_login
    if mirror is not None:
        api.urls["api"] = _moved(api.urls["api"], _mirror_parts(mirror))
    return Exchange(name, f"ccxt {ccxt.__version__}", mirror, patience, api, ccxt, sleep)


def _import_ccxt() -> Any:
    try:
        import ccxt
    except ImportError:
        raise InputError(
            "exchange",
            "no ccxt",
            "prices are fetched through ccxt, which is not installed",
            "Run: pip install 'riskkit[market]'; or load prices from CSV, which needs no network",
        ) from None
    return ccxt


def _whole_answers(known: Any, ccxt: Any) -> Callable[..., Any]:
    """`fetch` of ccxt, refusing an answer that is not whole JSON.

    ccxt hands such an answer on as text, and its candle parser makes an empty page of it: half a
    page would pass for "no more bars".
    """

    def fetch(
        self: Any, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        answer = known.fetch(self, url, method, headers, body)
        if not isinstance(answer, (dict, list)):
            raise ccxt.NetworkError(f"{self.id} {method} {url}: the answer is not whole JSON")
        return answer

    return fetch


def _no_login(request: Any) -> Any:
    return request


def _mirror_parts(mirror: str) -> tuple[str, str, str]:
    parts = urlsplit(mirror)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise InputError(
            "mirror", mirror, "must be an http or https address", "Write http://host:port/path"
        )
    if "@" in parts.netloc:
        raise InputError(
            "mirror",
            parts.hostname,
            "must not carry a login: it would be stored with the prices",
            "Leave out user and password",
        )
    return parts.scheme, parts.netloc, parts.path.rstrip("/")


def _moved(urls: Any, to: tuple[str, str, str]) -> Any:
    """Every address of ccxt's (nested) table, at the mirror and under the same path."""
    if isinstance(urls, dict):
        return {name: _moved(url, to) for name, url in urls.items()}
    parts = urlsplit(urls)
    scheme, host, path = to
    return urlunsplit((scheme, host, path + parts.path, parts.query, ""))


def _retry_after(headers: Any) -> float | None:
    """Seconds the exchange asks to wait (the form in seconds: a date needs a clock to agree on)."""
    text = (headers or {}).get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _frame(rows: Sequence[Iterable[Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", *columns])
    table[list(columns)] = table[list(columns)].apply(pd.to_numeric, errors="coerce").astype(float)
    times = pd.to_datetime(pd.to_numeric(table["time"], errors="coerce"), unit="ms", utc=True)
    return table.assign(time=times.astype("datetime64[us, UTC]"))


def _usable(table: pd.DataFrame, key: SeriesKey) -> pd.DataFrame:
    prices = table[["open", "high", "low", "close"]].to_numpy()
    good = table["time"].notna().to_numpy() & np.isfinite(prices).all(axis=1)
    good &= (prices > 0.0).all(axis=1)
    if "volume" in table.columns:
        volume = table["volume"].to_numpy()
        good &= np.isfinite(volume) & (volume >= 0.0)
    table = table[good]
    off = (table["time"] - table["time"].dt.normalize()) % key.bar != pd.Timedelta(0)
    return _once(table[~off])


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Each stamp once, in order; stamps whose rows contradict each other are left out."""
    return (
        table.drop_duplicates()
        .drop_duplicates("time", keep=False)
        .sort_values("time", ignore_index=True)
    )


def _milliseconds(time_: pd.Timestamp) -> int:
    return time_.value // 1_000_000  # pandas counts `value` in nanoseconds, whatever the unit


def _stamp(milliseconds: int) -> pd.Timestamp:
    return pd.Timestamp(milliseconds, unit="ms", tz="UTC")
