"""One word that shows a result: the table that a person would ask for first, or another view."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import pandas as pd

from riskkit.errors import InputError
from riskkit.lab.tables import shown

_TABLES, _FIGURES = "riskkit.lab.notebook_tables", "riskkit.lab.notebook_figures"
_SERIES = "riskkit.lab.figures"

#: Views of each kind of result, the first of them shown when none is named. A view is a function
#: of the result, ``module:name``, or one of its own attributes, ``.name``: loaded when asked for,
#: since no result is worth the imports of all.
VIEWS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Calibration": {
            "requirements": f"{_TABLES}:requirements_table",
            "outcomes": f"{_TABLES}:outcomes_table",
            "evidence": f"{_TABLES}:evidence_table",
            "frontier": f"{_SERIES}:frontier",
            "history": f"{_SERIES}:dynamic_margin",
            "parts": f"{_FIGURES}:margin_waterfall",
            "losses": f"{_SERIES}:loss_tail",
            "returns": f"{_SERIES}:returns_and_sigma",
        },
        "ParameterFile": {"recommended": f"{_TABLES}:recommended_table"},
        "Sweep": {"candidates": ".table"},
        "DelayMap": {"map": f"{_FIGURES}:default_map", "table": ".table"},
        "PriceHistory": {
            "prices": f"{_FIGURES}:price_and_findings",
            "findings": ".quality.table",
        },
        "VolatilityFit": {"parameters": ".summary"},
        "VolatilityFits": {
            "parameters": f"{_TABLES}:fits_table",
            "news": f"{_FIGURES}:news_impact_of",
        },
        "ParetoTail": {"exceedance": f"{_FIGURES}:exceedance_of"},
        "TailComparison": {
            "coverage": ".coverage",
            "exceptions": f"{_FIGURES}:exceptions_of",
        },
        "PolicyComparison": {
            "totals": ".totals",
            "behaviour": ".behaviour",
            "margins": f"{_FIGURES}:margins_of",
            "crashes": f"{_FIGURES}:crashes_of",
        },
        "ChangePath": {"steps": f"{_FIGURES}:change_steps", "table": ".table"},
        "Generations": {
            "history": "riskkit.lab.proof_figures:generations_figure",
            "headline": ".headline",
        },
        "JointAnswer": {
            "legs": ".table",
            "accounts": "riskkit.lab.portfolio_figures:accounts_figure",
        },
        "CollateralAnswer": {"legs": ".legs", "schedule": ".schedule"},
        "PoolAnswer": {
            "mixtures": ".mixtures",
            "orders": ".orders",
            "limits": ".limits",
            "settlement": ".settlement",
        },
        "PegLaws": {"losses": "riskkit.lab.collateral_figures:pegs_figure"},
        "BasisMargins": {"history": "riskkit.lab.collateral_figures:basis_figure"},
        "ClosedMargins": {
            "history": "riskkit.lab.collateral_figures:closed_figure",
            "now": ".now",
        },
        "BasketWalk": {
            "table": ".table",
            "haircuts": "riskkit.lab.collateral_figures:baskets_figure",
        },
        "PanelWalk": {"coverage": ".coverage"},
        "PanelGenerations": {
            "rules": "riskkit.lab.portfolio_figures:rules_figure",
            "table": ".table",
        },
        "Criticality": {
            "branching": "riskkit.lab.stress_figures:branching_of",
            "largest": ".largest",
            "table": ".table",
        },
        "VenueAttacks": {"table": ".table", "gain": "riskkit.lab.attack_page:cost_and_gain"},
        "DataFrame": {"table": f"{_TABLES}:as_it_is", "sigma": f"{_FIGURES}:sigma_forecasts"},
        "Series": {"table": f"{_TABLES}:as_column"},
        "mapping": {"table": f"{_TABLES}:as_column"},
    }
)


def show(
    result: object,
    view: str | None = None,
    *,
    percent: Collection[str] = (),
    digits: int | None = None,
    **options: Any,
) -> Any:
    """A result as a person looks at it, in a notebook or as HTML.

    Parameters
    ----------
    result : object
        A calibration, a history, a fit (or a mapping of fits by name), a comparison, a table: most
        of what riskkit returns. Anything else is refused, and the message says what is shown.
    view : str, optional
        Which look at it; the first of its kind if not given. A name that is none is refused with
        the names that there are.
    percent : collection of str
        Of a table: columns, or rows by their last label, whose numbers are fractions.
    digits : int, optional
        Of a table: significant digits.
    options
        What the view takes beside the result, such as ``side`` or ``theme``.

    Returns
    -------
    Styler or plotly Figure
        A table (units in words; ``.to_html()``), or a figure (``.to_html()``, ``.write_image()``).

    Raises
    ------
    InputError
        If nothing shows such a result, or not in that view.

    Examples
    --------
    >>> import pandas as pd
    >>> from riskkit import show
    >>> "1.5" in show(pd.Series({"leverage": 1.5})).to_html()
    True
    >>> show(pd.Series({"leverage": 1.5}), "map")
    Traceback (most recent call last):
    ...
    riskkit.errors.InputError: view: got map; must be one of table for Series. Choose one of these.
    """
    kind, views = _views_of(result)
    if view is None:
        view = next(iter(views))
    if view not in views:
        rule = f"must be one of {', '.join(views)} for {kind}"
        raise InputError("view", view, rule, "Choose one of these")
    found = _looked_at(result, views[view], options)
    if isinstance(found, pd.Series):
        found = found.to_frame(found.name or "value")
    if isinstance(found, pd.DataFrame):
        return shown(found, percent=percent, digits=digits)
    return found


def _views_of(result: object) -> tuple[str, Mapping[str, str]]:
    """The kind of a result, and its views."""
    if isinstance(result, Mapping):
        kinds = {type(value).__name__ for value in result.values()}
        kind = f"{kinds.pop()}s" if len(kinds) == 1 else "mapping"
        kind = kind if kind in VIEWS else "mapping"
        return kind, VIEWS[kind]
    for one in type(result).__mro__:
        if one.__name__ in VIEWS and one.__module__.partition(".")[0] in ("riskkit", "pandas"):
            return one.__name__, VIEWS[one.__name__]
    raise InputError(
        "result",
        type(result).__name__,
        f"must be one of {', '.join(VIEWS)}",
        "Show a part of it, or its own summary()",
    )


def _looked_at(result: object, look: str, options: Mapping[str, Any]) -> Any:
    """What a view makes of a result."""
    module, _, name = look.rpartition(":")
    if not module:
        found = attrgetter(look[1:])(result)
        return found(**options) if callable(found) else found
    draw: Callable[..., Any] = getattr(importlib.import_module(module), name)
    try:
        inspect.signature(draw).bind(result, **options)
    except TypeError as error:
        given = ", ".join(options) or "nothing"
        raise InputError("options", given, f"{error}", f"See {module}.{name}") from None
    return draw(result, **options)
