"""Synthetix v3 perps: the settings of one market in a Cannon file (TOML).

Ratios are 1e18 integers, written ``"<%= parseEther('0.02') %>"``. Only the settings table is read
and written; the steps (``[invoke.…]``) that pass them to the contracts are a program, not
parameters, and stay where they are.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedPerpetual, check_perpetual
from riskkit.formats.fields import Fields, check_address
from riskkit.formats.format import EffectiveMargins, VenueFormat
from riskkit.formats.text import check_length, plain
from riskkit.units import Rounding, Scale, as_decimal, from_scale, ratio_to_scale, to_scale
from riskkit.units import to_scale_exactly as exactly

ONE = Scale.WAD.per_one
U128 = 2**128 - 1
MAX_TOML, MAX_DOTS = 65_536, 32
TABLE = "perps_market_settings_"
_WAD, _UP = Scale.WAD, Rounding.UP
_ETHER = re.compile(
    r"<%=\s*parseEther\(\s*(?:String\(\s*([0-9_]+(?:\.[0-9]+)?)\s*\)|'([0-9]+(?:\.[0-9]+)?)')"
    r"\s*\)\s*%>"
)


@dataclass(frozen=True)
class SynthetixMarket:
    """Settings of one market; integers on the 1e18 scale unless said otherwise.

    Attributes
    ----------
    symbol : str
        As in the table's name: ``"BTC"``.
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


def read(text: str) -> SynthetixMarket:
    """Settings of the one market of a Cannon file; other tables are not parameters."""
    variables = Fields(_load_toml(text)).child("var")
    tables = [name for name in variables.unread() if name.startswith(TABLE)]
    if len(tables) != 1:
        rule = f"must hold one table [var.{TABLE}…]"
        raise InputError("var", tables, rule, "Cut out one market")
    symbol = tables[0].removeprefix(TABLE)
    _check_symbol(symbol)
    fields, prefix = variables.child(tables[0]), f"{symbol.lower()}_perps_"
    wads = {field: _read_wad(fields, prefix + key) for key, field in _WADS_BY_KEY.items()}
    value = SynthetixMarket(
        symbol=symbol,
        market_id=fields.integer(prefix + _ID, 0, U128),
        max_seconds_in_liquidation_window=fields.integer(prefix + _WINDOW, 0, U128),
        endorsed_liquidator=fields.address(prefix + _LIQUIDATOR),
        **wads,
    )
    fields.finish()
    check(value)
    return value


def _load_toml(text: str) -> object:
    check_length(text, limit=MAX_TOML)
    # A key of n dotted parts costs the standard parser time and memory in n squared.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS:
            rule = f"line {number} must hold at most {MAX_DOTS} dots"
            raise InputError("text", line, rule, "Cut out the settings table")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        rule = f"must be valid TOML ({error})"
        raise InputError("text", text, rule, "Repair the file") from None
    except (RecursionError, ValueError):
        rule = "must not nest deeply, nor hold numbers of thousands of digits"
        raise InputError("text", text, rule, "Cut out the settings table") from None


def _read_wad(fields: Fields, key: str) -> int:
    text = fields.text(key)
    if re.fullmatch(r"[0-9]{1,40}", text):
        return int(text)
    match = _ETHER.fullmatch(text)
    if match is None:
        rule = "must be <%= parseEther('0.02') %>, or an integer on the 1e18 scale"
        raise InputError(fields.name(key), text, rule, "Write the number itself")
    number = as_decimal((match[1] or match[2]).replace("_", ""))
    return exactly(number, _WAD, fields.name(key))


def write(value: SynthetixMarket) -> str:
    """The market's settings table, canonical."""
    check(value)
    prefix = f"{value.symbol.lower()}_perps_"
    rows = {_ID: str(value.market_id)}
    for key, field in _WADS_BY_KEY.items():
        number = plain(from_scale(getattr(value, field), _WAD))
        rows[key] = f"<%= parseEther('{number}') %>"
    rows[_WINDOW] = str(value.max_seconds_in_liquidation_window)
    rows[_LIQUIDATOR] = value.endorsed_liquidator
    lines = [f'{prefix}{key} = "{text}"' for key, text in rows.items()]
    return "\n".join([f"[var.{TABLE}{value.symbol}]", *lines, ""])


def check(value: SynthetixMarket) -> None:
    """Refuse settings under which a margin vanishes or the maintenance exceeds the initial one."""
    _check_symbol(value.symbol)
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


def context_from(value: SynthetixMarket, market: str) -> SynthetixContext:
    """The live market, which must be the one named."""
    if market != value.symbol:
        rule = f"must be {value.symbol!r}, the market of the live file"
        raise InputError("market", market, rule, "Give that market's file")
    return SynthetixContext(value)


def effective(value: SynthetixMarket) -> tuple[EffectiveMargins, ...]:
    """Margins of the smallest position, truncated as the contract does; they grow with size."""
    product = value.minimum_initial_margin_ratio * value.maintenance_margin_scalar // ONE
    initial = from_scale(value.minimum_initial_margin_ratio, _WAD)
    return (EffectiveMargins(value.symbol, Decimal(0), initial, from_scale(product, _WAD)),)


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
