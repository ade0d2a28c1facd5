"""What stands behind a venue's accounts, as venues' own files: dYdX, Aave, Maker's Clipper.

These hold no margin: they are written from what `riskkit fund` and `riskkit attack` put into a
parameter file, rounded for the fund. What riskkit does not answer (ids, other limits, other
features) is the live file's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace

from riskkit.errors import InputError
from riskkit.formats import aave_v3_text, dydx_v4_liquidations
from riskkit.formats.text import dump_json, load_json
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.sections import AttackLimits, BehindAccounts

#: Quote quantums of a dollar on dYdX; units of Maker's prices and of its money.
QUANTUMS, RAY, RAD = 1_000_000, 10**27, 10**45

DYDX, AAVE, AAVE_JSON, CLIP = (
    "dydx-v4-liquidations",
    "aave-v3-bonus",
    "aave-v3-bonus-json",
    "maker-clip",
)
NAMES = (DYDX, AAVE, AAVE_JSON, CLIP)


def behind_text(
    file: ParameterFile, venue: str, live: str | None, fields: Mapping[str, object]
) -> str:
    """The text of a venue's file.

    Parameters
    ----------
    venue : str
        One of `NAMES`.
    live : str or None
        The venue's file that runs today: dYdX's ``liquidations_config``, Aave's ``config.ts``.
    fields : mapping
        Aave: ``asset``, its symbol in the live file; and ``price``, of a unit in the file's money,
        for the cap on its supply.

    Raises
    ------
    InputError
        If the file has not what the form holds, or the live file is missing or another.
    """
    limits = file.parameters.attack_limits
    if venue in (AAVE, AAVE_JSON):
        return _aave(file.parameters.behind_accounts, limits, live, fields, as_json=venue != AAVE)
    behind = file.parameters.behind_accounts
    if behind is None:
        raise _lacks("behind_accounts", "riskkit fund STUDY --parameters FILE")
    if fields:
        raise InputError("--field", sorted(fields), f"are none of {venue}'s", "Leave them out")
    return _dydx(behind, live) if venue == DYDX else _clip(behind)


def _dydx(behind: BehindAccounts, live: str | None) -> str:
    if live is None:
        rule = "is needed: the other limits of the chain are its own"
        raise InputError("--live", "not given", rule, "Give its liquidations_config")
    config = dydx_v4_liquidations.read(live)
    fund = behind.fund
    if fund.closing_fee_fraction <= 0.0:
        rule = "must be above 0: the chain refuses a liquidation without a fee"
        raise InputError(
            "behind_accounts.fund.closing_fee_fraction", 0.0, rule, "Give the study a fee"
        )
    limits = replace(
        config.subaccount_block_limits,
        max_quantums_insurance_lost=max(math.ceil(fund.cover_one * QUANTUMS), 1),
    )
    fee = math.ceil(round(fund.closing_fee_fraction * 1e6, 6))
    return dydx_v4_liquidations.write(
        replace(config, max_liquidation_fee_ppm=fee, subaccount_block_limits=limits)
    )


def _aave(
    behind: BehindAccounts | None,
    limits: AttackLimits | None,
    live: str | None,
    fields: Mapping[str, object],
    *,
    as_json: bool,
) -> str:
    unknown = sorted(set(fields) - {"asset", "price"})
    if unknown:
        raise InputError("--field", unknown, "must be asset or price", "Leave the others out")
    if live is None:
        rule = "is needed: pool, block and asset are its own"
        raise InputError("--live", "not given", rule, "Give the proposal's config.ts, or its JSON")
    read = aave_v3_text.read_json if live.lstrip().startswith("{") else aave_v3_text.read_typescript
    config = read(live)
    named = [(pool.pool, item.asset) for pool in config.pools for item in pool.collaterals]
    asset = fields.get("asset", named[0][1] if len(named) == 1 else None)
    if asset not in [name for _, name in named]:
        known = ", ".join(name for _, name in named) or "none"
        rule = f"must be a collateral of the live file: {known}"
        raise InputError("--field asset", asset, rule, "Write --field asset=WETH")
    bonus = None if behind is None else behind.smallest_bonus
    cap = None if limits is None else limits.collateral_cap
    if bonus is None and cap is None:
        raise _lacks(
            "behind_accounts.smallest_bonus, attack_limits.collateral_cap",
            "riskkit fund or riskkit attack of a lending study with --parameters",
        )
    price = fields.get("price")
    if cap is not None and price is None:
        rule = "is needed: the cap on supply is in whole units of the asset"
        raise InputError("--field price", "not given", rule, "Write --field price=2500")
    if price is not None and not (isinstance(price, int | float) and price > 0):
        raise InputError("--field price", price, "must be a positive price", "Correct it")
    pools = []
    for pool in config.pools:
        others = load_json(pool.others)
        assert isinstance(others, dict)
        held = [item.asset for item in pool.collaterals]
        if asset in held and bonus is not None:
            bps = math.ceil(round(bonus * 1e4, 6))
            pool = replace(
                pool,
                collaterals=tuple(
                    replace(item, liq_bonus=bps) if item.asset == asset else item
                    for item in pool.collaterals
                ),
            )
        if asset in held and cap is not None and isinstance(price, int | float):
            update = {
                "asset": asset,
                "supplyCap": str(max(math.floor(cap / price), 1)),
                "borrowCap": "",
            }
            kept = [row for row in others.get("CAPS_UPDATE", []) if row.get("asset") != asset]
            others["CAPS_UPDATE"] = [*kept, update]
        pools.append(replace(pool, others=dump_json(others)))
    changed = replace(config, pools=tuple(pools))
    write = aave_v3_text.write_json if as_json else aave_v3_text.write_typescript
    return write(changed)


def _clip(behind: BehindAccounts) -> str:
    found = behind.auction
    if found is None:
        raise _lacks("behind_accounts.auction", "riskkit fund LOANS-STUDY --parameters FILE")
    return (
        json.dumps(
            {
                "maker_clip": {
                    "buf": str(round(found.start * 10**6) * RAY // 10**6),
                    "cut": str(round(found.cut * 10**6) * RAY // 10**6),
                    "step": str(round(found.step_seconds)),
                    "tail": str(round(found.seconds)),
                    "hole": str(math.floor(found.most_notional_at_once) * RAD),
                }
            },
            indent=2,
        )
        + "\n"
    )


def _lacks(key: str, made_by: str) -> InputError:
    return InputError(
        f"parameters.{key}", "not there", f"must be in the file: {made_by} puts it there", "Run it"
    )
