"""What runs today, as a command is told of it: a venue's file, its format, and the market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from riskkit.cli.asked import Asked, AskedAbout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from riskkit.proof.assets import Agreement
    from riskkit.proof.context import Venue
    from riskkit.proof.recheck import Effective


@dataclass(frozen=True)
class LiveMarket:
    """One market of a venue's file.

    Attributes
    ----------
    file : Path
    format_ : Venue
    today : object
        The file as its format reads it.
    text : str
    name : str
        Of the market.
    rows : sequence of EffectiveMargins or EffectiveThresholds
    """

    file: Path
    format_: Venue
    today: Any
    text: str
    name: str
    rows: Sequence[Effective]

    @classmethod
    def read(cls, file: Path, venue: str, market: str | None) -> LiveMarket:
        """Read a venue's file and find the market in it.

        Raises
        ------
        InputError
            If there is no such venue or market, or the file is not in its format.
        """
        from riskkit.formats import registry
        from riskkit.proof import context as given

        format_ = registry.venue(venue)
        today, text = given.read_live(format_, file)
        name = given.find_market(format_, today, market)
        return cls(file, format_, today, text, name, given.rows_of(format_, today, name))

    @property
    def title(self) -> str:
        """The file with the name of its format."""
        return f"{self.file.name} ({self.format_.title})"

    @property
    def bonus(self) -> float | None:
        """The venue's own liquidation bonus; None of margins.

        A recommendation for another bonus would compare two venues.
        """
        from riskkit.formats.calibrated import CalibratedCollateral
        from riskkit.proof.recheck import stated

        if self.format_.calibrated is not CalibratedCollateral:
            return None
        return float(stated(self.rows[0], "liquidation_bonus"))

    def asked(self, asking: AskedAbout) -> Asked:
        """The study, or one proposed for prices as a position of the kind that the file has."""
        bonus = None if asking.files else self.bonus
        if asking.options.prices is not None:
            kind = "perpetual" if bonus is None else "loan"
            asking = replace(asking, options=replace(asking.options, kind=kind))
        return asking.read(bonus=bonus)

    def agree(self, asked: Asked, *, declared: str | None, stated: bool) -> Agreement:
        """Hold the asset of a study to that of the market.

        Raises
        ------
        InputError
            If they differ and are not declared to be the same.
        """
        from riskkit.proof.assets import check_asset

        asset = asked.study.data.asset
        return check_asset(
            self.format_, self.today, self.name, asset, declared=declared, stated=stated
        )
