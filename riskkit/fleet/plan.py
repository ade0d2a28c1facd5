"""Which markets a night has, and which of them are done already.

A market that is done is known without its prices being parsed: by the bytes of its study and of its
price file. What cannot be read is a row with its reason.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.errors import InputError, RiskkitError
from riskkit.fleet.archive import Archive
from riskkit.fleet.identity import Identity
from riskkit.market.store import SeriesKey, find_store
from riskkit.study.name import study_name
from riskkit.study.reading import resolved

if TYPE_CHECKING:
    from pydantic import BaseModel

    from riskkit.study.case import Case

#: Keys of a study with other values, as `riskkit.study.study.Study.changed` takes them.
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class FleetMarket:
    """A market of the fleet.

    Attributes
    ----------
    name : str
        Its study's file, without the ending; no two of a fleet are alike. A challenger's adds its
        own: ``eth~egarch``.
    path : Path
        Its study.
    asked : str
        Digest of what was asked: study, price file's bytes, versions, processor. Empty if the
        study cannot be read.
    reason : str
        Why it cannot be read; else empty.
    challenger : str
        Name of the model that is run in the shadow of the study's own; empty for that one.
    changes : mapping
        What a challenger changes in the study.
    """

    name: str
    path: Path
    asked: str
    reason: str = ""
    challenger: str = ""
    changes: Changes = field(default_factory=dict)

    @property
    def study(self) -> str:
        """The market without its challenger."""
        return self.name.removesuffix(f"~{self.challenger}") if self.challenger else self.name


def study_files(places: Sequence[Path]) -> tuple[Path, ...]:
    """The studies of folders (every ``.toml`` in and below them) and of single files, sorted.

    Raises
    ------
    InputError
        If a place is not there, no study is found, or two have one name: a market's results are
        filed under it.
    """
    found: set[Path] = set()
    for place in places:
        if place.is_dir():
            found |= {path for path in place.rglob("*.toml") if path.is_file()}
        elif place.is_file():
            found.add(place)
        else:
            rule = "must be a study or a folder of studies; there is none of that name"
            raise InputError("FOLDER", str(place), rule, "Check the name")
    if not found:
        rule = "must hold at least one study (a file that ends in .toml)"
        raise InputError("FOLDER", ", ".join(map(str, places)), rule, "riskkit init writes one")
    files = tuple(sorted(found))
    counts = Counter(study_name(path) for path in files)
    for path in files:
        if counts[study_name(path)] > 1:
            same = [str(other) for other in files if study_name(other) == study_name(path)]
            rule = "must have different names, since results are filed under them"
            raise InputError("FOLDER", ", ".join(same), rule, "Rename one")
    return files


def plan_markets(
    files: Iterable[Path],
    identity: Identity,
    *,
    as_of: date | None = None,
    challengers: Mapping[str, Changes] | None = None,
) -> tuple[FleetMarket, ...]:
    """Every study as a market, with the digest of what it asks; after it its challengers.

    Parameters
    ----------
    files : iterable of Path
    identity : Identity
        Of the machines that will compute.
    as_of : date, optional
        Asked in place of the day that each study states.
    challengers : mapping, optional
        By name, what each changes; see `riskkit.fleet.challengers.read_challengers`.
    """
    shadows = {"": {}, **(challengers or {})}
    # Studies share price files, and nothing else writes them meanwhile: each is read once.
    digest_of, machine = cache(_file_digest), identity.to_dict()
    found = []
    for path in files:
        asked = _asked(path, machine, as_of, digest_of)
        for challenger, changes in shadows.items():
            found.append(_market(path, asked, challenger, changes))
    return tuple(found)


def read_case(market: FleetMarket, *, now: pd.Timestamp, as_of: date | None = None) -> Case:
    """The market's study with its prices.

    With ``as_of`` it is asked as of that day, or as of the day on which its last bar closed where
    that is earlier: without a new bar the question is the one of the night before.

    Raises
    ------
    InputError
        If either breaks a rule.
    """
    from riskkit.study.case import Case

    case = Case.read(market.path, now=now)
    changes = dict(market.changes)
    if as_of is not None:
        closed = case.history.last + case.history.bar - pd.Timedelta(seconds=1)
        changes["as_of"] = min(as_of, closed.date())
    return Case.of(case.study.changed(changes), case.history) if changes else case


def is_done(market: FleetMarket, archive: Archive, now: pd.Timestamp) -> str | None:
    """The key of the answer that stands already, or None."""
    known = archive.key_of(market.asked)
    if known is None or (known.holds_before is not None and now >= known.holds_before):
        return None
    return known.key if archive.has(known.key) else None


def _studies() -> type[BaseModel]:
    from riskkit.study.study import Study

    return Study


def _asked(
    path: Path, machine: dict[str, Any], as_of: date | None, digest_of: Callable[[Path], str]
) -> dict[str, Any] | str:
    """What a study asks, as JSON values; why it cannot be read, where it cannot."""
    try:
        content = resolved(path, _studies)
        content = content if as_of is None else {**content, "as_of": as_of}
        return {
            "study": json.loads(json.dumps(content, default=str)),
            "prices": _source_digest(content, path.parent, digest_of),
            "identity": machine,
        }
    except (RiskkitError, OSError) as error:
        return str(error)


def _market(
    path: Path, asked: dict[str, Any] | str, challenger: str, changes: Changes
) -> FleetMarket:
    name = study_name(path) + (f"~{challenger}" if challenger else "")
    market = FleetMarket(name, path, "", challenger=challenger, changes=changes)
    if isinstance(asked, str):
        return replace(market, reason=asked)
    if changes:
        asked = {**asked, "changes": json.loads(json.dumps(changes, default=str))}
    text = json.dumps(asked, sort_keys=True)
    return replace(market, asked=hashlib.sha256(text.encode()).hexdigest())


def _source_digest(
    content: Mapping[str, Any], folder: Path, digest_of: Callable[[Path], str]
) -> str:
    """Of the bytes that a study's prices come from; empty where reading the study will tell."""
    data = content.get("data")
    names = data if isinstance(data, Mapping) else {}
    if isinstance(names.get("prices"), str):
        return digest_of(folder / names["prices"])
    if isinstance(names.get("stored"), str):
        manifest = find_store(folder).manifest(SeriesKey.parse(names["stored"]))
        return hashlib.sha256(repr(manifest).encode()).hexdigest()
    return ""  # a packaged sample: the version tells


def _file_digest(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
