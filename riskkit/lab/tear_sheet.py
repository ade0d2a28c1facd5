"""One call to a page that can be sent: from a study, from prices, or from an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.result import Calibration
from riskkit.errors import InputError
from riskkit.lab.report import render_report
from riskkit.market import load_prices
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.write import write_atomically
from riskkit.position import Side
from riskkit.proof.assessment import Assessment
from riskkit.proof.held import HeldMargins, judge_held
from riskkit.study.case import Case
from riskkit.study.proposal import propose_study

NO_ACCOUNTS = "it was not asked for."
LOANS = (
    "a replay over accounts knows margins, and this is a loan (riskkit fund runs books of them)."
)


def tear_sheet(
    source: Calibration | str | Path,
    path: str | Path = "tearsheet.html",
    *,
    as_of: date | None = None,
    threads: int = 1,
    accounts: bool = True,
) -> Path:
    """Write the page that can be sent: decision, frontier, history with crashes, evidence, limits.

    The page is whole in itself (it opens without a network, in light and dark, and prints), and the
    same source gives the same bytes.

    Parameters
    ----------
    source : Calibration, or path
        An answer, or a study (``.toml``) or a price file (CSV, parquet) that is calibrated first;
        for prices everything else is what `riskkit init` would propose.
    path : path
        Of the page; replaced if it is there, written whole or not at all.
    as_of : date, optional
        The day of the question for a price file: today by default. A study has its own.
    threads : int
        Changes no number.
    accounts : bool
        Whether the margins are also replayed over the declared accounts, which takes about as long
        as the calibration.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If the study or its prices break a rule.

    Examples
    --------
    >>> import riskkit, tempfile
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> study = riskkit.read_study("studies/eth-collateral-daily.toml").changed(quick)
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(study, case.history)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = riskkit.tear_sheet(answer, f"{folder}/eth.html")
    ...     "Set the liquidation threshold" in page.read_text(encoding="utf-8")
    True
    """
    answer = (
        source if isinstance(source, Calibration) else _calibrated(Path(source), as_of, threads)
    )
    held = replayed(answer) if accounts else NO_ACCOUNTS
    page = render_report(answer, build_parameter_file(answer), held=held)
    return write_atomically(Path(path), page)


def replayed(answer: Calibration, beside: Assessment | None = None) -> HeldMargins | str:
    """The recommended (and live) margins held over accounts, or why they cannot be."""
    if answer.study.is_loan:
        return LOANS
    margins = {
        "recommended, held throughout": {r.side: r.limits.trigger.value for r in answer.recommended}
    }
    if beside is not None:
        live: dict[Side, float] = {}
        for s in sorted(beside.sides, key=lambda s: s.notional):
            live.setdefault(s.side, s.live.value("maintenance_margin"))
        margins["live, held throughout"] = live
    try:
        return judge_held(Case.of(answer.study, answer.history), margins)
    except InputError as error:
        return f"{error}"


def _calibrated(path: Path, as_of: date | None, threads: int) -> Calibration:
    if path.suffix.lower() == ".toml":
        case = Case.read(path)
        return calibrate(case.study, case.history, threads=threads)
    history = load_prices(path, now=pd.Timestamp.now("UTC"))
    day = as_of or datetime.now(UTC).date()
    study = propose_study(history, {"prices": path.name}, as_of=day)
    return calibrate(study, history, threads=threads)
