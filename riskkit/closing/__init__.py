"""Policies of closing accounts: earlier, smaller, slower; and who is about to be closed.

Examples
--------
>>> import riskkit
>>> riskkit.closing.ClosingPolicy("two halves", early=0.5, shares=(0.5, 0.5)).words()
'from 1.5 times maintenance, in 2 slices, the rest at once at maintenance'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

_HOMES = {
    "ALL_AT_ONCE": "riskkit.closing.policy",
    "BookPace": "riskkit.closing.pace",
    "ClosingPolicy": "riskkit.closing.policy",
    "choose_policy": "riskkit.closing.answer",
    "judge_policy": "riskkit.closing.answer",
    "optimal_pace": "riskkit.closing.pace",
    "run_policy": "riskkit.closing.run",
    "slices": "riskkit.closing.policy",
}

__all__ = [
    "ALL_AT_ONCE",
    "BookPace",
    "ClosingPolicy",
    "choose_policy",
    "judge_policy",
    "optimal_pace",
    "run_policy",
    "slices",
]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.closing.answer import choose_policy, judge_policy
    from riskkit.closing.pace import BookPace, optimal_pace
    from riskkit.closing.policy import ALL_AT_ONCE, ClosingPolicy, slices
    from riskkit.closing.run import run_policy
