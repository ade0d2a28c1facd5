"""One word that shows a result: the table that a person would ask for first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from riskkit.calibration.result import Calibration
from riskkit.calibration.solve import Sweep
from riskkit.errors import InputError
from riskkit.lab.notebook_tables import requirements_table
from riskkit.lab.tables import shown
from riskkit.parameters.file import ParameterFile


def show(result: object) -> Styler:
    """A result as a person reads it, in a notebook or as HTML (``.to_html()``).

    Parameters
    ----------
    result : Calibration, ParameterFile, Sweep, DataFrame, Series or mapping
        Of a calibration its margins or thresholds by start state, at the floor and as recommended;
        of a parameter file the recommended rows; of a sweep its candidates; a table as it is.

    Returns
    -------
    Styler
        Units in words, fractions in percent where the table says which they are.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> from riskkit import show
    >>> "1.5" in show(pd.Series({"leverage": 1.5})).to_html()
    True
    """
    match result:
        case Calibration():
            return shown(requirements_table(result))
        case ParameterFile():
            rows = result.parameters.model_dump()["recommended"]
            return shown(pd.DataFrame(list(rows)))
        case Sweep():
            return shown(result.table)
        case pd.DataFrame():
            return shown(result)
        case pd.Series() | Mapping():
            return shown(pd.Series(result, name="value").to_frame())
    raise InputError(
        "result",
        type(result).__name__,
        "must be a calibration, a parameter file, a sweep or a table",
        "Show a part of it, or its own summary()",
    )
