"""A study's file: TOML, and what it extends."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.errors import InputError
from riskkit.reading import parse_toml

if TYPE_CHECKING:
    from pydantic import BaseModel

MOST_BYTES = 1_000_000
DEEPEST = 16


def resolved(path: Path, top: Callable[[], type[BaseModel]]) -> dict[str, Any]:
    """The content of a study's file, with that of the files it extends under it.

    Parameters
    ----------
    path : Path
    top : callable
        Gives the class of studies, whose tables decide how one is laid over another; asked only
        where a file extends another, since a fleet that is done needs none of it.

    Raises
    ------
    InputError
        For a file that cannot be read, or a base that is missing or leads back to where it began.
    """
    return _resolved(path, top, ())


def _resolved(
    path: Path, top: Callable[[], type[BaseModel]], below: tuple[Path, ...]
) -> dict[str, Any]:
    """The content of a file with that of its bases under it, as version 2 where it extends any."""
    content = _read(path, below)
    if "extends" not in content:
        return content
    if content.get("schema_version", 1) != 2:
        raise InputError(
            "extends",
            content["extends"],
            "is a key of version 2, and this study is of version 1",
            "Add schema_version = 2 and move its keys",
        )
    name = content["extends"]
    if not isinstance(name, str) or not name:
        raise InputError("extends", name, "must be the name of one file", "Write it in quotes")
    base_path = path.parent / name
    chain = (*below, path)
    known = [place.resolve() for place in chain]
    if base_path.resolve() in known or len(chain) >= DEEPEST:
        circle = " → ".join(place.name for place in (*chain, base_path))
        raise InputError(
            "extends", circle, "must not lead back to where it began", "Cut one of the links"
        )
    from riskkit.study.kinds import merged
    from riskkit.study.versions import present

    base = _resolved(base_path, top, chain)
    base = _renewed(present(base)) if base.get("schema_version", 1) != 2 else base
    over = {key: value for key, value in content.items() if key != "extends"}
    return merged(top(), _moved(base, base_path.parent, path.parent), _one_source(base, over))


def _renewed(base: dict[str, Any]) -> dict[str, Any]:
    """A base of version 1 without what only version 1 may leave unjudged."""
    targets = {key: value for key, value in base["targets"].items() if key != "over"}
    return {**base, "targets": targets}


def _moved(base: dict[str, Any], there: Path, here: Path) -> dict[str, Any]:
    """The base with its price file named from the folder of the study that extends it."""

    def moved(name: object) -> object:
        if not isinstance(name, str) or Path(name).is_absolute():
            return name
        return Path(os.path.relpath(there / name, here)).as_posix()

    found = dict(base)
    data, assets = base.get("data"), base.get("assets")
    if isinstance(data, Mapping) and isinstance(data.get("prices"), str):
        found["data"] = {**data, "prices": moved(data["prices"])}
    if isinstance(assets, Mapping):
        files = assets.get("prices")
        if isinstance(files, Sequence) and not isinstance(files, str):
            found["assets"] = {**assets, "prices": [moved(name) for name in files]}
        if isinstance(assets.get("folder"), str):
            found["assets"] = {**found["assets"], "folder": moved(assets["folder"])}
    return found


def _one_source(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A study that names its own source of prices leaves that of its base."""
    data = over.get("data")
    sources = ("prices", "stored", "sample")
    if not isinstance(data, Mapping) or not any(source in data for source in sources):
        return dict(over)
    below = base.get("data")
    names = below if isinstance(below, Mapping) else {}
    absent = {key: None for key in sources if key in names and key not in data}
    return {**over, "data": {**absent, **data}}


def _read(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    argument = "extends" if below else "study"
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        by = f", as {below[-1].name} says" if below else ""
        raise InputError(
            argument,
            str(path),
            f"must be a file that can be read{by} ({reason})",
            "Check the name; shipped studies lie in studies/",
        ) from None
    if len(raw) > MOST_BYTES:
        rule = f"must hold at most {MOST_BYTES:,} bytes"
        raise InputError(argument, str(path), rule, "Check that it is a study")
    try:
        return parse_toml(raw)
    except ValueError as error:
        prices = path.suffix.lower() in (".csv", ".parquet", ".gz", ".txt", ".tsv")
        remedy = f"For prices write --prices {path}" if prices else "Correct that line of the file"
        raise InputError(argument, str(path), f"must be TOML: {error}", remedy) from None
