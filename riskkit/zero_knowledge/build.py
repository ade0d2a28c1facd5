"""The scenario set of a calibration: its simulated moves, its instruments, its digests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskkit.calibration.portfolio import panel_world
from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.market.panel import Panel
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.rounding import digits
from riskkit.paths.joint import simulate_joint_moves
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.reading import read_table
from riskkit.study.panel import PanelCase
from riskkit.units import EXACT
from riskkit.zero_knowledge.reduction import choose_corners
from riskkit.zero_knowledge.scenario_set import PublicScenarios, RiskInstrument, RiskScenario

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


def simulated_moves(world: World, run: Run, bars: int) -> Array:
    """Simple returns of every asset at the end of so many bars, shape (paths, assets)."""
    return np.expm1(simulate_joint_moves(world, run, bars=bars).terminal).T


def build_scenarios(
    file: ParameterFile,
    question: Question,
    panel: Panel,
    instruments: Sequence[RiskInstrument] | None = None,
    wanted: Wanted | None = None,
) -> PublicScenarios:
    """Reduce the simulated moves behind a parameter file to a scenario set.

    Scenarios are chosen on one stream of the seed and their coverage counted on another, both from
    the study's start state. Several assets move jointly, as `riskkit portfolio` moves them.

    Parameters
    ----------
    file : ParameterFile
        Whose digests of data, model and study the set carries.
    question : Question
        The one behind the file; see `riskkit.proof.recheck.find_origin`.
    panel : Panel
        The study's assets; one asset is a panel of one.
    instruments : sequence of RiskInstrument, optional
        On those assets; one for each asset if not given.

    Raises
    ------
    InputError
        If an instrument's asset is not simulated, or a gain is too large to be written.
    """
    asked = wanted or Wanted()
    assets = panel.names
    listed = tuple(own_instruments(panel) if instruments is None else instruments)
    world = question.world if len(assets) == 1 else panel_world(PanelCase(question.study, panel))
    bars, run = question.periods.margin_period_of_risk, question.run
    count = asked.count or (2 if len(assets) == 1 else 16)
    moves = simulated_moves(world, run.stream(Stream.MARGIN_PERIOD), bars)
    corners = choose_corners(moves, count, asked.probability)
    held = simulated_moves(world, run.stream(Stream.OUTCOME), bars)
    each, together = corners.covered(held)
    scenarios = tuple(
        RiskScenario(
            moves_fraction=tuple(digits(move) for move in row),
            gain_per_lot=gains_of(listed, assets, row),
            covers_probability=digits(share),
        )
        for row, share in zip(corners.moves, each, strict=True)
    )
    sealed_by = file.header.digest
    return PublicScenarios(
        schema_version=1,
        title=file.header.title,
        as_of_date=file.header.as_of_date,
        data_sha256=sealed_by.data_sha256,
        model_sha256=sealed_by.model_sha256,
        study_sha256=sealed_by.study_sha256,
        assets=assets,
        prices_sha256=tuple(history.provenance.sha256 for history in panel.histories),
        start_state=question.state.value,
        bars=bars,
        bar_seconds=question.periods.bar.total_seconds(),
        paths=run.paths,
        seed=run.seed,
        asked_probability=asked.probability,
        all_cover_probability=digits(together),
        all_cover_standard_error=digits(math.sqrt(together * (1.0 - together) / len(held))),
        units_per_quote=UNITS_PER_QUOTE,
        size_bits=asked.size_bits,
        slack_bits=asked.slack_bits,
        instruments=listed,
        scenarios=scenarios,
        digest_sha256="0" * 64,
    ).sealed()


def named_in(file: ParameterFile, scenarios: PublicScenarios) -> ParameterFile:
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


def own_instruments(panel: Panel) -> tuple[RiskInstrument, ...]:
    """Where none are listed: lots of a thousandth of each asset, at its last close."""
    found = []
    for history in panel.histories:
        last = Decimal(repr(float(history.bars["close"].iloc[-1])))
        one = RiskInstrument(
            name=history.asset, asset=history.asset, units_per_lot=DEFAULT_LOT, price=f"{last:f}"
        )
        found.append(one)
    return tuple(found)


def read_instruments(path: str | Path) -> tuple[RiskInstrument, ...]:
    """Instruments from a CSV with the columns instrument, asset, units_per_lot and price.

    Raises
    ------
    InputError
        Naming the line.
    """
    rows = read_table(path, "instruments", most=MAX_CHARACTERS)
    if not rows or tuple(cell.strip() for cell in rows[0][1]) != HEADER:
        rule = f"must begin with the line {','.join(HEADER)}"
        raise InputError("instruments", str(path), rule, "Add it")
    found = []
    for number, row in rows[1:]:
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
