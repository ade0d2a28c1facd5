"""A study's content, of whichever version, as the present one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from riskkit.errors import InputError
from riskkit.study import version1
from riskkit.study.explain import explain
from riskkit.study.tables import DEFAULTS_PER_ACCOUNT_DAY

MEASURES = (
    "default_per_account_day_probability",
    "bad_debt_per_year_fraction",
    "worst_days_loss_fraction",
)


def present(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as version 2, by the version that it states."""
    version = content.get("schema_version", 1)
    rest = {key: value for key, value in content.items() if key != "schema_version"}
    if type(version) is not int or version not in (1, 2):
        raise InputError(
            "schema_version",
            version,
            "must be 1 or 2: this riskkit reads no other study",
            "Install the riskkit that wrote it, or correct the version",
        )
    if version == 2:
        return {"schema_version": 2, **_measured(rest)}
    try:
        return version1.upgraded(rest)
    except ValidationError as error:
        raise explain(error, version1.Study1) from None


def _measured(content: dict[str, Any]) -> dict[str, Any]:
    """A version 2 study that names no measure is judged on defaults: see `TargetsSection`."""
    targets = content.get("targets", {})
    if not isinstance(targets, Mapping) or targets.get("over") == "one-position":
        return content
    if any(targets.get(key) is not None for key in MEASURES):
        return content
    return {**content, "targets": {**targets, MEASURES[0]: DEFAULTS_PER_ACCOUNT_DAY}}
