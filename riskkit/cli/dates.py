"""Days as a user types them."""

from __future__ import annotations

from datetime import date

from riskkit.errors import InputError


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
