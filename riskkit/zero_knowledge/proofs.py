"""Margin proofs under one parameter file: its public scenarios, books, proofs and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from riskkit.calibration.result import Calibration
from riskkit.market.history import PriceHistory
from riskkit.market.panel import Panel
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile
from riskkit.zero_knowledge.build import Wanted, build_scenarios, named_in
from riskkit.zero_knowledge.commitments import SecretBook, add_commitments
from riskkit.zero_knowledge.curve import Points
from riskkit.zero_knowledge.margin import (
    Occasion,
    margin_claims,
    margin_transcript,
    prove_margin,
    verify_margin,
)
from riskkit.zero_knowledge.ranges import prove_unchecked
from riskkit.zero_knowledge.scenario_set import PublicScenarios, RiskInstrument


@dataclass(frozen=True)
class MarginProofs:
    """What a venue publishes, and what is proved and checked under it; made by `margin_proofs`.

    Attributes
    ----------
    file : ParameterFile
        Names the scenario set in its header.
    public : PublicScenarios
    """

    file: ParameterFile = field(repr=False)
    public: PublicScenarios = field(repr=False)

    def table(self) -> pd.DataFrame:
        """A row for each scenario: the ``move`` of each asset, and the share that it ``covers``."""
        rows = [
            {
                **dict(zip(self.public.assets, scenario.moves_fraction, strict=True)),
                "covers": scenario.covers_probability,
            }
            for scenario in self.public.scenarios
        ]
        return pd.DataFrame(rows)

    def least_collateral(self, sizes: Sequence[int]) -> int:
        """Largest loss of sizes in lots over all scenarios, in units; 0 where they cannot lose.

        Raises
        ------
        ValueError
            If there are not as many sizes as instruments.
        """
        losses = (
            -sum(gain * size for gain, size in zip(row, sizes, strict=True))
            for row in self.public.gains
        )
        return max(0, *losses)

    def book(self, sizes: Sequence[int], collateral: int) -> SecretBook:
        """Sizes in lots, in the set's order, and collateral in units, blinded."""
        return SecretBook.of([*sizes, collateral])

    def occasion(self, day: date, context: str) -> Occasion:
        """What a proof is bound to: this file and scenario set, a day, and who asks."""
        content = self.file.header.digest.content_sha256
        return Occasion(self.public.digest_sha256, content, day, context)

    def prove(self, book: SecretBook, occasion: Occasion) -> bytes:
        """Prove that a book is covered; see `riskkit.zero_knowledge.margin.prove_margin`.

        Raises
        ------
        InputError
            If it is not; nothing of it is shown.
        """
        return prove_margin(self.public, book, occasion)

    def verify(self, commitments: Points, occasion: Occasion, proof: bytes) -> bool:
        """Whether a proof holds of these commitments on this occasion."""
        return verify_margin(self.public, commitments, occasion, proof)

    def forge(self, book: SecretBook, occasion: Occasion) -> bytes:
        """What a dishonest prover can write of a book that is not covered: nobody accepts it."""
        said = margin_transcript(occasion, book.commitments())
        claims = margin_claims(self.public)
        return prove_unchecked(said, claims, book.values, book.blindings).to_bytes()

    def after(self, commitments: Points, fill: SecretBook) -> Points:
        """Commitments to a book after a fill, from those to both; nothing is opened."""
        return add_commitments(commitments, fill.commitments())


def margin_proofs(
    calibration: Calibration,
    histories: Sequence[PriceHistory],
    instruments: Sequence[RiskInstrument | Mapping[str, str]] | None = None,
    *,
    wanted: Wanted | None = None,
) -> MarginProofs:
    """The scenario set of a calibration, named by its parameter file, and all that rests on it.

    Parameters
    ----------
    histories : sequence of PriceHistory
        Of the study's assets, its own first.
    instruments : sequence of RiskInstrument or mapping, optional
        ``name``, ``asset``, ``units_per_lot`` and ``price``; one for each asset if not given.
    wanted : Wanted, optional

    Raises
    ------
    InputError
        If an instrument's asset is not simulated, or a gain is too large to be written.

    Examples
    --------
    >>> import riskkit
    >>> case = riskkit.Case.read("studies/eth-perpetual-daily.toml")
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> venue = riskkit.margin_proofs(answer, [case.history])
    >>> venue.table().shape[0]
    2
    """
    file = build_parameter_file(calibration)
    listed = None
    if instruments is not None:
        listed = [RiskInstrument.model_validate(i, from_attributes=True) for i in instruments]
    public = build_scenarios(file, calibration.question, Panel.of(list(histories)), listed, wanted)
    return MarginProofs(named_in(file, public), public)
