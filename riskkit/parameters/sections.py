"""The sections of a parameter file: every key names its unit, and unknown keys are refused.

Fractions are of notional (perpetuals) or of the collateral's value (loans).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2

Fraction = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A section: unknown keys, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _is_empty(rows: tuple[object, ...]) -> bool:
    return not rows


def _is_blank(words: str) -> bool:
    return not words


def _is_none(value: object) -> bool:
    return value is None


class Digest(Part):
    """SHA-256 of the canonical content: of each section, and of everything but this digest.

    Canonical is the form of RFC 8785, so that laying a file out anew changes nothing and other
    languages find the same; see `riskkit.parameters.jcs`.
    """

    content_sha256: Sha256
    data_sha256: Sha256
    model_sha256: Sha256
    study_sha256: Sha256
    counted_sha256: Sha256
    parameters_sha256: Sha256
    evidence_sha256: Sha256


class Header(Part):
    """What this file is, for which day, and how long it holds.

    The file expires on the day after ``valid_until_date``, or as soon as the model's sigma for the
    next bar exceeds ``expires_above_sigma_next_bar_fraction`` (missing in files migrated from
    version 0, which did not measure it); ``validity_rule`` says how both were found. A migrated
    file ``lacks`` keys that its version did not hold: they are at that version's defaults.
    ``scenarios_sha256`` is the digest of the scenario set that margin proofs are made under.
    """

    schema_version: Literal[2]
    riskkit_version: str
    title: str
    asset: str
    as_of_date: date
    status: Literal["calibrated", "HISTORICAL EXAMPLE"]
    data_age_days: int
    valid_until_date: date
    expires_above_sigma_next_bar_fraction: Annotated[float, Field(gt=0.0)] | None
    validity_rule: str
    migrated_from_schema_version: Literal[0, 1] | None
    lacks: tuple[str, ...]
    edited_before_migration: tuple[str, ...]
    # Written by `riskkit scenarios`; files without a scenario set stay as they were.
    scenarios_sha256: Sha256 | None = Field(default=None, exclude_if=_is_none)
    digest: Digest


class DroppedRow(Part):
    """A row left out of the data, and why."""

    row: str
    reason: str


class Data(Part):
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
    # Files written before these two were known do not have them, nor does their digest.
    one_way_moves: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    closed_by_utc: datetime | None = Field(default=None, exclude_if=_is_none)


class ParameterEstimate(Part):
    """One estimated model parameter; the standard error is missing where none exists."""

    estimate: float
    standard_error_qmle: float | None


class Model(Part):
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


class Counted(Part):
    """The study's times in bars of its data, rounded up and lags at their longest; lost refits.

    ``coarse_bars`` says how much of the margin is the length of its bars, where that is much.
    """

    margin_period_of_risk_bars: Annotated[int, Field(ge=1)]
    observation_interval_bars: Literal[1]
    oracle_latency_bars: Count
    liquidation_delay_bars: Count
    reaction_time_bars: Count
    holding_horizon_bars: Count
    bootstrap_refits_failed: Count
    intrabar: str
    # Files written before it was known do not have it, nor does their digest.
    coarse_bars: str = Field(default="", exclude_if=_is_blank)


class Perpetual(Part):
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


class Loan(Part):
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


class InfeasibleState(Part):
    """A start state from which no buffer meets the target."""

    side: Literal["long", "short"]
    start_state: str
    reason: str


class UnservedSide(Part):
    """A side that no margin serves: without a recommendation, and what would give it one."""

    side: Literal["long", "short"]
    reason: str
    remedy: str


class Waterfall(Part):
    """Parts of the recommended MM (of 1 - LT for a loan) of one side; they sum to it."""

    side: Literal["long", "short"]
    parts_fraction: dict[str, float]


class FundEstimate(Part):
    """The fund that is used up once in so many years, with its band; money of the study."""

    notional: Fraction
    low: Fraction
    high: Fraction
    shortfall: Fraction
    once_in_years: Annotated[float, Field(gt=1.0)]
    years: Count
    cover_one: Fraction
    cover_two: Fraction
    closing_fee_fraction: Fraction


class AuctionEstimate(Part):
    """A Dutch auction of collateral: its price begins at ``start`` times the oracle's."""

    start: Annotated[float, Field(gt=1.0)]
    cut: Annotated[float, Field(gt=0.0, lt=1.0)]
    step_seconds: Annotated[float, Field(gt=0.0)]
    seconds: Annotated[float, Field(gt=0.0)]
    no_bid_probability: Fraction
    loss_fraction: float
    most_notional_at_once: Fraction


class BehindAccounts(Part):
    """What stands behind a venue's accounts, of `riskkit fund`.

    ``smallest_bonus`` is the least that brings keepers as often as the study asks; missing of
    perpetuals, and where no bonus tried does.
    """

    fund: FundEstimate
    smallest_bonus: Fraction | None = None
    auction: AuctionEstimate | None = None


