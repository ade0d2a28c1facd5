"""Names of assets: when two names mean one coin, and when a name is none.

A wrapped coin is taken for the coin (WETH for ETH, WBTC and XBT for BTC), and a pair's quote is
passed over (ETH/USD, BTCUSDT, SOL-PERP). A coin that only follows another's price (wstETH, cbBTC)
is a coin of its own.
"""

from __future__ import annotations

import re

ALIASES = {
    "WETH": "ETH",
    "WBTC": "BTC",
    "XBT": "BTC",
    "BTCB": "BTC",
    "WBNB": "BNB",
    "WSOL": "SOL",
    "WAVAX": "AVAX",
    "WMATIC": "POL",
    "WPOL": "POL",
    "MATIC": "POL",
    "WHYPE": "HYPE",
    "XDG": "DOGE",
    "RNDR": "RENDER",
}
# Names that can be told for an asset's wherever they stand alone, in a file's name for example.
_COINS = """
    AAVE ADA APT ARB ATOM AVAX BCH BNB BTC COMP CRV DAI DOGE DOT DYDX ENA ETC ETH FIL GMX HYPE INJ
    LDO LINK LTC MKR NEAR OP PEPE POL RENDER SHIB SNX SOL SUI TIA TON TRX UNI USDC USDT WIF WLD
    XLM XRP
"""
KNOWN = frozenset(_COINS.split()) | frozenset(ALIASES)
# What stands after a base without naming another coin: a quote, a kind of market, a bar length.
_QUOTES = "USD USDT USDC BUSD USDE DAI EUR"
_NOISE = "PERP SPOT SWAP DAILY HOURLY MINUTE 1D 1H 4H 1M 5M 15M PRICES OHLCV CLOSE"
_BESIDE = frozenset(f"{_QUOTES} {_NOISE}".split())
_GLUED = re.compile(r"(?P<base>.{2,})(?P<quote>USDT|USDC|BUSD|PERP|USD)")
_PARTS = re.compile(r"[\s/_:.\-]+")


def canonical(name: str) -> str:
    """One name for every way of writing an asset: ``"ETH"`` for WETH, ETH/USD and ETHUSDT.

    A pair whose quote is another coin stays a pair: ``"ETHBTC"``.
    """
    text = name.strip()
    if re.fullmatch("k[A-Z0-9]{2,}", text):  # thousands of a small coin, as perpetuals quote them
        text = text[1:]
    text = text.upper().removesuffix(".E").removesuffix(".B")
    parts = [part for part in _PARTS.split(text) if part]
    if len(parts) > 1 and all(part in _BESIDE for part in parts[1:]):
        parts = parts[:1]
    return "".join(_coin(part) for part in parts) or text


def _coin(text: str) -> str:
    match = _GLUED.fullmatch(text)
    # Many a stable coin's name ends in USD: only a base that is known is told from it.
    if match and text != "CRVUSD" and (match["quote"] != "USD" or match["base"] in KNOWN):
        text = match["base"]
    if re.fullmatch("10{3,6}[A-Z].*", text):
        text = text.lstrip("10")
    return ALIASES.get(text, text)


def same_asset(first: str, second: str, *, in_debt: bool = False) -> bool:
    """Whether two names mean one asset.

    Parameters
    ----------
    in_debt : bool
        Whether the first may be a collateral priced in its debt (``"wstETH/ETH"``), so that the
        base of any pair is the asset.
    """
    base = first.partition("/")[0] if in_debt else first
    return canonical(second) in (canonical(first), canonical(base))


def told(name: str) -> str | None:
    """The asset that a name is known to be, or None: a tier, a table, an address names none."""
    found = canonical(name)
    return found if found in KNOWN else None


def named_in(name: str) -> frozenset[str]:
    """The known assets that stand in a longer name, such as a file's: ``"eth_usd_daily"``."""
    parts = [canonical(part) for part in _PARTS.split(name) if part and part.upper() not in _BESIDE]
    return frozenset(part for part in parts if part in KNOWN)


def last_part(value: object, market: str) -> str | None:
    """The asset of a market that is named after it: what stands after the pool."""
    return market.rpartition("/")[2]
