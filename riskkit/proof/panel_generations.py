"""Generation III: the account as a whole, beside isolated legs, at equal safety.

Every rule is scaled by one number for all books, chosen on the first half of history, and reported
on the second: once so that the worst group of books defaults on the same share of account-days,
once so that all books together leave the bad debt that isolated legs leave. A saving at equal
frequency alone is called that: losses beyond a margin that offsets have lowered are larger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.dependence.joint import JointKind
from riskkit.errors import InputError
from riskkit.portfolio.offsets import OffsetTable, offset_credits
from riskkit.proof.panel_walk import PanelWalk

Array = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

RATE = 0.01
FLOOR = 0.05
KEPT = 0.8
JUDGED = (
    "equal long",
    "equal short",
    "pairs",
    "hedged",
    "random long",
    "random short",
    "long_short",
    "neutral",
)
ISOLATED, ACCOUNT, TABLE = "isolated legs", "account, no offsets", "offset table"
EMIR, FLOORED, PORTFOLIO = "EMIR 80 %", "portfolio, floor 5 %", "portfolio"
RISE_BARS = 5


@dataclass(frozen=True)
class PanelGenerations:
    """What each way of margining accounts costs at equal safety.

    Attributes
    ----------
    rate : float
        Account-days in default that the worst group has on the first half.
    split : Timestamp
        First origin of the second half.
    table : DataFrame
        A row for each rule and kind of safety: ``rule, equal`` (``frequency`` or ``bad debt``),
        ``scale, margin`` (share of gross, mean over books and days of the second half),
        ``margin_median, margin_high`` (99 %), ``saved`` (against isolated legs), ``saved_account``
        (against the account without offsets), ``defaults`` (share of account-days),
        ``worst_group, worst_group_defaults, bad_debt_bps`` (of gross a day),
        ``worst_episode`` (largest bad debt of a day, of gross), ``episodes`` (days with a default).
    groups : DataFrame
        The same by group of books: ``rule, equal, group, margin, defaults, bad_debt_bps,
        peak_to_trough, rise_5`` (of the median book).
    offsets : OffsetTable
    """

    rate: float
    split: pd.Timestamp
    table: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    offsets: OffsetTable = field(repr=False)


@dataclass(frozen=True)
class _Rule:
    """A rule's margins before scaling, (T, A), and what an account owes beyond a scaled one."""

    name: str
    margins: Array
    shortfall: Callable[[float, slice], Array]


def compare_panel_generations(
    walk: PanelWalk, *, kind: JointKind | None = None, rate: float = RATE
) -> PanelGenerations:
    """Scale every rule on the first half of a walk; report the second.

    Isolated legs default where any leg loses more than its own margin: gains elsewhere do not help.
    Every other rule looks at the account.

    Raises
    ------
    InputError
        If the rate is no probability.

    Examples
    --------
    >>> import riskkit
    >>> answer = riskkit.answer_panel("studies/btc-eth-accounts-daily.toml")
    >>> walk = riskkit.walk_books(answer, each=1, first=900, every=300)
    >>> found = riskkit.compare_panel_generations(walk)
    >>> "rule" in found.table.columns
    True
    """
    if not 0.0 < rate < 1.0:
        raise InputError("rate", rate, "must lie strictly between 0 and 1", "Typical is 0.01")
    half = len(walk.loss) // 2
    first, second = slice(0, half), slice(half, len(walk.loss))
    rules, offsets = _rules(walk, kind or walk.kind, first)
    judged = [name for name in JUDGED if walk.of(name).any()]
    chosen = np.isin(walk.groups, judged)
    isolated = _at_frequency(rules[0], walk, judged, first, rate)
    debt = float(rules[0].shortfall(isolated, first)[:, chosen].mean())
    rows, groups = [], []
    for rule in rules:
        for equal, scale in (
            ("frequency", _at_frequency(rule, walk, judged, first, rate)),
            ("bad debt", _at_debt(rule, chosen, first, debt)),
        ):
            rows.append({"rule": rule.name, "equal": equal, "scale": scale})
            rows[-1] |= _report(rule, walk, judged, second, scale)
            groups += [
                {"rule": rule.name, "equal": equal, "group": name}
                | _of_group(rule, walk.of(name), second, scale)
                for name in judged
            ]
    table = pd.DataFrame(rows)
    for column, base in (("saved", ISOLATED), ("saved_account", ACCOUNT)):
        known = table[table["rule"] == base].set_index("equal")["margin"]
        table[column] = 1.0 - table["margin"] / table["equal"].map(known)
    return PanelGenerations(rate, walk.origins[half], table, pd.DataFrame(groups), offsets)


