"""A pair of a token and what it stands for, as venues take it: its mode, and the cap on its rate.

Aave v3 keeps a pair in an efficiency mode, whose label and three values replace those of the asset;
the other venues lend against it as against any asset. The cap is that of a capped oracle: ratio and
time of a snapshot, and the largest growth a year in basis points. Ratio and time are one pair: a
section that had one without the other would be none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.formats.haircut_sections import (
    KEYS,
    SectionRow,
    check_terms,
    section_content,
    told_terms,
    written_terms,
)

VENUES = ("aave-v3", "aave-v4", "compound-v3")
SCHEMA = "riskkit pair section 1"
WAD = Decimal(10) ** 18
BPS = Decimal("0.0001")
_SHORTEST, _LONGEST = "2015-01-01", "2200-01-01"


@dataclass(frozen=True)
class PairTerms:
    """A pair's terms, exact fractions.

    Attributes
    ----------
    collateral, debt : str
    threshold, max_ltv, bonus : Decimal
    """

    collateral: str
    debt: str
    threshold: Decimal
    max_ltv: Decimal
    bonus: Decimal

    @classmethod
    def of(
        cls, pair: tuple[str, str], *, threshold: float, max_ltv: float, bonus: float
    ) -> PairTerms:
        """A token and its base, rounded to basis points to the safe side: limits down, bonus up."""
        limits = rounded(threshold, ROUND_FLOOR), rounded(max_ltv, ROUND_FLOOR)
        return cls(pair[0], pair[1], *limits, rounded(bonus, ROUND_CEILING))


@dataclass(frozen=True)
class RateCapTerms:
    """A snapshot of a capped oracle: ratio, its time, and the largest growth a year."""

    ratio: Decimal
    time: pd.Timestamp
    growth: Decimal

    @classmethod
    def of(cls, ratio: float, time: pd.Timestamp, growth: float) -> RateCapTerms:
        """Ratio down to 1e-18, growth up to a basis point."""
        exact = Decimal(repr(float(ratio))).quantize(1 / WAD, ROUND_FLOOR)
        return cls(exact, time, rounded(growth, ROUND_CEILING))


def rounded(value: float, way: str) -> Decimal:
    """A fraction in whole basis points, on one side; a rounding of doubles is not a step."""
    return Decimal(repr(round(float(value), 12))).quantize(BPS, way)


def pair_section(terms: PairTerms, venue: str, cap: RateCapTerms | None = None) -> str:
    """The section of a pair, JSON.

    Raises
    ------
    InputError
        For a venue that keeps no pair, or terms that no venue allows.
    """
    check_pair_venue(venue)
    row = SectionRow(
        terms.collateral, terms.threshold, terms.max_ltv, terms.bonus, Decimal(0), Decimal(0)
    )
    name = f"{terms.collateral}/{terms.debt}"
    check_terms(
        name,
        {"threshold": terms.threshold, "max_ltv": terms.max_ltv, "bonus": terms.bonus},
    )
    content: dict[str, object] = {
        "schema": SCHEMA,
        "venue": venue,
        "collateral": terms.collateral,
        "debt": terms.debt,
    }
    if venue == "aave-v3":
        content["eMode"] = {"label": f"{name} correlated", **written_terms(row, venue)}
    else:
        content["terms"] = written_terms(row, venue)
    if cap is not None:
        _check_cap(cap)
        content["priceCap"] = {
            "snapshotRatio": str(int(cap.ratio * WAD)),
            "snapshotTimestamp": int(cap.time.timestamp()),
            "maxYearlyRatioGrowthPercent": int(cap.growth / BPS),
        }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_pair_section(text: str) -> tuple[PairTerms, RateCapTerms | None]:
    """A pair and its cap, of a section that `pair_section` wrote.

    Raises
    ------
    DataError
        For a text that is none, a ratio without its time, or terms that no venue allows.
    """
    content = section_content(text, SCHEMA)
    try:
        venue = content["venue"]
        check_pair_venue(venue)
        part = content["eMode" if venue == "aave-v3" else "terms"]
        told = told_terms({key: Decimal(part[key]) for key in KEYS[venue]}, venue)
        pair = PairTerms(
            str(content["collateral"]),
            str(content["debt"]),
            told["threshold"],
            told["max_ltv"],
            told["bonus"],
        )
        cap = None
        if "priceCap" in content:
            kept = content["priceCap"]
            cap = RateCapTerms(
                Decimal(kept["snapshotRatio"]) / WAD,
                pd.Timestamp(int(kept["snapshotTimestamp"]), unit="s", tz="UTC"),
                int(kept["maxYearlyRatioGrowthPercent"]) * BPS,
            )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        rule = f"must be a file of {SCHEMA!r} ({type(error).__name__}: {error})"
        raise DataError("section", text[:40], rule, "Write it again") from None
    check_terms(f"{pair.collateral}/{pair.debt}", told)
    if cap is not None:
        _check_cap(cap)
    return pair, cap


def check_pair_venue(venue: str) -> None:
    """Refuse a venue that keeps no pair.

    Raises
    ------
    InputError
        Naming those that do.
    """
    if venue not in VENUES:
        raise InputError("--venue", venue, f"must be one of {', '.join(VENUES)}", "Choose one")


def _check_cap(cap: RateCapTerms) -> None:
    low, high = (pd.Timestamp(day, tz="UTC") for day in (_SHORTEST, _LONGEST))
    if not (cap.ratio > 0 and 0 <= cap.growth < 10 and low <= cap.time <= high):
        said = f"ratio {cap.ratio}, time {cap.time}, growth {cap.growth}"
        rule = "must be a ratio above 0, its own time, and a yearly growth in [0, 10)"
        raise DataError("priceCap", said, rule, "Take ratio and time of one snapshot")
