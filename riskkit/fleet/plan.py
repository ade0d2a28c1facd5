"""Which markets a night has, and which of them are done already.

A market that is done is known without its prices being parsed: by the bytes of its study and of its
price file. What cannot be read is a row with its reason.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.errors import InputError, RiskkitError
from riskkit.fleet.archive import Archive
from riskkit.fleet.identity import Identity
from riskkit.market.store import SeriesKey, find_store
from riskkit.study.case import Case
from riskkit.study.name import study_name
from riskkit.study.reading import resolved
from riskkit.study.study import Study


@dataclass(frozen=True)
class FleetMarket:
    """A market of the fleet.

    Attributes
    ----------
    name : str
        Its study's file, without the ending; no two of a fleet are alike.
    path : Path
        Its study.
    asked : str
        Digest of what was asked: study, price file's bytes, versions, processor. Empty if the
        study cannot be read.
    reason : str
        Why it cannot be read; else empty.
    """

    name: str
    path: Path
    asked: str
    reason: str = ""


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
    files: Iterable[Path], identity: Identity, *, as_of: date | None = None
) -> tuple[FleetMarket, ...]:
    """Every study as a market, with the digest of what it asks.

    Parameters
    ----------
    files : iterable of Path
    identity : Identity
        Of the machines that will compute.
    as_of : date, optional
        Asked in place of the day that each study states.
    """
    return tuple(_market(path, identity, as_of) for path in files)


def read_case(market: FleetMarket, *, now: pd.Timestamp, as_of: date | None = None) -> Case:
    """The market's study with its prices.

    Raises
    ------
    InputError
        If either breaks a rule.
    """
    case = Case.read(market.path, now=now)
    if as_of is None:
        return case
    return Case.of(case.study.changed({"as_of": as_of}), case.history)


def is_done(market: FleetMarket, archive: Archive, now: pd.Timestamp) -> str | None:
    """The key of the answer that stands already, or None."""
    known = archive.key_of(market.asked)
    if known is None or (known.holds_before is not None and now >= known.holds_before):
        return None
    return known.key if archive.has(known.key) else None


def _market(path: Path, identity: Identity, as_of: date | None) -> FleetMarket:
    name = study_name(path)
    try:
        content = resolved(path, Study)
        content = content if as_of is None else {**content, "as_of": as_of}
        asked = {
            "study": json.loads(json.dumps(content, default=str)),
            "prices": _source_digest(content, path.parent),
            "identity": identity.to_dict(),
        }
    except (RiskkitError, OSError) as error:
        return FleetMarket(name, path, "", str(error))
    text = json.dumps(asked, sort_keys=True)
    return FleetMarket(name, path, hashlib.sha256(text.encode()).hexdigest())


def _source_digest(content: Mapping[str, Any], folder: Path) -> str:
    """Of the bytes that a study's prices come from; empty where reading the study will tell."""
    data = content.get("data")
    names = data if isinstance(data, Mapping) else {}
    if isinstance(names.get("prices"), str):
        path = folder / names["prices"]
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    if isinstance(names.get("stored"), str):
        manifest = find_store(folder).manifest(SeriesKey.parse(names["stored"]))
        return hashlib.sha256(repr(manifest).encode()).hexdigest()
    return ""  # a packaged sample: the version tells
