"""A calibration as a decision: what to set, what it rests on, and what nobody looked at."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from riskkit.calibration.evidence import LOAN_COLUMNS, PERPETUAL_COLUMNS, published
from riskkit.calibration.result import Calibration, CoverageEvidence, Recommendation
from riskkit.parameters.file import ParameterFile
from riskkit.proof.assessment import AssessedSide, Assessment, Judgement
from riskkit.study.inside import inside_words
from riskkit.study.scope import crash_market
from riskkit.units import duration
from riskkit.validation.coverage import TrafficLight
from riskkit.validation.crashes import AT_EXTREME, CrashLedger, crash_ledger
from riskkit.validation.judging import NAMES

#: Words of regulators beside those of this page, and where each is from.
GLOSSARY: tuple[tuple[str, str, str], ...] = (
    (
        "maintenance margin",
        "initial margin",
        "What a loss over the margin period of risk exceeds with a stated probability only: EMIR "
        "RTS 153/2013 article 24, CPMI-IOSCO principle 6.",
    ),
    (
        "initial margin less maintenance margin",
        "none",
        "Room for the owner to react before the position is closed. A clearing house calls margin "
        "from a member instead.",
    ),
    (
        "margin period of risk",
        "liquidation period",
        "From the last good price to the close-out. RTS 153/2013 article 26 counts it in days; no "
        "rule that counts days is met by a period of hours or minutes.",
    ),
    (
        "1 - liquidation threshold",
        "haircut",
        "What is taken off the value of collateral: RTS 153/2013 article 41.",
    ),
    (
        "buffer, stress weight, floor",
        "tools against procyclicality",
        "RTS 153/2013 article 28: a quarter on top, a quarter of weight on stress, ten years.",
    ),
    (
        "bad debt",
        "loss beyond margin",
        "What the account cannot pay, and the fund behind it (the default fund) must.",
    ),
)


def decision_words(
    c: Calibration, parameters: ParameterFile, beside: Assessment | None = None
) -> tuple[str, ...]:
    """The decision in sentences: what to set, why that much, how it fared, for how long.

    Parameters
    ----------
    beside : Assessment, optional
        What runs today, so that the change is said.
    """
    found = [u.words for u in c.unserved]
    if c.recommended:
        found = [_set_words(c), *_why_words(c), *found, _promise_words(c)]
        found += [_evidence_words(c, e) for e in c.evidence]
    if beside is not None:
        found += [_change_words(s) for s in beside.sides]
    h = parameters.header
    limit = h.expires_above_sigma_next_bar_fraction
    above = "" if limit is None else f", or until sigma of the next bar exceeds {limit:.2%}"
    if c.is_historical_example:
        found.append(
            f"The prices end {c.data_age_days} days before {c.study.as_of}: this shows a method, "
            "and is no decision on today."
        )
    else:
        found.append(f"The numbers hold to {h.valid_until_date}{above}; calibrate again then.")
    return tuple(found)


def _set_words(c: Calibration) -> str:
    if c.study.is_loan:
        (r, *_) = c.recommended
        bonus = c.question.venue.bonus
        return (
            f"Set the liquidation threshold to {r.limits.trigger.value:.2%} and the largest "
            f"loan-to-value to {r.limits.opening.value:.2%}, at a liquidation bonus of {bonus:.2%}."
        )
    strict = _sides((r, f"{r.limits.trigger.value:.2%}") for r in c.recommended)
    lenient = _sides(
        (r, f"{r.limits.opening.value:.2%} (at most {r.limits.max_leverage:.1f}x)")
        for r in c.recommended
    )
    return f"Set maintenance margin to {strict}, and initial margin to {lenient}."


def _sides(pairs: Iterable[tuple[Recommendation, str]]) -> str:
    return " and ".join(f"{words} for {r.side.value}s" for r, words in pairs)


def _why_words(c: Calibration) -> Iterable[str]:
    reasons = {r.side.value: _why(c, r) for r in c.recommended}
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        return (f"Both numbers are {next(iter(reasons.values()))}.",)
    return tuple(f"The {side}'s number is {reason}." for side, reason in reasons.items())


def _why(c: Calibration, r: Recommendation) -> str:
    if r.floored:
        return "the floor, from the volatility of the whole history"
    if r.measured is not None and r.measured.decided:
        return f"as large as it is for {NAMES[r.measured.binding]}, over accounts"
    band = f"{r.point.trigger.low:.2%} to {r.point.trigger.high:.2%}"
    state = c.study.simulation.start_state.value
    return f"the safe end of its 90 % band ({band}) from the state “{state}”"


def _promise_words(c: Calibration) -> str:
    target = c.study.targets.default_given_liquidation_probability
    horizon = duration(c.periods.holding_horizon.requested)
    parts = []
    for r in c.recommended:
        o = r.outcome
        if o.never_liquidated:
            parts.append(f"no {r.side.value} was liquidated on any path")
        else:
            most = float(o.default_given_liquidation.high)
            parts.append(f"at most {most:.2%} of liquidated {r.side.value}s default")
    return f"Simulated for {horizon}, {' and '.join(parts)} (target {target:.2%})."


def _evidence_words(c: Calibration, e: CoverageEvidence) -> str:
    rejected = [t.name for t in e.tests if t.rejected and not isinstance(t, TrafficLight)]
    judged = f"rejected by {' and '.join(rejected)}" if rejected else "not rejected by any test"
    target = c.study.targets.default_given_liquidation_probability
    return (
        f"Out of sample the {e.side.value}'s tail was exceeded {e.exceptions:,} times in "
        f"{e.evaluated:,} periods ({e.exceptions / e.evaluated:.2%}, {target:.2%} asked: "
        f"{judged}), and the margin that would have been in force {_times(e.breaches)}."
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")


def _change_words(s: AssessedSide) -> str:
    (name, live), (_, theirs) = s.live.values[0], s.recommended.values[0]
    size = f" from {s.notional:,.0f}" if s.notional else ""
    gap = 100.0 * (theirs - live)
    change = "as it is" if abs(gap) < 0.005 else f"{gap:+.2f} points"
    meets = "meets its target" if s.defaults is Judgement.MEETS else s.defaults.value
    return (
        f"What runs today ({s.market}{size}, {s.side.value}: {name.replace('_', ' ')} {live:.2%}) "
        f"{meets}; the recommendation is {change}."
    )


def crash_record(c: Calibration) -> CrashLedger | None:
    """What the requirement, published from the bars before only, did in each named crash.

    Margins are MM, or 1 - LT for a loan. None where nothing was held to what came.
    """
    venue, parts = c.question.venue, []
    for side in c.served:
        rows = published(c.question, c.dynamic, side, c.loading[side])
        rows = rows[rows["not_evaluated"] == ""]
        strict = (LOAN_COLUMNS if venue.is_loan else PERPETUAL_COLUMNS)[0]
        table = pd.DataFrame(
            {
                "side": rows["side"],
                "start": rows["origin"],
                "target": rows["target"],
                "loss": rows["realised_loss"],
                "needed": venue.requirement(rows["needed"].to_numpy()),
                "margin": venue.requirement(rows[strict].to_numpy()),
            }
        )
        if AT_EXTREME in rows:
            table[AT_EXTREME] = venue.requirement(rows[AT_EXTREME].to_numpy())
        parts.append(table)
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if whole.empty:
        return None
    return crash_ledger(whole, crash_market(c.study.data, c.history.calendar))


def unseen_words(c: Calibration, record: CrashLedger | None) -> tuple[str, ...]:
    """What the numbers do not know, each in a sentence."""
    p, data = c.periods, c.history.provenance
    ranges = c.question.ranges
    inside = inside_words(ranges)
    found = [f"Inside a bar of {duration(p.bar)}: {inside}."]
    if record is not None and record.outside:
        named = ", ".join(event.name for event, _ in record.outside)
        found.append(
            f"Crashes of this kind of market that lie outside the evaluated span: {named}."
        )
    if any(r.outcome.beyond_data for r in c.recommended):
        found.append(
            "Simulated shocks are resampled from this history: no single one is larger than the "
            "worst that it holds."
        )
    for r in c.recommended:
        if r.outcome.never_liquidated:
            found.append(f"No simulated {r.side.value} was liquidated: P(default | liq.) is open.")
    if data.dropped:
        found.append(f"{len(data.dropped):,} rows of the price file were dropped and are named.")
    found.append(
        "One position in a market that it does not move: accounts that are closed together, and "
        "the depth they are closed into (riskkit stress); several positions in one account "
        "(riskkit portfolio); who pays when accounts cannot (riskkit fund)."
    )
    found.append(
        "A price that somebody moves on purpose (riskkit attack), and an oracle or a chain that "
        "stops for longer than the study says."
    )
    found.append(
        "What no price history shows: a broken peg or an issuer's default of the settlement coin, "
        "faults in contracts, custody, and whether a claim on collateral holds in law."
    )
    return tuple(found)
