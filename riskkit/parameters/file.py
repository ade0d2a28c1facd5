"""The parameter file, version 0: numbers, where they come from, and how sure they are.

Every key names its unit. Fractions are of notional (perpetuals) or of the collateral's value
(loans); they are rounded to six decimals against the trader: margins up, thresholds down.
Unknown keys are refused. The file holds no clock: the same study on the same data gives the same
bytes.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from riskkit.errors import InputError

SCHEMA_VERSION = 0

Fraction = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Header(_Part):
    """What this file is, and for which day."""

    schema_version: Literal[0]
    riskkit_version: str
    title: str
    asset: str
    as_of_date: date
    status: Literal["calibrated", "HISTORICAL EXAMPLE"]
    data_age_days: int


class DroppedRow(_Part):
    """A row left out of the data, and why."""

    row: str
    reason: str


class Data(_Part):
    """The prices behind the numbers."""

    source: str
    sha256: str
    first_bar_utc: datetime
    last_bar_utc: datetime
    bars: Count
    bar_seconds: Annotated[float, Field(gt=0.0)]
    bars_per_year: Annotated[float, Field(gt=0.0)]
    calendar: str
    invalid_rows_policy: str
    rows_dropped: tuple[DroppedRow, ...]
    rows_reordered: Count
    returns_used: Count
    returns_excluded_across_holes: Count
    returns_excluded_around_implausible_ticks: Count
    quality_findings: dict[str, Count]
    suspected_bad_ticks: tuple[str, ...]


class ParameterEstimate(_Part):
    """One estimated model parameter; the standard error is missing where none exists."""

    estimate: float
    standard_error_qmle: float | None


class Model(_Part):
    """The volatility model that was fitted."""

    spec_requested: str
    spec_fitted: str
    fallbacks: tuple[str, ...]
    presample: str
    parameters_per_bar: dict[str, ParameterEstimate]
    loglikelihood: float
    persistence: float
    half_life_bars: float | None
    sigma_next_bar_fraction: Annotated[float, Field(gt=0.0)]
    sigma_annualised_fraction: Annotated[float, Field(gt=0.0)]
    health: str
    healthy: bool
    engine: str


class Assumptions(_Part):
    """What was assumed about the venue; durations as asked for and in bars, rounded up."""

    venue_kind: Literal["perpetual", "loan"]
    sides: tuple[Literal["long", "short"], ...]
    margin_period_of_risk_bars: Annotated[int, Field(ge=1)]
    observation_interval_bars: Literal[1]
    oracle_latency_seconds: float
    oracle_latency_bars: Count
    liquidation_delay_hours: float
    liquidation_delay_bars: Count
    reaction_time_hours: float
    reaction_time_bars: Count
    holding_horizon_hours: float
    holding_horizon_bars: Count
    oracle_deviation_fraction: Fraction
    slippage_fraction: Fraction
    fee_fraction: Fraction
    liquidation_bonus_fraction: Fraction | None
    margin_floor: str
    shocks: str
    start_state: str
    paths: Count
    seed: Count
    bootstrap_refits: Count
    bootstrap_refits_failed: Count
    intrabar: str


class Targets(_Part):
    """The two targets."""

    default_given_liquidation_probability: float
    liquidation_within_reaction_time_probability: float


class Perpetual(_Part):
    """Margins of one side from one start state, fractions of current notional; 90 % bands."""

    side: Literal["long", "short"]
    start_state: str
    covered_loss_fraction: Fraction
    covered_loss_monte_carlo_se: Fraction
    excursion_fraction: Fraction
    excursion_monte_carlo_se: Fraction
    maintenance_margin_fraction: Fraction
    maintenance_margin_monte_carlo_se: Fraction
    maintenance_margin_low_fraction: Fraction
    maintenance_margin_high_fraction: Fraction
    initial_margin_fraction: Fraction
    initial_margin_monte_carlo_se: Fraction
    initial_margin_low_fraction: Fraction
    initial_margin_high_fraction: Fraction
    max_leverage_multiple: Annotated[float, Field(gt=0.0)]


class Loan(_Part):
    """Threshold and LTV from one start state, fractions of the collateral's value; 90 % bands."""

    side: Literal["long"]
    start_state: str
    covered_loss_fraction: Fraction
    covered_loss_monte_carlo_se: Fraction
    excursion_fraction: Fraction
    excursion_monte_carlo_se: Fraction
    liquidation_threshold_fraction: Fraction
    liquidation_threshold_monte_carlo_se: Fraction
    liquidation_threshold_low_fraction: Fraction
    liquidation_threshold_high_fraction: Fraction
    max_loan_to_value_fraction: Fraction
    max_loan_to_value_monte_carlo_se: Fraction
    max_loan_to_value_low_fraction: Fraction
    max_loan_to_value_high_fraction: Fraction
    liquidation_bonus_fraction: Fraction


