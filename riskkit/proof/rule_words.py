"""A judged rule in words and rows: what the terminal, the table and the page say alike."""

from __future__ import annotations

import math

import pandas as pd

from riskkit.proof.rule_judgement import RuleJudgement
from riskkit.units import duration
from riskkit.validation.judging import NAMES, SCALES
from riskkit.venue.rule import PublishedRule, Raises

TOO_FEW = "too few days"
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
    if rule.floor > 0.0:
        words.append(f"at least {rule.floor:.2%}")
    if rule.smoothing > 0.0:
        words.append(f"sigma averaged over a half-life of {duration(rule.smoothing * bar)}")
    if rule.memory > 0.0:
        words.append(f"{rule.memory:.0%} of its variance by the last blows")
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
            "95 % band": f"{scale * low:.3g} to {scale * high:.3g}" if low == low else TOO_FEW,
        }
        if made is not None:
            a, b = spread[name]
            row |= {
                "predicted": scale * made.typical[name],
                "90 % of them": f"{scale * a:.3g} to {scale * b:.3g}",
                "inside": TOO_FEW if low != low else "yes" if judged.inside[name] else "no",
            }
        rows.append(row)
    return pd.DataFrame(rows)


def worst_days(judged: RuleJudgement, count: int = 5) -> pd.DataFrame:
    """The days that cost most: the margin in force, who was liquidated, who defaulted.

    Columns: ``day``; ``margin before`` and ``margin at most`` (published); ``liquidated``, ``by
    requirement`` (share of them), ``defaulted`` (accounts that ended that day); ``bad debt`` (of
    the open interest of the day) and ``largest bad debt`` (of one account's notional).
    """
    base, rows = judged.base, []
    ended = base.accounts["ended"].dt.floor("D")
    days = base.judged.days
    worst = days[days["bad_debt"] > 0.0].sort_values("bad_debt", ascending=False).index[:count]
    for number in worst:
        day = pd.Timestamp(number, unit="D", tz="UTC")
        before = base.margin[: day - pd.Timedelta(seconds=1)]
        inside = base.margin[day : day + pd.Timedelta(days=1)]
        here = base.accounts[ended == day]
        row = days.loc[number]
        rows.append(
            {
                "day": f"{day:%Y-%m-%d}",
                "margin before": float((before if len(before) else inside).iloc[-1]),
                "margin at most": float(inside.max()) if len(inside) else float("nan"),
                "liquidated": int(row["liquidated"]),
                "by requirement": row["caused"] / max(row["liquidated"], 1.0),
                "defaulted": int(row["defaulted"]),
                "bad debt": row["bad_debt"] / row["oi_days"] if row["oi_days"] > 0.0 else 0.0,
                "largest bad debt": float(here["bad_debt"].max()),
            }
        )
    names = ["day", "margin before", "margin at most", "liquidated", "by requirement"]
    return pd.DataFrame(rows, columns=[*names, "defaulted", "bad debt", "largest bad debt"])


def _binds(rule: PublishedRule, bar: pd.Timedelta) -> str:
    if rule.raises is Raises.AFTER_NOTICE:
        return f"raises bind new positions at once, open ones after {duration(rule.notice * bar)}"
    return BINDS[rule.raises]
