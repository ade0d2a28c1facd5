"""The name that a study's results are filed under."""

from __future__ import annotations

from pathlib import Path

from riskkit.errors import InputError


def study_name(path: str | Path) -> str:
    """The name of a study's results: that of its file, without ``.toml``.

    Raises
    ------
    InputError
        If the file has no name that a folder could carry.
    """
    name = Path(path).name.removesuffix(".toml")
    if name.strip(". ") == "":
        raise InputError(
            "file name",
            Path(path).name,
            "must hold more than dots: the results get a folder of that name",
            "Rename the file",
        )
    return name
