"""What stands behind a venue's accounts, put into the parameter file of the same study."""

from __future__ import annotations

import math

from riskkit.attack.found import VenueAttacks
from riskkit.errors import InputError
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.sections import AttackLimits, AuctionEstimate, BehindAccounts, FundEstimate
from riskkit.waterfall.answer import VenueFund


def with_fund(file: ParameterFile, found: VenueFund) -> ParameterFile:
    """A parameter file with fund, bonus and auction in it, and its digest anew.

    Raises
    ------
    InputError
        If the file is of another study.
    """
    asked = found.posed.study
    _check_same(file, file.study == asked, asked.title)
    size, cover, lending = found.size, found.cover, found.lending
    fund = FundEstimate(
        notional=size.size,
        low=size.low,
        high=size.high,
        shortfall=size.shortfall,
        once_in_years=size.once_in,
        years=found.years.years,
        cover_one=cover.one,
        cover_two=cover.two,
        closing_fee_fraction=found.posed.venue.engine.fee,
    )
    auction = None
    if lending is not None and lending.auction is not None:
        solved = lending.auction
        auction = AuctionEstimate(
            start=solved.auction.start,
            cut=solved.auction.cut,
            step_seconds=solved.auction.step_seconds,
            seconds=solved.auction.seconds,
            no_bid_probability=solved.no_bid,
            loss_fraction=solved.loss,
            most_notional_at_once=solved.most,
        )
    behind = BehindAccounts(
        fund=fund, smallest_bonus=None if lending is None else lending.bonus, auction=auction
    )
    parameters = file.parameters.model_copy(update={"behind_accounts": behind})
    return file.model_copy(update={"parameters": parameters}).sealed()


def with_attacks(file: ParameterFile, found: VenueAttacks) -> ParameterFile:
    """A parameter file with the caps that attacks leave in it, and its digest anew.

    Raises
    ------
    InputError
        If the file is of another study.
    """
    _check_same(file, file.study == found.study, found.study.title)
    low, high = found.band
    limits = AttackLimits(
        open_interest_cap=_limit(found.cap),
        low=_limit(low),
        high=_limit(high),
        binding=found.binding.name,
        position_limit=_limit(found.position_limit),
        collateral_cap=_limit(found.collateral_cap),
    )
    parameters = file.parameters.model_copy(update={"attack_limits": limits})
    return file.model_copy(update={"parameters": parameters}).sealed()


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _check_same(file: ParameterFile, same: bool, title: str) -> None:
    if not same:
        raise InputError(
            "--parameters",
            file.study.title,
            f"must be of this study, {title}: its numbers would stand beside others'",
            "Calibrate the study, and give the file that this writes",
        )
