"""The texts of an Aave V3 update: ``config.ts`` of the proposal generator, and the same as JSON.

Percent strings (``'82.5'``), ``''`` for keep. Features that riskkit does not change (caps, rates,
listings) are carried along unchanged.
"""

from __future__ import annotations

import re
from dataclasses import replace

from riskkit.errors import InputError
from riskkit.formats import aave_v3
from riskkit.formats.aave_v3 import (
    AaveV3Config,
    CollateralUpdate,
    EModeUpdate,
    PoolUpdate,
    check,
)
from riskkit.formats.calibrated import CalibratedCollateral
from riskkit.formats.fields import Fields
from riskkit.formats.format import VenueFormat
from riskkit.formats.object_literal import dump_literal, load_literal
from riskkit.formats.text import dump_json, load_json, plain
from riskkit.units import Scale, as_decimal, from_scale, to_scale_exactly

HEADER = "import {ConfigFile} from '../../generator/types';\nexport const config: ConfigFile = "
_PERCENT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_FLAGS = r"ENABLED|DISABLED|KEEP_CURRENT"
_NAME = r"[\w.$ -]{1,100}"


def read_typescript(text: str) -> AaveV3Config:
    """A proposal from ``config.ts``; the file is read as data, never run."""
    return _from_tree(load_literal(text))


def read_json(text: str) -> AaveV3Config:
    """A proposal from the same object in JSON."""
    return _from_tree(load_json(text))


def write_typescript(value: AaveV3Config) -> str:
    """Canonical ``config.ts``."""
    check(value)
    return f"{HEADER}{dump_literal(_to_tree(value))};\n"


def write_json(value: AaveV3Config) -> str:
    """Canonical JSON of the same object."""
    check(value)
    return dump_json(_to_tree(value))


def _from_tree(tree: object) -> AaveV3Config:
    fields = Fields(tree)
    root, options = fields.child("rootOptions"), fields.child("poolOptions")
    named = root.take("pools")
    texts = tuple(sorted((key, root.text(key)) for key in root.unread()))
    pools = tuple(_read_pool(name, options.child(name)) for name in options.unread())
    if named != [pool.pool for pool in pools]:
        rule = f"must name the pools of poolOptions: {[pool.pool for pool in pools]}"
        raise InputError("rootOptions.pools", named, rule, "Name each pool once, in their order")
    fields.finish()
    value = AaveV3Config(texts, pools)
    check(value)
    return value


def _read_pool(name: str, fields: Fields) -> PoolUpdate:
    if not re.fullmatch(_NAME, name):
        raise InputError("poolOptions", name, "must name a pool", "Write AaveV3Ethereum")
    configs, cache = fields.child("configs"), fields.child("cache")
    collaterals = configs.children("COLLATERALS_UPDATE") if "COLLATERALS_UPDATE" in configs else []
    modes = configs.children("EMODES_UPDATES") if "EMODES_UPDATES" in configs else []
    pool = PoolUpdate(
        name,
        tuple(_read_collateral(item) for item in collaterals),
        tuple(_read_mode(item) for item in modes),
        cache.integer("blockNumber", 0, 2**53),
        dump_json(configs.rest()),
    )
    cache.finish()
    fields.finish()
    return pool


def _read_collateral(fields: Fields) -> CollateralUpdate:
    value = CollateralUpdate(
        asset=fields.text("asset", _NAME, "an asset's symbol"),
        ltv=_percent(fields, "ltv"),
        liq_threshold=_percent(fields, "liqThreshold"),
        liq_bonus=_percent(fields, "liqBonus"),
        liq_protocol_fee=_percent(fields, "liqProtocolFee"),
        debt_ceiling=_dollars(fields) if "debtCeiling" in fields else None,
    )
    fields.finish()
    return value


def _read_mode(fields: Fields) -> EModeUpdate:
    category = fields.take("eModeCategory")
    name = str(category) if isinstance(category, int) else category
    if isinstance(category, bool) or not isinstance(name, str) or not re.fullmatch(_NAME, name):
        rule = "must be a number or the address book's name"
        raise InputError(fields.name("eModeCategory"), category, rule, "Write 1 … 255")
    if "priceSource" in fields:  # removed in V3.2; older files still hold it, empty
        fields.text("priceSource", "(?:)", "empty")
    isolated = "isolated" in fields
    value = EModeUpdate(
        category=name,
        ltv=_percent(fields, "ltv"),
        liq_threshold=_percent(fields, "liqThreshold"),
        liq_bonus=_percent(fields, "liqBonus"),
        label=fields.text("label") if "label" in fields else "",
        isolated=fields.text("isolated", _FLAGS, _FLAGS.replace("|", ", ")) if isolated else None,
    )
    fields.finish()
    return value


def _percent(fields: Fields, key: str) -> int | None:
    text = fields.text(key)
    if text == "":
        return None
    if not _PERCENT.fullmatch(text):
        rule = "must be percent in digits, or '' to keep today's value"
        raise InputError(fields.name(key), text, rule, "Write '82.5' for 82.5 %")
    return to_scale_exactly(as_decimal(text).scaleb(-2), Scale.BPS, fields.name(key))


def _dollars(fields: Fields) -> str:
    return fields.text("debtCeiling", "[0-9]{0,30}", "whole dollars")


def _text(bps: int | None) -> str:
    return "" if bps is None else plain(from_scale(bps, Scale.PERCENT))


def _to_tree(value: AaveV3Config) -> dict[str, object]:
    pools: dict[str, object] = {}
    for pool in value.pools:
        configs: dict[str, object] = {}
        if pool.collaterals:
            configs["COLLATERALS_UPDATE"] = [_collateral(item) for item in pool.collaterals]
        if pool.emodes:
            configs["EMODES_UPDATES"] = [_mode(item) for item in pool.emodes]
        configs |= Fields(load_json(pool.others)).rest()
        pools[pool.pool] = {"configs": configs, "cache": {"blockNumber": pool.block_number}}
    root: dict[str, object] = {"pools": [pool.pool for pool in value.pools]}
    return {"rootOptions": root | dict(value.root), "poolOptions": pools}


def _collateral(update: CollateralUpdate) -> dict[str, object]:
    tree: dict[str, object] = {
        "asset": update.asset,
        "ltv": _text(update.ltv),
        "liqThreshold": _text(update.liq_threshold),
        "liqBonus": _text(update.liq_bonus),
    }
    if update.debt_ceiling is not None:
        tree["debtCeiling"] = update.debt_ceiling
    return tree | {"liqProtocolFee": _text(update.liq_protocol_fee)}


def _mode(update: EModeUpdate) -> dict[str, object]:
    tree: dict[str, object] = {
        "eModeCategory": update.category,
        "ltv": _text(update.ltv),
        "liqThreshold": _text(update.liq_threshold),
        "liqBonus": _text(update.liq_bonus),
        "label": update.label,
    }
    return tree if update.isolated is None else tree | {"isolated": update.isolated}


FORMAT = VenueFormat(
    name="aave-v3",
    title="Aave V3 proposal (config.ts)",
    suffix=".ts",
    calibrated=CalibratedCollateral,
    read=read_typescript,
    write=write_typescript,
    check=check,
    export=aave_v3.export,
    context_from=aave_v3.context_from,
    effective=aave_v3.effective,
    asset_of=aave_v3.asset_of,
)
JSON_FORMAT = replace(
    FORMAT,
    name="aave-v3-json",
    title="Aave V3 proposal (JSON)",
    suffix=".json",
    read=read_json,
    write=write_json,
)
