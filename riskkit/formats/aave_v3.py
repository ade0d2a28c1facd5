"""Aave V3 collateral updates, in basis points, as the config engine takes them.

``liqBonus`` is the **excess** (5_00 is 5 %): the engine adds 100_00. Where other contracts want
10_800, this one wants 8_00; a proposal once said 8000. The texts of it (``config.ts``, and the same
object as JSON) are in `aave_v3_text`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.calibrated import CalibratedCollateral, check_collateral
from riskkit.formats.format import EffectiveThresholds
from riskkit.units import Rounding, Scale, from_scale, to_scale

ONE = Scale.BPS.per_one
KEEP_CURRENT = 2**256 - 1 - 42
MAX_EMODE = 255


@dataclass(frozen=True)
class CollateralUpdate:
    """New values of one asset, in basis points; None keeps today's.

    Attributes
    ----------
    asset : str
        Symbol, as the address book names it.
    ltv, liq_threshold, liq_bonus, liq_protocol_fee : int or None
        ``liq_bonus`` is the excess over 100 %; the protocol fee is a share of the bonus.
    debt_ceiling : str or None
        Whole dollars (isolation mode), carried along. None: the file does not name it.
    """

    asset: str
    ltv: int | None
    liq_threshold: int | None
    liq_bonus: int | None
    liq_protocol_fee: int | None
    debt_ceiling: str | None = None


@dataclass(frozen=True)
class EModeUpdate:
    """New values of one efficiency mode, in basis points; None keeps today's.

    Attributes
    ----------
    category : str
        A number (1 … 255) or the address book's name for it.
    label : str
        Empty keeps today's.
    isolated : str or None
        ENABLED, DISABLED or KEEP_CURRENT. None: the file does not name it.
    """

    category: str
    ltv: int | None
    liq_threshold: int | None
    liq_bonus: int | None
    label: str = ""
    isolated: str | None = None


@dataclass(frozen=True)
class PoolUpdate:
    """Updates of one pool; ``others`` is the canonical JSON of features left unchanged."""

    pool: str
    collaterals: tuple[CollateralUpdate, ...]
    emodes: tuple[EModeUpdate, ...]
    block_number: int
    others: str = "{}\n"


@dataclass(frozen=True)
class AaveV3Config:
    """A proposal: options (name and text, sorted by name) and the updates per pool."""

    root: tuple[tuple[str, str], ...]
    pools: tuple[PoolUpdate, ...]


@dataclass(frozen=True)
class AaveV3Context:
    """What riskkit does not calibrate.

    Attributes
    ----------
    root : tuple of (str, str)
        ``title, shortName, date (YYYYMMDD), author, discussion`` and further text options.
    pool, asset : str
        As the address book names them: ``"AaveV3Ethereum"``, ``"WETH"``.
    block_number : int
    liq_protocol_fee : int or None
        Basis points of the bonus; None keeps today's.
    emode : str or None
        Write the values to this efficiency mode instead of to the asset.
    """

    root: tuple[tuple[str, str], ...]
    pool: str
    asset: str
    block_number: int
    liq_protocol_fee: int | None = None
    emode: str | None = None


def engine_arguments(update: CollateralUpdate | EModeUpdate) -> dict[str, int]:
    """What a payload passes to the config engine: integers, KEEP_CURRENT for None."""
    values = {
        "ltv": update.ltv,
        "liqThreshold": update.liq_threshold,
        "liqBonus": update.liq_bonus,
    }
    if isinstance(update, CollateralUpdate):
        values["liqProtocolFee"] = update.liq_protocol_fee
    return {k: KEEP_CURRENT if v is None else v for k, v in values.items()}


def check(value: AaveV3Config) -> None:
    """Refuse what the pool configurator refuses, and slips of unit that it would accept."""
    options = dict(value.root)
    for option in ("title", "shortName", "date", "author"):
        if not options.get(option):
            rule = "must be given"
            raise InputError(f"rootOptions.{option}", "nothing", rule, "Name the proposal")
    if not (len(options["date"]) == 8 and options["date"].isascii() and options["date"].isdigit()):
        raise InputError("rootOptions.date", options["date"], "must be YYYYMMDD", "Write 20260131")
    if not value.pools:
        raise InputError("poolOptions", "nothing", "must name a pool", "Add one")
    for pool in value.pools:
        if pool.block_number < 0:
            rule = "must not be negative"
            raise InputError(f"{pool.pool}.blockNumber", pool.block_number, rule, "Give the block")
        names = [name for name, _ in _updates(pool)]
        for name, update in _updates(pool):
            if names.count(name) > 1:
                rule = "must be updated once"
                raise InputError(f"{pool.pool}.{name}", "twice", rule, "Remove one of the two")
            _check_update(f"{pool.pool}.{name}", update)


def _updates(pool: PoolUpdate) -> list[tuple[str, CollateralUpdate | EModeUpdate]]:
    named: list[tuple[str, CollateralUpdate | EModeUpdate]] = []
    named += [(update.asset, update) for update in pool.collaterals]
    named += [(f"eMode {mode.category}", mode) for mode in pool.emodes]
    return named


def _check_update(where: str, update: CollateralUpdate | EModeUpdate) -> None:
    ltv, threshold, bonus = update.ltv, update.liq_threshold, update.liq_bonus
    _within(where, "ltv", ltv, 0, ONE)
    _within(where, "liqThreshold", threshold, 0, ONE)
    if bonus is not None and not 0 <= bonus <= ONE:
        rule = "must lie between 0 and 100_00, as the excess over 100 % (riskkit's own bound)"
        remedy = "Write 8_00 for 8 %: the engine adds 100_00 itself"
        raise InputError(f"{where}.liqBonus", bonus, rule, remedy)
    if isinstance(update, CollateralUpdate):
        _within(where, "liqProtocolFee", update.liq_protocol_fee, 0, ONE - 1)
    elif update.category.isdigit() and not 1 <= int(update.category) <= MAX_EMODE:
        rule = f"must lie between 1 and {MAX_EMODE}"
        raise InputError(f"{where}.eModeCategory", update.category, rule, "0 means no eMode")
    if ltv is not None and threshold is not None and ltv > threshold:
        rule = f"must be at most liqThreshold = {threshold}"
        raise InputError(f"{where}.ltv", ltv, rule, "Lower the LTV or raise the threshold")
    if threshold is not None and bonus is not None and threshold * (ONE + bonus) > ONE * ONE:
        rule = f"times (100_00 + liqBonus = {bonus}) must be at most 100_00 * 100_00"
        remedy = "Lower the threshold or the bonus: a liquidation would take more than all"
        raise InputError(f"{where}.liqThreshold", threshold, rule, remedy)


def _within(where: str, field: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        rule = f"must lie between {low} and {high} basis points"
        raise InputError(f"{where}.{field}", value, rule, "Give percent, as 82.5 for 82.5 %")


def export(calibrated: CalibratedCollateral, context: AaveV3Context) -> AaveV3Config:
    """A proposal with LTV and threshold rounded down, and the bonus rounded up."""
    check_collateral(calibrated)
    ltv = to_scale(calibrated.max_ltv, Scale.BPS, Rounding.DOWN)
    threshold = to_scale(calibrated.liquidation_threshold, Scale.BPS, Rounding.DOWN)
    bonus = to_scale(calibrated.liquidation_bonus, Scale.BPS, Rounding.UP)
    if ltv == 0:
        rule = "must be at least 1 basis point after rounding"
        raise InputError("max_ltv", calibrated.max_ltv, rule, "Do not list this collateral")
    collaterals: tuple[CollateralUpdate, ...] = ()
    emodes: tuple[EModeUpdate, ...] = ()
    if context.emode is None:
        fee = context.liq_protocol_fee
        collaterals = (CollateralUpdate(context.asset, ltv, threshold, bonus, fee),)
    else:
        emodes = (EModeUpdate(context.emode, ltv, threshold, bonus),)
    pool = PoolUpdate(context.pool, collaterals, emodes, context.block_number)
    value = AaveV3Config(tuple(sorted(context.root)), (pool,))
    check(value)
    return value


def context_from(value: AaveV3Config, market: str) -> AaveV3Context:
    """Options of a live file, for ``"pool/asset"`` or ``"pool/eMode 1"``."""
    for pool in value.pools:
        for update in pool.collaterals:
            if market == f"{pool.pool}/{update.asset}":
                fee = update.liq_protocol_fee
                return AaveV3Context(value.root, pool.pool, update.asset, pool.block_number, fee)
        for mode in pool.emodes:
            if market == f"{pool.pool}/eMode {mode.category}":
                return AaveV3Context(
                    value.root, pool.pool, "", pool.block_number, emode=mode.category
                )
    names = ", ".join(repr(item.market) for item in effective(value)) or "nothing"
    raise InputError("market", market, f"must be one of {names}", "Name a market of the live file")


def asset_of(value: AaveV3Config, market: str) -> str | None:
    """The asset's symbol; None for an efficiency mode, which holds several."""
    name = market.rpartition("/")[2]
    return None if name.startswith("eMode ") else name


def effective(value: AaveV3Config) -> tuple[EffectiveThresholds, ...]:
    """Fractions per pool and asset (or efficiency mode); None where the file keeps today's."""
    return tuple(
        EffectiveThresholds(
            f"{pool.pool}/{name}",
            _fraction(update.ltv),
            _fraction(update.liq_threshold),
            _fraction(update.liq_bonus),
        )
        for pool in value.pools
        for name, update in _updates(pool)
    )


def _fraction(bps: int | None) -> Decimal | None:
    return None if bps is None else from_scale(bps, Scale.BPS)
