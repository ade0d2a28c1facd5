"""The parameter file: numbers, where they come from, how sure they are, how long they hold.

Recommended fractions are rounded to six decimals against the trader: margins up, thresholds down.
The file holds no clock: the same study on the same data gives the same bytes. Older versions are
migrated as they are read; a file whose content does not match its digest is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from riskkit.errors import InputError
from riskkit.parameters import seal
from riskkit.parameters.migrate import edited_by_hand, migrate
from riskkit.parameters.sections import (
    SCHEMA_VERSION,
    Counted,
    Coverage,
    CoverageTest,
    Data,
    Digest,
    DroppedRow,
    Evidence,
    Header,
    InfeasibleState,
    Loan,
    Model,
    ParameterEstimate,
    Parameters,
    Part,
    Perpetual,
    Probability,
    Procyclicality,
    Rise,
    Rows,
    Simulated,
    UnservedSide,
    Waterfall,
)
from riskkit.parameters.write import canonical_json, write_atomically
from riskkit.reading import read_text
from riskkit.study.study import Study

__all__ = [
    "SCHEMA_VERSION",
    "Counted",
    "Coverage",
    "CoverageTest",
    "Data",
    "Digest",
    "DroppedRow",
    "Evidence",
    "Header",
    "InfeasibleState",
    "Loan",
    "Model",
    "ParameterEstimate",
    "ParameterFile",
    "Parameters",
    "Perpetual",
    "Probability",
    "Procyclicality",
    "Rise",
    "Rows",
    "Simulated",
    "UnservedSide",
    "Waterfall",
    "parse_parameter_file",
    "read_parameter_file",
]

WRITTEN_BY = "riskkit calibrate writes one: OUT/NAME/parameters.json"
MAX_CHARACTERS = 2_000_000


class ParameterFile(Part):
    """A calibrated parameter file.

    Examples
    --------
    >>> import riskkit
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> file = riskkit.build_parameter_file(answer)
    >>> file.header.schema_version
    2
    """

    header: Header
    data: Data
    model: Model
    study: Study
    counted: Counted
    parameters: Parameters
    evidence: Evidence

    def to_dict(self) -> dict[str, Any]:
        """The file as plain JSON values, in canonical order."""
        return self.model_dump(mode="json")

    def sealed(self) -> ParameterFile:
        """The same content with its digest; for a file made or changed in memory."""
        return ParameterFile.model_validate(seal.sealed(self.to_dict()))

    def write(self, path: str | Path) -> Path:
        """Write the file, whole or not at all; returns where it lies.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        return write_atomically(path, canonical_json(self.to_dict()))

    @property
    def edited(self) -> tuple[str, ...]:
        """Sections whose content does not match the digest; empty for a file as it was written."""
        return self.header.edited_before_migration + seal.edited_sections(self.to_dict())


def read_parameter_file(path: str | Path, *, accept_edited: bool = False) -> ParameterFile:
    """Read and validate a parameter file; versions 0 and 1 are migrated.

    Parameters
    ----------
    accept_edited : bool
        Read a file whose content does not match its digest; `ParameterFile.edited` names what does
        not.

    Raises
    ------
    InputError
        If it cannot be read, is not JSON, breaks the schema (the key is named), or was edited by
        hand (the sections are named).

    Examples
    --------
    >>> import riskkit
    >>> import tempfile
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = riskkit.build_parameter_file(answer).write(f"{folder}/parameters.json")
    ...     riskkit.read_parameter_file(path).header.asset
    'ETH/USD'
    """
    text = read_text(path, "parameter file", most=4 * MAX_CHARACTERS)
    return parse_parameter_file(text, str(path), accept_edited=accept_edited)


def parse_parameter_file(
    text: str, source: str = "parameter file", *, accept_edited: bool = False
) -> ParameterFile:
    """Validate the text of a parameter file; versions 0 and 1 are migrated."""
    if len(text) > MAX_CHARACTERS:
        raise _too_long(source)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError("parameter file", source, f"must be JSON: {error}", WRITTEN_BY) from None
    if isinstance(content, dict) and "header" not in content:
        rule = "must have a header, as parameter files do"
        raise InputError("parameter file", source, rule, WRITTEN_BY)
    try:
        migrated = migrate(content, source, accept_edited=accept_edited)
        file = ParameterFile.model_validate(migrated)
        _refuse_truths(migrated, file.model_dump(), ())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(
            ".".join(map(str, first["loc"])) or "parameter file",
            first["input"],
            first["msg"][:1].lower() + first["msg"][1:],
            f"{source} was not written by this version; calibrate again, or undo the edit",
        ) from None
    if migrated is not content:
        return file.sealed()
    # Held to its digest as it was read: a study that has gained keys since is no edit.
    changed = seal.edited_sections(content)
    edited = file.header.edited_before_migration + changed
    if edited and not accept_edited:
        raise edited_by_hand(source, edited)
    return file if changed else file.sealed()


def _refuse_truths(written: object, read: object, at: tuple[str, ...]) -> None:
    """Refuse ``true`` where a number is due: it would be read as 1."""
    if isinstance(written, bool) and not isinstance(read, bool):
        raise InputError(
            ".".join(at), written, "must be a number", "Undo the edit, or calibrate again"
        )
    if isinstance(written, dict) and isinstance(read, dict):
        for key in written.keys() & read.keys():
            _refuse_truths(written[key], read[key], (*at, str(key)))
    elif isinstance(written, list | tuple) and isinstance(read, list | tuple):
        for i, (before, after) in enumerate(zip(written, read, strict=False)):
            _refuse_truths(before, after, (*at, str(i)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"the key {name[:80]!r} is there twice")
        content[name] = value
    return content


def _too_long(source: str) -> InputError:
    rule = f"must hold at most {MAX_CHARACTERS:,} characters"
    return InputError("parameter file", source, rule, "Check that it is a parameter file")
