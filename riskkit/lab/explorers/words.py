"""What an explorer says around its figure, as HTML: parameters, health, errors, exports."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from riskkit.calibration.result import STALE_AFTER_DAYS, Banded, LoanParameters, Parameters
from riskkit.lab.explorers.export import Exported
from riskkit.lab.explorers.market import Market
from riskkit.lab.explorers.snapshot import Snapshot
from riskkit.lab.figures.trade_off import setting_words
from riskkit.units import duration

SHOWN_CHANGES = 12

STYLE = """<style>
.rk-controls .widget-label { font-size: 12px; }
.rk-shown { transition: opacity 0.12s 0.15s; }
.rk-stale .rk-shown { opacity: 0.35; }
.rk-words { font: 13px/1.5 Inter, Helvetica, Arial, sans-serif; }
.rk-words table { border-collapse: collapse; margin: 4px 0; }
.rk-words th, .rk-words td { padding: 2px 14px 2px 0; text-align: right; white-space: nowrap; }
.rk-words th:first-child, .rk-words td:first-child { text-align: left; }
.rk-words th { font-weight: 600; border-bottom: 1px solid #8A8F98; }
.rk-words .rk-error { border-left: 4px solid #CC2936; padding: 4px 10px; }
.rk-words .rk-warn { border-left: 4px solid #E69F00; padding: 4px 10px; }
.rk-words code { font-size: 12px; overflow-wrap: anywhere; }
</style>"""


def parameters_table(now: Snapshot, pins: Sequence[Snapshot]) -> str:
    """Recommended numbers, the point with its band, the floor, and the pinned settings."""
    columns: list[tuple[str, Parameters]] = [("recommended", now.recommended)]
    columns += [(f"pinned {i}", pin.recommended) for i, pin in enumerate(pins, start=1)]
    point = _numbers(now.point)
    floor = _numbers(now.floor) if now.floor else {}
    head = "".join(f"<th>{title}</th>" for title, _ in columns)
    rows = []
    for label in _numbers(now.recommended):
        cells = "".join(f"<td>{_value(label, _numbers(p).get(label))}</td>" for _, p in columns)
        rows.append(
            f"<tr><td>{label}</td>{cells}<td>{_banded(label, point[label])}</td>"
            f"<td>{_value(label, floor.get(label))}</td></tr>"
        )
    return (
        f'<div class="rk-words"><table id="rk-parameters"><tr><th></th>{head}'
        "<th>at the targets [90 % Monte-Carlo]</th><th>full-history floor</th></tr>"
        f"{''.join(rows)}</table>{_pin_notes(pins)}</div>"
    )


def health_line(now: Snapshot, market: Market) -> str:
    """The fit's health, times in bars, data and their age, and what the live numbers leave out."""
    fit, periods, study = now.fit, now.periods, now.study
    fell = "".join(f"; fell back from {f.spec.name}: {f.reason}" for f in fit.fallbacks)
    end = market.history.last + market.history.bar - pd.Timedelta(seconds=1)
    age = (study.as_of - end.date()).days
    counts = {k: n for k, n in market.history.quality.counts().items() if n}
    findings = ", ".join(f"{k}: {n}" for k, n in counts.items()) or "no findings"
    lines = [
        f"Model {fit.spec.name}: {fit.health.statement}{fell}.",
        f"Margin period of risk {periods.margin_period_of_risk} bars of "
        f"{duration(periods.bar)}: 1 to observe, oracle {periods.oracle_latency.statement}, "
        f"delay {periods.liquidation_delay.statement}; "
        f"reaction time {periods.reaction_time.statement}.",
        f"Data: {len(market.history):,} bars to {end:%Y-%m-%d}; {findings}.",
        f"{'The floor decides.' if now.floored else 'The targets decide, not the floor.'} "
        f"{study.simulation.paths:,} paths; bands are Monte-Carlo error: Export adds the model's "
        f"uncertainty ({study.simulation.bootstrap_refits} bootstrap refits) and the evidence.",
    ]
    if age > STALE_AFTER_DAYS:
        lines.insert(0, f"HISTORICAL EXAMPLE: the data end {age} days before {study.as_of}.")
    tone = "rk-warn" if age > STALE_AFTER_DAYS or not fit.health.healthy else ""
    text = "<br>".join(escape(line) for line in lines)
    return f'<div class="rk-words"><div id="rk-health" class="{tone}">{text}</div></div>'


def error_words(error: str) -> str:
    """An error in the panel; what is drawn is older than it."""
    return (
        f'<div class="rk-words"><div class="rk-error" id="rk-error" role="alert">{escape(error)}'
        "<br>The figure still shows the last settings that could be computed.</div></div>"
    )


def export_words(exported: Exported) -> str:
    """Where the file is, and what differs from the last one."""
    said = f"Written: <code id='rk-path'>{escape(str(exported.path))}</code>"
    if exported.changes is None:
        return f'<div class="rk-words">{said}</div>'
    if not exported.changes:
        return f'<div class="rk-words">{said}<br>Nothing differs from the last export.</div>'
    rows = "".join(
        f"<tr><td><code>{escape(c.key)}</code></td><td>{escape(str(c.before))}</td>"
        f"<td>{escape(str(c.after))}</td></tr>"
        for c in exported.changes[:SHOWN_CHANGES]
    )
    more = len(exported.changes) - SHOWN_CHANGES
    rest = f"and {more} more" if more > 0 else ""
    return (
        f'<div class="rk-words">{said}<table id="rk-diff"><tr><th>changed since the last export'
        f"</th><th>before</th><th>now</th></tr>{rows}</table>{rest}</div>"
    )


def _numbers(p: Parameters) -> dict[str, Banded]:
    if isinstance(p, LoanParameters):
        return {"LT": p.liquidation_threshold, "max LTV": p.max_loan_to_value}
    im = p.initial_margin
    leverage = Banded(p.max_leverage, 0.0, 1.0 / im.high, 1.0 / im.low)
    return {"MM": p.maintenance_margin, "IM": im, "max leverage": leverage}


def _value(label: str, number: Banded | None) -> str:
    if number is None:
        return "none"
    return f"{number.value:.2f}×" if label == "max leverage" else f"{number.value:.2%}"


def _banded(label: str, number: Banded) -> str:
    form = "{:.2f}×" if label == "max leverage" else "{:.2%}"
    low, high = form.format(number.low), form.format(number.high)
    return f"{_value(label, number)} [{low}, {high}]"


def _pin_notes(pins: Sequence[Snapshot]) -> str:
    notes = [
        f"pinned {i}: {pin.study.data.asset} {pin.side.value} · {setting_words(pin.study)}"
        for i, pin in enumerate(pins, start=1)
    ]
    return "<br>".join(escape(note) for note in notes)
