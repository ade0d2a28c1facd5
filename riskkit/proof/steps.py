"""Which of a venue's values move in steps, how finely they are stored, and under what limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pandas as pd

from riskkit.errors import InputError
from riskkit.formats.guardrails import (
    AAVE_STEWARDS,
    ChangePath,
    Guardrail,
    Limit,
    plan_change,
)
from riskkit.proof.coupled_steps import check_between
from riskkit.proof.recheck import Effective, stated
from riskkit.units import Scale, duration

_THRESHOLDS = ("max_ltv", "liquidation_threshold", "liquidation_bonus")
_MARGINS = ("initial_margin", "maintenance_margin")

# What a venue stores by itself, and how finely. Compound's bonus follows from another factor, and
# Aave V4's one factor is both limits.
STORED: dict[str, tuple[tuple[str, ...], Scale]] = {
    "aave-v3": (_THRESHOLDS, Scale.BPS),
    "aave-v3-json": (_THRESHOLDS, Scale.BPS),
    "aave-v4": (("liquidation_threshold", "liquidation_bonus"), Scale.BPS),
    "compound-v3": (("max_ltv", "liquidation_threshold"), Scale.BPS),
    "dydx-v4": (_MARGINS, Scale.PPM),
    "synthetix-v3": (_MARGINS, Scale.WAD),
}
PRESETS = {"aave-v3": AAVE_STEWARDS, "aave-v3-json": AAVE_STEWARDS}


def guardrail_of(
    venue: str,
    max_absolute: Decimal | None = None,
    max_relative: Decimal | None = None,
    min_delay: pd.Timedelta | None = None,
) -> Guardrail:
    """The guardrail of a venue: its preset, with the limits given in place of the preset's own.

    A largest change that is given, absolute or relative, replaces the preset's; its least delay
    stays unless another is given. Without a preset there is no delay but the one given.

    Raises
    ------
    InputError
        If the venue's values do not move in steps, or it has no preset and no limit is given.
    """
    names, scale = _stored(venue)
    changes = max_absolute is not None or max_relative is not None
    if venue in PRESETS:
        return _replaced(PRESETS[venue], max_absolute, max_relative, min_delay)
    if not changes and min_delay is None:
        rule = f"has no preset of limits; there are presets for {', '.join(PRESETS)}"
        raise InputError("venue", venue, rule, "Give the largest change and the least delay")
    if not changes:
        rule = "must come with the largest change, absolute or relative"
        raise InputError("min_delay", str(min_delay), rule, "Give the largest change too")
    limit = Limit(max_absolute, max_relative, min_delay or pd.Timedelta(0))
    named = "the limits given" if min_delay else "the limits given, without a delay between steps"
    return Guardrail(named, tuple((name, limit) for name in names), scale)


def plan_steps(
    venue: str,
    live: Mapping[str, Decimal | str],
    target: Mapping[str, Decimal | str],
    start: pd.Timestamp | str,
    *,
    guardrail: Guardrail | None = None,
) -> ChangePath:
    """Legal steps from a venue's live values to the target, under its guardrail.

    Parameters
    ----------
    live, target : mapping of str to Decimal or str
        The same parameters, as exact fractions: ``"0.805"``.
    start : Timestamp or str
        Day of the first step.
    guardrail : Guardrail, optional
        The venue's preset if not given; see `guardrail_of`.

    Raises
    ------
    InputError
        If the venue has no preset, or the target cannot be reached without a state that covers less
        than both ends; the message says what stands in the way.

    Examples
    --------
    >>> from riskkit import plan_steps
    >>> plan_steps("aave-v3", {"max_ltv": "0.80"}, {"max_ltv": "0.79"}, "2026-02-02").summary()
    '2 steps; the target is reached on 2026-02-05.'
    """
    before, after = (
        {name: Decimal(value) for name, value in values.items()} for values in (live, target)
    )
    between = check_between(before, after)
    return plan_change(
        before, after, guardrail or guardrail_of(venue), pd.Timestamp(start), check=between
    )


def _replaced(
    preset: Guardrail,
    max_absolute: Decimal | None,
    max_relative: Decimal | None,
    min_delay: pd.Timedelta | None,
) -> Guardrail:
    changes = max_absolute is not None or max_relative is not None
    given = [what for what, is_it in (("change", changes), ("delay", min_delay)) if is_it]
    if not given:
        return preset
    limits = []
    for name, limit in preset.limits:
        if changes:
            limit = replace(limit, max_absolute=max_absolute, max_relative=max_relative)
        if min_delay is not None:
            limit = replace(limit, min_delay=min_delay)
        limits.append((name, limit))
    waits = ", ".join(dict.fromkeys(duration(limit.min_delay) for _, limit in limits))
    named = f"{preset.name}, but the {' and '.join(given)} given; {waits} between steps"
    return Guardrail(named, tuple(limits), preset.scale)


def stored_values(venue: str, rows: Sequence[Effective]) -> dict[str, Decimal]:
    """The values of one market that move in steps, exact fractions by name.

    Raises
    ------
    InputError
        If the market has margin tiers, or the file keeps a value without saying it.
    """
    names, _ = _stored(venue)
    if len(rows) != 1:
        rule = "must be one market without tiers"
        raise InputError("market", f"{len(rows)} rows", rule, "Name one market of the live file")
    return {name: stated(rows[0], name) for name in names}


def _stored(venue: str) -> tuple[tuple[str, ...], Scale]:
    if venue not in STORED:
        rule = f"stores no fractions that move one by one; these do: {', '.join(STORED)}"
        remedy = "Compare the live file with the exported one, and change it at once"
        raise InputError("venue", venue, rule, remedy)
    return STORED[venue]
