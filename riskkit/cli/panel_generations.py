"""`riskkit generations` of a study of several assets: how accounts are margined, equally safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.cli.terminal import print_path

if TYPE_CHECKING:
    import pandas as pd


def compare_accounts(path: Path, rate: float, out: Path) -> None:
    """Walk the panel of a study, scale every rule on its first half, report the second."""
    from riskkit.calibration.portfolio import joint_spec
    from riskkit.calibration.question import spec_of
    from riskkit.cli.dates import now
    from riskkit.cli.progress_bar import progress_of
    from riskkit.lab.portfolio_figures import panel_generations_page
    from riskkit.parameters.write import write_atomically
    from riskkit.portfolio.books import reference_books
    from riskkit.proof.panel_generations import compare_panel_generations
    from riskkit.proof.panel_walk import WalkPlan, walk_panel
    from riskkit.study.name import study_name
    from riskkit.study.panel import PanelCase

    case = PanelCase.read(path, now=now())
    study, panel = case.study, case.panel
    pace = study.pace(panel.bar)
    spec = joint_spec(study.dependence, panel.bar)
    confidence = 1.0 - study.targets.default_given_liquidation_probability
    plan = WalkPlan(pace.minimum_bars, pace.refit_every, confidence=confidence)
    with progress_of("walking through history") as tell:
        walk = walk_panel(
            panel,
            spec_of(study),
            reference_books(len(panel)),
            plan,
            joint=spec,
            kinds=(spec.kind,),
            progress=lambda done, total: tell("history", done, total),
        )
    found = compare_panel_generations(walk, kind=spec.kind, rate=rate)
    console = Console(soft_wrap=False)
    console.print(
        f"[bold]{escape(study.title)}[/]: {len(walk.groups)} books, one bar ahead; each rule "
        f"scaled by one number before {found.split:%Y-%m-%d}, so that the worst group defaults on "
        f"{rate:.1%} of account-days, or so that bad debt is that of isolated legs; then:"
    )
    console.print(_table(found.table))
    folder = out / study_name(path)
    files = {
        "generations": found.table.to_csv(index=False, lineterminator="\n"),
        "generations-groups": found.groups.to_csv(index=False, lineterminator="\n"),
        "offset-table": found.offsets.rounded().text(),
    }
    for name, text in files.items():
        print_path(console, "written:", write_atomically(folder / f"{name}.csv", text))
    page = panel_generations_page(study.title, found)
    print_path(console, "figure:", write_atomically(folder / "generations.html", page))


def _table(rows: pd.DataFrame) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    heads = (
        "rule",
        "equal",
        "scale",
        "margin",
        "saved",
        "defaults",
        "worst group",
        "bad debt, bps",
    )
    for head in heads:
        table.add_column(head, justify="left" if head in ("rule", "equal") else "right")
    for _, r in rows.iterrows():
        table.add_row(
            r["rule"],
            r["equal"],
            f"{r['scale']:.2f}",
            f"{r['margin']:.2%}",
            f"{r['saved']:.0%}",
            f"{r['defaults']:.2%}",
            f"{r['worst_group']} {r['worst_group_defaults']:.2%}",
            f"{r['bad_debt_bps']:.2f}",
        )
    return table
