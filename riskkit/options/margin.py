"""What accounts with options must hold: every leg revalued in every joint scenario.

    loss = value now - value at the end of the margin period

An option that expires on the way is settled at the close of the bar in which it does. Linear
positions and options of an account share their scenarios. Greeks only explain: on the worst days of
short wings they are off by a factor of two to three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.options.black import (
    LegTable,
    MovedScenarios,
    black_value,
    greeks,
    normal_table,
    revalue,
)
from riskkit.options.legs import YEAR_DAYS, OptionBook, OptionLeg, Reserve, Settlement
from riskkit.options.reserve import locked, most_lost
from riskkit.options.scenarios import OptionScenarios
from riskkit.options.smile import StrikeRule, smiles_of

Array = npt.NDArray[np.float64]

BLOCK = 8_192
#: Scenarios that must lie beyond the confidence.
FEWEST_BEYOND = 5


@dataclass(frozen=True)
class OptionMargins:
    """Margins of accounts with options.

    Attributes
    ----------
    table : DataFrame
        A row an account: ``account, gross`` (of legs, at the underlying's price), ``value`` (of
        legs now), ``var, es`` (of the whole account), ``sticky_strike, sticky_delta`` (the VaR
        under either rule), ``loading``, ``floor`` (of short legs), ``reserve`` (locked for covered
        writers, coins at today's price), ``most`` (that linear legs alone can lose at any price;
        nobody is asked for more), ``maintenance``, and to explain ``delta, gamma, vega`` and
        the VaR that ``greeks`` would give, with what waiting costs.
    contributions : DataFrame
        A row a leg: its mean loss in the account's worst scenarios; with the linear part they sum
        to the account's ES.
    worst : DataFrame
        The worst scenario of each account: moves of prices and volatilities, loss.
    losses : ndarray (A, M)
    locked : DataFrame
        As `riskkit.options.reserve.locked`.
    """

    table: pd.DataFrame = field(repr=False)
    contributions: pd.DataFrame = field(repr=False)
    worst: pd.DataFrame = field(repr=False)
    losses: Array = field(repr=False)
    locked: pd.DataFrame = field(repr=False)


def margin_options(
    book: OptionBook,
    scenarios: OptionScenarios,
    *,
    linear: Mapping[str, Array] | None = None,
    confidence: float = 0.99,
    loading: float = 1.0,
    short_floor: float = 0.0,
    threads: int = 1,
) -> OptionMargins:
    """Margin every account that holds a leg.

    Parameters
    ----------
    linear : mapping of str to ndarray (N,), optional
        Signed notional of each account in the underlyings, beside its legs.
    confidence : float
        Of the VaR and ES over the margin period.
    loading : float
        Margin over tail that the liquidation needs, of `riskkit.portfolio`.
    short_floor : float
        Share of a short leg's notional below which an account is not margined.
    threads : int
        Changes the time taken, never a number.

    Raises
    ------
    InputError
        If too few scenarios lie beyond the confidence.
    """
    count = len(scenarios.moves)
    beyond = _beyond(count, confidence)
    names = book.accounts
    held = [leg for leg in book.legs if leg.reserve is Reserve.NONE]
    losses = leg_losses(held, names, book, scenarios, threads=threads)
    moved = replace(scenarios, strikes=scenarios.strikes.other)
    smiling = bool(smiles_of(book.legs, lambda leg: _forward(leg, scenarios)))
    otherwise = leg_losses(held, names, book, moved, threads=threads) if smiling else losses.copy()
    straight = np.zeros((len(names), len(scenarios.names)))
    for a, name in enumerate(names):
        if linear and name in linear:
            straight[a] = linear[name]
    # Sums in the order of the assets, whatever the threads of a BLAS.
    linearly = np.einsum("an,mn->am", straight, scenarios.moves)
    losses -= linearly
    otherwise -= linearly
    chosen, other = (rule.value.replace("-", "_") for rule in (scenarios.strikes, moved.strikes))
    reserves = locked(book)
    order = np.argsort(losses, axis=1, kind="stable")[:, ::-1]
    rows, parts, worst = [], [], []
    for a, name in enumerate(names):
        mine = [leg for leg in book.legs if leg.account == name]
        tail = order[a, :beyond]
        var, es = float(losses[a, order[a, beyond]]), float(losses[a, tail].mean())
        floor = short_floor * sum(
            -leg.quantity * _price(leg, scenarios)
            for leg in mine
            if leg.quantity < 0.0 and leg.reserve is Reserve.NONE
        )
        free = [leg for leg in mine if leg.reserve is Reserve.NONE]
        value = sum(leg.quantity * leg_value(leg, book, scenarios) for leg in free)
        most = math.inf if straight[a].any() else most_lost(free, value)
        explained = _explain(mine, book, scenarios, straight[a])
        rows.append(
            {
                "account": name,
                "gross": sum(abs(leg.quantity) * _price(leg, scenarios) for leg in mine),
                "value": sum(leg.quantity * leg_value(leg, book, scenarios) for leg in mine),
                "var": var,
                "es": es,
                chosen: var,
                other: float(np.sort(otherwise[a])[::-1][beyond]),
                "loading": loading,
                "floor": floor,
                "reserve": _reserve(reserves, name, scenarios),
                "most": most,
                "maintenance": min(max(loading * var, floor, 0.0), max(most, 0.0)),
                **{k: explained[k] for k in ("delta", "gamma", "vega")},
                "greeks": float(np.sort(explained["losses"])[::-1][beyond]),
            }
        )
        parts += _contributions(mine, book, scenarios, tail, straight[a], name)
        worst.append(_worst(name, int(order[a, 0]), losses[a], scenarios))
    columns = list(rows[0])
    at = columns.index(chosen)
    columns[at : at + 2] = ["sticky_strike", "sticky_delta"]
    table = pd.DataFrame(rows)[columns]
    return OptionMargins(table, pd.DataFrame(parts), pd.DataFrame(worst), losses, reserves)


def leg_losses(
    legs: Sequence[OptionLeg],
    owners: Sequence[str],
    book: OptionBook,
    scenarios: OptionScenarios,
    *,
    threads: int = 1,
) -> Array:
    """Losses of accounts by their legs, full revaluation: ndarray (A, M), positive is a loss."""
    count = len(scenarios.moves)
    out = np.zeros((len(owners), count))
    if legs:
        normal = normal_table()

        def piece(first: int) -> None:
            part = scenarios.part(slice(first, min(first + BLOCK, count)))
            table, moved = kernel_inputs(legs, owners, book, part)
            worth = np.zeros((len(owners), len(part.moves)))
            revalue(table, normal, moved, 0, len(part.moves), worth)
            out[:, first : first + len(part.moves)] = worth

        with ThreadPoolExecutor(max(threads, 1)) as pool:
            list(pool.map(piece, range(0, count, BLOCK)))
    place = {name: a for a, name in enumerate(owners)}
    now = np.zeros(len(owners))
    for leg in legs:
        now[place[leg.account]] += leg.quantity * leg_value(leg, book, scenarios)
    return np.asarray(now[:, None] - out)


def kernel_inputs(
    legs: Sequence[OptionLeg],
    owners: Sequence[str],
    book: OptionBook,
    scenarios: OptionScenarios,
) -> tuple[LegTable, MovedScenarios]:
    """Legs at the end of the margin period, and scenarios, as the kernel reads them."""
    place = {name: a for a, name in enumerate(owners)}
    ordered = sorted(legs, key=lambda leg: place[leg.account])
    days = [leg.days(book.moment) for leg in ordered]
    left = [max(one - scenarios.days, 0.0) for one in days]
    # A row of prices for each underlying and bar of settlement, one of shocks for each expiry
    # (and strike, where volatility goes with moneyness).
    prices: dict[tuple[str, float], int] = {}
    shocks: dict[tuple[str, float, float, pd.Timestamp], int] = {}
    sticky = scenarios.strikes is StrikeRule.STICKY_STRIKE
    smiles = {} if sticky else smiles_of(book.legs, lambda leg: _forward(leg, scenarios))
    price, smile, grown, shock = [], [], [], []
    for leg, whole, rest in zip(ordered, days, left, strict=True):
        priced = (leg.underlying, min(whole, scenarios.days))
        if priced not in prices:
            prices[priced] = len(prices)
            grown.append(scenarios.grown(leg.underlying, whole))
        curve = smiles.get((leg.underlying, leg.expiry)) if rest > 0.0 else None
        moneyness = math.nan if curve is None else math.log(leg.strike / _forward(leg, scenarios))
        shocked = (leg.underlying, rest, 0.0 if curve is None else moneyness, leg.expiry)
        if shocked not in shocks:
            shocks[shocked] = len(shocks)
            n = scenarios.names.index(leg.underlying)
            factor = np.exp(scenarios.law.term(rest) * scenarios.volatility[:, n])
            if curve is not None:
                factor = factor * curve.ratio(moneyness, np.log1p(scenarios.moves[:, n]))
            shock.append(factor)
        price.append(prices[priced])
        smile.append(shocks[shocked])
    rows, factors = np.stack(grown), np.stack(shock)
    table = LegTable(
        np.array(price, dtype=np.int64),
        np.array(smile, dtype=np.int64),
        np.array([place[leg.account] for leg in ordered], dtype=np.int64),
        np.array([_forward(leg, scenarios) for leg in ordered]),
        np.array([leg.strike for leg in ordered], dtype=np.float64),
        np.array([leg.kind.sign for leg in ordered]),
        np.array([
            leg.volatility * math.sqrt(rest / YEAR_DAYS)
            for leg, rest in zip(ordered, left, strict=True)
        ]),
        np.array([leg.quantity for leg in ordered], dtype=np.float64),
        np.array([float(leg.settlement is Settlement.INVERSE) for leg in ordered]),
    )  # fmt: skip
    return table, MovedScenarios(rows, 1.0 / rows, np.log(rows), factors, 1.0 / factors)


def leg_value(leg: OptionLeg, book: OptionBook, scenarios: OptionScenarios) -> float:
    """Value of one unit of a leg now, in money."""
    years = leg.days(book.moment) / YEAR_DAYS
    deviation = leg.volatility * math.sqrt(years)
    return float(black_value(_forward(leg, scenarios), leg.strike, deviation, leg.kind.sign))


def _explain(
    legs: Sequence[OptionLeg], book: OptionBook, scenarios: OptionScenarios, straight: Array
) -> dict[str, Array | float]:
    """Greeks of an account in money for a move of one, and the losses that they would give."""
    losses = -(scenarios.moves @ straight)
    sums = {"delta": float(straight.sum()), "gamma": 0.0, "vega": 0.0}
    for leg in legs:
        if leg.reserve is not Reserve.NONE:
            continue
        n = scenarios.names.index(leg.underlying)
        forward, days = _forward(leg, scenarios), leg.days(book.moment)
        found = greeks(forward, leg.strike, days / YEAR_DAYS, leg.volatility, leg.kind.sign > 0.0)
        move = scenarios.moves[:, n]
        shock = np.expm1(scenarios.law.term(days) * scenarios.volatility[:, n])
        delta, gamma = found.delta * forward, found.gamma * forward**2
        vega = found.vega * leg.volatility
        left = max(days - scenarios.days, 0.0)
        deviation = leg.volatility * math.sqrt(left / YEAR_DAYS)
        later = float(black_value(forward, leg.strike, deviation, leg.kind.sign))
        decay = later - leg_value(leg, book, scenarios)
        losses -= leg.quantity * (delta * move + 0.5 * gamma * move**2 + vega * shock + decay)
        sums["delta"] += leg.quantity * delta
        sums["gamma"] += leg.quantity * gamma
        sums["vega"] += leg.quantity * found.vega
    return {**sums, "losses": losses}


def _contributions(
    legs: Sequence[OptionLeg],
    book: OptionBook,
    scenarios: OptionScenarios,
    tail: npt.NDArray[np.int64],
    straight: Array,
    account: str,
) -> list[dict[str, object]]:
    """Mean loss of each leg in the account's worst scenarios, and of its linear part."""
    part = scenarios.part(tail)
    rows: list[dict[str, object]] = []
    for leg in legs:
        mean = 0.0
        if leg.reserve is Reserve.NONE:
            mean = float(leg_losses([leg], [account], book, part)[0].mean())
        words = f"{leg.quantity:+g} {leg.kind.value} {leg.strike:g} {leg.expiry.date()}"
        rows.append({"account": account, "leg": f"{leg.underlying} {words}", "es": mean})
    for n, name in enumerate(scenarios.names):
        if straight[n] != 0.0:
            mean = float(-(part.moves[:, n] * straight[n]).mean())
            rows.append({"account": account, "leg": name, "es": mean})
    return rows


