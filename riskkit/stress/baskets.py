"""Accounts that hold several assets under stress: perpetuals, or loans of several collaterals.

The same rule as for accounts of one asset, by a scan of all of them in every bar
(`riskkit.venue.cross_margin`, `riskkit.venue.basket_loans`). Joint paths are those of the study's
dependence. Beside them stand the same paths where closing moves no price, and scenarios: everything
falls or rises, and each asset falls alone.

Where several books are sold, one asset's sales trigger the sales of another: ``G[a, b]`` is what is
sold of a within one unit of the log price of b, and the branching ratio is the spectral radius of
``G`` times each asset's log price per unit sold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import panel_world
from riskkit.calibration.question import run_of
from riskkit.errors import DataError, InputError
from riskkit.paths.joint import simulate_joint_paths
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.stress.book_file import numbers_of, read_frame, refuse_rows
from riskkit.stress.terms import loan_terms
from riskkit.study.book import AccountsTable, StressSection
from riskkit.study.depth import OrderBookTable
from riskkit.study.lending import LendingSection
from riskkit.study.panel import PanelCase
from riskkit.study.study import Study
from riskkit.study.terms import bonus_of
from riskkit.venue.basket_loans import BasketBook, run_basket_loans
from riskkit.venue.cross_margin import CrossDepth, run_cross_margin
from riskkit.venue.loan_engine import LoanEngine

Array = npt.NDArray[np.float64]

#: Paths that are held at once, and step of a log price over which sales are counted.
BLOCK, STEP = 500, 0.01
#: Common moves at which the branching ratio is told.
MOVES = (0.02, 0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class BasketVenue:
    """A venue of several assets that is to be stressed; who is liquidatable already is left out.

    Attributes
    ----------
    study : Study
    assets : tuple of str
    cash : ndarray (N,)
        Of perpetuals; the debt, below 0, of loans.
    value : ndarray (N, assets)
        Signed, at the opening.
    rate : ndarray (assets,)
        Maintenance margin; of loans the threshold.
    bonus : ndarray (assets,)
    depth : CrossDepth
    engine : LoanEngine or None
        None of perpetuals.
    world : World
    run : Run
    bars : int
    thickness : float
        Depth in a crash, of the calm one.
    notes : tuple of str
    """

    study: Study = field(repr=False)
    assets: tuple[str, ...]
    cash: Array = field(repr=False)
    value: Array = field(repr=False)
    rate: Array
    bonus: Array
    depth: CrossDepth
    engine: LoanEngine | None
    world: World = field(repr=False)
    run: Run
    bars: int
    thickness: float
    notes: tuple[str, ...] = ()

    @property
    def gross(self) -> float:
        """Gross value of all positions, or of all collateral."""
        return float(np.abs(self.value).sum())

    def health(self, log_price: Array) -> Array:
        """Health of every account at log prices (assets,): at or below 0 it is liquidated."""
        price = np.exp(log_price)
        if self.engine is not None:
            return np.asarray(self.cash + (self.value * price) @ self.rate)
        worth = self.value * price
        return np.asarray(self.cash + worth.sum(axis=1) - np.abs(worth) @ self.rate)

    def ran(self, returns: Array, *, still: bool = False, thickness: float = 1.0) -> pd.DataFrame:
        """Outcomes along joint returns (paths, bars, assets), a row a path.

        Parameters
        ----------
        still : bool
            Whether closing moves no price.
        thickness : float
            Depth throughout, of the calm one.
        """
        slopes = self.depth.slopes * (0.0 if still else 1.0 / thickness)
        depth = self.depth._replace(slopes=slopes)
        threads = self.run.threads
        if self.engine is None:
            found = run_cross_margin(
                self.cash,
                self.value,
                self.rate,
                returns,
                slopes,
                mark_weight=depth.mark_weight,
                permanent_share=depth.permanent,
                refill_bars=_half_life(depth.refill),
                threads=threads,
            )
            names = ("closures", "bad_debt", "sold")
            return pd.DataFrame({name: found.of(name) for name in names})
        book = BasketBook(-self.cash, np.ascontiguousarray(self.value.T), self.rate, self.bonus)
        lent = run_basket_loans(book, returns, depth, self.engine, threads=threads)
        columns = {
            name: lent.of(name)
            for name in ("closures", "bad_debt", "sold", "keepers", "given_up", "unclosed")
        }
        columns |= {f"seized {name}": lent.seized[:, i] for i, name in enumerate(self.assets)}
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class BasketStress:
    """What a venue of several assets comes to.

    Attributes
    ----------
    venue : BasketVenue
    branching : DataFrame
        n by a common fall and rise of all assets, at calm and at crash depth.
    paths : DataFrame
        Outcomes a row a path.
    still : DataFrame
        The same paths where closing moves no price.
    scenarios : DataFrame
        Outcomes by name, at crash depth.
    """

    venue: BasketVenue
    branching: pd.DataFrame = field(repr=False)
    paths: pd.DataFrame = field(repr=False)
    still: pd.DataFrame = field(repr=False)
    scenarios: pd.DataFrame = field(repr=False)

    @property
    def runs(self) -> bool:
        """Whether n reaches one at crash depth within the stress move."""
        stress = self.venue.study.stress or StressSection()
        near = self.branching.index.get_level_values("move") <= stress.move_fraction
        return bool((self.branching["crash"][near] >= 1.0).any())

    def loss_table(self) -> pd.DataFrame:
        """Means and the worst hundredth over paths, with the cascade and without."""
        rows = {}
        for name in self.paths.columns:
            x, calm = self.paths[name], self.still[name]
            rows[name] = {
                "mean": float(x.mean()),
                "worst_hundredth": float(np.quantile(x, 0.99)),
                "mean_if_still": float(calm.mean()),
                "worst_if_still": float(np.quantile(calm, 0.99)),
            }
        return pd.DataFrame(rows).T.rename_axis("outcome")

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values; no account is named."""
        venue = self.venue
        return {
            "kind": "accounts-stress",
            "title": venue.study.title,
            "as_of_date": venue.study.as_of.isoformat(),
            "assets": list(venue.assets),
            "accounts": int(venue.cash.size),
            "gross": venue.gross,
            "notes": list(venue.notes),
            "runs": self.runs,
            "branching": self.branching.reset_index().to_dict(orient="records"),
            "losses": self.loss_table().reset_index().to_dict(orient="records"),
            "scenarios": self.scenarios.reset_index().to_dict(orient="records"),
            "paths": len(self.paths),
            "bars": venue.bars,
            "seed": venue.run.seed,
            "study": venue.study.model_dump(mode="json"),
        }


