"""The one-page report: what is recommended, what it rests on, and four figures.

The page is self-contained: it opens without a network.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from riskkit.calibration.result import Calibration
from riskkit.lab.figures.drawn import dynamic_margin, frontier, loss_tail, returns_and_sigma
from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import cell_words
from riskkit.parameters.file import ParameterFile
from riskkit.study.coarse import coarseness_of
from riskkit.study.fact import assumed_words


def render_report(calibration: Calibration, parameters: ParameterFile) -> str:
    """HTML of one calibration; the same inputs give the same bytes."""
    drawn = (
        (
            frontier(calibration),
            "Left: the buffer after the trigger. Right: the room before it. Bands are 95 % "
            "intervals, dotted lines the targets, stars the recommendation: the safe end of its "
            "band, floor included, and therefore beyond the point where curve and target meet.",
        ),
        (
            dynamic_margin(calibration),
            "Each requirement was computed from the bars before it only. A cross marks a period "
            "whose loss, with its costs, exceeded the requirement in force.",
        ),
        (
            loss_tail(calibration),
            "How likely a loss beyond x is over the margin period of risk (log scale), "
            "simulated; the dashed lines are the losses that the recommendation can take.",
        ),
        (
            returns_and_sigma(calibration),
            "Log returns and twice the fitted volatility around their mean.",
        ),
    )
    figures = [
        {"html": drawing.html(script=first), "caption": caption}
        for first, (drawing, caption) in zip((True, False, False, False), drawn, strict=True)
    ]
    return _template().render(
        file=parameters,
        figures=figures,
        periods=calibration.periods,
        coarse=coarseness_of(calibration.periods),
        assumed=assumed_words(calibration.study),
        findings=calibration.history.quality.findings,
        style=STYLE,
        script=follow_scheme(),
    )


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = _percent
    environment.filters["when"] = _when
    return environment.from_string(source)


def _when(moment: Any) -> str:
    return cell_words(pd.Timestamp(moment))


def _percent(value: Any, digits: int = 2) -> str:
    return f"{float(value):.{digits}%}"