def _worst(name: str, m: int, losses: Array, scenarios: OptionScenarios) -> dict[str, object]:
    row: dict[str, object] = {"account": name, "loss": float(losses[m])}
    for n, asset in enumerate(scenarios.names):
        row[f"{asset} move"] = float(scenarios.moves[m, n])
        row[f"{asset} volatility"] = math.expm1(float(scenarios.volatility[m, n]))
    return row


def _reserve(reserves: pd.DataFrame, account: str, scenarios: OptionScenarios) -> float:
    """Money that an account has locked, coins at today's price."""
    mine = reserves[reserves["account"] == account]
    prices = [scenarios.prices[scenarios.names.index(name)] for name in mine["underlying"]]
    return float((mine["coins"] * prices + mine["money"]).sum()) if len(mine) else 0.0


def _price(leg: OptionLeg, scenarios: OptionScenarios) -> float:
    return float(scenarios.prices[scenarios.names.index(leg.underlying)])


def _forward(leg: OptionLeg, scenarios: OptionScenarios) -> float:
    return _price(leg, scenarios) if leg.forward is None else leg.forward


def _beyond(count: int, confidence: float) -> int:
    """Scenarios beyond the confidence; refuses fewer than `FEWEST_BEYOND`."""
    if not 0.5 < confidence < 1.0:
        raise InputError("confidence", confidence, "must lie in (0.5, 1)", "Write 99 % as 0.99")
    beyond = math.floor(count * (1.0 - confidence) + 1e-9)
    if beyond < FEWEST_BEYOND:
        raise InputError(
            "confidence",
            confidence,
            f"leaves {beyond} of {count:,} scenarios beyond it; {FEWEST_BEYOND} are needed",
            "Ask for a lower confidence, or simulate more",
        )
    return beyond