def pose_baskets(case: PanelCase, folder: str | Path, *, threads: int = 1) -> BasketVenue:
    """Read a study's accounts of several assets, and fit its joint world.

    Raises
    ------
    InputError, DataError
        If the study or its file break a rule; rows by their number.
    """
    study, panel = case.study, case.panel
    table, depth = study.book, study.depth
    if not isinstance(table, AccountsTable) or not isinstance(depth, OrderBookTable):
        raise InputError(
            "depth.kind, book.kind",
            (getattr(depth, "kind", None), getattr(table, "kind", None)),
            "must be order-book and accounts: several assets are closed into linear depth",
            "Give [depth] of kind order-book, and [book] of kind accounts; docs/venue.md",
        )
    if depth.exponent != 1.0:
        rule = "must be 1: several assets are closed into linear depth"
        raise InputError("depth.exponent", depth.exponent, rule, "Leave it out")
    names = tuple(panel.names)
    depths = {study.data.asset: depth.at_one_percent_notional, **table.at_one_percent_notional}
    slopes = 0.01 / _by_asset(depths, names, "at_one_percent_notional")
    cash, value = _read_accounts(Path(folder) / table.file, panel.last_closes, study.is_loan)
    if study.is_loan:
        rate = _by_asset(table.threshold_fraction, names, "threshold_fraction")
        own = dict.fromkeys(names, bonus_of(study.position))
        bonus = _by_asset({**own, **table.bonus_fraction}, names, "bonus_fraction")
        engine = loan_terms(study.lending or LendingSection(), bonus_of(study.position))
    else:
        rate = _by_asset(table.maintenance_fraction, names, "maintenance_fraction")
        bonus, engine = np.zeros(len(names)), None
    seconds = panel.bar.total_seconds()
    refill = depth.refill_seconds / seconds
    kept = 0.0 if refill == 0.0 else math.exp(-math.log(2.0) / refill)
    run = run_of(study, threads).stream(Stream.OUTCOME)
    paths = (study.stress or StressSection()).paths
    venue = BasketVenue(
        study,
        names,
        cash,
        value,
        rate,
        bonus,
        CrossDepth(slopes, kept, depth.permanent_fraction, depth.mark_weight_fraction),
        engine,
        panel_world(case),
        replace(run, paths=min(paths, run.paths)),
        study.periods(panel.bar).holding_horizon.bars,
        depth.crash_depth_fraction,
    )
    gone = venue.health(np.zeros(len(names))) <= 0.0
    if gone.all():
        raise InputError(
            "book",
            f"{gone.size} accounts",
            "are all liquidatable at the last prices already",
            "Check equity or debt, and that quantities are in units of the asset",
        )
    notes = [f"{len(names)} assets, {int((~gone).sum()):,} accounts, closed in full by a scan"]
    if engine is not None:
        notes = [f"{len(names)} collaterals, {int((~gone).sum()):,} loans"]
    if gone.any():
        missing = -np.minimum(cash[gone] + value[gone].sum(axis=1), 0.0).sum()
        notes.append(
            f"liquidatable already, and left out: {int(gone.sum())} accounts, bad debt "
            f"{float(missing):,.0f}"
        )
    if venue.run.paths < paths:
        notes.append(f"{venue.run.paths:,} paths: simulation.paths is less than stress.paths")
    return replace(venue, cash=cash[~gone], value=value[~gone], notes=tuple(notes))


