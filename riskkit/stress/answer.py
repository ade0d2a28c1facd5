"""The whole answer on a venue under stress: criticality, losses on paths, scenarios, the cap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.stress.cap import InterestCap, interest_cap, stress_displacement
from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import StressPaths, run_paths
from riskkit.stress.scenarios import SCENARIOS, Scenario, run_scenario
from riskkit.stress.terms import StressedVenue
from riskkit.study.study import Study
from riskkit.venue.cascade import FollowingMargin, VenueOutcome
from riskkit.venue.criticality import RUN, Criticality, criticality

QUANTILES = (0.5, 0.9, 0.99, 0.999)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class VenueStress:
    """What a venue under stress comes to.

    Attributes
    ----------
    study : Study
    venue : StressedVenue
    world : World
    run : Run
    critical : mapping of Side to Criticality
    paths : StressPaths
    cap : InterestCap
    scenarios : tuple of (Scenario, VenueOutcome)
    margin : FollowingMargin or None
        A margin that moves, and binds open positions.
    at_constant_margin : StressPaths or None
        The same paths at the accounts' own margins, where one moves.
    """

    study: Study = field(repr=False)
    venue: StressedVenue
    world: World = field(repr=False)
    run: Run
    critical: Mapping[Side, Criticality]
    paths: StressPaths
    cap: InterestCap
    scenarios: tuple[tuple[Scenario, VenueOutcome], ...]
    margin: FollowingMargin | None = None
    at_constant_margin: StressPaths | None = None

    def run_side(self) -> Side | None:
        """A side whose n reaches 1 up to the stress move at crash depth, which is a run."""
        for side, found in self.critical.items():
            if found.peak(stress_displacement(self.venue.move, side)) >= RUN:
                return side
        return None

    def refuse_a_run(self) -> None:
        """Refuse to make numbers for a venue out of a book that runs.

        Raises
        ------
        InputError
        """
        side = self.run_side()
        if side is None:
            return
        found = self.critical[side]
        n = found.peak(stress_displacement(self.venue.move, side))
        raise InputError(
            "book",
            f"n = {n:.2f} on the {side.value} side",
            f"runs at crash depth for moves up to {self.venue.move:.0%}: whatever margin it had, "
            "one sale would trigger more than itself, and no average of that is a number to export",
            f"Lower open interest to {self.cap.branching:,.6g}, leverage, or the weight of the own "
            "book in the mark",
        )

    def criticality_table(self) -> pd.DataFrame:
        """N by displacement and side."""
        parts = [
            found.table().assign(side=side.value).set_index(["side", "move"])
            for side, found in self.critical.items()
        ]
        whole = pd.concat(parts)
        return whole if self.margin is not None else whole.drop(columns="crash_by_margin")

    def loss_table(self) -> pd.DataFrame:
        """Losses on paths: quantiles and shortfall, of open interest, and what they did."""
        losses = self.paths.losses / self.paths.open_interest
        rows = [(f"{q:.1%} quantile", float(np.quantile(losses, q))) for q in QUANTILES]
        tail = np.sort(losses)[-max(len(losses) // 100, 1) :]
        rows.append(("mean of the worst 1 %", float(tail.mean())))
        rows.append(("worst path", float(losses.max())))
        return pd.DataFrame(rows, columns=["loss", "of_open_interest"]).set_index("loss")

    def margin_table(self) -> pd.DataFrame | None:
        """What the moving margin does by itself; None where the margin is constant."""
        if self.at_constant_margin is None:
            return None
        rows = []
        for name, paths in (("moving", self.paths), ("constant", self.at_constant_margin)):
            closures = float(paths.of("closures").sum())
            worst = np.sort(paths.losses)[-max(paths.paths // 100, 1) :]
            rows.append(
                {
                    "margin": name,
                    "closures_per_path": closures / paths.paths,
                    "by_the_requirement_alone": float(paths.of("by_requirement").sum())
                    / max(closures, 1.0),
                    "mean_loss": float(paths.losses.mean()) / paths.open_interest,
                    "loss_of_worst_hundredth": float(worst.mean()) / paths.open_interest,
                    "fund_used_up": float(paths.used_up.mean()),
                }
            )
        return pd.DataFrame(rows).set_index("margin")

    def scenario_table(self) -> pd.DataFrame:
        """What the scenarios came to."""
        rows = []
        for scenario, found in self.scenarios:
            down = scenario.move < 0.0
            name = "lowest_price" if down else "highest_price"
            rows.append(
                {
                    "scenario": scenario.name,
                    "market": scenario.move,
                    "price": float(np.expm1(found.of(name)[0])),
                    "closed": float((found.of("sold") + found.of("bought"))[0])
                    / found.open_interest,
                    "lost": float(found.lost[0]),
                    "deleveraged": float(found.of("deleveraged")[0]) / found.open_interest,
                    "unclosed": float(found.of("unclosed")[0]) / found.open_interest,
                }
            )
        return pd.DataFrame(rows).set_index("scenario")

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values; owners are hashes."""
        venue, cap = self.venue, self.cap
        side, moving = self.run_side(), self.margin_table()
        return {
            "kind": "venue-stress",
            "title": self.study.title,
            "asset": self.study.data.asset,
            "as_of_date": self.study.as_of.isoformat(),
            "run": None if side is None else side.value,
            "book": {
                "accounts": venue.book.size,
                "sides": _records(venue.book.summary()),
                "left_out_accounts": venue.left_out,
                "left_out_notional": venue.left_out_interest,
                "live_bad_debt": venue.live_bad_debt,
                "notes": list(venue.notes),
            },
            "stress_move_fraction": venue.move,
            "criticality": _records(self.criticality_table()),
            "largest_accounts": {
                s.value: _records(found.largest) for s, found in self.critical.items()
            },
            "open_interest_cap": {
                "open_interest": cap.interest,
                "by_branching": _finite(cap.branching),
                "by_loss_budget": _finite(cap.loss_budget),
                "by_attack": None if cap.attack is None else _finite(cap.attack),
                "cap": _finite(cap.cap),
                "binding": cap.binding.value,
                "above_cap": cap.above,
                "used_up_share_of_paths": cap.depleted,
                "used_up_share_allowed": cap.allowed,
                "paths_expected_at_the_budget": cap.hits,
            },
            "paths": self.paths.paths,
            "bars": self.paths.bars,
            "seed": self.run.seed,
            "losses_of_open_interest": _records(self.loss_table()),
            "scenarios": _records(self.scenario_table()),
            "moving_margin": None if moving is None else _records(moving),
            "study": self.study.model_dump(mode="json"),
        }


