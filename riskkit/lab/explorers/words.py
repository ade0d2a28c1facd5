"""What an explorer says around its figure, as HTML: parameters, health, errors, exports."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from riskkit.calibration.limits import Limits
from riskkit.calibration.result import STALE_AFTER_DAYS
from riskkit.estimate import Estimate
from riskkit.lab.explorers.export import ChangedValue, Exported, VenueExported
from riskkit.lab.explorers.market import Market
from riskkit.lab.explorers.snapshot import Snapshot
from riskkit.lab.figures.trade_off_data import setting_words
from riskkit.position import Instrument
from riskkit.units import duration

SHOWN_CHANGES = 12


def parameters_table(now: Snapshot, pins: Sequence[Snapshot]) -> str:
    """Recommended numbers, the point with its band, the floor, and the pinned settings."""
    columns: list[tuple[str, Limits]] = [("recommended", now.recommended)]
    columns += [(f"pinned {i}", pin.recommended) for i, pin in enumerate(pins, start=1)]
    live = _live_numbers(now)
    point = _numbers(now.point)
    floor = _numbers(now.floor) if now.floor else {}
    head = "".join(f"<th>{title}</th>" for title, _ in columns)
    rows = []
    for label in _numbers(now.recommended):
        cells = "".join(f"<td>{_value(label, _numbers(p).get(label))}</td>" for _, p in columns)
        cells += f"<td>{_plain(label, live[label])}</td>" if live else ""
        rows.append(
            f"<tr><td>{label}</td>{cells}<td>{_banded(label, point[label])}</td>"
            f"<td>{_value(label, floor.get(label))}</td></tr>"
        )
    head += "<th>live today</th>" if live else ""
    return (
        f'<div class="rk-words"><table id="rk-parameters"><tr><th></th>{head}'
        "<th>at the targets [90 % Monte-Carlo]</th><th>full-history floor</th></tr>"
        f"{''.join(rows)}</table>{_live_note(now)}{_pin_notes(pins)}</div>"
    )


def health_line(now: Snapshot, market: Market) -> str:
    """The fit's health, times in bars, data and their age, and what the live numbers leave out."""
    fit, periods, study = now.fit, now.periods, now.study
    fell = "".join(f"; fell back from {f.spec.name}: {f.reason}" for f in fit.fallbacks)
    end = market.history.last + market.history.bar - pd.Timedelta(seconds=1)
    age = (study.as_of - end.date()).days
    counts = {k: n for k, n in market.history.quality.counts().items() if n}
    findings = ", ".join(f"{k}: {n}" for k, n in counts.items()) or "no findings"
    dropped = len(market.history.provenance.dropped)
    findings += f"; {dropped:,} row{'s' * (dropped > 1)} dropped" if dropped else ""
    lines = [
        f"Model {fit.spec.name}: {fit.health.statement}{fell}.",
        f"Margin period of risk {periods.margin_period_of_risk} bars of "
        f"{duration(periods.bar)}: 1 to observe, oracle {periods.oracle_latency.statement}, "
        f"delay {periods.liquidation_delay.statement}; "
        f"reaction time {periods.reaction_time.statement}.",
        f"Data: {len(market.history):,} bars to {end:%Y-%m-%d}; {findings}.",
        *(f"Note: {note}." for note in market.history.provenance.notes),
        f"{'The floor decides.' if now.floored else 'The targets decide, not the floor.'} "
        f"{study.simulation.paths:,} paths; bands are Monte-Carlo error: Export adds the model's "
        f"uncertainty ({study.simulation.bootstrap_refits} bootstrap refits) and the evidence.",
    ]
    if age > STALE_AFTER_DAYS:
        lines.insert(0, f"HISTORICAL EXAMPLE: the data end {age} days before {study.as_of}.")
    tone = "rk-warn" if age > STALE_AFTER_DAYS or not fit.health.healthy else ""
    text = "<br>".join(escape(line) for line in lines)
    return f'<div class="rk-words"><div id="rk-health" class="{tone}">{text}</div></div>'


def error_words(error: str, *, stale: bool) -> str:
    """An error in the panel; ``stale`` says that what is drawn is older than the settings."""
    older = "<br>The figure still shows the last settings that could be computed." if stale else ""
    return (
        '<div class="rk-words"><div class="rk-error" id="rk-error" role="alert">'
        f"{escape(error)}{older}</div></div>"
    )


def busy_words(stage: str) -> str:
    """An export under way."""
    return (
        '<div class="rk-words" role="status"><span class="rk-spinner"></span>'
        f"Calibrating: {escape(stage)}</div>"
    )


