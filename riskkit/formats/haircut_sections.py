"""Haircuts of a schedule as the collateral sections of venues, rounded to the safe side.

Sections, not whole files: thresholds and factors down, haircuts and bonuses as they are. What a
venue keeps beside them (feeds, addresses, caps in tokens) is its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.study.study import Study

VENUES = ("aave-v3", "aave-v4", "compound-v3", "derive")
SCHEMA = "riskkit collateral section 1"
BPS = Decimal("0.0001")
_KEYS = {
    "aave-v3": ("ltv", "liquidationThreshold", "liquidationBonus"),
    "aave-v4": ("collateralFactor", "maxLiquidationBonus"),
    "compound-v3": ("borrowCF", "liquidateCF", "liquidationFactor"),
    "derive": ("mm_haircut", "im_haircut"),
}


@dataclass(frozen=True)
class SectionRow:
    """One asset's terms, exact fractions.

    Attributes
    ----------
    threshold, max_ltv, bonus : Decimal
        Of a loan against it, as far as the venue's form tells them.
    maintenance, initial : Decimal
        Haircuts.
    """

    asset: str
    threshold: Decimal
    max_ltv: Decimal
    bonus: Decimal
    maintenance: Decimal
    initial: Decimal


def check_venue(venue: str) -> None:
    """Refuse a venue whose section is not known.

    Raises
    ------
    InputError
        Naming those that are.
    """
    if venue not in VENUES:
        raise InputError("--venue", venue, f"must be one of {', '.join(VENUES)}", "Choose one")


def section_of(schedule: pd.DataFrame, study: Study, venue: str) -> str:
    """The section of a venue, JSON.

    ``aave-v3``: basis points, the bonus as the excess over 100 %; ``aave-v4``: basis points, the
    bonus as 10,000 and the excess; ``compound-v3``: fractions, ``liquidationFactor`` what is left
    after the bonus; ``derive``: fractions, maintenance and initial.

    Parameters
    ----------
    schedule : DataFrame
        As `riskkit.calibration.collateral.CollateralAnswer` has it.
    """
    check_venue(venue)
    assert study.collateral is not None
    bonus = _up(study.collateral.sale_bonus_fraction)
    assets: dict[str, dict[str, object]] = {}
    for _, r in schedule.iterrows():
        if r["hours"] == 0.0:
            continue
        row = SectionRow(
            str(r["collateral"]),
            _down(r["threshold"]),
            _down(r["max_ltv"]),
            bonus,
            _up(r["published"]),
            _up(r["initial"]),
        )
        assets[row.asset] = _written(row, venue)
    content = {
        "schema": SCHEMA,
        "venue": venue,
        "study": study.title,
        "as_of": f"{study.as_of:%Y-%m-%d}",
        "assets": assets,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_section(text: str) -> dict[str, dict[str, Decimal]]:
    """Terms by asset, exact fractions, of a section that `section_of` wrote.

    Returns
    -------
    dict
        ``threshold``, ``max_ltv``, ``bonus``, or ``maintenance``, ``initial``: what the form tells.

    Raises
    ------
    DataError
        For a text that is none, or terms that no venue allows.
    """
    try:
        content = json.loads(text, parse_float=Decimal)
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r}")
        venue = content["venue"]
        keys = _KEYS[venue]
        found = {
            str(asset): _told({key: Decimal(row[key]) for key in keys}, venue)
            for asset, row in content["assets"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        rule = f"must be a file of {SCHEMA!r} ({type(error).__name__}: {error})"
        raise DataError("section", text[:40], rule, "Write it again") from None
    for asset, terms in found.items():
        _check(asset, terms)
    return found


def _written(row: SectionRow, venue: str) -> dict[str, object]:
    if venue == "derive":
        return {"mm_haircut": str(row.maintenance), "im_haircut": str(row.initial)}
    if venue == "compound-v3":
        left = (1 / (1 + row.bonus)).quantize(BPS, ROUND_FLOOR)
        return {
            "borrowCF": str(row.max_ltv),
            "liquidateCF": str(row.threshold),
            "liquidationFactor": str(left),
        }
    whole = {"threshold": row.threshold, "ltv": row.max_ltv, "bonus": row.bonus}
    bps = {name: int(value / BPS) for name, value in whole.items()}
    if venue == "aave-v4":  # one factor is both limits
        return {"collateralFactor": bps["ltv"], "maxLiquidationBonus": 10_000 + bps["bonus"]}
    return {
        "ltv": bps["ltv"],
        "liquidationThreshold": bps["threshold"],
        "liquidationBonus": bps["bonus"],
    }


def _told(row: dict[str, Decimal], venue: str) -> dict[str, Decimal]:
    if venue == "derive":
        return {"maintenance": row["mm_haircut"], "initial": row["im_haircut"]}
    if venue == "compound-v3":
        bonus = 1 / row["liquidationFactor"] - 1
        return {"max_ltv": row["borrowCF"], "threshold": row["liquidateCF"], "bonus": bonus}
    if venue == "aave-v4":
        factor = row["collateralFactor"] * BPS
        return {
            "threshold": factor,
            "max_ltv": factor,
            "bonus": (row["maxLiquidationBonus"] - 10_000) * BPS,
        }
    return {
        "max_ltv": row["ltv"] * BPS,
        "threshold": row["liquidationThreshold"] * BPS,
        "bonus": row["liquidationBonus"] * BPS,
    }


def _check(asset: str, terms: dict[str, Decimal]) -> None:
    good = all(0 <= value < 1 for value in terms.values())
    if "maintenance" in terms:
        good = good and terms["maintenance"] <= terms["initial"]
    else:
        paid = terms["threshold"] * (1 + terms["bonus"])
        good = good and terms["max_ltv"] <= terms["threshold"] and paid <= 1
    if not good:
        said = ", ".join(f"{name} {value}" for name, value in terms.items())
        rule = "must be fractions in order, whose threshold leaves room for the bonus"
        raise DataError(f"section of {asset}", said, rule, "Correct it")


def _down(value: float) -> Decimal:
    # Haircuts stand in half percents: what is off by a rounding of doubles is not a step less.
    return Decimal(repr(round(float(value), 12))).quantize(BPS, ROUND_FLOOR)


def _up(value: float) -> Decimal:
    return Decimal(repr(round(float(value), 12))).quantize(BPS, ROUND_CEILING)
