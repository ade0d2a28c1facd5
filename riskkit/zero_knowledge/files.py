"""What leaves the prover and what must not: commitments, openings, proofs, as files.

A file of secrets is readable by its owner alone, is never replaced, and an error about it shows
none of its values.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes
from riskkit.parameters.sections import Part, Sha256
from riskkit.parameters.write import canonical_json, write_atomically
from riskkit.reading import read_table, read_text
from riskkit.zero_knowledge.commitments import SecretBook, add_commitments
from riskkit.zero_knowledge.curve import ORDER, Points
from riskkit.zero_knowledge.margin import Occasion
from riskkit.zero_knowledge.scenario_set import COLLATERAL, PublicScenarios

MAX_CHARACTERS = 4_000_000
#: Which command writes the file that an argument names.
_KINDS = {
    "scenarios": "scenarios.json of riskkit scenarios",
    "openings": "the secret openings.json of riskkit commit",
    "commitments": "the public commitments.json of riskkit commit",
    "previous": "the public commitments.json of before",
    "proof": "a proof of riskkit prove-margin",
    "liabilities": "the public liabilities.json of riskkit liabilities build",
    "key": "the secret key.json of riskkit liabilities build",
    "member": "a member's file of riskkit liabilities prove",
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")

Point = Annotated[str, Field(pattern="^0[23][0-9a-f]{64}$")]
Whole = Annotated[str, Field(pattern="^-?[0-9]{1,40}$")]
Model = TypeVar("Model", bound=Part)


class CommitmentsFile(Part):
    """Public: a commitment for each instrument of a scenario set, and one for the collateral.

    After fills, ``change`` holds the commitments to the change, and ``previous_sha256`` the digest
    of the file before: its commitments plus the change are these.
    """

    schema_version: Literal[1]
    scenarios_sha256: Sha256
    commitments: tuple[Point, ...]
    previous_sha256: Sha256 | None = None
    change: tuple[Point, ...] = ()

    @classmethod
    def of(cls, scenarios: PublicScenarios, commitments: Points) -> CommitmentsFile:
        """The first commitments to a book."""
        return cls(
            schema_version=1,
            scenarios_sha256=scenarios.digest_sha256,
            commitments=_hex(commitments),
        )

    def after(self, change: Points) -> CommitmentsFile:
        """The commitments once a change is added to them."""
        return CommitmentsFile(
            schema_version=1,
            scenarios_sha256=self.scenarios_sha256,
            commitments=_hex(add_commitments(self.points(), change)),
            previous_sha256=self.digest,
            change=_hex(change),
        )

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form of RFC 8785."""
        return hashlib.sha256(canonical_bytes(self.model_dump(mode="json"))).hexdigest()

    def points(self) -> Points:
        """The commitments as points.

        Raises
        ------
        InputError
            If one is no point of the curve.
        """
        return Points.decode([bytes.fromhex(text) for text in self.commitments])

    def follows(self, previous: CommitmentsFile) -> bool:
        """Whether these are the commitments of another file plus the change stated here."""
        if self.previous_sha256 != previous.digest or not self.change:
            return False
        change = Points.decode([bytes.fromhex(text) for text in self.change])
        return previous.after(change) == self


class OpeningsFile(Part):
    """Secret: what opens the commitments of a book."""

    schema_version: Literal[1]
    scenarios_sha256: Sha256
    values: tuple[Whole, ...] = Field(repr=False)
    blindings: tuple[Sha256, ...] = Field(repr=False)

    @classmethod
    def of(cls, scenarios: PublicScenarios, opening: SecretBook) -> OpeningsFile:
        """The opening of a book under a scenario set."""
        return cls(
            schema_version=1,
            scenarios_sha256=scenarios.digest_sha256,
            values=tuple(map(str, opening.values)),
            blindings=tuple(f"{b:064x}" for b in opening.blindings),
        )

    def opening(self, scenarios: PublicScenarios) -> SecretBook:
        """The opening, for the set that it was made under.

        Raises
        ------
        InputError
            If the set is another one.
        """
        check_set(scenarios, self.scenarios_sha256, "openings")
        count = len(scenarios.names)
        blindings = tuple(int(text, 16) for text in self.blindings)
        if not len(self.values) == len(blindings) == count or max(blindings) >= ORDER:
            rule = f"must hold {count} values with their blinding factors"
            raise InputError("openings", "(not shown)", rule, "Use the file as it was written")
        return SecretBook(tuple(map(int, self.values)), blindings)


