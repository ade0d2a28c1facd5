"""The report of a review: verdict, tests, lags, overlays, baselines, crashes, and four figures."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

import jinja2
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from riskkit.lab.backtest_figures import (
    crash_bars,
    exceptions_over_time,
    margin_at_lags,
    traffic_light_over_time,
)
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import cell_words, shown
from riskkit.validation.battery import Grade, coverage_table, rests_on
from riskkit.validation.review import Review
from riskkit.validation.verdict import verdict_table


def review_figures(review: Review) -> dict[str, tuple[go.Figure, str]]:
    """The figures of a review with their captions, by name."""
    drawn = (
        (
            exceptions_over_time(review),
            "Each VaR was computed from the bars before it only. A cross is a loss beyond it.",
        ),
        (
            traffic_light_over_time(review),
            "Exceptions in the last 250 bars; the zones are the Basel committee's, for this "
            "tail probability. Too few exceptions are green: the light looks at safety alone.",
        ),
        (
            margin_at_lags(review),
            "A margin that takes effect late meets the losses with the volatility of days ago. "
            "Marks show the margin that a breached period called for, costs included.",
        ),
        (
            crash_bars(review),
            "The worst period of every named crash inside the evaluated span.",
        ),
    )
    return {figure.layout.meta["id"]: (figure, caption) for figure, caption in drawn}


def render_backtest_report(
    title: str, review: Review, figures: dict[str, tuple[go.Figure, str]]
) -> str:
    """HTML of one review, self-contained; the same inputs give the same bytes."""
    drawn = [
        {
            "html": pio.to_html(
                figure,
                include_plotlyjs=index == 0,
                full_html=False,
                div_id=name,
                config={"displaylogo": False, "responsive": True},
            ),
            "caption": caption,
        }
        for index, (name, (figure, caption)) in enumerate(figures.items())
    ]
    tests = [
        (side.value, _html(verdict_table(verdicts).drop(columns=_SAME_IN_EVERY_TEST)))
        for side, verdicts in review.batteries.items()
    ]
    return _template().render(
        title=title,
        review=review,
        rows=review.one_bar.table,
        figures=drawn,
        tests=tests,
        tones=_TONES,
        rests=rests_on(review.reports[0]),
        coverage=_html(coverage_table(list(review.reports))),
        lags=_html(review.lags),
        overlays=_html(review.overlays),
        baselines=_html(review.baselines),
        ledger=_html(review.ledger.rows.set_index("event")),
        style=STYLE,
        script=follow_scheme(),
    )


_TONES = {
    Grade.PASSED: "pass",
    Grade.NOT_REJECTED: "quiet",
    Grade.AMBER: "amber",
    Grade.NOT_PASSED: "fail",
}
_SAME_IN_EVERY_TEST = ["significance", "observations", "exceptions"]
_FRACTIONS = (
    *("loss", "needed", "margin", "excess", "rate", "breach rate", "mean margin", "power"),
    *("mean shortfall", "largest shortfall", "largest_shortfall"),
)


def _html(table: pd.DataFrame) -> str:
    # A name from the contents: the same table gives the same bytes.
    words = shown(table, percent=_FRACTIONS)
    name = sha256(words.data.to_json().encode()).hexdigest()[:8]  # type: ignore[attr-defined]
    return str(words.set_uuid(name).to_html())


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("backtest_report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["when"] = cell_words
    return environment.from_string(source)
