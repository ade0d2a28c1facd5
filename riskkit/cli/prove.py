"""`riskkit reliability`, `generations`, `sensitivity`: does the promise hold, and at what price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from riskkit.cli.asked import AskedAbout
from riskkit.cli.options import NOTHING, OutOption, StudyArgument, ThreadsOption, asks
from riskkit.cli.progress_bar import progress_of
from riskkit.errors import InputError
from riskkit.position import Instrument

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    Columns = list[tuple[str, Callable[[pd.Series], str]]]

#: The events of `riskkit.proof.replay`, as a terminal of 80 columns shows them.
EVENT_NAMES = {
    "liquidation within the reaction time": "liq. in time",
    "liquidation": "liquidation",
    "default": "default",
    "default given liquidation": "default | liq.",
}


@asks(StudyArgument)
def reliability(
    targets: Annotated[
        str, typer.Option(help="Target probabilities, each for both targets of the study.")
    ] = "0.01,0.02,0.03,0.05",
    histories: Annotated[int, typer.Option(help="Simulated histories behind the bands.")] = 400,
    threads: ThreadsOption = 2,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Open positions at every bar of history and hold predictions to what happened.

    Margins are recommended out of sample. Writes OUT/NAME/reliability.html (page),
    reliability.csv (cells) and reliability-positions.csv (every position).

    Example:

        riskkit reliability studies/eth-perpetual-daily.toml
    """
    from riskkit.lab.proof_page import left_out, reliability_page
    from riskkit.proof.reliability import measure_reliability

    asked = asking.read()
    console, case = Console(soft_wrap=False), asked.case
    chosen = _probabilities(targets)
    with progress_of("opening positions") as tell:
        result = measure_reliability(
            case,
            targets=chosen,
            histories=histories,
            threads=threads,
            progress=tell,
        )
    folder = out / asked.name
    console.print(_reliability_table(result.cells, case.study.data.asset))
    counts = result.counts()
    console.print(_counts_table(counts))
    for line in left_out(counts):
        console.print(
            f"[bold yellow]not counted[/] {escape(line)}", soft_wrap=True, highlight=False
        )
    console.print(_brier_table(result.brier))
    console.print(_volatility_table(result.by_volatility()))
    inside, judged = result.judged_inside
    console.print(
        f"{inside} of {judged} judged cells lie inside their 95 % band "
        f"({result.histories} simulated histories of the same schedule, {result.refits} refits); "
        "* expects fewer than ten events and is not judged"
    )
    for side in case.sides:
        for target in (chosen[0], chosen[-1]):
            episodes = result.episodes(side, target)
            console.print(
                f"{side.value}, target {target:.0%}: {int(episodes.sum())} defaults in "
                f"{len(episodes)} bars" + _worst(episodes)
            )
    _write(console, folder, "reliability", reliability_page(case, result), result.cells)
    _write_csv(folder / "reliability-positions.csv", result.positions)


