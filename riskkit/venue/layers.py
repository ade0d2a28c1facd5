"""What stands behind a venue's accounts, layer by layer.

Account equity; the fund, fed by what close-outs pay and by trading; the backstop with capital of
its own; the tranche that pays after them; winners who take over (auto-deleveraging); and what is
left is missing and socialised. Times are in bars, money is the book's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import AccountBook, AccountClass
from riskkit.venue.cascade_values import FundLaw
from riskkit.venue.deleveraging import DeleveragingRule


@dataclass(frozen=True)
class Backstop:
    """A vault that takes over, at the bankruptcy price, what the fund cannot carry.

    Attributes
    ----------
    capital : float
        Ring-fenced: shared with other vaults it would not end where it must (JELLY, 2025-03-26).
    leverage : float
        Most that it holds, of its equity at the market.
    sold_share : float
        Of its inventory, sold a bar with impact.

    Examples
    --------
    >>> import riskkit
    >>> vault = riskkit.venue.Backstop(capital=2e6, leverage=5.0)
    >>> riskkit.venue.CascadeFund(fund=1e6, backstop=vault).capital
    3000000.0
    """

    capital: float
    leverage: float = 5.0
    sold_share: float = 0.2


@dataclass(frozen=True)
class Tranche:
    """Capital staked to pay after the fund and the backstop.

    Attributes
    ----------
    capital : float
    leaving : float
        Share of it that asks to leave at the first crash.
    cooldown : int
        Bars until it may: whoever has not left yet pays.

    Examples
    --------
    >>> import riskkit
    >>> staked = riskkit.venue.Tranche(capital=5e5, leaving=0.2, cooldown=24)
    >>> riskkit.venue.CascadeFund(fund=1e6, tranche=staked).capital
    1500000.0
    """

    capital: float
    leaving: float = 0.0
    cooldown: int = 0


@dataclass(frozen=True)
class CascadeFund:
    """What stands behind the accounts.

    Attributes
    ----------
    fund : float
        Money that is ring-fenced for it.
    deleverages : bool
        Whether winners take over what the layers before cannot carry; else the fund goes below
        zero.
    maker_depth : float
        Share of the book's depth that makers of the book post, and take away as their positions
        are taken from them: at once.
    backstop : Backstop or None
    tranche : Tranche or None
    income : float
        Trading fees that reach the fund a bar, in money.
    late_fees : bool
        Whether what close-outs pay is there from the next bar on only: fees count when received,
        and are zero in the crash bar.
    exposed : float
        Share of the fund that moves with the market: it falls as the losses come.
    haircut : float
        What the sale of its asset costs, of its value.
    drained : float
        Share of the fund that is withdrawn a bar.
    rule : DeleveragingRule
        In whose order winners are taken from.

    Examples
    --------
    >>> import riskkit
    >>> riskkit.venue.CascadeFund(fund=1e6).deleverages
    True
    """

    fund: float = 0.0
    deleverages: bool = True
    maker_depth: float = 0.0
    backstop: Backstop | None = None
    tranche: Tranche | None = None
    income: float = 0.0
    late_fees: bool = False
    exposed: float = 0.0
    haircut: float = 0.0
    drained: float = 0.0
    rule: DeleveragingRule = DeleveragingRule.RETURN_TIMES_LEVERAGE

    @property
    def capital(self) -> float:
        """All that is there at the start: fund, backstop and tranche."""
        more = [part.capital for part in (self.backstop, self.tranche) if part is not None]
        return self.fund + sum(more)


def check_fund(fund: CascadeFund) -> None:
    """Refuse layers that cannot be.

    Raises
    ------
    InputError
    """
    for name in ("exposed", "haircut", "drained"):
        value = getattr(fund, name)
        if not 0.0 <= value <= 1.0 or (name == "haircut" and value == 1.0):
            rule = "must lie in [0, 1): a fund that sells for nothing is none"
            raise InputError(f"fund.{name}", value, rule, "It is a share")
    parts = [("fund.fund", fund.fund), ("fund.income", fund.income)]
    vault, tranche = fund.backstop, fund.tranche
    if vault is not None:
        parts += [("fund.backstop.capital", vault.capital)]
        if not vault.leverage > 0.0 or not 0.0 <= vault.sold_share <= 1.0:
            raise InputError(
                "fund.backstop",
                (vault.leverage, vault.sold_share),
                "must have a positive leverage and sell a share in [0, 1] of what it holds a bar",
                "Correct it, or leave the backstop out",
            )
    if tranche is not None:
        parts += [("fund.tranche.capital", tranche.capital)]
        if not 0.0 <= tranche.leaving <= 1.0 or tranche.cooldown < 0:
            rule = "must leave by a share in [0, 1], after no fewer than 0 bars"
            raise InputError("fund.tranche", (tranche.leaving, tranche.cooldown), rule, "Correct")
    for name, value in parts:
        if not value >= 0.0:
            raise InputError(name, value, "must not be negative", "Give 0 for none")


def fund_law(book: AccountBook, fund: CascadeFund, *, replaces: bool = False) -> FundLaw:
    """The layers as the kernel takes them.

    Raises
    ------
    InputError
    """
    check_fund(fund)
    withdrawn = np.zeros(2)
    # the winners over longs are shorts, and the other way round
    for which, winners in enumerate((Side.SHORT, Side.LONG)):
        makers = (book.side == winners.sign) & (book.kind == AccountClass.MAKER)
        if makers.any():
            withdrawn[which] = fund.maker_depth / float(book.quantity[makers].sum())
    vault = fund.backstop or Backstop(0.0, 0.0, 0.0)
    tranche = fund.tranche or Tranche(0.0)
    return FundLaw(
        float(fund.fund),
        fund.deleverages,
        list(DeleveragingRule).index(fund.rule),
        withdrawn,
        float(vault.capital),
        float(vault.leverage) if vault.capital > 0.0 else 0.0,
        float(vault.sold_share),
        float(tranche.capital),
        float(tranche.leaving),
        int(tranche.cooldown),
        float(fund.income),
        fund.late_fees,
        float(fund.exposed),
        float(fund.haircut),
        float(fund.drained),
        replaces,
    )
