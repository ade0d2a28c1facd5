"""What an assessment says, in sentences that a risk team can pass on."""

from __future__ import annotations

from datetime import date

import pandas as pd

from riskkit.estimate import Array, Estimate
from riskkit.proof.assessment import NONE_SEEN, AssessedSide, Assessment, Judgement, Tested
from riskkit.units import duration

# A liquidation at more than 500 times the margin, or a threshold below a twentieth: no market runs
# so, and a file in the wrong unit looks so.
LEAST_INITIAL_MARGIN, LEAST_THRESHOLD = 0.002, 0.05

#: Quantities of `Assessment.table` as a person reads them.
NAMES = {
    "maintenance_margin": "MM",
    "initial_margin": "IM",
    "liquidation_threshold": "LT",
    "max_loan_to_value": "max LTV",
    "liquidation_bonus": "liquidation bonus",
    "liquidation": "P(liquidation)",
    "default_given_liquidation": "P(default | liq.)",
    "default": "P(default)",
    "liquidation_within_reaction_time": "P(liq. in time)",
    "expected_bad_debt": "bad debt, bps",
    "covered_periods": "periods covered",
    "worst_shortfall": "worst shortfall",
}


def quantity_rows(assessment: Assessment) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Per side of a live row: its title, and quantity, live, recommended, difference in percent."""
    table, found = assessment.table(), []
    for s in assessment.sides:
        size = f" from {s.notional:,.0f}" if s.notional else ""
        mine = (
            (table["market"] == s.market)
            & (table["notional"] == s.notional)
            & (table["side"] == s.side.value)
        )
        rows = []
        for _, row in table[mine].iterrows():
            scale = 1e4 if row["quantity"] == "expected_bad_debt" else 100.0
            missing = NONE_SEEN if row["note"] == NONE_SEEN else "refused"
            live, theirs, gap = (
                missing if pd.isna(row[name]) else f"{scale * row[name]:{form}}"
                for name, form in (("live", ".2f"), ("recommended", ".2f"), ("difference", "+.2f"))
            )
            rows.append((NAMES[row["quantity"]], live, theirs, gap))
        found.append((f"{s.market}{size}, {s.side.value}", rows))
    return found


def verdict(assessment: Assessment, side: AssessedSide) -> str:
    """How the live numbers of one side fare, and what they should be."""
    c = assessment.calibration
    loan = side.at_live_bonus is not None
    strict, lenient = ("LT", "max LTV") if loan else ("MM", "IM")
    names = [name for name, _ in side.live.values]
    p, targets = c.periods, c.study.targets
    size = f" from {side.notional:,.0f}" if side.notional else ""
    reaction = duration(p.reaction_time.requested)
    return (
        f"{side.market}{size}, {side.side.value}: "
        f"the live {strict} of {_of(side.live, names[0])} covers "
        f"{side.live.coverage.covered:.2%} of the periods of {p.margin_period_of_risk} bars of "
        f"{duration(p.bar)} ({_breaches(side)}). "
        f"{_defaulting(side.live)}: it "
        f"{_against(side.defaults, targets.default_given_liquidation_probability)}"
        f"{_rarely(side)}; "
        f"{_should(side, names[0], strict, side.defaults)}{_decided(side)}. "
        f"Opened at the live {lenient} of {_of(side.live, names[1])}, "
        f"{_interval(side.live.reaction.liquidation)} are liquidated within {reaction}: it "
        f"{_against(side.early, targets.liquidation_within_reaction_time_probability)}; "
        f"{_should(side, names[1], lenient, side.early)}."
        f"{_bonus(side)}"
    )


def _defaulting(live: Tested) -> str:
    if live.held.never_liquidated:
        return "No simulated position was liquidated at it, so that none could default"
    return (
        f"Of positions liquidated at it, {_interval(live.held.default_given_liquidation)} default"
    )


def doubts(assessment: Assessment) -> tuple[str, ...]:
    """Live numbers so far from any market's that the file's unit should be checked."""
    found = []
    for s in assessment.sides:
        values = dict(s.live.values)
        initial, threshold = values.get("initial_margin"), values.get("liquidation_threshold")
        if initial is not None and initial < LEAST_INITIAL_MARGIN:
            leverage = f"a leverage of {1.0 / initial:,.0f}"
            found.append(f"{s.market}: the live IM of {initial:.4%} is {leverage}")
        if threshold is not None and threshold < LEAST_THRESHOLD:
            found.append(f"{s.market}: the live LT is {threshold:.4%}")
    return tuple(dict.fromkeys(found))


def combined(assessment: Assessment) -> tuple[str, ...]:
    """Per row with two sides: the one pair of margins that serves both."""
    by_row: dict[tuple[str, float], list[Tested]] = {}
    for s in assessment.sides:
        by_row.setdefault((s.market, s.notional), []).append(s.recommended)
    return tuple(
        f"{market}{f' from {notional:,.0f}' if notional else ''}, one number for both sides: "
        f"MM {max(t.value('maintenance_margin') for t in tests):.2%}, "
        f"IM {max(t.value('initial_margin') for t in tests):.2%}"
        for (market, notional), tests in by_row.items()
        if len(tests) > 1
    )


def historical(as_of: date, age_days: int) -> str:
    """Why an assessment on old prices is no verdict on today."""
    return f"data ends {age_days} days before {as_of}: it shows a method, not today's risk"


def _of(t: Tested, name: str) -> str:
    return f"{100.0 * t.value(name):.6g} %"


def _interval(e: Estimate[Array]) -> str:
    bound = "at most " if bool(e.bound) else ""
    return f"{bound}{float(e.value):.2%} [{float(e.low):.2%}, {float(e.high):.2%}]"


def _against(judgement: Judgement, target: float) -> str:
    return judgement.value.replace("target", f"target of {100.0 * target:g} %")


def _breaches(side: AssessedSide) -> str:
    c = side.live.coverage
    crashes = c.ledger.rows
    broken = int((~crashes["covered"].astype(bool)).sum())
    named = (
        f"{broken} of {len(crashes)} named crashes" if len(crashes) else "none of 0 named crashes"
    )
    return f"losses beyond it in {c.breaches:,} of {c.periods:,}, and in {named}"


def _should(side: AssessedSide, name: str, label: str, judgement: Judgement) -> str:
    wanted, live = side.recommended.value(name), side.live.value(name)
    change = 100.0 * (wanted - live)
    points = f"{change:+.2f} points" if abs(change) >= 0.005 else "as it is"
    if judgement is Judgement.MISSES:
        return f"{label} should be {wanted:.2%} ({points})"
    return f"the recommendation is {wanted:.2%} ({points})"


def _decided(side: AssessedSide) -> str:
    """What the recommended MM or LT rests on; not said of one that is raised by a ladder's cost."""
    band = f"90 % band {side.band.low:.2%} to {side.band.high:.2%}"
    whose = "the floor, at the volatility of the whole history" if side.floored else "today's state"
    return "" if side.notional else f", from {whose} ({band})"


def _rarely(side: AssessedSide) -> str:
    if side.defaults is not Judgement.RARER:
        return ""
    mine, theirs = (float(t.held.default.value) for t in (side.live, side.recommended))
    return f" and in worse times: P(default) is {mine:.3%}, and {theirs:.3%} at the recommendation"


def _bonus(side: AssessedSide) -> str:
    if side.at_live_bonus is None:
        return ""
    live, assumed = (t.value("liquidation_bonus") for t in (side.live, side.recommended))
    if abs(live - assumed) < 5e-5:
        return ""
    return (
        f" The study's liquidation bonus is {assumed:.2%} and the live one {live:.2%}: "
        f"with the live one, LT is {side.at_live_bonus:.2%}."
    )
