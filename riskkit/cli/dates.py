"""Days as a user types them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from riskkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def now() -> pd.Timestamp:
    """The moment of a command, UTC: read here and handed on, so that no computation reads it."""
    import pandas as pd

    return pd.Timestamp.now("UTC")


def parse_day(option: str, text: str | None) -> date | None:
    """A date from YYYY-MM-DD; None for None.

    Raises
    ------
    InputError
        Named after the option.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            option, text, "must be a date, YYYY-MM-DD", "For example 2024-12-31"
        ) from None


def question_day(text: str | None) -> date:
    """The day that ``--as-of`` asks about: today without it.

    Raises
    ------
    InputError
        For what is no day, and for one that has begun nowhere yet: its prices are not known.
    """
    today = datetime.now(UTC).date()
    day = parse_day("as-of", text) or today
    if day > today + timedelta(days=1):
        rule = "must not lie in the future: its prices are not known"
        raise InputError("as-of", day.isoformat(), rule, "Leave it out for today")
    return day