def _rules(walk: PanelWalk, kind: JointKind, first: slice) -> tuple[list[_Rule], OffsetTable]:
    var = walk.forecasts[kind].var
    size = len(walk.names)
    long, short = var[:, walk.of("single long")], var[:, walk.of("single short")]
    w = walk.weights
    legs = np.maximum(w, 0.0) * long[:, None] + np.maximum(-w, 0.0) * short[:, None]
    lost = -w * walk.moves[:, None]
    whole = legs.sum(axis=2)
    offsets = _offsets(walk, long, short, var, first)
    flat = offsets.margins(w.reshape(-1, size), legs.reshape(-1, size)).reshape(whole.shape)
    emir = whole - KEPT * np.maximum(whole - var, 0.0)
    floor = np.maximum(var, FLOOR * np.abs(w).sum(axis=2))

    def isolated(scale: float, part: slice) -> Array:
        return np.asarray(np.maximum(lost[part] - scale * legs[part], 0.0).sum(axis=2))

    def account(margins: Array) -> Callable[[float, slice], Array]:
        return lambda scale, part: np.maximum(walk.loss[part] - scale * margins[part], 0.0)

    rules = [_Rule(ISOLATED, whole, isolated)]
    named = {ACCOUNT: whole, TABLE: flat, EMIR: emir, FLOORED: floor, PORTFOLIO: var}
    rules += [_Rule(name, margins, account(margins)) for name, margins in named.items()]
    return rules, offsets


def _offsets(walk: PanelWalk, long: Array, short: Array, var: Array, first: slice) -> OffsetTable:
    """Credits from the pairs of the first half."""
    size = len(walk.names)
    spread = np.full((len(var), size, size), np.nan)
    apart = ~np.eye(size, dtype=np.bool_)
    spread[:, apart] = var[:, walk.of("pairs")]
    spread[:, ~apart] = 0.5 * (long + short)
    return offset_credits(walk.names, long[first], short[first], spread[first])


def _at_frequency(
    rule: _Rule, walk: PanelWalk, judged: list[str], part: slice, rate: float
) -> float:
    """The smallest scale at which no group defaults on more than the rate of account-days."""
    columns = [walk.of(name) for name in judged]

    def worst(scale: float) -> float:
        lost = rule.shortfall(scale, part) > 0.0
        return max(float(lost[:, of].mean()) for of in columns)

    return _bisect(worst, rate)


def _at_debt(rule: _Rule, chosen: Truths, part: slice, debt: float) -> float:
    return _bisect(lambda scale: float(rule.shortfall(scale, part)[:, chosen].mean()), debt)


def _bisect(of: Callable[[float], float], target: float) -> float:
    """Smallest scale in (0.05, 20) at which a falling quantity is no more than its target."""
    low, high = 0.05, 20.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if of(middle) > target else (low, middle)
    return high


def _report(
    rule: _Rule, walk: PanelWalk, judged: list[str], part: slice, scale: float
) -> dict[str, object]:
    chosen = np.isin(walk.groups, judged)
    margins, short = scale * rule.margins[part][:, chosen], rule.shortfall(scale, part)
    rates = {name: float((short[:, walk.of(name)] > 0.0).mean()) for name in judged}
    worst = max(rates, key=lambda name: rates[name])
    short = short[:, chosen]
    days = short.mean(axis=1)
    return {
        "margin": float(margins.mean()),
        "margin_median": float(np.median(margins)),
        "margin_high": float(np.quantile(margins, 0.99)),
        "defaults": float((short > 0.0).mean()),
        "worst_group": worst,
        "worst_group_defaults": rates[worst],
        "bad_debt_bps": 1e4 * float(short.mean()),
        "worst_episode": float(days.max()),
        "episodes": int((days > 0.0).sum()),
    }


def _of_group(rule: _Rule, of: Truths, part: slice, scale: float) -> dict[str, object]:
    margins, short = scale * rule.margins[part][:, of], rule.shortfall(scale, part)[:, of]
    trough = np.minimum.accumulate(margins, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = np.nanmax(margins / trough, axis=0)
        rise = np.nanmax(margins[RISE_BARS:] / margins[:-RISE_BARS], axis=0)
    return {
        "margin": float(margins.mean()),
        "defaults": float((short > 0.0).mean()),
        "bad_debt_bps": 1e4 * float(short.mean()),
        "peak_to_trough": float(np.median(peak)),
        "rise_5": float(np.median(rise)),
    }