Rows = tuple[Perpetual, ...] | tuple[Loan, ...]


class InfeasibleState(_Part):
    """A start state from which no buffer meets the target."""

    side: Literal["long", "short"]
    start_state: str
    reason: str


class Waterfall(_Part):
    """Parts of the recommended MM (of 1 - LT for a loan) of one side; they sum to it."""

    side: Literal["long", "short"]
    parts_fraction: dict[str, float]


class Parameters(_Part):
    """The recommendation, and what it was chosen from.

    ``recommended`` holds the safe end of the band of the study's start state, floor included;
    its band is that of the point estimate in ``by_start_state``.
    """

    recommended: Rows
    by_start_state: Rows
    infeasible_start_states: tuple[InfeasibleState, ...]
    floor: Rows
    without_suspected_bad_ticks: Rows
    waterfall: tuple[Waterfall, ...]


class CoverageTest(_Part):
    """One coverage test on non-overlapping periods."""

    name: str
    statistic: float
    p_value: float
    decision: str
    observations: Count
    exceptions: Count


class Coverage(_Part):
    """How the out-of-sample tail of one side fared."""

    side: Literal["long", "short"]
    first_origin_utc: datetime
    last_origin_utc: datetime
    periods_evaluated: Count
    exceptions: Count
    exception_rate: float
    breaches_of_published_requirement: Count
    worst_shortfall_fraction: Fraction
    mean_requirement_fraction: Fraction
    tests_on_non_overlapping_periods: tuple[CoverageTest, ...]


class Probability(_Part):
    """A simulated probability with its 95 % interval."""

    point_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    low_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    high_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    hits: Count


class Simulated(_Part):
    """What happens to a position opened at the recommended numbers, per position over the horizon.

    Means of the loss are missing where ``losses_refused`` says why.
    """

    side: Literal["long", "short"]
    holding_horizon_bars: Annotated[int, Field(ge=1)]
    liquidation: Probability
    default: Probability
    default_given_liquidation: Probability
    unfair_liquidation: Probability
    loss_given_default_fraction: Fraction | None
    expected_bad_debt_fraction: Fraction | None
    losses_refused: str
    time_to_liquidation_bars: Fraction | None
    paths: Count
    paths_failed: Count
    shocks_bounded_by_data: bool


class Evidence(_Part):
    """Why the numbers should be believed."""

    method: str
    model_refits: Count
    simulated: tuple[Simulated, ...]
    coverage: tuple[Coverage, ...]


class ParameterFile(_Part):
    """A calibrated parameter file."""

    header: Header
    data: Data
    model: Model
    assumptions: Assumptions
    targets: Targets
    parameters: Parameters
    evidence: Evidence

    def to_dict(self) -> dict[str, Any]:
        """The file as plain JSON values, in canonical order."""
        return self.model_dump(mode="json")


def read_parameter_file(path: str | Path) -> ParameterFile:
    """Read and validate a parameter file.

    Raises
    ------
    InputError
        If it cannot be read, is not JSON, or breaks the schema; the key is named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            "path", str(path), f"must be a file that can be read ({error.strerror})", "Check it"
        ) from None
    return parse_parameter_file(text, str(path))


def parse_parameter_file(text: str, source: str = "parameter file") -> ParameterFile:
    """Validate the text of a parameter file."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "parameter file", source, f"must be JSON: {error}", "Write it again with riskkit"
        ) from None
    try:
        return ParameterFile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(
            ".".join(map(str, first["loc"])) or "parameter file",
            first["input"],
            first["msg"][:1].lower() + first["msg"][1:],
            f"{source} was not written by this version; calibrate again, or undo the edit",
        ) from None
