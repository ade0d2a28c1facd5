"""What a study asks and of which prices: data, model, targets, simulation, floor."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from riskkit.errors import InputError
from riskkit.market import Calendar, InvalidRows
from riskkit.market.store import SeriesKey
from riskkit.paths.model import Shocks
from riskkit.paths.start import StartState
from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.suited import FEWEST_BARS
from riskkit.volatility.spec import Innovation, VolatilitySpec

ODDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2)
#: Seeds from here on are not every integer to a reader whose numbers are IEEE doubles (RFC 8785).
SEED_LIMIT = 2**53

# A TOML value of another type is refused, not converted: true is no number of hours.
Fraction = Annotated[float, Field(strict=True, ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(strict=True, gt=0.0, lt=1.0)]
Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Positive = Annotated[float, Field(strict=True, gt=0.0)]
Seconds = Annotated[float, Field(strict=True, ge=0.0, le=86_400 * 366)]
Days = Annotated[float, Field(strict=True, gt=0.0, le=36_600.0)]
#: A target that is not set leaves nothing behind: files of studies without it keep their bytes.
UNASKED = Field(exclude_if=lambda target: target is None)


def check_text(text: str) -> str:
    """Refuse control characters and halves of surrogate pairs, which no file should carry on."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(
                f"must hold no control character and no half of a pair (U+{ord(character):04X})"
            )
    return text


def check_spec(name: str) -> str:
    """The full name of a volatility model that can be simulated."""
    try:
        spec = VolatilitySpec.parse(name)
    except InputError as error:
        raise ValueError(f"{error.rule}: {error.remedy}") from None
    if not replace(spec, innovation=Innovation.NORMAL).compiled:
        raise ValueError(
            "must be one that can be simulated: use ewma, garch, gjr, egarch or component"
        )
    return spec.name


def check_shocks(spec: str, shocks: Shocks) -> None:
    """Refuse to draw shocks from a law that cannot be drawn from."""
    if shocks is Shocks.PARAMETRIC and VolatilitySpec.parse(spec).innovation is Innovation.GED:
        raise ValueError("parametric shocks cannot be drawn from ged: use filtered ones")


