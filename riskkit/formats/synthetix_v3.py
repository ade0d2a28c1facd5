"""Synthetix v3 perps: the settings of markets in a Cannon file (TOML).

Ratios are 1e18 integers, written ``"<%= parseEther('0.02') %>"``. Only settings tables are read and
written; the steps (``[invoke.…]``) that pass them to the contracts are a program, not parameters,
and stay where they are. A market's table is the one with its keys: the deployments name it
``[var.perps_market_settings_BTC]``, ``[var.perps_btc_market_settings]`` or otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedPerpetual, check_perpetual
from riskkit.formats.fields import Fields, check_address
from riskkit.formats.format import EffectiveMargins, VenueFormat
from riskkit.formats.synthetix_numbers import Steps, read_numbers, read_steps, write_number
from riskkit.formats.text import load_toml, plain
from riskkit.units import Rounding, Scale, from_scale, ratio_to_scale, to_scale

ONE = Scale.WAD.per_one
U128 = 2**128 - 1
TABLE, SHARED = "perps_market_settings_", "perps_"
_WAD, _UP = Scale.WAD, Rounding.UP
_NAMES_A_MARKET = re.compile(r"([a-z0-9_]+)_perps_market_id")
_NAMED = re.compile(rf"{TABLE}(.+)|perps_(.+)_market_settings")


@dataclass(frozen=True)
class SynthetixMarket:
    """Settings of one market; integers on the 1e18 scale unless said otherwise.

    Attributes
    ----------
    symbol : str
        ``"BTC"``: as in the table's name, else its keys' prefix in capitals.
    market_id : int
    initial_margin_ratio, minimum_initial_margin_ratio, maintenance_margin_scalar : int
        ``IMR = |size| / skew_scale * ratio + minimum``, ``MMR = IMR * scalar``.
    skew_scale, max_market_size : int
        In units of the underlying.
    max_market_value, minimum_position_margin : int
        In dollars.
    max_seconds_in_liquidation_window : int
        Seconds, unscaled.
    endorsed_liquidator : str
        Address.
    table : str
        The table's name, where the file has another than ``perps_market_settings_<symbol>``.
    reward_key : str
        The flag reward's key, which the deployments name in two ways.
    shared : tuple of str
        Fields whose keys stand without the market's name: ``perps_max_market_size``.
    whole : tuple of str
        Fields that the file keeps unscaled, for its steps to scale.
    """

    symbol: str
    market_id: int
    skew_scale: int
    max_funding_velocity: int
    maker_fee_ratio: int
    taker_fee_ratio: int
    max_market_size: int
    max_market_value: int
    initial_margin_ratio: int
    maintenance_margin_scalar: int
    minimum_initial_margin_ratio: int
    flag_reward_ratio_d18: int
    max_liquidation_limit_accumulation_multiplier: int
    max_seconds_in_liquidation_window: int
    minimum_position_margin: int
    locked_oi_ratio: int
    max_liquidation_pd: int
    endorsed_liquidator: str
    table: str = ""
    reward_key: str = "flag_reward_ratio_d18"
    shared: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


@dataclass(frozen=True)
class SynthetixMarkets:
    """Several markets of one file, in the file's order."""

    markets: tuple[SynthetixMarket, ...]


# The table's keys in the deployments' own order, after "<symbol>_perps_".
_WADS_BY_KEY = {
    "market_skew_scale": "skew_scale",
    "market_max_funding_velocity": "max_funding_velocity",
    "maker_fee_ratio": "maker_fee_ratio",
    "taker_fee_ratio": "taker_fee_ratio",
    "max_market_size": "max_market_size",
    "max_market_value": "max_market_value",
    "initial_margin_ratio": "initial_margin_ratio",
    "maintenance_margin_scalar": "maintenance_margin_scalar",
    "minimum_initial_margin_ratio": "minimum_initial_margin_ratio",
    "flag_reward_ratio_d18": "flag_reward_ratio_d18",
    "max_liquidation_limit_accumulation_multiplier": (
        "max_liquidation_limit_accumulation_multiplier"
    ),
    "minimum_position_margin": "minimum_position_margin",
    "locked_oi_ratio": "locked_oi_ratio",
    "max_liquidation_pd": "max_liquidation_pd",
}
_ID, _WINDOW, _LIQUIDATOR = (
    "market_id",
    "max_seconds_in_liquidation_window",
    "endorsed_liquidator",
)
_REWARD, _REWARD_SHORT = "flag_reward_ratio_d18", "flag_reward_ratio"


@dataclass(frozen=True)
class SynthetixContext:
    """The live market: everything but its minimum margin and its maintenance scalar is kept."""

    live: SynthetixMarket