class AttackLimits(Part):
    """What attacks on a venue's price leave, of `riskkit attack`; money, and missing if unlimited.

    ``low`` and ``high`` are the cap at the ends of what the depth may be, ``binding`` the attack.
    """

    open_interest_cap: Annotated[float, Field(ge=0.0)] | None
    low: Annotated[float, Field(ge=0.0)] | None
    high: Annotated[float, Field(ge=0.0)] | None
    binding: str
    position_limit: Annotated[float, Field(ge=0.0)] | None
    collateral_cap: Annotated[float, Field(ge=0.0)] | None


class Parameters(Part):
    """The recommendation, and what it was chosen from.

    ``recommended`` holds the safe end of the band of the study's start state, floor included;
    its band is that of the point estimate in ``by_start_state``. It has no row for a side in
    ``sides_not_served``.
    """

    recommended: Rows
    by_start_state: Rows
    infeasible_start_states: tuple[InfeasibleState, ...]
    floor: Rows
    without_suspected_bad_ticks: Rows
    waterfall: tuple[Waterfall, ...]
    # Only where there are any: files from before have none, nor does their digest.
    behind_accounts: BehindAccounts | None = Field(default=None, exclude_if=_is_none)
    attack_limits: AttackLimits | None = Field(default=None, exclude_if=_is_none)
    sides_not_served: tuple[UnservedSide, ...] = Field(default=(), exclude_if=_is_empty)
    not_solved_without_suspects: tuple[InfeasibleState, ...] = Field(
        default=(), exclude_if=_is_empty
    )


class CoverageTest(Part):
    """One coverage test on non-overlapping periods."""

    name: str
    statistic: float
    p_value: float
    decision: str
    observations: Count
    exceptions: Count


class Coverage(Part):
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
    # Only where extremes are watched: the same periods to the adverse extreme of their last bar.
    breaches_at_extremes: Count | None = Field(default=None, exclude_if=_is_none)
    worst_shortfall_at_extremes_fraction: Fraction | None = Field(default=None, exclude_if=_is_none)


class Probability(Part):
    """A simulated probability with its 95 % interval; with no hits the point is the upper bound.

    ``hits`` counts the paths behind it. Rare events rest on weighted paths, which hit far more
    often than the probability says.
    """

    point_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    low_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    high_probability: Annotated[float, Field(ge=0.0, le=1.0)]
    hits: Count


class Simulated(Part):
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


class MeasuredAccounts(Part):
    """The recommended numbers judged over the study's accounts, simulated from the start state.

    ``decided`` says whether these measures, and not P(default | liquidation), made the margin as
    large as it is. The worst days are missing at venues with a mechanism of their own.
    """

    side: Literal["long", "short"]
    accounts: str
    default_per_account_day: Fraction
    bad_debt_per_year_fraction: Fraction
    worst_days_loss_fraction: Fraction | None
    decided: bool


class Rise(Part):
    """Largest ratio of the published margin to the one so many bars before."""

    distance_bars: Annotated[int, Field(ge=1)]
    largest_rise_multiple: Annotated[float, Field(gt=0.0)]


class Procyclicality(Part):
    """How the margin that would have been published moved along history, floor included.

    The margin is MM, or 1 - LT for a loan. Over foresight: its mean over that of a margin that
    asks for just the loss to come; missing if no period lost.
    """

    side: Literal["long", "short"]
    peak_to_trough_multiple: Annotated[float, Field(ge=1.0)]
    largest_rises: tuple[Rise, ...]
    mean_margin_fraction: Fraction
    mean_margin_over_foresight_multiple: Annotated[float, Field(gt=0.0)] | None
    breach_rate: Annotated[float, Field(ge=0.0, le=1.0)]
    mean_shortfall_fraction: Fraction
    largest_shortfall_fraction: Fraction
    observations: Count


class ForecastLevel(Part):
    """What became of the variance forecast over one horizon, walk-forward.

    ``realised_over_predicted_ratio`` is over all complete forecasts, ``factor_ratio`` the last
    day's, bounded (`riskkit.volatility.level`); ``corrected_ratio`` is the first, had each forecast
    been multiplied by the factor of its own day. Missing where no forecast is complete.
    """

    horizon_bars: Count
    half_life_bars: Annotated[float, Field(gt=0.0)]
    forecasts: Count
    factor_ratio: Annotated[float, Field(gt=0.0)]
    realised_over_predicted_ratio: Annotated[float, Field(ge=0.0)] | None
    corrected_ratio: Annotated[float, Field(ge=0.0)] | None


class Evidence(Part):
    """Why the numbers should be believed; ``procyclicality`` is empty in migrated files.

    ``forecast_levels`` are there where the study asks for them.
    """

    method: str
    model_refits: Count
    simulated: tuple[Simulated, ...]
    coverage: tuple[Coverage, ...]
    procyclicality: tuple[Procyclicality, ...]
    # Studies of version 1 are not judged over accounts.
    measured: tuple[MeasuredAccounts, ...] = Field(default=(), exclude_if=_is_empty)
    forecast_levels: tuple[ForecastLevel, ...] = Field(default=(), exclude_if=_is_empty)
