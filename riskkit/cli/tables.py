"""What the terminal shows of a calibration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Calibration, Infeasible
from riskkit.cli.terminal import print_path
from riskkit.estimate import Array, Estimate
from riskkit.market.quality import Kind
from riskkit.position import Instrument
from riskkit.study.coarse import coarseness_of
from riskkit.study.inside import inside_words
from riskkit.units import duration
from riskkit.validation.coverage import TrafficLight
from riskkit.validation.judging import NAMES, SCALES

if TYPE_CHECKING:
    from riskkit.cli.run import Written


def print_calibration(console: Console, c: Calibration, written: Written) -> None:
    """Print recommendation, health, evidence, findings and where the files are."""
    console.print()
    console.print(f"[bold]{escape(c.study.title)}[/]  as of {c.study.as_of}")
    if c.is_historical_example:
        console.print(
            f"[bold yellow]HISTORICAL EXAMPLE[/]: data ends {c.data_end}, "
            f"{c.data_age_days} days before"
        )
    console.print(parameters_table(c))
    for u in c.unserved:
        console.print(f"[bold yellow]not served[/] {escape(u.words)}", soft_wrap=True)
    for row in c.without_suspects.limits if c.without_suspects else ():
        if isinstance(row, Infeasible):
            words = f"{row.side.value}, without suspects: {row.reason}"
            console.print(f"[bold yellow]not solved[/] {escape(words)}", soft_wrap=True)
    console.print(outcome_table(c))
    if any(r.measured for r in c.recommended):
        console.print(measured_table(c))
    console.print(evidence_table(c))
    if any(e.at_extremes for e in c.evidence):
        console.print(at_extremes_words(c), highlight=False)
    for r in c.recommended:
        if r.outcome.never_liquidated:
            words = "no path was liquidated: P(default | liq.) is not known"
            console.print(f"[bold yellow]none seen[/] {r.side.value}: {words}", soft_wrap=True)
    for line in beyond_notional(c):
        console.print(f"[bold yellow]{escape(line)}[/]", highlight=False)
    p = c.periods
    if c.for_a_day:
        rooms = ", ".join(f"{x.side.value} {100.0 * x.opening.value:.2f} %" for x in c.for_a_day)
        hour = duration(p.reaction_time.requested)
        console.print(f"with a day to react instead of {hour}: IM {rooms}", highlight=False)
    console.print(
        f"margin period of risk: {p.margin_period_of_risk} bars "
        f"(1 observation + {p.oracle_latency.bars} oracle + {p.liquidation_delay.bars} delay); "
        f"delay {p.liquidation_delay.statement}; reaction time {p.reaction_time.statement}"
    )
    for record in c.dynamic.levels:
        if record.forecasts:
            over = duration(record.bars * p.bar)
            console.print(
                f"variance over {over}: {record.ratio:.2f} of what was forecast came, "
                f"{record.corrected_ratio:.2f} once corrected by its record; "
                f"factor today {record.factor:.2f}",
                highlight=False,
            )
    for line in across_words(c):
        console.print(line, highlight=False)
    coarse = coarseness_of(p)
    if coarse.short_beside:
        console.print(f"[bold yellow]coarse bars[/]: {escape(coarse.statement)}", highlight=False)
    if c.question.ranges is not None and c.question.ranges.watched:
        console.print(f"inside the bar: {inside_words(c.question.ranges)}")
    fell = "".join(f"; fell back from {f.spec.name} ({f.reason})" for f in c.fit.fallbacks)
    console.print(escape(f"model: {c.fit.spec.name}, {c.fit.health.statement}{fell}"))
    counts = {k: n for k, n in c.history.quality.counts().items() if n}
    found = ", ".join(f"{n} {k}{'s' * (n > 1)}" for k, n in counts.items()) or "no findings"
    console.print(f"data: {len(c.history):,} bars to {c.data_end}; {found}")
    for line in dropped_rows(c):
        console.print(f"[bold yellow]rows dropped[/]: {escape(line)}", highlight=False)
    for note in c.history.provenance.notes:
        console.print(f"[bold yellow]note[/]: {escape(note)}", highlight=False)
    for f in c.history.quality.of(Kind.ONE_WAY):
        console.print(
            f"[bold yellow]one-way move[/] {f.start.isoformat()}: {f.detail}", highlight=False
        )
    if c.without_suspects is not None and (ticks := c.history.quality.of(Kind.TICK)):
        rows = ", ".join(f.start.isoformat() for f in ticks)
        console.print(
            f"[bold yellow]suspected bad ticks kept[/]: {rows}; name them in data.exclude_rows "
            "if proven wrong (last rows of the table show the change)"
        )
    print_path(console, "parameter file:", written.parameters)
    print_path(console, "report:        ", written.report)


def dropped_rows(c: Calibration, shown: int = 5) -> list[str]:
    """A sentence on the rows that are in no number, if there are any."""
    rows = c.history.provenance.dropped
    if not rows:
        return []
    named = "; ".join(f"{row} ({reason})" for row, reason in rows[:shown])
    more = f"; and {len(rows) - shown:,} more, in the file" if len(rows) > shown else ""
    return [f"{len(rows):,}: {named}{more}"]


def across_words(c: Calibration) -> list[str]:
    """Returns across holes that count in the tail, and the margins without them."""
    across = None if c.question.ranges is None else c.question.ranges.across
    if across is None:
        return []
    worst = int(np.argmin(across.moves))
    name = "LT" if c.study.is_loan else "MM"
    rows = [
        f"{x.side.value} {name} {100.0 * x.trigger.value:.2f} %"
        if isinstance(x, Limits)
        else f"{x.side.value} not solved"
        for x in c.without_holes
    ]
    now = [f"{r.side.value} {100.0 * r.point.trigger.value:.2f} %" for r in c.recommended]
    return [
        f"returns across holes: {across.moves.size} count in the tail, the worst "
        f"{100.0 * np.expm1(across.moves[worst]):.1f} % over {across.bars[worst]:.0f} bars; point "
        f"estimates with them {', '.join(now)}, without them {', '.join(rows)}"
    ]


def beyond_notional(c: Calibration) -> list[str]:
    """A sentence for every recommended margin above the notional itself."""
    margins = [
        (r.side.value, r.limits.opening.value)
        for r in c.recommended
        if r.limits.instrument is Instrument.PERPETUAL
    ]
    return [
        f"{side}: an initial margin of {100.0 * margin:.1f} % is more than the position is worth "
        f"({1.0 / margin:.2f}x): a venue that asks for at most 100 % does not meet the targets"
        for side, margin in margins
        if margin > 1.0
    ]


def parameters_table(c: Calibration) -> Table:
    """Every start state, the floor, and the recommendation, with 90 % bands."""
    loan = c.study.is_loan
    table = Table(
        title_justify="left",
        title="Recommendation, in percent [90 % band]",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("start state", no_wrap=True)
    table.add_column("side", no_wrap=True, min_width=5)
    names = Instrument(c.study.position.kind).names
    for head in names if loan else (*names, "max"):
        table.add_column(head, justify="right", no_wrap=True, min_width=4)
    groups: list[tuple[str | None, Sequence[Limits | Infeasible], str | None]] = [
        (None, c.by_state, None),
        ("floor", c.floor, None),
        ("recommended", [r.limits for r in c.recommended], "bold"),
    ]
    if c.without_suspects is not None:
        groups.append(("without suspects", c.without_suspects.limits, "yellow"))
    for label, parameters, style in groups:
        for p in parameters:
            table.add_row(label or p.state.value, p.side.value, *_cells(p), style=style)
        if label == "recommended":
            for u in c.unserved:
                table.add_row(label, u.side.value, "none", style=style)
    return table


def outcome_table(c: Calibration) -> Table:
    """What happens to a position opened at the recommended numbers, simulated."""
    horizon = duration(c.periods.holding_horizon.requested)
    table = Table(
        title_justify="left",
        title=f"Simulated at the recommendation, held for {horizon}",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("side")
    for head in ("P(liquidation)", "P(default | liq.)", "P(default)", "bad debt, bps"):
        table.add_column(head, justify="right", no_wrap=True)
    for r in c.recommended:
        o = r.outcome
        table.add_row(
            r.side.value,
            _interval(o.liquidation),
            "-" if o.never_liquidated else _interval(o.default_given_liquidation),
            _interval(o.default),
            _bad_debt(o.expected_bad_debt),
        )
    return table


def measured_table(c: Calibration) -> Table:
    """The three measures over the declared accounts at the recommended numbers, simulated."""
    table = Table(
        title_justify="left",
        title=escape(f"Judged over accounts: {c.question.accounts}"),
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("side", no_wrap=True)
    for name, head in NAMES.items():
        asked = c.question.targets.measures.get(name)
        limit = "" if asked is None else f" (at most {SCALES[name] * asked:g})"
        table.add_column(f"{head}{limit}", justify="right")
    table.add_column("decides", no_wrap=True)
    for r in c.recommended:
        if r.measured is None:
            continue
        cells = [
            f"{SCALES[name] * r.measured.values[name]:.3g}"
            if name in r.measured.values
            else "not known"
            for name in NAMES
        ]
        by = NAMES[r.measured.binding].split(",")[0]
        decides = "floor" if r.floored else by if r.measured.decided else "P(default | liq.)"
        table.add_row(r.side.value, *cells, decides)
    return table


def _bad_debt(e: Estimate[Array] | None) -> str:
    if e is None:
        return "refused"
    return "none seen" if bool(e.bound) else f"{1e4 * float(e.value):.2f}"


def _interval(e: Estimate[Array]) -> str:
    half = 100.0 * float(e.high - e.low) / 2.0
    bound = "< " if bool(e.bound) else ""
    return f"{bound}{100.0 * float(e.value):.2f} ± {half:.2f} %"


def evidence_table(c: Calibration) -> Table:
    """Out-of-sample exceptions, and the p-values of the coverage tests."""
    target = c.study.targets.default_given_liquidation_probability
    table = Table(
        title_justify="left",
        title=f"Evidence, out of sample (target rate {target:.2%})",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    for head in ("side", "periods", "exceptions", "rate", "breaches"):
        table.add_column(head, justify="left" if head == "side" else "right", no_wrap=True)
    for head in ("independent", "POF p", "CC p", "zone"):
        table.add_column(head, justify="right", no_wrap=True)
    for e in c.evidence:
        table.add_row(
            e.side.value,
            f"{e.evaluated:,}",
            f"{e.exceptions}",
            f"{e.exceptions / e.evaluated:.2%}",
            f"{e.breaches}",
            f"{e.tests[0].exceptions} of {e.tests[0].observations:,}",
            *(f"{t.p_value:.3f}" for t in e.tests[:2]),
            *(t.zone.value for t in e.tests if isinstance(t, TrafficLight)),
        )
    return table


def at_extremes_words(c: Calibration) -> str:
    """Breaches where close-outs are filled at the adverse extremes of their bars."""
    counts = [f"{e.side.value} {e.at_extremes.breaches}" for e in c.evidence if e.at_extremes]
    return f"breaches at the extremes of the bars that execute: {', '.join(counts)}"


def markets_table(results: Sequence[Calibration]) -> Table:
    """One row per market and side: what is recommended, and whether the evidence holds."""
    table = Table(title_justify="left", title="All markets", box=box.SIMPLE_HEAD)
    for head in ("market", "side", "status", "MM or LT", "IM or LTV", "exceptions", "health"):
        table.add_column(head, no_wrap=head == "market")
    for c in results:
        market = f"{escape(c.study.data.asset)} {c.study.position.kind}"
        for r, e in zip(c.recommended, c.evidence, strict=True):
            p = r.limits
            table.add_row(
                market,
                p.side.value,
                "HISTORICAL EXAMPLE" if c.is_historical_example else "calibrated",
                f"{p.trigger.value:.2%}",
                f"{p.opening.value:.2%}",
                f"{e.exceptions / e.evaluated:.2%} of {e.evaluated:,}",
                c.fit.spec.name if c.fit.fallbacks else c.fit.health.statement,
            )
        for u in c.unserved:
            table.add_row(market, u.side.value, "not served", *["-"] * 4)
    return table


def _cells(p: Limits | Infeasible) -> list[str]:
    if isinstance(p, Infeasible):
        limit = re.search(r"buffer below (\S+) % meets", p.reason)
        return [f"infeasible below {limit[1]} %" if limit else "not solved"]
    cells = [_band(p.trigger), _band(p.opening)]
    perpetual = p.instrument is Instrument.PERPETUAL
    return [*cells, f"{p.max_leverage:.1f}x"] if perpetual else cells


def _band(e: Estimate[float]) -> str:
    return f"{100.0 * e.value:.2f} [{100.0 * e.low:.1f}, {100.0 * e.high:.1f}]"
