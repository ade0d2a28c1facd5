"""A study's book, depth and engine as the cascade runs them: times in bars, prices relative."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from riskkit.errors import InputError
from riskkit.stress.book_file import read_levels_book, read_loans_book, read_positions_book
from riskkit.study import book as books
from riskkit.study import depth as depths
from riskkit.study.fund import FundSection
from riskkit.study.lending import LendingSection
from riskkit.study.study import Study
from riskkit.study.terms import bonus_of, deviation_of, lag, penalty_of
from riskkit.study.venue import (
    CloseFactorLiquidation,
    LoanPosition,
    PerpetualPosition,
    RestoreLiquidation,
)
from riskkit.units import count_bars
from riskkit.venue.accounts import AccountBook, balanced, imbalance_words
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine, EngineRule, FollowingMargin
from riskkit.venue.deleveraging import DeleveragingRule
from riskkit.venue.depth import (
    BeyondLadder,
    DepthCurve,
    LadderDepth,
    MarketDepth,
    OrderBookDepth,
    check_market_depth,
)
from riskkit.venue.depth_pools import (
    PoolDepth,
    check_pool,
)
from riskkit.venue.layers import Backstop, CascadeFund, Tranche
from riskkit.venue.loan_engine import (
    LoanEngine,
    LoanKind,
    check_bonus,
    gas_to_cover,
    loan_engine,
)


@dataclass(frozen=True)
class StressedVenue:
    """A venue that is to be stressed; accounts that are liquidatable already are left out.

    Attributes
    ----------
    book : AccountBook
    depth : MarketDepth
    engine : CascadeEngine
    fund : CascadeFund
    bar : Timedelta
    horizon : int
        Bars in which triggers count.
    move : float
        The stress move, a simple fraction.
    paths : int
    depletion_years : float
    left_out : int
        Accounts that are liquidatable as the book opens.
    left_out_interest, live_bad_debt : float
        Their notional, and the equity that is missing already.
    notes : tuple of str
    """

    book: AccountBook
    depth: MarketDepth
    engine: CascadeEngine
    fund: CascadeFund
    bar: pd.Timedelta
    horizon: int
    move: float
    paths: int
    depletion_years: float
    left_out: int = 0
    left_out_interest: float = 0.0
    live_bad_debt: float = 0.0
    notes: tuple[str, ...] = ()


def stressed_venue(
    study: Study, bar: pd.Timedelta, price: float, folder: str | Path
) -> StressedVenue:
    """The venue of a study.

    Parameters
    ----------
    price : float
        The last close, at which positions are marked where the study names no other price.
    folder : str or Path
        In which the study's files have their names.

    Raises
    ------
    InputError
        If the study describes no depth or no book, or something that the cascade does not answer.
    """
    if study.depth is None or study.book is None:
        missing = " and ".join(
            f"[{name}]" for name in ("depth", "book") if getattr(study, name) is None
        )
        raise InputError(
            missing,
            "not there",
            "a venue under stress needs the depth it is closed into and the accounts that are",
            "Add the tables to the study (schema_version = 2); docs/venue.md shows each kind",
        )
    if isinstance(study.book, books.AccountsTable):
        raise InputError(
            "book.kind",
            "accounts",
            "holds several assets, and this asks for accounts of one",
            "riskkit stress answers it; or give a book of kind positions or loans",
        )
    if study.is_loan != isinstance(study.book, books.LoansTable):
        raise InputError(
            "position.kind, book.kind",
            f"{study.position.kind}, {study.book.kind}",
            "must both be of loans, or neither: taking collateral at a bonus is another engine",
            "Give loans as a book of kind loans (collateral, debt, threshold)",
        )
    stress = study.stress or books.StressSection()
    fund = study.fund or FundSection()
    depth = market_depth(study.depth, bar)
    whole, notes = account_book(study.book, price, Path(folder))
    gone = whole.beyond_trigger
    book = whole.kept(~gone)
    if not book.size:
        raise InputError(
            "book",
            f"{whole.size} accounts",
            "are all liquidatable at the price already",
            "Check book.price: it must be that of the positions' moment",
        )
    if isinstance(study.position, LoanPosition):
        check_bonus(bonus_of(study.position), 1.0 - float(book.maintenance.min()))
    words = imbalance_words(book)
    notes = (*notes, *([words] if words else []))
    carry = study.position
    if isinstance(carry, PerpetualPosition) and carry.funding_fraction_per_year != 0.0:
        notes = (*notes, "funding is left out of the run: a stress lasts hours, not months")
    return StressedVenue(
        book,
        depth,
        cascade_engine(study, stress, bar),
        replace(
            layers_of(fund, study.data.asset, book, bar),
            deleverages=fund.deleverages and not study.is_loan,
        ),
        bar,
        study.periods(bar).holding_horizon.bars,
        stress.move_fraction,
        stress.paths,
        fund.depletion_years,
        int(gone.sum()),
        float(whole.quantity[gone].sum()),
        whole.live_bad_debt,
        notes,
    )


def following_margin(
    stress: books.StressSection | None, bar: pd.Timedelta, volatility: float
) -> FollowingMargin | None:
    """The margin that follows volatility, if the study's stress has one; times in bars.

    Parameters
    ----------
    volatility : float
        Of a bar, as the paths begin.
    """
    if stress is None or stress.margin_multiple is None:
        return None
    seconds = bar.total_seconds()
    return FollowingMargin(
        stress.margin_multiple,
        max(stress.margin_half_life_seconds / seconds, 0.1),
        volatility,
        stress.margin_most_fraction,
        count_bars(pd.Timedelta(seconds=stress.margin_notice_seconds), bar).bars,
    )


def layers_of(
    section: FundSection, asset: str, book: AccountBook, bar: pd.Timedelta
) -> CascadeFund:
    """What stands behind the accounts of a study, its times in bars.

    Parameters
    ----------
    asset : str
        Of the study.

    Raises
    ------
    InputError
        For a fund in an asset that has no price here.
    """
    if section.asset not in (None, asset):
        raise InputError(
            "fund.asset",
            section.asset,
            f"has no price in this study, whose asset is {asset}",
            "Leave it out for money, or name the study's asset",
        )
    days = bar / pd.Timedelta(days=1)
    backstop, tranche = None, None
    if section.backstop is not None:
        halves = bar.total_seconds() / max(section.backstop.sold_seconds, 1e-9)
        backstop = Backstop(
            section.backstop.notional, section.backstop.leverage, 1.0 - 0.5 ** min(halves, 1e3)
        )
    if section.tranche is not None:
        cooldown = count_bars(pd.Timedelta(days=section.tranche.cooldown_days), bar).bars
        tranche = Tranche(section.tranche.notional, section.tranche.leaving_fraction, cooldown)
    traded = book.open_interest * section.turnover_per_day * days
    return CascadeFund(
        section.notional,
        section.deleverages,
        section.maker_depth_fraction,
        backstop,
        tranche,
        income=section.fee_share_fraction * section.trading_fee_fraction * traded,
        rule=DeleveragingRule(section.deleveraging_rule),
        exposed=0.0 if section.asset is None else section.asset_fraction,
        haircut=0.0 if section.asset is None else section.haircut_fraction,
        drained=1.0 - (1.0 - section.withdrawn_fraction_per_year) ** (days / 365.0),
    )


def loan_terms(section: LendingSection, bonus: float) -> LoanEngine:
    """How the study's loans are liquidated."""
    given = {
        "close_factor": section.close_factor_fraction,
        "target": section.target_health,
        "dust": section.dust_notional,
        "absent_move": section.absent_move_fraction,
    }
    more = {name: value for name, value in given.items() if value is not None}
    engine = loan_engine(LoanKind(section.rules), bonus, **more)
    gas = gas_to_cover(
        section.gas_notional,
        section.competing_keepers,
        section.failed_gas_fraction,
        section.bid_fraction,
    )
    return replace(engine, gas=gas, halts=section.halts, two_steps=section.two_steps)