def stress_baskets(venue: BasketVenue) -> BasketStress:
    """Run a venue of several assets along joint paths and through scenarios.

    Raises
    ------
    InputError
    """
    found, still = [], []
    for first in range(0, venue.run.paths, BLOCK):
        count = min(BLOCK, venue.run.paths - first)
        run = venue.run.with_paths(count)
        logs = simulate_joint_paths(venue.world, run, bars=venue.bars, first_path=first)
        moves = np.diff(logs, axis=1, prepend=0.0)
        returns = np.ascontiguousarray(np.transpose(moves, (2, 1, 0)))
        found.append(venue.ran(returns))
        still.append(venue.ran(returns, still=True))
    return BasketStress(
        venue,
        branching_table(venue),
        pd.concat(found, ignore_index=True),
        pd.concat(still, ignore_index=True),
        _scenarios(venue),
    )


def _scenarios(venue: BasketVenue) -> pd.DataFrame:
    move = (venue.study.stress or StressSection()).move_fraction
    many = len(venue.assets)
    tried = {
        f"everything falls by {move:.0%}": np.full(many, -move),
        f"everything rises by {move:.0%}": np.full(many, move),
    }
    for i, name in enumerate(venue.assets):
        alone = np.zeros(many)
        alone[i] = -move
        tried[f"{name} falls by {move:.0%} alone"] = alone
    rows = []
    for name, simple in tried.items():
        bars = np.repeat(np.log1p(simple)[None, None, :] / 10.0, 10, axis=1)
        ran = venue.ran(np.ascontiguousarray(bars), thickness=venue.thickness)
        rows.append({"scenario": name, **{k: float(v) for k, v in ran.iloc[0].items()}})
    return pd.DataFrame(rows).set_index("scenario")


def branching_table(venue: BasketVenue) -> pd.DataFrame:
    """Branching ratios by common moves of all assets, at calm and at crash depth."""
    rows = []
    for sign, side in ((-1.0, "fall"), (1.0, "rise")):
        for move in MOVES:
            n = branching(venue, sign * move)
            row = {"side": side, "move": move, "calm": n, "crash": n / venue.thickness}
            rows.append(row)
    return pd.DataFrame(rows).set_index(["side", "move"])