def initial_margin_ratio(market: SynthetixMarket, size: Decimal) -> Decimal:
    """Initial margin of a position of ``size`` units, as a fraction of its notional."""
    impact = abs(size) / from_scale(market.skew_scale, _WAD)
    least = from_scale(market.minimum_initial_margin_ratio, _WAD)
    return impact * from_scale(market.initial_margin_ratio, _WAD) + least


def maintenance_margin_ratio(market: SynthetixMarket, size: Decimal) -> Decimal:
    """Maintenance margin of a position of ``size`` units, as a fraction of its notional."""
    scalar = from_scale(market.maintenance_margin_scalar, _WAD)
    return initial_margin_ratio(market, size) * scalar


def read(text: str) -> SynthetixMarket | SynthetixMarkets:
    """Settings of the market, or markets, of a Cannon file; other tables are not parameters."""
    tree = load_toml(text)
    fields, steps = Fields(tree), read_steps(tree)
    if "var" not in fields:
        rule = "must hold a market's settings as a [var....] table of <market>_perps_... keys"
        remedy = (
            "Give the file of a perps market of the present layout: [setting....] tables are of "
            "an older one, and [invoke....] steps hold no values"
        )
        raise InputError("var", ", ".join(fields.unread()) or "nothing", rule, remedy)
    variables = fields.child("var")
    names = variables.unread()
    tables = {name: variables.take(name) for name in names}
    markets = [
        _read_market(name, match[1], Fields(table, f"var.{name}"), steps)
        for name, table in tables.items()
        if isinstance(table, dict)
        for key in table
        if (match := _NAMES_A_MARKET.fullmatch(key))
    ]
    if not markets:
        rule = "must hold a market's settings, with a key <market>_perps_market_id"
        raise InputError("var", names, rule, "Give the file of a perps market")
    value = markets[0] if len(markets) == 1 else SynthetixMarkets(tuple(markets))
    check(value)
    return value


def _read_market(table: str, prefix: str, fields: Fields, steps: Steps) -> SynthetixMarket:
    named = _NAMED.fullmatch(table)
    if named and prefix != (named[1] or named[2]).lower():
        rule = f"must name the market of its keys, {prefix}"
        raise InputError("var", table, rule, "Correct the table's name or its keys")
    symbol = named[1] if named and named[1] else prefix.upper()
    _check_symbol(symbol)
    start = f"{prefix}_perps_"
    short = start + _REWARD not in fields and start + _REWARD_SHORT in fields
    reward = _REWARD_SHORT if short else _REWARD
    shared = tuple(
        field
        for key, field in _WADS_BY_KEY.items()
        if start + key not in fields and SHARED + key in fields
    )
    keys = {
        field: (SHARED if field in shared else start) + (reward if key == _REWARD else key)
        for key, field in _WADS_BY_KEY.items()
    }
    wads, whole = read_numbers(fields, keys, steps)
    value = SynthetixMarket(
        symbol=symbol,
        market_id=fields.integer(start + _ID, 0, U128),
        max_seconds_in_liquidation_window=fields.integer(start + _WINDOW, 0, U128),
        endorsed_liquidator=fields.address(start + _LIQUIDATOR),
        table="" if table == TABLE + symbol else table,
        reward_key=reward,
        shared=shared,
        whole=whole,
        **wads,
    )
    fields.finish()
    return value


def write(value: SynthetixMarket | SynthetixMarkets) -> str:
    """The settings table of each market, canonical."""
    check(value)
    return "\n".join(_table(market) for market in _markets(value))


def _markets(value: SynthetixMarket | SynthetixMarkets) -> tuple[SynthetixMarket, ...]:
    return value.markets if isinstance(value, SynthetixMarkets) else (value,)


def _table(value: SynthetixMarket) -> str:
    prefix = f"{value.symbol.lower()}_perps_"
    rows = {prefix + _ID: str(value.market_id)}
    for key, field in _WADS_BY_KEY.items():
        start = SHARED if field in value.shared else prefix
        named = value.reward_key if key == _REWARD else key
        rows[start + named] = write_number(getattr(value, field), whole=field in value.whole)
    rows[prefix + _WINDOW] = str(value.max_seconds_in_liquidation_window)
    rows[prefix + _LIQUIDATOR] = value.endorsed_liquidator
    lines = [f'{key} = "{text}"' for key, text in rows.items()]
    return "\n".join([f"[var.{value.table or TABLE + value.symbol}]", *lines, ""])


def check(value: SynthetixMarket | SynthetixMarkets) -> None:
    """Refuse settings under which a margin vanishes or the maintenance exceeds the initial one."""
    markets = _markets(value)
    symbols = [market.symbol for market in markets]
    if not markets or len({symbol.lower() for symbol in symbols}) < len(symbols):
        rule = "must be one or more markets, each once"
        raise InputError("var", symbols, rule, "Cut out the other of the same name")
    for market in markets:
        _check_market(market)