def account_book(
    table: books.BookTable, price: float, folder: Path
) -> tuple[AccountBook, tuple[str, ...]]:
    """The accounts that a study names, and what there is to say of them."""
    match table:
        case books.PositionsTable():
            book = read_positions_book(
                folder / table.file,
                price=table.price or price,
                maintenance=table.maintenance_fraction,
            )
        case books.LevelsTable():
            book = read_levels_book(
                folder / table.file,
                price=table.price or price,
                maintenance=table.maintenance_fraction,
            )
        case books.LoansTable():
            book = read_loans_book(
                folder / table.file,
                price=table.price or price,
                threshold=table.threshold_fraction,
            )
            return book, book.notes
        case books.SyntheticTable():
            made = SyntheticBook(
                table.open_interest_notional,
                table.accounts,
                table.median_leverage,
                table.leverage_spread,
                table.most_leverage,
                table.maintenance_fraction,
                table.size_tail,
                table.largest_share_fraction,
                table.rank_correlation,
                table.hedger_fraction,
                table.maker_fraction,
                table.seed,
            )
            words = "the book is synthetic: its shape is declared, not measured"
            return made.draw(), (words,)
        case books.AccountsTable():  # refused above, in words
            raise AssertionError(table.kind)
    book = balanced(book) if table.balanced else book
    return book, book.notes


