"""One form of every page: where its templates are read, and the words that they share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from riskkit.lab.scheme import STYLE, follow_scheme
from riskkit.lab.tables import cell_words


def render_page(name: str, **parts: Any) -> str:
    """HTML of the template of this name, self-contained; the same parts give the same bytes.

    Parameters
    ----------
    name : str
        Of a template that extends ``page.html.j2``.
    parts
        What it shows.
    """
    return _environment().get_template(name).render(**parts, style=STYLE, script=follow_scheme())


@cache
def _environment() -> jinja2.Environment:
    def source(name: str) -> str:
        return files("riskkit.lab").joinpath(name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["when"] = _when
    return environment


def _when(moment: Any) -> str:
    return cell_words(pd.Timestamp(moment))


def _percent(value: Any, digits: int = 2) -> str:
    return f"{float(value):.{digits}%}"