def branching(venue: BasketVenue, move: float) -> float:
    """The branching ratio after a simple move of all assets: a spectral radius, at calm depth.

    What is sold of each asset within a further step of the log price of each; a loan sells its
    close factor, of all its collaterals alike.
    """
    many = len(venue.assets)
    at = np.full(many, math.log1p(move))
    # just short of here, so that who is triggered by the next step is counted whole
    open_now = venue.health(at) > 0.0
    sign = 1.0 if move > 0.0 else -1.0
    share = 1.0 if venue.engine is None else venue.engine.close_factor
    density = np.zeros((many, many))
    for b in range(many):
        beyond = at.copy()
        beyond[b] += sign * STEP
        hit = open_now & (venue.health(beyond) <= 0.0)
        density[:, b] = share * np.abs(venue.value[hit].sum(axis=0)) / STEP
    matrix = density * (venue.depth.slopes * venue.depth.mark_weight)[None, :]
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _by_asset(given: dict[str, float], names: tuple[str, ...], key: str) -> Array:
    unknown = sorted(set(given) - set(names))
    missing = [name for name in names if name not in given]
    if unknown or missing:
        raise InputError(
            f"book.{key}",
            ", ".join(unknown or missing),
            f"must be given for each asset of the study, and no other: {', '.join(names)}",
            "Add what is missing, take off what is not of the study",
        )
    return np.array([given[name] for name in names])


def _read_accounts(path: Path, prices: pd.Series, is_loan: bool) -> tuple[Array, Array]:
    """Cash (N,) and value (N, assets) of the accounts in a file, at the last closes."""
    amount = "debt" if is_loan else "equity"
    frame = read_frame(path, "book.file")
    for name in ("account", "asset", "quantity", amount):
        if name not in frame.columns:
            raise DataError(
                "book.file",
                f"no column {name}",
                f"accounts of several assets need account, asset, quantity and {amount}",
                f"Add it; the file has {', '.join(map(str, frame.columns[:8]))}",
            )
    if frame.empty:
        raise DataError("book.file", "no rows", "must hold a position", "Export it again")
    names = [str(name) for name in prices.index]
    known = frame["asset"].astype(str).isin(names).to_numpy(bool)
    refuse_rows(frame, "asset", ~known, f"must be an asset of the study: {', '.join(names)}")
    units = numbers_of(frame, "quantity", positive=is_loan)
    said = pd.to_numeric(frame[amount], errors="coerce")
    given = frame[amount].notna() & (frame[amount].astype(str).str.strip() != "")
    refuse_rows(frame, amount, (given & said.isna()).to_numpy(bool), "must be a number")
    owner, who = pd.factorize(frame["account"].astype(str))
    per = pd.DataFrame({"owner": owner, "said": said}).groupby("owner")["said"]
    amounts = per.max().to_numpy(np.float64)
    lacking = np.isnan(amounts) | (per.min().to_numpy(np.float64) != amounts)
    if lacking.any():
        at = frame["account"].astype(str) == str(who[int(np.argmax(lacking))])
        refuse_rows(
            frame, amount, at.to_numpy(bool), f"must be one {amount} of the account, on some row"
        )
    value = np.zeros((len(who), len(names)))
    column = frame["asset"].astype(str).map({name: i for i, name in enumerate(names)})
    price = prices.to_numpy(np.float64)[column.to_numpy()]
    np.add.at(value, (owner, column.to_numpy()), units * price)
    if is_loan:
        bad = amounts <= 0.0
        refuse_rows(frame, amount, bad[owner], "must be a positive number")
        return -amounts, value
    return amounts - value.sum(axis=1), value


def _half_life(kept: float) -> float:
    return 0.0 if kept == 0.0 else -math.log(2.0) / math.log(kept) if kept < 1.0 else math.inf
