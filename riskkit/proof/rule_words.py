"""A judged rule in words and rows: what the terminal, the table and the page say alike."""

from __future__ import annotations

import math

import pandas as pd

from riskkit.proof.rule_judgement import RuleJudgement
from riskkit.units import duration
from riskkit.venue.rule import PublishedRule, Raises

NAMES = {
    "account_day": "defaults, 1,000 days",
    "oi_year_bps": "bad debt, bps a year",
    "episode_es": "worst days, % of OI",
}
SCALES = {"account_day": 1_000.0, "oi_year_bps": 1.0, "episode_es": 1.0}
BINDS = {
    Raises.AT_ONCE: "raises bind open positions at once",
    Raises.NEVER: "raises bind new positions only",
}


def rule_words(judged: RuleJudgement) -> str:
    """The rule, as a venue would publish it."""
    rule, bar = judged.base.rule, judged.case.bar
    words = [
        f"{rule.multiple:g} sigma over {duration(rule.window * bar)}, plus {rule.cost:.2%}",
        f"published every {duration(rule.interval * bar)}",
        _binds(rule, bar),
        f"at most {rule.cap:.0%}",
    ]
    if math.isfinite(rule.greatest_change):
        words.append(f"no more than {rule.greatest_change:.0%} up or down at once")
    if rule.fallback > 0.0:
        words.append(
            f"at least {rule.fallback:.1%} after {duration(rule.staleness * bar)} without a price"
        )
    return "; ".join(words)


def span_words(judged: RuleJudgement) -> str:
    """When and how it was judged."""
    plan, bar, margin = judged.plan, judged.case.bar, judged.base.margin
    sight = "closes" if plan.sight.on_close else "highs and lows"
    return (
        f"{judged.base.asset}, {duration(bar)} bars, {margin.index[0]:%Y-%m-%d} to "
        f"{margin.index[-1]:%Y-%m-%d}; positions opened every {duration(plan.every * bar)}; "
        f"triggers on {sight}, executed {duration(plan.delay * bar)} later at the bar's "
        f"{plan.fill.value}, costing {plan.cost:.2%}"
    )


def measure_rows(judged: RuleJudgement) -> pd.DataFrame:
    """The three measures: what happened, its band, what was predicted, and whether it lies in."""
    values = judged.base.judged.measures()
    made = judged.predicted
    spread = made.spread() if made is not None else {}
    rows = []
    for name, words in NAMES.items():
        scale, (low, high) = SCALES[name], judged.bands[name]
        row: dict[str, object] = {
            "measure": words,
            "realised": scale * values[name],
            "95 % band": f"{scale * low:.3g} to {scale * high:.3g}",
        }
        if made is not None:
            a, b = spread[name]
            row |= {
                "predicted": scale * made.typical[name],
                "90 % of them": f"{scale * a:.3g} to {scale * b:.3g}",
                "inside": "yes" if judged.inside[name] else "no",
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _binds(rule: PublishedRule, bar: pd.Timedelta) -> str:
    if rule.raises is Raises.AFTER_NOTICE:
        return f"raises bind new positions at once, open ones after {duration(rule.notice * bar)}"
    return BINDS[rule.raises]