def stress_venue(
    posed: PosedVenue,
    *,
    scenarios: tuple[Scenario, ...] = SCENARIOS,
    attack_cap: float | None = None,
    progress: Progress | None = None,
) -> VenueStress:
    """Answer for a venue under stress.

    Parameters
    ----------
    posed : PosedVenue
        Of `riskkit.stress.open.pose_venue`.
    attack_cap : float, optional
        Open interest of a side with which no attack on the price pays, of `riskkit.attack`.

    Raises
    ------
    InputError
    """
    tell = progress or (lambda stage, done, total: None)
    study, venue, world, run = posed.study, posed.venue, posed.world, posed.run
    margin = posed.margin
    critical = {}
    for side in Side:
        if (venue.book.side == side.sign).any():
            move = stress_displacement(venue.move, side)
            critical[side] = criticality(
                venue.book, venue.depth, venue.engine, side, most=max(0.5, move), margin=margin
            )
    tell("paths", 0, 1)
    paths = run_paths(venue, world, run, margin=margin)
    constant = None if margin is None else run_paths(venue, world, run)
    tell("paths", 1, 1)
    found = tuple((scenario, run_scenario(venue, scenario)) for scenario in scenarios)
    tell("cap", 0, 1)
    cap = replace(interest_cap(venue, world, run, margin), attack=attack_cap)
    tell("cap", 1, 1)
    return VenueStress(study, venue, world, run, critical, paths, cap, found, margin, constant)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    flat = table.reset_index() if table.index.names[0] is not None else table
    return [{str(k): _plain(v) for k, v in row.items()} for row in flat.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _finite(float(value))
    return value
