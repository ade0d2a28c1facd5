"""From what is in force to what is proposed, in steps that the venue allows and no further.

The proposal is brought to the venue's resolution against the trader, and what cannot be reached by
legal steps is not proposed: then what is in force stays. A proposal that a venue would refuse is
never made.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from riskkit.errors import InputError
from riskkit.formats.guardrails import (
    ChangePath,
    Guardrail,
    Limit,
    plan_change,
    round_toward,
)
from riskkit.units import Scale

NAMES = ("initial_margin", "maintenance_margin")
#: Steps that a venue of the loop's own may take: a quarter of the value, once a day.
DEFAULT_GUARDRAIL = Guardrail(
    "the loop's own limits: a quarter of the value, once a day",
    tuple((name, Limit(None, Decimal("0.25"), pd.Timedelta(days=1))) for name in NAMES),
    Scale.PPM,
)
#: Margins that no venue asks for, whatever a rule says.
LEAST, MOST = Decimal("0.0001"), Decimal("0.99")


@dataclass(frozen=True)
class LegalMove:
    """What is proposed, and how it is reached.

    Attributes
    ----------
    live, target : dict of str to Decimal
        Initial and maintenance margin.
    path : ChangePath
        Without steps where the two are one.
    withheld : str
        Why the target is what is in force already; empty where it is not.
    """

    live: dict[str, Decimal]
    target: dict[str, Decimal]
    path: ChangePath
    withheld: str = ""


def margins_of(maintenance: float, distance: float, scale: Scale) -> dict[str, Decimal]:
    """A maintenance margin and the initial one that leaves an account's distance, as a venue
    stores.

    Both are rounded up and kept between a basis point and 99 %.
    """
    found = {}
    for name, value in (
        ("maintenance_margin", maintenance),
        ("initial_margin", maintenance + distance),
    ):
        exact = min(max(Decimal(repr(float(value))), LEAST), MOST)
        found[name] = min(round_toward(exact, scale, up=True), MOST)
    return found


def legal_move(
    live: dict[str, Decimal],
    target: dict[str, Decimal],
    start: pd.Timestamp,
    guardrail: Guardrail = DEFAULT_GUARDRAIL,
) -> LegalMove:
    """The legal way from what is in force to a target; no way where there is none.

    Parameters
    ----------
    live, target : dict of str to Decimal
        At the guardrail's resolution.
    """
    try:
        return LegalMove(live, target, plan_change(live, target, guardrail, start))
    except InputError as error:
        stays = plan_change(live, live, guardrail, start)
        return LegalMove(live, dict(live), stays, f"{error.argument} {error.rule}")
