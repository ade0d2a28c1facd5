"""The page of a replayed margin rule: what it did, what it would have done, who defaulted."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
import pandas as pd
import plotly.io as pio

from riskkit.lab.replay_figures import debt_by_distance, margin_in_force
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import shown
from riskkit.proof.rule_judgement import RuleJudgement, mix_of
from riskkit.proof.rule_words import measure_rows, rule_words, span_words, worst_days
from riskkit.validation.crashes import EVENTS, CrashMarket

FRACTIONS = (
    "default given liquidation",
    "by requirement",
    "mean margin",
    "median margin",
    "high margin",
    "rise 1d",
    "margin before",
    "margin at most",
    "bad debt",
    "largest bad debt",
    "P(default | liq.)",
)


def render_replay(title: str, judged: RuleJudgement) -> str:
    """HTML of one replay, self-contained; the same inputs give the same bytes."""
    figures = [
        {
            "html": pio.to_html(
                figure,
                include_plotlyjs=index == 0,
                full_html=False,
                div_id=str(figure.layout.meta["id"]),
                config={"displaylogo": False, "responsive": True},
            ),
            "caption": caption,
        }
        for index, (figure, caption) in enumerate(
            (
                (
                    margin_in_force(judged),
                    "Margins published at each close. A raise binds open positions as the rule "
                    "says; a cross is an account that ended below zero.",
                ),
                (
                    debt_by_distance(judged),
                    "A cap looks free where everybody is liquidated before the crash: judge it on "
                    "accounts of low leverage, too.",
                ),
            )
        )
    ]
    return _page().render(
        title=title,
        style=STYLE,
        script=follow_scheme(),
        rule=rule_words(judged),
        span=span_words(judged),
        mix=mix_of(judged.case),
        figures=figures,
        measures=_html(measure_rows(judged)),
        versions=_html(_readable(judged.table)),
        fills=_html(_readable(judged.fills)),
        distances=_html(_by_distance(judged)),
        days=_html(worst_days(judged)),
        crashes=_html(crash_rows(judged)),
        predicted=judged.predicted is not None,
    )


def crash_rows(judged: RuleJudgement) -> pd.DataFrame:
    """Named crashes inside the judged span: the margin in force, and who defaulted."""
    margin, accounts = judged.base.margin, judged.base.accounts
    first, last = margin.index[0], margin.index[-1]
    rows = []
    for event in EVENTS:
        end = event.last + pd.Timedelta(days=1)
        if event.market is not CrashMarket.CRYPTO or event.first < first or end > last:
            continue
        inside = margin[event.first : end]
        ended = accounts[(accounts["ended"] >= event.first) & (accounts["ended"] < end)]
        if inside.empty:
            continue
        rows.append(
            {
                "crash": event.name,
                "what": event.what,
                "margin before": float(margin[: event.first].iloc[-1]),
                "margin at most": float(inside.max()),
                "liquidated": int(ended["liquidated"].sum()),
                "by requirement": float(ended["caused"].sum() / max(ended["liquidated"].sum(), 1)),
                "defaulted": int(ended["defaulted"].sum()),
                "largest bad debt": float(ended["bad_debt"].max()) if len(ended) else 0.0,
            }
        )
    names = ["crash", "what", "margin before", "margin at most", "liquidated", "by requirement"]
    return pd.DataFrame(rows, columns=[*names, "defaulted", "largest bad debt"])


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    found = table.rename(columns=lambda name: str(name).replace("_", " "))
    found["account day"] *= 1_000.0
    return found.rename(
        columns={
            "account day": "defaults per 1,000 account-days",
            "oi year bps": "bad debt, bps a year",
            "episode es": "worst days, % of OI",
            "default given liquidation": "P(default | liq.)",
        }
    )


def _by_distance(judged: RuleJudgement) -> pd.DataFrame:
    table = judged.by_distance.T.copy()
    table.columns = pd.Index([f"{distance:.0%}" for distance in table.columns])
    return table.rename_axis("bad debt, bps a year").reset_index()


def _html(table: pd.DataFrame) -> str:
    percent = [name for name in table.columns if name in FRACTIONS]
    return shown(table, percent=percent).hide(axis="index").to_html()


@cache
def _page() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    text = files("riskkit.lab").joinpath("replay.html.j2").read_text(encoding="utf-8")
    return environment.from_string(text)