def live_fault_words(error: str) -> str:
    """Why today's numbers are not shown."""
    said = escape(error)
    return f'<div class="rk-words"><div class="rk-error" id="rk-live-error">{said}</div></div>'


def written_words(exported: Exported) -> str:
    """Where the parameter file is."""
    path = escape(str(exported.path))
    return f'<div class="rk-words" role="status">Written: <code id=\'rk-path\'>{path}</code></div>'


def export_words(exported: Exported) -> str:
    """What differs from the last export, and the venue's file."""
    said = [_changes(exported.changes)]
    if exported.venue is not None:
        said += _venue_words(exported.venue)
    return f'<div class="rk-words">{"<br>".join(part for part in said if part)}</div>'


def _changes(changes: tuple[ChangedValue, ...] | None) -> str:
    if changes is None:
        return ""
    if not changes:
        return "Nothing differs from the last export."
    rows = "".join(
        f"<tr><td><code>{escape(c.key)}</code></td><td>{escape(str(c.before))}</td>"
        f"<td>{escape(str(c.after))}</td></tr>"
        for c in changes[:SHOWN_CHANGES]
    )
    more = len(changes) - SHOWN_CHANGES
    rest = f"and {more} more" if more > 0 else ""
    return (
        "<table id='rk-diff'><tr><th>changed since the last export</th><th>before</th>"
        f"<th>now</th></tr>{rows}</table>{rest}"
    )


def _venue_words(venue: VenueExported) -> list[str]:
    """The venue's file, what its rounded values come to, and what changed in it."""
    said = [f"As {venue.name}: <code id='rk-venue-path'>{escape(str(venue.path))}</code>"]
    for o in venue.outcomes:
        default = "- (no path was liquidated)"
        if not o.held.never_liquidated:
            default = f"{float(o.held.default_given_liquidation.value):.3%}"
            default += f", P(default) {float(o.held.default.value):.3%}"
        early = float(o.reaction.liquidation.value)
        where = f"{o.row.market} {o.side.value}".strip()
        said.append(
            f"{escape(where)}, as the venue rounds it: P(default | liquidation) {default}, "
            f"P(liquidation within the reaction time) {early:.2%}"
        )
    if venue.doubt is not None:
        said.append(f"Asset: {escape(venue.doubt)}.")
    if venue.diff is None:
        said.append(f"<pre id='rk-venue-text'>{escape(venue.text)}</pre>")
    else:
        shown = escape(venue.diff) or "Nothing differs from the last export in this format."
        said.append(f"<pre id='rk-venue-diff'>{shown}</pre>")
    return said


def _live_numbers(now: Snapshot) -> dict[str, float]:
    if now.live is None:
        return {}
    strict, lenient = now.live.live.strict, now.live.live.lenient
    if now.is_loan:
        return {"LT": strict, "max LTV": lenient}
    return {"MM": strict, "IM": lenient, "max leverage": 1.0 / lenient}


def _live_note(now: Snapshot) -> str:
    if now.live is None:
        return ""
    default, early = now.live.default, now.live.liquidation
    given = _probability(default)
    if now.live.never_liquidated:
        given = "- (no path was liquidated)"
    return (
        '<div id="rk-live">live today, under this setting: P(default | liquidation) '
        f"{given}, P(liquidation within the reaction time) {_probability(early)}</div>"
    )


def _probability(share: Estimate[float]) -> str:
    """In percent, as sliders and axes have it, with its interval."""
    value, low, high = (100.0 * part for part in (share.value, share.low, share.high))
    return f"{value:.3g} % [{low:.3g}, {high:.3g}]"


def _numbers(p: Limits) -> dict[str, Estimate[float]]:
    found = dict(zip(p.instrument.names, (p.trigger, p.opening), strict=True))
    if p.instrument is Instrument.LOAN:
        return found
    im = p.opening
    leverage = Estimate(p.max_leverage, 0.0, 1.0 / im.high, 1.0 / im.low, im.level)
    return {**found, "max leverage": leverage}


def _value(label: str, number: Estimate[float] | None) -> str:
    return "none" if number is None else _plain(label, number.value)


def _plain(label: str, value: float) -> str:
    return f"{value:.2f}×" if label == "max leverage" else f"{value:.2%}"


def _banded(label: str, number: Estimate[float]) -> str:
    form = "{:.2f}×" if label == "max leverage" else "{:.2%}"
    low, high = form.format(number.low), form.format(number.high)
    return f"{_value(label, number)} [{low}, {high}]"


def _pin_notes(pins: Sequence[Snapshot]) -> str:
    notes = [
        f"pinned {i}: {pin.study.data.asset} {pin.side.value} · {setting_words(pin.study)}"
        for i, pin in enumerate(pins, start=1)
    ]
    return "<br>".join(escape(note) for note in notes)