class MarginProofFile(Part):
    """Public: a proof, and the occasion it was made for."""

    schema_version: Literal[1]
    scenarios_sha256: Sha256
    parameters_sha256: Sha256
    day: date
    context: str
    proof: Annotated[str, Field(max_length=20_000)]

    @classmethod
    def of(cls, occasion: Occasion, proof: bytes) -> MarginProofFile:
        """A proof with its occasion."""
        text = base64.b64encode(proof).decode()
        return cls(schema_version=1, **vars(occasion), proof=text)

    @property
    def occasion(self) -> Occasion:
        """What it says it was made for: not what a verifier should ask."""
        return Occasion(self.scenarios_sha256, self.parameters_sha256, self.day, self.context)

    def proof_bytes(self) -> bytes:
        """The proof itself.

        Raises
        ------
        InputError
            If it is not in base 64.
        """
        try:
            return base64.b64decode(self.proof, validate=True)
        except binascii.Error:
            rule = "must be written in base 64: it was changed or cut"
            raise InputError("proof", "its text", rule, "Ask for the whole file again") from None


def read_part(path: str | Path, model: type[Model], argument: str) -> Model:
    """A file of one of these kinds; no value of it is shown if it breaks a rule.

    Raises
    ------
    InputError
        If it cannot be read, is not JSON or breaks the schema: the key is named.
    """
    text = read_text(path, argument, most=MAX_CHARACTERS)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        rule = "must be a JSON file as riskkit writes it: it was cut or changed"
        raise InputError(argument, str(path), rule, "Use the whole file") from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        broken = f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        rule = f"must be a file of this kind, {_KINDS.get(argument, argument)} ({broken})"
        remedy = "Name the right file, as it was written"
        raise InputError(argument, str(path), rule, remedy) from None


def read_scenarios(path: str | Path) -> PublicScenarios:
    """A scenario set, held to its digest.

    Raises
    ------
    InputError
    """
    found = read_part(path, PublicScenarios, "scenarios")
    found.check_digest(str(path))
    return found


def write_part(path: str | Path, part: Part, *, secret: bool = False) -> Path:
    """Write a file whole or not at all; one of secrets for its owner alone, and never over another.

    Raises
    ------
    InputError
        If it cannot be written, or would replace secrets.
    """
    if secret:
        check_absent(path)
    return write_atomically(path, canonical_json(part.model_dump(mode="json")), private=secret)


def check_absent(path: str | Path) -> None:
    """Refuse to write secrets where there is something already.

    Raises
    ------
    InputError
    """
    if Path(path).exists():
        rule = "must not be there yet: secrets that are replaced are lost"
        raise InputError("path", str(path), rule, "Choose another folder with --out")


def check_set(scenarios: PublicScenarios, sha256: str, argument: str) -> None:
    """Refuse a file that was made under another scenario set.

    Raises
    ------
    InputError
    """
    if scenarios.digest_sha256 != sha256:
        rule = f"must be made under the scenario set given, {scenarios.digest_sha256}"
        raise InputError(argument, f"scenario set {sha256}", rule, "Use the files of one set")


def read_book(
    path: str | Path, scenarios: PublicScenarios, *, change: bool = False
) -> tuple[int, ...]:
    """Sizes in the order of a scenario set, and the collateral, from a CSV.

    The columns are ``instrument`` and ``size``: whole lots, negative if short. The row
    ``collateral`` is in units of the set, and must be there unless the file is a ``change`` to a
    book; an instrument that is not listed is 0. No size is shown in an error.

    Raises
    ------
    InputError
        Naming the line.
    """
    rows = read_table(path, "positions", most=MAX_CHARACTERS)
    if not rows or [cell.strip() for cell in rows[0][1]] != ["instrument", "size"]:
        rule = "must begin with the line instrument,size"
        raise InputError("positions", str(path), rule, "Add it")
    found: dict[str, int] = {}
    for number, row in rows[1:]:
        name, size = _row(row, number, scenarios.names)
        if name in found:
            rule = "must name an instrument that no line before it names"
            raise InputError(f"positions, line {number}", "(not shown)", rule, "Add them up")
        found[name] = size
    if COLLATERAL not in found and not change:
        rule = f"must have a line {COLLATERAL}, in 1/{scenarios.units_per_quote:,} of the quote"
        raise InputError("positions", str(path), rule, f"Add {COLLATERAL},0 where there is none")
    return tuple(found.get(name, 0) for name in scenarios.names)


def _row(row: Sequence[str], number: int, names: Sequence[str]) -> tuple[str, int]:
    where = f"positions, line {number}"
    if len(row) != 2:
        rule = "must hold an instrument and a size"
        raise InputError(where, f"{len(row)} values", rule, "Write instrument,size")
    name, size = row[0].strip(), row[1].strip()
    if name not in names:
        rule = f"must name an instrument of the scenario set, or {COLLATERAL}"
        raise InputError(where, "(not shown)", rule, "Take its names from scenarios.json")
    if not _WHOLE.fullmatch(size):
        rule = "must be a whole number of lots (collateral: of units), without a fraction"
        raise InputError(where, "(not shown)", rule, "Round it yourself: nothing is rounded here")
    return name, int(size)


def _hex(points: Points) -> tuple[str, ...]:
    return tuple(text.hex() for text in points.encode())