def _check_market(value: SynthetixMarket) -> None:
    _check_symbol(value.symbol)
    if value.table and not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", value.table):
        rule = "must be letters, digits, - and _"
        raise InputError("var", value.table, rule, "Name the table as the deployments do")
    if value.reward_key not in (_REWARD, _REWARD_SHORT):
        rule = f"must be {_REWARD} or {_REWARD_SHORT}"
        raise InputError("reward_key", value.reward_key, rule, "Name the key")
    for field in (*value.shared, *value.whole):
        if field not in _WADS_BY_KEY.values():
            raise InputError("shared, whole", field, "must be fields of numbers", "Correct it")
    for field in (*_WADS_BY_KEY.values(), _ID, _WINDOW):
        number = getattr(value, field)
        if not 0 <= number <= U128:
            rule = "must be a non-negative 128-bit integer"
            raise InputError(field, number, rule, "Check the scale (1e18)")
    for field, limit in (
        ("skew_scale", U128),
        ("minimum_initial_margin_ratio", ONE),
        ("maintenance_margin_scalar", ONE),
    ):
        number = getattr(value, field)
        if not 0 < number <= limit:
            rule = f"must lie in (0, {plain(from_scale(limit, _WAD))}]"
            raise InputError(field, plain(from_scale(number, _WAD)), rule, "Check the scale (1e18)")
    if value.minimum_initial_margin_ratio * value.maintenance_margin_scalar < ONE:
        rule = "must leave a maintenance margin above 0"
        scalar = plain(from_scale(value.maintenance_margin_scalar, _WAD))
        raise InputError("maintenance_margin_scalar", scalar, rule, "Check the scale (1e18)")
    for field in ("maker_fee_ratio", "taker_fee_ratio", "flag_reward_ratio_d18"):
        if getattr(value, field) > ONE:
            number = plain(from_scale(getattr(value, field), _WAD))
            raise InputError(field, number, "must be at most 1", "Check the scale (1e18)")
    check_address("endorsed_liquidator", value.endorsed_liquidator)


def _check_symbol(symbol: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,40}", symbol):
        rule = "must be letters and digits"
        raise InputError("symbol", symbol, rule, "Name the market, as BTC")


def export(calibrated: CalibratedPerpetual, context: SynthetixContext) -> SynthetixMarket:
    """The live market with its minimum initial margin and maintenance scalar replaced.

    Both are rounded up. They bind at size zero; margins grow with size at the live ratio, so that
    no position is margined below the calibration.
    """
    check_perpetual(calibrated)
    if calibrated.rungs:
        rule = "cannot be stored: margins grow linearly with size here"
        remedy = "Export without a slippage ladder, and set initial_margin_ratio in the live file"
        raise InputError("rungs", f"{len(calibrated.rungs)} rungs", rule, remedy)
    least = to_scale(calibrated.initial_margin, _WAD, _UP)
    maintenance = to_scale(calibrated.maintenance_margin, _WAD, _UP)
    value = replace(
        context.live,
        minimum_initial_margin_ratio=least,
        # Rounded up, the contract's truncated product is never below the margin.
        maintenance_margin_scalar=ratio_to_scale(maintenance, least, _WAD, _UP),
    )
    check(value)
    return value


def context_from(value: SynthetixMarket | SynthetixMarkets, market: str) -> SynthetixContext:
    """The live market named, out of those of the file."""
    markets = _markets(value)
    for one in markets:
        if market == one.symbol:
            return SynthetixContext(one)
    names = ", ".join(repr(one.symbol) for one in markets)
    rule = f"must be {names}, the market of the live file"
    if len(markets) > 1:
        rule = f"must be one of the live file's markets: {names}"
    raise InputError("market", market, rule, "Give that market's file")


def effective(value: SynthetixMarket | SynthetixMarkets) -> tuple[EffectiveMargins, ...]:
    """Margins of the smallest position, truncated as the contract does; they grow with size."""
    return tuple(_smallest(market) for market in _markets(value))


def _smallest(value: SynthetixMarket) -> EffectiveMargins:
    product = value.minimum_initial_margin_ratio * value.maintenance_margin_scalar // ONE
    initial = from_scale(value.minimum_initial_margin_ratio, _WAD)
    return EffectiveMargins(value.symbol, Decimal(0), initial, from_scale(product, _WAD))


FORMAT = VenueFormat(
    name="synthetix-v3",
    title="Synthetix v3 perps market settings",
    suffix=".toml",
    calibrated=CalibratedPerpetual,
    read=read,
    write=write,
    check=check,
    export=export,
    context_from=context_from,
    effective=effective,
)