class Table(BaseModel):
    """A table of a study: frozen, with unknown keys, NaN and infinities refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSection(Table):
    """Which prices: a file (relative to the study), a stored series, or one of a package.

    A stored series (``"binance/ETH-USDT-USDT/1h"``) may be resampled to a longer ``bar``.
    """

    asset: Annotated[str, Fact("asset", why="Name in titles and files.")] = Field(min_length=1)
    prices: Annotated[
        str | None, Fact("price file", why="CSV or parquet, relative to the study.")
    ] = None
    stored: Annotated[
        str | None, Fact("stored series", why="A series of the price store: venue/symbol/bar.")
    ] = None
    sample: Annotated[
        Literal["sp500", "nasdaq", "wti"] | None, Fact("sample", why="A series that arch ships.")
    ] = None
    bar: Annotated[
        str | None, Fact("bar", why="Length of a bar, such as 1h; found from the stamps if absent.")
    ] = None
    calendar: Annotated[
        Calendar | None, Fact("calendar", why="24/7 or sessions; found from the stamps if absent.")
    ] = None
    price_column: Annotated[
        str | None, Fact("price column", why="Column of a file that holds the price.")
    ] = None
    time_column: Annotated[
        str | None, Fact("time column", why="Column of a file that holds the stamps.")
    ] = None
    delimiter: Annotated[
        str | None, Fact("delimiter", why="Sign between a file's columns, if it does not tell.")
    ] = None
    decimal: Annotated[
        Literal[".", ","] | None,
        Fact("decimal sign", why="Sign before a file's decimals, if it does not tell."),
    ] = None
    closed_by: Annotated[
        AwareDatetime | None,
        Fact("closed by", why="Bars of a file that close later are left out: to run it again."),
    ] = None
    invalid_rows: Annotated[
        InvalidRows, Fact("invalid rows", why="What happens to rows that cannot be prices.")
    ] = InvalidRows.RAISE
    exclude_rows: Annotated[
        tuple[str, ...], Fact("excluded rows", why="Stamps of rows to leave out, by decision.")
    ] = ()

    _text = field_validator("asset")(check_text)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.prices, self.stored, self.sample)) != 1:
            raise ValueError(
                "give one of prices (a file), stored (a series of the price store) and sample "
                "(sp500, nasdaq, wti)"
            )
        if self.stored is not None and SeriesKey.parse(self.stored).bar is None:
            raise ValueError("stored must name prices, not funding rates")
        keys = ("calendar", "price_column", "time_column", "delimiter", "decimal", "closed_by")
        given = [key for key in keys if getattr(self, key) is not None]
        if self.prices is None and given and (self.stored is not None or given != ["calendar"]):
            raise ValueError(f"{' and '.join(given)} describe a file: leave them out")
        return self


class ModelSection(Table):
    """The volatility model, and what its shocks are when simulated."""

    spec: Annotated[
        str,
        Fact(
            "volatility model",
            why="Variance and innovations. GJR lets falls raise volatility more than rises do; a "
            "skewed t gives each tail its own weight.",
        ),
    ] = "gjr-skewt"
    shocks: Annotated[
        Shocks,
        Fact("shocks", why="Resampled residuals of the fit, or draws from its law."),
    ] = Shocks.FILTERED
    minimum_history_days: Annotated[
        Days | None,
        Fact(
            "first fit after",
            StudyUnit.DAYS,
            why="Less history than this fits no model, and none is walked through history on it. "
            "Left out: what suits the bar.",
        ),
    ] = None
    refit_every_days: Annotated[
        Days | None,
        Fact(
            "refit every",
            StudyUnit.DAYS,
            why="In the walk through history that is the evidence. Left out: what suits the bar.",
        ),
    ] = None
    minimum_bars: Annotated[
        Annotated[int, Field(strict=True, ge=FEWEST_BARS)] | None,
        Fact(
            "first fit after",
            StudyUnit.BARS,
            why="In place of minimum_history_days, for one length of bar.",
        ),
    ] = None
    refit_every_bars: Annotated[
        Annotated[int, Field(strict=True, ge=1)] | None,
        Fact(
            "refit every",
            StudyUnit.BARS,
            why="In place of refit_every_days, for one length of bar.",
        ),
    ] = None

    holes: Annotated[
        Literal["counted", "left-out"] | None,
        Fact(
            "returns across holes",
            why="Losses that someone bore: each is one observation over several bars in the tail "
            "of resampled shocks. Left out: counted.",
        ),
    ] = None

    _known = field_validator("spec")(check_spec)

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for bars, days in (
            ("minimum_bars", "minimum_history_days"),
            ("refit_every_bars", "refit_every_days"),
        ):
            if getattr(self, bars) is not None and getattr(self, days) is not None:
                raise ValueError(f"give {days} or {bars}, not both: they are one thing")
        return self

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        check_shocks(self.spec, self.shocks)
        return self


class FloorSection(Table):
    """What the recommendation may never fall below."""

    kind: Annotated[
        Literal["full-history", "none"],
        Fact(
            "floor",
            why="The requirement at full-history volatility: calm times lower no margin below it.",
        ),
    ] = "full-history"


#: What a version 2 study that names no measure is judged on: one default in 1,000 account-days.
DEFAULTS_PER_ACCOUNT_DAY = 0.001


class TargetsSection(Table):
    """What governs MM (or LT): one probability and three measures; and IM - MM (or LT - LTV).

    The maintenance margin meets every target that is set. The measures are taken over the accounts
    of table ``accounts``.
    """

    default_given_liquidation_probability: Annotated[
        Probability,
        Fact(
            "P(default | liq.)",
            StudyUnit.PROBABILITY,
            why="Share of liquidated positions that may end with a loss to the venue.",
            assumption=True,
            stops=ODDS,
        ),
    ] = 0.01
    liquidation_within_reaction_time_probability: Annotated[
        Probability,
        Fact(
            "P(liq. in reaction time)",
            StudyUnit.PROBABILITY,
            why="Chance that a position opened at its limit is liquidated before its owner reacts.",
            assumption=True,
            stops=(*ODDS, 0.3, 0.4),
        ),
    ] = 0.05
    over: Annotated[
        Literal["accounts", "one-position"] | None,
        Fact(
            "targets over",
            why="The declared accounts beside one position; version 1 knew one position alone.",
        ),
        UNASKED,
    ] = None
    default_per_account_day_probability: Annotated[
        Probability | None,
        Fact(
            "defaults per account-day",
            StudyUnit.PROBABILITY,
            why="Defaults per account and day, over the declared accounts. 0.1 % where a study "
            "names none of the three measures: P(default | liq.) is never the only target.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
        UNASKED,
    ] = None
    bad_debt_per_year_fraction: Annotated[
        Positive | None,
        Fact(
            "bad debt of OI",
            StudyUnit.YEARLY,
            why="Bad debt per year of open interest, over the declared accounts. Left out: not "
            "judged.",
            assumption=True,
        ),
        UNASKED,
    ] = None
    worst_days_loss_fraction: Annotated[
        Probability | None,
        Fact(
            "worst days' loss",
            StudyUnit.FRACTION,
            why="Mean bad debt of the worst hundredth of the days, of open interest, over the "
            "declared accounts. Left out: not judged.",
            assumption=True,
        ),
        UNASKED,
    ] = None

    @model_validator(mode="after")
    def _over_accounts(self) -> Self:
        if self.over == "one-position" and self.measures:
            raise ValueError('over = "one-position" leaves no measure over accounts to set')
        return self

    @property
    def measures(self) -> dict[str, float]:
        """The measures that are set, as `riskkit.validation.judging` names and counts them."""
        asked = {
            "account_day": self.default_per_account_day_probability,
            "oi_year_bps": self.bad_debt_per_year_fraction,
            "episode_es": self.worst_days_loss_fraction,
        }
        unit = {"account_day": 1.0, "oi_year_bps": 1e4, "episode_es": 100.0}
        return {name: unit[name] * x for name, x in asked.items() if x is not None}

    @property
    def unmeasured(self) -> TargetsSection:
        """The two probabilities of one position alone."""
        return TargetsSection(
            default_given_liquidation_probability=self.default_given_liquidation_probability,
            liquidation_within_reaction_time_probability=(
                self.liquidation_within_reaction_time_probability
            ),
        )


class SimulationSection(Table):
    """Paths, seed, start state of the recommendation, and refits behind its bands."""

    paths: Annotated[
        int,
        Field(strict=True, ge=10_000, le=10_000_000),
        Fact("paths", StudyUnit.COUNT, why="Ten or more must lie beyond the rarest target."),
    ] = 100_000
    seed: Annotated[
        int,
        Field(strict=True, ge=0, lt=SEED_LIMIT),
        Fact("seed", StudyUnit.COUNT, why="The same seed gives the same bytes."),
    ] = 1
    start_state: Annotated[
        StartState,
        Fact("start state", why="Volatility from which the paths start: of today, or of history."),
    ] = StartState.NOW
    bootstrap_refits: Annotated[
        int,
        Field(strict=True, ge=0, le=1_000),
        Fact(
            "bootstrap refits", StudyUnit.COUNT, why="Refits on resampled histories, for the bands."
        ),
    ] = 20
