"""From a parameter file to a venue's text: sides combined, status checked, then the exporter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.formats.calibrated import (
    CalibratedCollateral,
    CalibratedPerpetual,
    SlippageLadder,
    with_ladder,
)
from riskkit.formats.format import VenueFormat
from riskkit.parameters.file import Loan, ParameterFile, Perpetual
from riskkit.position import Side
from riskkit.proof.recheck import Effective, EffectiveOutcome, missed, simulate_effective
from riskkit.study.terms import flat_cost, penalty_of
from riskkit.venue.margin import initial_margin, maintenance_margin


def export_parameters(
    file: ParameterFile,
    venue: VenueFormat[Any, Any, Any],
    context: object,
    *,
    ladder: SlippageLadder | None = None,
    allow_historical: bool = False,
) -> str:
    """The recommendation of a parameter file, as canonical text of a venue's format.

    Parameters
    ----------
    file : ParameterFile
    venue : VenueFormat
        From `riskkit.formats.registry.venue`.
    context : object
        The venue's own context: ids, addresses and caps, from the user or a live file.
    ladder : SlippageLadder, optional
        Margins grow with position size by its costs (venues with tiers only).
    allow_historical : bool
        Export a file whose data are too old to set parameters from.

    Raises
    ------
    InputError
        If the file is a HISTORICAL EXAMPLE, has a side that no margin serves, is of the other kind,
        or the venue cannot hold it.
    """
    calibrated = calibrated_from(file, allow_historical=allow_historical)
    if not isinstance(calibrated, venue.calibrated):
        rule = f"must be {_noun(venue.calibrated)} for {venue.name}"
        remedy = "Choose a venue of this kind, or calibrate the other"
        raise InputError("study.position.kind", file.study.position.kind, rule, remedy)
    if ladder is not None:
        if not isinstance(calibrated, CalibratedPerpetual):
            rule = "is for perpetuals: loans have no margin tiers"
            raise InputError("ladder", f"{len(ladder.notional)} rungs", rule, "Leave it out")
        calibrated = with_ladder(calibrated, ladder, lambda s: margins_at_slippage(file, s))
    return venue.write(venue.export(calibrated, context))


def market_exported(
    venue: VenueFormat[Any, Any, Any], live: object | None, exported: object, name: str | None
) -> tuple[str, object]:
    """The market that an export is for, and a file that names it: the live one, or the exported.

    A context alone names it in the exported file, which then holds one market.
    """
    for value in (live, exported):
        names = [] if value is None else [row.market for row in venue.effective(value)]
        if name is None and len(set(names)) == 1:
            return names[0], value
        if name in names:
            return name, value
    return name or ", ".join(dict.fromkeys(names)), exported


def check_exported(
    file: ParameterFile,
    question: Question,
    rows: Sequence[Effective],
    *,
    ladder: SlippageLadder | None = None,
) -> tuple[EffectiveOutcome, ...]:
    """Simulate what will run; refuse what misses the target and is less safe than the file.

    Parameters
    ----------
    file : ParameterFile
        That ``question`` belongs to: see `riskkit.proof.recheck.missed`.
    rows : sequence of EffectiveMargins or EffectiveThresholds
        Of the exported market: what the venue's ``effective`` says of the written file.

    Raises
    ------
    InputError
        With the simulated probability and its interval, per side that misses.
    """
    outcomes = simulate_effective(question, rows, ladder=ladder)
    if not outcomes:
        raise InputError(
            "exported values",
            f"{len(rows)} rows of a long that is fully paid",
            "must allow leverage, or there is nothing to liquidate and nothing to prove",
            "Choose a venue that can hold the margins, or calibrate for a lower cost or delay",
        )
    wrong = missed(outcomes, file)
    if wrong:
        target = question.default_target
        raise InputError(
            "exported values",
            "; ".join(wrong),
            f"must meet the target of {target:.3%} as the venue will run them",
            "Calibrate for a stricter target (or with more paths, where the interval is wide), or "
            "choose another venue",
        )
    return outcomes


def check_historical(file: ParameterFile, *, allow_historical: bool) -> None:
    """Refuse a file whose data are too old to set parameters from, unless that is known.

    Raises
    ------
    InputError
    """
    header = file.header
    if header.status != "calibrated" and not allow_historical:
        rule = f"is from data {header.data_age_days} days old: it shows a method, not a margin"
        remedy = "Calibrate on fresh prices, or override it knowingly (allow_historical)"
        raise InputError("header.status", header.status, rule, remedy)


def calibrated_from(
    file: ParameterFile, *, allow_historical: bool = False
) -> CalibratedPerpetual | CalibratedCollateral:
    """The recommendation as one set of fractions: the larger margins, the smaller thresholds."""
    check_historical(file, allow_historical=allow_historical)
    _check_served(file)
    rows = file.parameters.recommended
    loans = [row for row in rows if isinstance(row, Loan)]
    if loans:
        return CalibratedCollateral(
            min(row.max_loan_to_value_fraction for row in loans),
            min(row.liquidation_threshold_fraction for row in loans),
            max(row.liquidation_bonus_fraction for row in loans),
        )
    perpetuals = _perpetuals(file)
    return CalibratedPerpetual(
        max(row.initial_margin_fraction for row in perpetuals),
        max(row.maintenance_margin_fraction for row in perpetuals),
    )


def _check_served(file: ParameterFile) -> None:
    """Refuse a file in which a side is not served: a venue quotes one number for both sides."""
    for unserved in file.parameters.sides_not_served:
        raise InputError(
            "parameters.sides_not_served",
            unserved.side,
            f"a venue quotes one number for both sides, and no margin serves this one: "
            f"{unserved.reason}",
            f"{unserved.remedy}; or calibrate for a venue of the other side alone "
            "(position.sides in the study)",
        )


def margins_at_slippage(file: ParameterFile, slippage: float) -> tuple[float, float]:
    """Initial and maintenance margin if closing out cost ``slippage`` instead of the assumed one.

    The recommended margin of each side, raised by what the further slippage costs at close-out;
    never lowered, since the recommendation may rest on a floor.
    """
    assumed_cost = flat_cost(file.study.liquidity)
    penalty = penalty_of(file.study.position)
    found = []
    for row in _perpetuals(file):
        side = Side(row.side)
        needed, assumed = (
            float(maintenance_margin(row.covered_loss_fraction, side, slippage=s, fee=penalty))
            for s in (max(slippage, assumed_cost), assumed_cost)
        )
        maintenance = row.maintenance_margin_fraction + needed - assumed
        initial = float(initial_margin(maintenance, row.excursion_fraction, side))
        found.append((max(initial, row.initial_margin_fraction), maintenance))
    return max(initial for initial, _ in found), max(maintenance for _, maintenance in found)


def _perpetuals(file: ParameterFile) -> list[Perpetual]:
    rows = [row for row in file.parameters.recommended if isinstance(row, Perpetual)]
    if not rows:
        rule = "must hold a recommendation"
        raise InputError("parameters.recommended", "nothing", rule, "Calibrate again")
    return rows


def _noun(kind: type) -> str:
    return "a perpetual" if kind is CalibratedPerpetual else "a loan"
