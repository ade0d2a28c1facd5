"""A scenario set: what a lot of each instrument gains in a few public scenarios, in integers.

It is a file that leaves the process: versioned, with a digest over its canonical form, which the
parameter file of the same calibration names in its header.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes
from riskkit.parameters.sections import Part, Sha256

#: The row of a book that is no instrument.
COLLATERAL = "collateral"
MOST_INSTRUMENTS = 512
MOST_SCENARIOS = 128
#: Largest gain or loss of a lot: with 53 bits of size and 2^9 instruments, sums stay far below
#: the order of the group, so that none can wrap.
LARGEST_GAIN = 2**52

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,30}(\.[0-9]{1,30})?$")]
Gain = Annotated[int, Field(gt=-LARGEST_GAIN, lt=LARGEST_GAIN)]


class RiskInstrument(Part):
    """What one lot is: so many units of an asset, at a price in the quote currency."""

    name: Name
    asset: Name
    units_per_lot: Amount
    price: Amount


class RiskScenario(Part):
    """One scenario: how each asset moves, and what a lot of each instrument gains by it.

    ``covers_probability`` is the share of paths that move no further than it in its direction.
    """

    moves_fraction: tuple[float, ...]
    gain_per_lot: tuple[Gain, ...]
    covers_probability: Share


class PublicScenarios(Part):
    """Public risk arrays, with what they come from and how much they cover.

    Gains are whole numbers of one ``units_per_quote``-th of the quote currency, rounded away from
    zero. ``all_cover_probability`` is the share of paths on which no linear book whatever loses
    more than in its worst scenario; it was counted on other paths than chose the scenarios.
    """

    schema_version: Literal[1]
    title: str
    as_of_date: date
    data_sha256: Sha256
    model_sha256: Sha256
    study_sha256: Sha256
    assets: tuple[Name, ...]
    prices_sha256: tuple[Sha256, ...]
    start_state: str
    bars: Annotated[int, Field(ge=1)]
    bar_seconds: Annotated[float, Field(gt=0.0)]
    paths: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    asked_probability: Share
    all_cover_probability: Share
    all_cover_standard_error: Share
    units_per_quote: Annotated[int, Field(ge=1, le=10**12)]
    size_bits: Annotated[int, Field(ge=2, le=53)]
    slack_bits: Annotated[int, Field(ge=8, le=128)]
    instruments: Annotated[
        tuple[RiskInstrument, ...], Field(min_length=1, max_length=MOST_INSTRUMENTS)
    ]
    scenarios: Annotated[tuple[RiskScenario, ...], Field(min_length=1, max_length=MOST_SCENARIOS)]
    digest_sha256: Sha256

    @model_validator(mode="after")
    def _fits_together(self) -> PublicScenarios:
        names = [instrument.name for instrument in self.instruments]
        if len(set(names)) < len(names) or COLLATERAL in names:
            raise ValueError(f"instruments must have different names, and none be {COLLATERAL!r}")
        if len(self.prices_sha256) != len(self.assets):
            raise ValueError("every asset must have a digest of its prices")
        for scenario in self.scenarios:
            if len(scenario.gain_per_lot) != len(names):
                raise ValueError("every scenario must hold a gain for each instrument")
            if len(scenario.moves_fraction) != len(self.assets):
                raise ValueError("every scenario must hold a move of each asset")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Rows of a book in the order of its commitments: the instruments, then the collateral."""
        return (*(instrument.name for instrument in self.instruments), COLLATERAL)

    @property
    def gains(self) -> tuple[tuple[int, ...], ...]:
        """Of a lot of each instrument, by scenario."""
        return tuple(scenario.gain_per_lot for scenario in self.scenarios)

    def gains_by_name(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Each instrument with what a lot of it gains, scenario by scenario."""
        names = (instrument.name for instrument in self.instruments)
        return tuple(zip(names, zip(*self.gains, strict=True), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """The set as plain JSON values, in the order of its fields."""
        return self.model_dump(mode="json")

    def sealed(self) -> PublicScenarios:
        """The same content with its digest; for a set made in memory."""
        return PublicScenarios.model_validate(
            {**self.to_dict(), "digest_sha256": content_digest(self.to_dict())}
        )

    def check_digest(self, source: str) -> None:
        """Refuse a set that was edited.

        Raises
        ------
        InputError
        """
        if content_digest(self.to_dict()) != self.digest_sha256:
            rule = "must match its digest: it was edited"
            raise InputError("scenarios", source, rule, "Run riskkit scenarios again")


def content_digest(content: dict[str, Any]) -> str:
    """SHA-256 over the canonical form of RFC 8785, without the digest itself."""
    kept = {key: value for key, value in content.items() if key != "digest_sha256"}
    return hashlib.sha256(canonical_bytes(kept)).hexdigest()
