"""Legs of options in `riskkit portfolio`: what they must hold, holes of a set, hedging."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    from riskkit.calibration.options import OptionAnswer
    from riskkit.calibration.portfolio import JointAnswer
    from riskkit.portfolio.accounts import Accounts


def write_legs(
    console: Console,
    answer: JointAnswer,
    accounts: Accounts,
    legs: Path,
    folder: Path,
    out: Path,
    *,
    option_set: Path | None,
    threads: int,
) -> None:
    """Margin a file of legs, print what follows, and write its tables into a folder."""
    from riskkit.calibration.options import answer_options
    from riskkit.parameters.write import write_atomically
    from riskkit.portfolio.scenario_set import ScenarioSet
    from riskkit.reading import read_text

    given = None
    if option_set is not None:
        given = ScenarioSet.read(read_text(option_set, "option-set", most=1_000_000))
    found = answer_options(
        answer, legs, folder=folder, accounts=accounts, given=given, threads=threads
    )
    _print(console, found)
    files = {
        "options": found.margins.table,
        "option-legs": found.margins.contributions,
        "option-worst": found.margins.worst,
        "option-reserves": found.margins.locked,
        "option-sets": found.structures,
        "option-holes": found.holes,
        "option-hedging": found.hedging,
        "option-rehedging": found.rehedging,
    }
    for what, rows in files.items():
        text = rows.to_csv(index=False, lineterminator="\n")
        print_path(console, "written:", write_atomically(out / f"portfolio-{what}.csv", text))
    if given is None:
        path = write_atomically(out / "option-set.json", found.published.text())
        print_path(console, "written:", path)


def _print(console: Console, found: OptionAnswer) -> None:
    table = Table(
        box=box.SIMPLE_HEAD, title="accounts with options", title_justify="left",
        padding=(0, 1), pad_edge=False,
    )  # fmt: skip
    columns = ("account", "gross", "var", "es", "maintenance", "greeks", "reserve")
    heads = {"maintenance": "margin", "greeks": "Greeks"}
    for name in columns:
        head = heads.get(name, name)
        table.add_column(head, justify="left" if name == "account" else "right", no_wrap=True)
    for row in found.margins.table.to_dict(orient="records"):
        numbers = (f"{row[name]:,.0f}" for name in columns[1:])
        table.add_row(escape(str(row["account"])), *numbers)
    console.print(table)
    said = found.market.evidence
    console.print(f"law of volatility: {said}", markup=False, soft_wrap=True)
    moved = (found.margins.table["sticky_delta"] - found.margins.table["sticky_strike"]).abs()
    console.print(
        "strikes that keep their volatility or their moneyness: VaR differs by up to "
        f"{moved.max():,.0f} for an account",
        markup=False,
    )
    target = 1.0 - found.market.answer.requirement.rule.confidence
    for name, one in found.sets.items():
        shock = one.scenario_set.shocks[name]
        console.print(
            f"{name}: a set of {shock.range:.1%} either way, volatility +{shock.volatility_up:.0%} "
            f"and -{shock.volatility_down:.0%}: {one.uncovered(target)} of {len(one.table)} "
            f"structures lose more in over {target:.2%} of scenarios; on other paths "
            f"{_beyond(found, name)} lie above the 95 % band of that; asked over VaR "
            f"{one.median_overcharge:.2f} (median)",
            markup=False,
            soft_wrap=True,
        )
    open_ = found.holes[found.holes["hole"] > 0.0]
    for row in open_.to_dict(orient="records"):
        console.print(
            f"hole: {row['account']} in {row['underlying']} loses {row['hole']:,.0f} more than a "
            f"set without decayed scenarios asks, at a move of {row['at move']:+.1%}; "
            f"{row['with decayed scenarios']:,.0f} with them",
            markup=False,
            soft_wrap=True,
        )
    worst = found.hedging.loc[found.hedging.groupby("underlying")["cost"].idxmax()]
    for row in worst.to_dict(orient="records"):
        known = row["impact"] == row["impact"]
        impact = (
            f"and an impact of {row['impact']:+.1%} at the depth of a crash"
            if known
            else "at the study's constant slippage: no depth is known, and no impact"
        )
        console.print(
            f"hedging {row['underlying']}: after {row['move']:+.0%} a venue that took the book "
            f"over trades {row['trade']:,.0f}, at a cost of {row['cost']:,.0f} {impact}",
            markup=False,
            soft_wrap=True,
        )


def _beyond(found: OptionAnswer, name: str) -> int:
    """Structures of an underlying that lose too often on paths that calibrated nothing."""
    rows = found.structures
    mine = rows[rows["underlying"] == name]
    return int((mine["again"] > mine["high"]).sum())
