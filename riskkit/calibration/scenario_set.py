"""A venue's set of scenarios, calibrated on a study and verified on a library of books.

The range of an underlying is the larger tail of its two sides over the margin period; the shocks of
volatility are quantiles of how the fitted volatility itself moved over as many bars (implied
volatility is not in a price history: positions in the underlying do not ask for it). The share of
gains is the largest at which no book of a library loses more too often. What the set asks of every
book is then held to joint scenarios of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer
from riskkit.calibration.question import run_of
from riskkit.errors import InputError
from riskkit.paths.joint import simulate_joint_moves
from riskkit.paths.run import Stream
from riskkit.portfolio.books import Books, hedged_books, reference_books
from riskkit.portfolio.measure import account_tails
from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle, UnderlyingShock
from riskkit.validation.coverage import binomial_interval

Array = npt.NDArray[np.float64]


def calibrate_set(answer: JointAnswer, style: SetStyle) -> ScenarioSet:
    """A set in the form of a style, before rounding."""
    confidence = answer.requirement.rule.confidence
    bars = answer.study.periods(answer.panel.bar).margin_period_of_risk
    shocks = {}
    for i, name in enumerate(answer.panel.names):
        reach = float(answer.requirement.legs.tail[:, i].max())
        sigma = np.log(answer.fits[name].sigma.to_numpy(dtype=np.float64))
        moved = np.expm1(np.quantile(sigma[bars:] - sigma[:-bars], [1.0 - confidence, confidence]))
        evidence = (
            f"{confidence:.2%} of the loss over {bars} bars from {answer.world.origin:%Y-%m-%d}; "
            f"volatility: fitted, {len(sigma):,} bars"
        )
        down, up = float(-moved[0]), float(moved[1])
        shocks[name] = UnderlyingShock(min(reach, 0.99), up, min(down, 0.99), evidence)
    return _with_gains(ScenarioSet.of(style, shocks), answer)


def _with_gains(found: ScenarioSet, answer: JointAnswer) -> ScenarioSet:
    """The largest share of gains, no larger than the style's, that leaves no book of the library
    with a larger loss more often than the target, on the scenarios of the accounts.
    """
    library, target = library_of(answer), 1.0 - answer.requirement.rule.confidence
    for gains in np.arange(found.form.gains, 0.0, -0.05):
        tried = replace(found, form=replace(found.form, gains=round(float(gains), 2)))
        asked = tried.requirements(library.weights, answer.panel.names)
        if exceeded(library, asked, answer.requirement.moves).max() <= target:
            return tried
    return replace(found, form=replace(found.form, gains=0.0))


def library_of(answer: JointAnswer) -> Books:
    """Books of every kind, hedges by least squares on the whole panel among them."""
    library = reference_books(len(answer.panel))
    if len(answer.panel) == 1:
        return library
    returns = answer.panel.joint_returns().to_numpy(dtype=np.float64)
    return library.beside(hedged_books(returns), "hedged")


def exceeded(library: Books, asked: Array, moves: Array) -> Array:
    """Share of the scenarios in which each book loses more than it is asked: ndarray (A,)."""
    found = np.empty(len(library))
    for a, weights in enumerate(library.weights):
        found[a] = np.mean(-np.einsum("n,mn->m", weights, moves) > asked[a])
    return found


def verify_set(
    found: ScenarioSet, answer: JointAnswer, *, books: Books | None = None
) -> pd.DataFrame:
    """P(loss > what the set asks) of every book, on paths that calibrated nothing.

    Returns
    -------
    DataFrame
        A row for each book: ``book, group, required`` (share of gross), ``tail`` (of the joint
        scenarios), ``too_large`` (required over tail), ``probability`` of a larger loss, ``low,
        high`` (95 % band of a book at the target), ``hole`` (probability above the band).

    Raises
    ------
    InputError
        If the set lacks an asset of the study.
    """
    panel = answer.panel
    lacking = [name for name in panel.names if name not in found.shocks]
    if lacking:
        rule = f"must hold every asset of the study; it lacks {', '.join(lacking)}"
        raise InputError("scenario set", found.style.value, rule, "Export it from this study")
    library = library_of(answer) if books is None else books
    study = answer.study
    run = run_of(study).stream(Stream.OUTCOME)
    bars = study.periods(panel.bar).margin_period_of_risk
    moves = simulate_joint_moves(answer.world, run, bars=bars)
    simple = np.ascontiguousarray(np.expm1(moves.terminal).T)
    required = found.requirements(library.weights, panel.names)
    confidence = answer.requirement.rule.confidence
    tails = account_tails(library.weights, simple, confidence)
    beyond = exceeded(library, required, simple)
    low, high = (k / run.paths for k in binomial_interval(run.paths, 1.0 - confidence))
    return pd.DataFrame(
        {
            "book": range(len(library)),
            "group": library.groups,
            "required": required,
            "tail": tails.var,
            "too_large": np.divide(
                required, tails.var, out=np.full(len(library), np.inf), where=tails.var > 0.0
            ),
            "probability": beyond,
            "low": low,
            "high": high,
            "hole": beyond > high,
        }
    )
