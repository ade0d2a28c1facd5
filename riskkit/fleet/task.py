"""One unit of work: a study with its prices becomes a parameter file, and nothing else is touched.

A task carries all it needs, so that it can be computed again anywhere after its worker has died.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from riskkit.errors import RiskkitError
from riskkit.fleet.identity import Identity
from riskkit.parameters.jcs import canonical_bytes
from riskkit.parameters.write import canonical_json

if TYPE_CHECKING:
    from riskkit.calibration.result import Calibration
    from riskkit.market.history import PriceHistory
    from riskkit.parameters.file import ParameterFile
    from riskkit.study.case import Case
    from riskkit.study.study import Study


@dataclass(frozen=True)
class Task:
    """A market to be calibrated.

    Attributes
    ----------
    name : str
        Of the market: its study's file, without the ending.
    study : Study
    history : PriceHistory
        Cut at the study's ``as_of``.
    """

    name: str
    study: Study
    history: PriceHistory = field(repr=False)

    @classmethod
    def of(cls, name: str, case: Case) -> Task:
        """The task of a case, whose study names its price file wherever it lies."""
        from riskkit.parameters.build import published_study

        return cls(name, published_study(case.study), case.history)


@dataclass(frozen=True)
class Solved:
    """A task's answer: the parameter file's text, and the report's where it was asked for."""

    name: str
    parameters: str
    report: str | None


@dataclass(frozen=True)
class Failed:
    """A task without an answer.

    ``lasting`` says that the same task would fail alike (a rule of the study or its prices was
    broken); else trying again may help (a worker died).
    """

    name: str
    reason: str
    lasting: bool


def task_key(task: Task, identity: Identity) -> str:
    """What the answer depends on, as one sha256: equal keys, equal bytes.

    Resolved study, prices with the close of the last bar known, versions and processor.
    """
    provenance = task.history.provenance
    closed_by = (task.history.last + task.history.bar).isoformat()
    content = {
        "study": task.study.model_dump(mode="json"),
        "prices_sha256": provenance.sha256,
        "closed_by": closed_by,
        "identity": identity.to_dict(),
    }
    return hashlib.sha256(canonical_bytes(content)).hexdigest()


#: What a report's page is made of; in the lab, above this room.
Page = Callable[["Calibration", "ParameterFile"], str]


def solve(task: Task, page: Page | None = None) -> Solved | Failed:
    """Calibrate; whatever goes wrong is an answer too, so that no market stops another.

    Parameters
    ----------
    task : Task
    page : callable, optional
        Draws the report. A function of a module, so that a worker elsewhere finds it.
    """
    # Loaded when there is work: a night that is done needs no kernel.
    from riskkit.calibration.calibrate import calibrate
    from riskkit.parameters.build import build_parameter_file

    try:
        result = calibrate(task.study, task.history, threads=1)
        file = build_parameter_file(result)
        report = None if page is None else page(result, file)
    except RiskkitError as error:
        return Failed(task.name, str(error), lasting=True)
    except Exception as error:  # noqa: BLE001 - riskkit's own fault: named, and tried again later
        return Failed(task.name, f"{type(error).__name__}: {error}", lasting=False)
    return Solved(task.name, canonical_json(file.to_dict()), report)
