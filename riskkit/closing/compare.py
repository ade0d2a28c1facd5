"""Policies of closing on the same paths and the same book: what each costs, with bands.

Three costs are money, per year of open interest; a policy is chosen by bad debt and owners' cost
and, at a declared weight, what was missed:

bad debt
    what the accounts could not pay.
owners' cost
    what owners gave away by being closed, against the market's own price in the bar: impact,
    spread, fee; less what became bad debt.
missed
    what owners who were closed though the price came back would have had more at the end of the
    path: the rebound of those *unfair* liquidations, from the market's price at their closing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.closing.halves import PathSample
from riskkit.closing.policy import ClosingPolicy
from riskkit.closing.run import ClosingOutcome, ClosingTerms, run_policy
from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook
from riskkit.venue.cascade import CascadePaths
from riskkit.venue.depth import MarketDepth

Array = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

COSTS = ("bad_debt", "owners_cost", "missed")
YEAR = pd.Timedelta(days=365)
#: What counts of a missed rebound. Owners whom closing spared a further fall gained by it, so that
#: most of what others missed is the same luck with the other sign: a twentieth is declared.
UNFAIR_WEIGHT = 0.05
LEVEL = 0.95
DRAWS = 1_000
#: Share of the paths that are the worst, for the path of the price.
WORST = 0.01


@dataclass(frozen=True)
class ClosingBench:
    """What policies are compared in.

    Attributes
    ----------
    book : AccountBook
    depth : MarketDepth
    terms : ClosingTerms
    bar : Timedelta
    threads : int
    seed : int
        Of the bands.
    unfair_weight : float
        Of what was missed, in the total.
    """

    book: AccountBook = field(repr=False)
    depth: MarketDepth
    terms: ClosingTerms
    bar: pd.Timedelta
    threads: int = 1
    seed: int = 1
    unfair_weight: float = UNFAIR_WEIGHT

    @property
    def weights(self) -> Array:
        """Of the three costs, in the total."""
        return np.array([1.0, 1.0, self.unfair_weight])


@dataclass(frozen=True)
class PolicyTable:
    """Policies on one sample of paths.

    Attributes
    ----------
    sample : PathSample
    policies : tuple of ClosingPolicy
        The first is what the others are compared with.
    costs : ndarray (policies, paths, 3)
        In the order of `COSTS`, of open interest and per year.
    table : DataFrame
        One row per policy: the costs and ``total`` in bps of open interest a year, with bands of
        bad debt and total; ``against`` the first policy, path by path, with its band; ``unfair``
        (share of the notional closed), ``forced`` (of the accounts touched, those that reached
        maintenance nonetheless), ``deeper`` (what closing added to the fall or rise of the price,
        mean of the worst hundredth of the paths), ``sold`` (of open interest, a path), ``unclosed``
        (share of open interest that still waits at the end).
    """

    sample: PathSample
    policies: tuple[ClosingPolicy, ...]
    costs: Array = field(repr=False)
    table: pd.DataFrame = field(repr=False)

    @property
    def best(self) -> str:
        """Name of the policy of the least total; of equals the first."""
        return str(self.table["total"].idxmin())

    def differs(self, name: str) -> bool:
        """Whether the band of a policy against the first leaves out 0."""
        row = self.table.loc[name]
        return bool(row["against_low"] > 0.0 or row["against_high"] < 0.0)


def compare_closings(
    bench: ClosingBench,
    sample: PathSample,
    policies: Sequence[ClosingPolicy],
    *,
    progress: Progress | None = None,
) -> PolicyTable:
    """Run every policy on the same paths.

    Raises
    ------
    InputError
        If there are no policies, or two have one name.
    """
    names = [policy.name for policy in policies]
    if not names or len(set(names)) < len(names):
        rule = "must be at least one policy, each with a name of its own"
        raise InputError("policies", names, rule, "Name each policy")
    paths = CascadePaths(sample.returns, volatility=sample.volatility)
    years = sample.returns.shape[1] * (bench.bar / YEAR)
    interest = bench.book.open_interest
    rows, costs = [], np.empty((len(names), sample.paths, len(COSTS)))
    for number, policy in enumerate(policies):
        if progress is not None:
            progress(policy.name, number, len(names))
        found = run_policy(
            bench.book, bench.depth, policy, paths, terms=bench.terms, threads=bench.threads
        )
        costs[number] = np.column_stack([found.of(name) for name in COSTS]) / (interest * years)
        rows.append({"policy": policy.name, **_described(found)})
    table = pd.DataFrame(rows).set_index("policy")
    totals = 1e4 * costs @ bench.weights
    for at, name in enumerate(COSTS):
        table[name] = 1e4 * costs[:, :, at].mean(axis=1)
    table["total"] = totals.mean(axis=1)
    draws = block_rows(sample.paths, sample.block, bench.seed)
    table["total_low"], table["total_high"] = _bands(totals, draws)
    debts = _bands(1e4 * costs[:, :, 0], draws)
    table["bad_debt_low"], table["bad_debt_high"] = debts
    against = totals - totals[:1]
    table["against"] = against.mean(axis=1)
    table["against_low"], table["against_high"] = _bands(against, draws)
    first = ["bad_debt", "bad_debt_low", "bad_debt_high", "owners_cost", "missed"]
    first += [f"{name}{end}" for name in ("total", "against") for end in ("", "_low", "_high")]
    table = table[[*first, *(c for c in table.columns if c not in first)]]
    return PolicyTable(sample, tuple(policies), costs, table)


def block_rows(count: int, block: int, seed: int, draws: int = DRAWS) -> npt.NDArray[np.int32]:
    """How often each of ``count`` neighbours is drawn, (draws, count): a circular block bootstrap.

    Politis and Romano (1992).
    """
    block = min(block, count)
    generator = np.random.Generator(np.random.PCG64(seed))
    starts = generator.integers(0, count, size=(draws, -(-count // block)))
    found = np.zeros((draws, count), dtype=np.int32)
    for draw in range(draws):
        rows = ((starts[draw][:, None] + np.arange(block)) % count).ravel()[:count]
        found[draw] = np.bincount(rows, minlength=count)
    return found


def _bands(values: Array, draws: npt.NDArray[np.int32]) -> tuple[Array, Array]:
    """Ends of the band of each row's mean, values (rows, paths)."""
    means = values @ draws.T / values.shape[1]
    tail = 0.5 * (1.0 - LEVEL)
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=1)
    return low, high


def _described(found: ClosingOutcome) -> dict[str, float]:
    touched, notional = float(found.of("touched").sum()), float(found.of("closed_notional").sum())
    deeper = np.maximum(
        found.of("lowest_market") - found.of("lowest_price"),
        found.of("highest_price") - found.of("highest_market"),
    )
    worst = np.sort(deeper)[-max(int(WORST * found.paths), 1) :]
    per_path = found.open_interest * found.paths
    return {
        "unfair": float(found.of("unfair").sum()) / notional if notional else float("nan"),
        "forced": float(found.of("forced").sum()) / touched if touched else float("nan"),
        "deeper": float(worst.mean()),
        "closed": notional / per_path,
        "unclosed": float(found.of("unclosed").sum()) / per_path,
    }
