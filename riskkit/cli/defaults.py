"""A study of defaults around one price file, for a user who has no study yet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from riskkit.cli.dates import parse_day
from riskkit.study.study import Study, parse_study


def study_of_prices(
    prices: Path,
    *,
    asset: str | None,
    bar: str | None,
    as_of: str | None,
    venue: dict[str, object],
) -> Study:
    """Defaults for everything but the prices and the venue; asked today unless ``as_of`` is given.

    Parameters
    ----------
    asset : str or None
        The file's name by default.
    as_of : str or None
        YYYY-MM-DD.
    venue : dict
        The study's venue section.
    """
    name = asset or prices.name.split(".")[0]
    return parse_study(
        {
            "title": f"{name}: defaults of riskkit",
            "as_of": parse_day("as-of", as_of) or datetime.now(UTC).date(),
            "data": {"asset": name, "prices": prices.name, "bar": bar},
            "venue": venue,
        }
    )
