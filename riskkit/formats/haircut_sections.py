"""Haircuts of a schedule as the collateral sections of venues, rounded to the safe side.

Sections, not whole files: thresholds and factors down, haircuts and bonuses as they are. What a
venue keeps beside them (feeds, addresses, caps in tokens) is its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.formats.text import load_json
from riskkit.study.study import Study

VENUES = ("aave-v3", "aave-v4", "compound-v3", "derive")
SCHEMA = "riskkit collateral section 1"
BPS = Decimal("0.0001")
KEYS = {
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
        assets[row.asset] = written_terms(row, venue)
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
    content = section_content(text, SCHEMA)
    try:
        venue = content["venue"]
        keys = KEYS[venue]
        found = {
            str(asset): told_terms({key: Decimal(row[key]) for key in keys}, venue)
            for asset, row in content["assets"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise _not_one(text, SCHEMA, f"{type(error).__name__}: {error}") from None
    for asset, terms in found.items():
        check_terms(asset, terms)
    return found


def section_content(text: str, schema: str) -> Any:
    """The JSON of a section of a schema.

    Raises
    ------
    DataError
        For a text that is none.
    """
    content: Any = load_json(text, "section")
    if not isinstance(content, dict) or content.get("schema") != schema:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise _not_one(text, schema, f"schema {found!r}")
    return content


def venue_of_section(text: str) -> str:
    """The venue of a section that `section_of` wrote."""
    return str(section_content(text, SCHEMA).get("venue"))


def compare_sections(
    today: dict[str, dict[str, Decimal]], here: dict[str, dict[str, Decimal]]
) -> pd.DataFrame:
    """What would change, by asset and value: ``collateral, value, today, here, says``.

    A haircut that rises and a limit that falls are ``tighter``; the values are floats, None where
    an asset is on one side only.
    """
    rows: list[tuple[str, str, float | None, float | None, str]] = []
    for asset in dict.fromkeys([*today, *here]):
        for name in dict.fromkeys([*today.get(asset, {}), *here.get(asset, {})]):
            before, after = (terms.get(asset, {}).get(name) for terms in (today, here))
            rows.append((asset, name, _float(before), _float(after), _says(name, before, after)))
    return pd.DataFrame(rows, columns=["collateral", "value", "today", "here", "says"])


def _says(name: str, before: Decimal | None, after: Decimal | None) -> str:
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before == after:
        return "as today"
    rises = after > before
    return "tighter" if rises is (name in ("maintenance", "initial", "bonus")) else "looser"


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _not_one(text: str, schema: str, why: str) -> DataError:
    rule = f"must be a file of {schema!r} ({why})"
    return DataError("section", text[:40], rule, "Write it again")


def written_terms(row: SectionRow, venue: str) -> dict[str, object]:
    """An asset's terms in a venue's own names and units."""
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


def told_terms(row: dict[str, Decimal], venue: str) -> dict[str, Decimal]:
    """`written_terms`, read back: exact fractions."""
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


def check_terms(asset: str, terms: dict[str, Decimal]) -> None:
    """Refuse terms that no venue allows.

    Raises
    ------
    DataError
        Unless they are fractions in order whose threshold leaves room for the bonus.
    """
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