@asks(StudyArgument)
def generations(
    rate: Annotated[
        float, typer.Option(help="Defaults per position that all are scaled to.")
    ] = 0.01,
    threads: ThreadsOption = 2,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Three generations of liquidation rules: equally safe on one half of history, then the other.

    Writes OUT/NAME/generations.html (page), generations.csv (per side), generations-failures.csv
    (every default) and generations-judged.csv (defaults per account-day, bad debt per year of open
    interest and the worst days, with bands by blocks of days). A study of several assets compares
    how accounts are margined: isolated legs, the account, an offset table, the rule of 80 %, the
    portfolio; it writes generations.csv, generations-groups.csv, offset-table.csv and
    generations.html.

    Example:

        riskkit generations studies/eth-perpetual-daily.toml
    """
    if asking.files:
        from riskkit.study.study import read_study

        if read_study(asking.file).assets.any:
            from riskkit.cli.panel_generations import compare_accounts

            compare_accounts(asking.file, rate, out)
            return
    from riskkit.lab.proof_page import generations_page
    from riskkit.proof.generations import compare_generations

    asked = asking.read()
    console, case = Console(soft_wrap=False), asked.case
    with progress_of("walking through history") as tell:
        result = compare_generations(case, rate=rate, threads=threads, progress=tell)
    folder = out / asked.name
    console.print(
        f"[bold]{escape(case.name)}[/]: each scaled to {rate:.1%} defaults before "
        f"{result.split:%Y-%m-%d}; what came after:"
    )
    for table in _generations_tables(result.table):
        console.print(table)
    for reason in result.table.loc[result.table["reason"] != "", "reason"].unique():
        console.print(f"not matched: {escape(str(reason))}")
    _write(console, folder, "generations", generations_page(case, result), result.table)
    _write_csv(folder / "generations-failures.csv", result.failures)
    _write_csv(folder / "generations-judged.csv", result.measures)


@asks(StudyArgument)
def sensitivity(
    threads: ThreadsOption = 2,
    asking: AskedAbout = NOTHING,
    out: OutOption = Path("out"),
) -> None:
    """Halve and double every assumption, to see what the recommended numbers hang on.

    Writes OUT/NAME/sensitivity.html (page) and sensitivity.csv.

    Example:

        riskkit sensitivity studies/eth-perpetual-daily.toml
    """
    from riskkit.lab.proof_page import sensitivity_page
    from riskkit.proof.sensitivity import measure_sensitivity

    asked = asking.read()
    console, case = Console(soft_wrap=False), asked.case
    with progress_of("changing assumptions") as tell:
        result = measure_sensitivity(case, threads=threads, progress=tell)
    names = Instrument(case.study.position.kind).names
    for u in result.unserved:
        console.print(f"[bold yellow]not served[/] {escape(u.words)}", soft_wrap=True)
    for side in result.served:
        base = result.base[result.base["side"] == side.value].iloc[0]
        table = Table(
            title=f"{side.value}: {names[0]} {base['trigger']:.2%}, {names[1]} "
            f"{base['opening']:.2%} (point estimates)",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for head in ("assumption", "change", "setting", *names):
            table.add_column(head, justify="left" if head in ("assumption", "change") else "right")
        for _, r in result.ranked(side).iterrows():
            moves = (f"{100 * r[c]:+.2f}" for c in ("trigger_change", "opening_change"))
            table.add_row(r["assumption"], r["change"], r["setting"], *moves)
        console.print(table)
    still = result.table[result.table["note"] != ""].drop_duplicates(["assumption", "change"])
    for _, r in still.iterrows():
        console.print(f"{r['assumption']} {r['change']}: {escape(str(r['note']))}", highlight=False)
    folder = out / asked.name
    _write(console, folder, "sensitivity", sensitivity_page(case, result), result.table)


def _probabilities(text: str) -> tuple[float, ...]:
    try:
        return tuple(sorted(float(word) for word in text.split(",")))
    except ValueError:
        raise InputError(
            "targets", text, "must be numbers with commas between", "For example 0.01,0.05"
        ) from None


def _reliability_table(cells: pd.DataFrame, asset: str) -> Table:
    table = Table(
        title=f"{asset}: predicted and realised per position, in percent",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    closes = "realised_closes" in cells  # beside what the study itself sees
    beside = cells["realised_closes" if closes else "realised_intrabar"]
    shown, head_beside = bool(beside.notna().any()), "on closes" if closes else "on highs/lows"
    heads = ["side", "target", "event", "trials", "predicted", "realised", "95 % band", ""]
    for head in [*heads, head_beside] if shown else heads:
        justify: JustifyMethod = "left" if head in ("side", "event") else "right"
        table.add_column(head, justify=justify, no_wrap=head != head_beside)
    for (_, c), other in zip(cells.iterrows(), beside, strict=True):
        beyond = "BELOW" if c["realised"] < c["low"] else "ABOVE"
        verdict = ("inside" if c["inside"] else beyond) if c["judged"] else "*"
        row = [
            c["side"],
            f"{c['target']:.0%}",
            EVENT_NAMES[c["event"]],
            f"{c['trials']:,}",
            f"{100 * c['predicted']:.2f}",
            f"{100 * c['realised']:.2f}",
            f"{100 * c['low']:.2f} to {100 * c['high']:.2f}",
            verdict,
        ]
        table.add_row(*([*row, f"{100 * other:.2f}"] if shown else row))
    return table


def _counts_table(counts: pd.DataFrame) -> Table:
    """How many positions the cells rest on, and why others are left out."""
    table = Table(
        title="Positions counted, and left out because", title_justify="left", box=box.SIMPLE_HEAD
    )
    heads = ("side", "target", "bars", "counted", "no margin below 98 %", "hole", "history ends")
    for head in heads:
        table.add_column(head, justify="left" if head == "side" else "right")
    for _, r in counts.iterrows():
        names = ("origins", "counted", "no_margin", "hole", "history_ends")
        table.add_row(r["side"], f"{r['target']:.0%}", *(f"{r[name]:,}" for name in names))
    return table


def _volatility_table(rows: pd.DataFrame) -> Table:
    """The strictest and the laxest target, calm to wild."""
    table = Table(
        title="Thirds of the positions by volatility at opening: predicted → realised, in percent",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    names = ("within_reaction", "liquidation", "default")
    for head in ("side", "target", "volatility", *(n.replace("_", " ") for n in names)):
        table.add_column(head, justify="left" if head == "side" else "right")
    ends = rows[rows["target"].isin([rows["target"].min(), rows["target"].max()])]
    for _, r in ends.iterrows():
        pairs = (f"{100 * r[f'{n}_predicted']:.2f} → {100 * r[f'{n}_realised']:.2f}" for n in names)
        table.add_row(r["side"], f"{r['target']:.0%}", f"{r['sigma']:.2%}", *pairs)
    return table


def _generations_tables(rows: pd.DataFrame) -> list[Table]:
    """What the rules lock up, and how safe they are: together they are wider than a terminal."""
    matched = rows[rows["reason"] == ""]
    shared: Columns = [
        ("generation", lambda r: r["generation"]),
        ("lag, d", lambda r: f"{r['lag_days']}"),
        ("side", lambda r: r["side"]),
    ]
    capital: Columns = [
        ("mean margin", lambda r: f"{r['mean_margin']:.1%}"),
        ("largest", lambda r: f"{r['largest_margin']:.1%}"),
        ("peak/trough", lambda r: f"{r['peak_to_trough']:.2f}"),
        ("5-day rise", lambda r: f"{r['rise_5_days']:.2f}"),
    ]
    safety: Columns = [
        ("defaults", lambda r: f"{r['defaults']:.0f} of {r['positions']:,.0f}"),
        ("episodes", lambda r: f"{r['episodes']:.0f}"),
        ("liquidated", lambda r: f"{r['liquidation_rate']:.0%}"),
        ("bad debt, bps", lambda r: f"{r['bad_debt_bps']:.2f}"),
    ]
    tables = []
    for title, own in (("Capital", capital), ("Safety", safety)):
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
        for head, _ in (*shared, *own):
            justify: JustifyMethod = "left" if head in ("generation", "side") else "right"
            table.add_column(head, justify=justify, no_wrap=True)
        for _, row in matched.iterrows():
            table.add_row(*(cell(row) for _, cell in (*shared, *own)))
        tables.append(table)
    return tables


def _brier_table(rows: pd.DataFrame) -> Table:
    """The score and its parts."""
    table = Table(
        title="Brier score, all targets",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    short = {"reliability": "reliab.", "resolution": "resol.", "uncertainty": "uncert."}
    short |= {"within_bins": "in bins", "forecasts": "n"}
    for name in rows.columns:
        head = short.get(name, str(name).replace("_", " "))
        justify: JustifyMethod = "left" if name in ("side", "event") else "right"
        table.add_column(head, justify=justify, no_wrap=True)
    for _, row in rows.assign(event=rows["event"].map(EVENT_NAMES)).iterrows():
        table.add_row(*(f"{v:.5f}" if isinstance(v, float) else f"{v}" for v in row))
    return table


def _worst(episodes: pd.Series) -> str:
    import pandas as pd

    if episodes.empty:
        return ""
    when = pd.Timestamp(str(episodes.idxmax()))
    return f"; the worst, {when:%Y-%m-%d %H:%M}, has {int(episodes.max())}"


def _write(console: Console, folder: Path, name: str, page: str, rows: pd.DataFrame) -> None:
    from riskkit.parameters.write import write_atomically

    _write_csv(folder / f"{name}.csv", rows)
    console.print(
        f"page: {escape(str(write_atomically(folder / f'{name}.html', page)))}", soft_wrap=True
    )


def _write_csv(path: Path, rows: pd.DataFrame) -> None:
    from riskkit.parameters.write import write_atomically

    write_atomically(path, rows.to_csv(index=False, lineterminator="\n"))
