"""The scenario set of a calibration: its simulated moves, its instruments, its digests."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.reading import read_text
from riskkit.parameters.rounding import digits
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run, Stream
from riskkit.units import EXACT
from riskkit.zero_knowledge.reduction import choose_corners
from riskkit.zero_knowledge.scenario_set import RiskInstrument, RiskScenario, ScenarioSet

Array = npt.NDArray[np.float64]

HEADER = ("instrument", "asset", "units_per_lot", "price")
UNITS_PER_QUOTE = 1_000_000
DEFAULT_LOT = "0.001"
MAX_CHARACTERS = 200_000


@dataclass(frozen=True)
class Wanted:
    """What a scenario set is to hold.

    Attributes
    ----------
    probability : float
        Share of the paths that all scenarios together are to cover.
    count : int or None
        Of scenarios; None for 2 with one asset, 16 with several.
    size_bits : int
        Sizes lie in [-2^(size_bits - 1), 2^(size_bits - 1)) lots.
    slack_bits : int
        Collateral less the loss lies below 2^slack_bits units.
    """

    probability: float = 0.99
    count: int | None = None
    size_bits: int = 32
    slack_bits: int = 64


def simulated_moves(question: Question, stream: Stream) -> Array:
    """Simple returns over the margin period of risk, shape (paths, assets).

    From the study's start state, at the end of the period.
    """
    run: Run = question.run.stream(stream)
    found = simulate_moves(question.world, run, bars=question.periods.margin_period_of_risk)
    return np.expm1(found.terminal)[:, None]


def build_scenarios(
    file: ParameterFile,
    question: Question,
    instruments: Sequence[RiskInstrument],
    wanted: Wanted | None = None,
) -> ScenarioSet:
    """Reduce the simulated moves behind a parameter file to a scenario set.

    Scenarios are chosen on one stream of the seed and their coverage counted on another.

    Parameters
    ----------
    file : ParameterFile
        Whose digests of data, model and study the set carries.
    question : Question
        The one behind the file; see `riskkit.proof.recheck.find_origin`.
    instruments : sequence of RiskInstrument
        On the study's asset.

    Raises
    ------
    InputError
        If an instrument's asset is not simulated, or a gain is too large to be written.
    """
    asked = wanted or Wanted()
    assets = (question.study.data.asset,)
    count = asked.count or (2 if len(assets) == 1 else 16)
    corners = choose_corners(
        simulated_moves(question, Stream.MARGIN_PERIOD), count, asked.probability
    )
    held = simulated_moves(question, Stream.OUTCOME)
    each, together = corners.covered(held)
    scenarios = tuple(
        RiskScenario(
            moves_fraction=tuple(digits(move) for move in row),
            gain_per_lot=gains_of(instruments, assets, row),
            covers_probability=digits(share),
        )
        for row, share in zip(corners.moves, each, strict=True)
    )
    sealed_by = file.header.digest
    return ScenarioSet(
        schema_version=1,
        title=file.header.title,
        as_of_date=file.header.as_of_date,
        data_sha256=sealed_by.data_sha256,
        model_sha256=sealed_by.model_sha256,
        study_sha256=sealed_by.study_sha256,
        assets=assets,
        start_state=question.state.value,
        bars=question.periods.margin_period_of_risk,
        bar_seconds=question.periods.bar.total_seconds(),
        paths=question.run.paths,
        seed=question.run.seed,
        asked_probability=asked.probability,
        all_cover_probability=digits(together),
        all_cover_standard_error=digits(math.sqrt(together * (1.0 - together) / len(held))),
        units_per_quote=UNITS_PER_QUOTE,
        size_bits=asked.size_bits,
        slack_bits=asked.slack_bits,
        instruments=tuple(instruments),
        scenarios=scenarios,
        digest_sha256="0" * 64,
    ).sealed()


def named_in(file: ParameterFile, scenarios: ScenarioSet) -> ParameterFile:
    """The parameter file with the digest of its scenario set in its header, sealed anew."""
    header = file.header.model_copy(update={"scenarios_sha256": scenarios.digest_sha256})
    return file.model_copy(update={"header": header}).sealed()


def gains_of(
    instruments: Sequence[RiskInstrument], assets: Sequence[str], moves: Sequence[float] | Array
) -> tuple[int, ...]:
    """What a lot of each instrument gains, in whole units, rounded away from zero.

    Raises
    ------
    InputError
        If an instrument's asset is none of ``assets``.
    """
    by_asset = {name: Decimal(repr(float(m))) for name, m in zip(assets, moves, strict=True)}
    found = []
    for one in instruments:
        if one.asset not in by_asset:
            rule = f"must be on an asset of the study: {', '.join(assets)}"
            raise InputError(f"instrument {one.name}", one.asset, rule, "Correct its asset")
        lot = EXACT.multiply(Decimal(one.units_per_lot), Decimal(one.price))
        exact = EXACT.multiply(EXACT.multiply(lot, UNITS_PER_QUOTE), by_asset[one.asset])
        found.append(int(exact.to_integral_value(ROUND_UP)))
    return tuple(found)


def own_instrument(asset: str, price: float) -> tuple[RiskInstrument, ...]:
    """The only instrument where none are listed: lots of a thousandth of the asset."""
    written = f"{Decimal(repr(float(price))):f}"
    return (RiskInstrument(name=asset, asset=asset, units_per_lot=DEFAULT_LOT, price=written),)


def read_instruments(path: str | Path) -> tuple[RiskInstrument, ...]:
    """Instruments from a CSV with the columns instrument, asset, units_per_lot and price.

    Raises
    ------
    InputError
        Naming the line.
    """
    rows = list(csv.reader(io.StringIO(read_text(path, "instruments", most=MAX_CHARACTERS))))
    if not rows or tuple(cell.strip() for cell in rows[0]) != HEADER:
        rule = f"must begin with the line {','.join(HEADER)}"
        raise InputError("instruments", str(path), rule, "Add it")
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        cells = [cell.strip() for cell in row]
        try:
            fields = dict(zip(("name", *HEADER[1:]), cells, strict=True))
            found.append(RiskInstrument.model_validate(fields))
        except ValueError:
            rule = "must hold a name, its asset, and two plain positive numbers"
            raise InputError(
                f"instruments, line {number}",
                ",".join(row),
                rule,
                "For example BTC-PERP,BTC,0.001,64000",
            ) from None
    if not found:
        raise InputError("instruments", str(path), "must list at least one", "Add a line")
    return tuple(found)
