"""Margin policies on the same fits and days: what each covers, costs, and asks for in a crash."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.validation.backtest import BacktestPlan, backtest, refit_along
from riskkit.validation.crashes import CrashLedger, CrashMarket, crash_ledger
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.venue.procyclicality import Floor, long_run_level
from riskkit.volatility.refits import Refits
from riskkit.volatility.spec import VolatilitySpec, spec_named

STATIC = "static, cost of {}"
FLOOR = "floor_multiple"


@dataclass(frozen=True)
class PolicyComparison:
    """Policies along one history, one side, over the days that all of them have in common.

    Attributes
    ----------
    asset : str
    side : Side
    tables : mapping of str to DataFrame
        Rows of each policy's backtest.
    ledgers : mapping of str to CrashLedger
    """

    asset: str
    side: Side
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    ledgers: Mapping[str, CrashLedger] = field(repr=False)

    @property
    def needed(self) -> pd.Series:
        """Margin that each day called for, its loss and the costs of closing, by target."""
        return next(iter(self.tables.values())).set_index("target")["needed"]

    def margin(self, policy: str) -> pd.Series:
        """Margin of a policy in force for each day, by target.

        Raises
        ------
        InputError
        """
        if policy not in self.tables:
            rule = f"must be one of {', '.join(self.tables)}"
            raise InputError("policy", policy, rule, "Choose one of those that were run")
        return self.tables[policy].set_index("target")["margin"]

    def totals(self) -> pd.DataFrame:
        """Each policy's crashes in sum: rows as in `CrashLedger.summary`, a column for each."""
        return pd.DataFrame({name: ledger.summary() for name, ledger in self.ledgers.items()})

    def behaviour(self) -> pd.DataFrame:
        """What each policy costs and how fast it rises, over all days; a column for each.

        Rows as in `riskkit.validation.procyclicality.MarginBehaviour.summary`.
        """
        needed = self.needed
        return pd.DataFrame(
            {name: margin_behaviour(self.margin(name), needed).summary() for name in self.tables}
        )


def compare_policies(
    history: PriceHistory,
    spec: VolatilitySpec | str,
    policies: Mapping[str, Mapping[str, Any]],
    *,
    market: CrashMarket | str,
    side: Side | str = Side.LONG,
    static: Sequence[str] = (),
    **every: Any,
) -> PolicyComparison:
    """Run margin policies along a history and replay its market's crashes through each.

    Parameters
    ----------
    spec : VolatilitySpec or str
    policies : mapping of str to mapping
        What a policy has of its own: fields of `BacktestPlan` that need no new fits (``apply_lag``,
        ``update_every``, ``slippage``, ``fee``, ``overlays``), and ``floor_multiple``, a floor at
        so many standard deviations of the whole past.
    market : CrashMarket or str
        Whose crashes: ``"crypto"``, ``"equity"`` or ``"oil"``.
    static : sequence of str
        Policies beside which a margin that never moves is set, at the same mean.
    every
        Fields of `BacktestPlan` that all policies share.

    Raises
    ------
    InputError
        If a policy has a field that is none, or the history is too short.

    Examples
    --------
    >>> import riskkit
    >>> found = riskkit.compare_policies(
    ...     riskkit.load_sample("sp500"),
    ...     "ewma-normal",
    ...     {"dynamic": {}, "a week late": {"apply_lag": 5}},
    ...     market="equity",
    ...     minimum_bars=1000,
    ...     refit_every=2000,
    ... )
    >>> found.totals().columns.tolist()
    ['dynamic', 'a week late']
    """
    known, one, of = spec_named(spec), Side(side), _market(market)
    if not policies:
        raise InputError("policies", "none", "must name at least one", 'Give {"dynamic": {}}')
    plan = _changed("every policy", BacktestPlan(), every, FITS | OWN)
    refits = refit_along(history, known, plan)
    tables = {
        name: _run(history, known, one, _changed(name, plan, own, OWN | {FLOOR}, history), refits)
        for name, own in policies.items()
    }
    start = max(table["start"].iloc[0] for table in tables.values())
    tables = {name: table[table["start"] >= start] for name, table in tables.items()}
    for name in static:
        if name not in policies:
            rule = f"must be among {', '.join(policies)}"
            raise InputError("static", name, rule, "Name a policy that is run")
        tables[STATIC.format(name)] = tables[name].assign(margin=tables[name]["margin"].mean())
    ledgers = {name: crash_ledger(table, of) for name, table in tables.items()}
    return PolicyComparison(history.asset, one, tables, ledgers)


FITS = frozenset({"minimum_bars", "refit_every"})
OWN = frozenset(f.name for f in dataclasses.fields(BacktestPlan)) - FITS


def _run(
    history: PriceHistory, spec: VolatilitySpec, side: Side, plan: BacktestPlan, refits: Refits
) -> pd.DataFrame:
    table = backtest(history, spec, plan=plan, refits=refits).table
    return table[table["side"] == side.value]


def _changed(
    name: str,
    plan: BacktestPlan,
    fields: Mapping[str, Any],
    allowed: frozenset[str],
    history: PriceHistory | None = None,
) -> BacktestPlan:
    wrong = sorted(set(fields) - allowed)
    if wrong:
        rule = f"must be among {', '.join(sorted(allowed))}"
        raise InputError(f"policies, {name}", ", ".join(wrong), rule, "Correct its name")
    own = dict(fields)
    multiple = own.pop(FLOOR, None)
    plan = dataclasses.replace(plan, **own)
    if multiple is None or history is None:
        return plan
    floor = Floor(long_run_level(log_returns(history).values, multiple))
    return dataclasses.replace(plan, overlays=(*plan.overlays, floor))


def _market(market: CrashMarket | str) -> CrashMarket:
    try:
        return CrashMarket(market)
    except ValueError:
        rule = f"must be one of {', '.join(m.value for m in CrashMarket)}"
        raise InputError("market", market, rule, "Choose whose crashes are replayed") from None