def depth_curve(table: depths.DepthTable | depths.OffersTable) -> DepthCurve:
    """The curve of a study's depth."""
    match table:
        case depths.OrderBookCurve():
            return OrderBookDepth(table.at_one_percent_notional, table.exponent)
        case depths.QuotesCurve():
            beyond = BeyondLadder(table.beyond)
            return LadderDepth.from_quotes(table.notional, table.cost_fraction, beyond)
        case depths.LevelsCurve():
            beyond = BeyondLadder(table.beyond)
            return LadderDepth(table.notional, table.distance_fraction, beyond)
        case depths.ConstantProductTable() | depths.ConcentratedTable() | depths.StableSwapTable():
            check_pool(table.pool, "depth")
            return PoolDepth(table.pool)


def market_depth(table: depths.DepthTable, bar: pd.Timedelta) -> MarketDepth:
    """The depth of a study, its times in bars."""
    bids = depth_curve(table)
    offers = bids if table.offers is None else depth_curve(table.offers)
    seconds = bar.total_seconds()
    depth = MarketDepth(
        bids,
        offers,
        table.mark_weight_fraction,
        table.permanent_fraction,
        table.refill_seconds / seconds,
        table.volatility_elasticity,
        table.volatility_seconds / seconds,
        table.crash_depth_fraction,
        table.crash_move_fraction,
        table.crash_recovery_seconds / seconds,
        table.half_spread_fraction,
    )
    check_market_depth(depth)
    return depth


def cascade_engine(study: Study, stress: books.StressSection, bar: pd.Timedelta) -> CascadeEngine:
    """How the study's venue closes accounts, its times in bars.

    Raises
    ------
    InputError
        For a close factor, or a lag that is drawn.
    """
    delay, latency = lag(study.liquidation.delay, bar), lag(study.oracle.latency, bar)
    if not isinstance(delay, int) or not isinstance(latency, int):
        raise InputError(
            "liquidation.delay, oracle.latency",
            "conditional",
            "must be constant here: a drawn lag is answered for one position only",
            "Give the longest as a constant lag",
        )
    if isinstance(study.position, LoanPosition):
        terms = study.lending or LendingSection()
        return CascadeEngine(
            EngineRule.LOAN,
            delay=delay,
            latency=latency,
            deviation=deviation_of(study.oracle),
            throughput=terms.keepers_notional_per_bar or math.inf,
            slices=stress.slices,
            loan=loan_terms(terms, bonus_of(study.position)),
        )
    engine = CascadeEngine(
        delay=delay,
        latency=latency,
        deviation=deviation_of(study.oracle),
        throughput=stress.throughput_notional_per_bar or math.inf,
        slices=stress.slices,
        fee=penalty_of(study.position),
    )
    if stress.clip_fraction is not None:
        rest = count_bars(pd.Timedelta(seconds=stress.clip_rest_seconds), bar).bars
        return replace(
            engine,
            rule=EngineRule.CLIP,
            level=stress.clip_fraction,
            clip_above=stress.clip_above_notional,
            rest_bars=rest,
        )
    if isinstance(study.liquidation, CloseFactorLiquidation):
        raise InputError(
            "liquidation.kind",
            "close-factor",
            "is not a perpetual venue's engine under stress",
            "Use full or restore, or stress.clip_fraction for a clip and then the rest",
        )
    if isinstance(study.liquidation, RestoreLiquidation):
        return replace(engine, rule=EngineRule.RESTORE, level=study.liquidation.restored_ratio)
    return engine
