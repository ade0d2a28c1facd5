"""Version 1 of the parameter file: its digest by its own form, and what it means in version 2.

It held copies of the study's assumptions instead of the study. What it did not hold is named in
``header.lacks``: there the study stands at version 1's defaults, and nothing is compared with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from riskkit.parameters.seal import UNSEALED, differing
from riskkit.parameters.validity import MIGRATED_RULE, valid_until
from riskkit.study import version1 as study1
from riskkit.study.study import parse_study

SECTIONS = ("data", "model", "assumptions", "targets", "parameters", "evidence")
COUNTED = (
    "margin_period_of_risk_bars",
    "observation_interval_bars",
    "oracle_latency_bars",
    "liquidation_delay_bars",
    "reaction_time_bars",
    "holding_horizon_bars",
    "bootstrap_refits_failed",
    "intrabar",
)
#: Names of what else its assumptions held: the study's table and key.
COPIED = {
    "venue_kind": ("venue", "kind"),
    "sides": ("venue", "sides"),
    "liquidation_bonus_fraction": ("venue", "liquidation_bonus_fraction"),
    "margin_floor": ("venue", "floor"),
    "shocks": ("model", "shocks"),
    "start_state": ("simulation", "start_state"),
    "paths": ("simulation", "paths"),
    "seed": ("simulation", "seed"),
    "bootstrap_refits": ("simulation", "bootstrap_refits"),
    **{name: ("mechanism", name) for name in study1.Mechanism1.model_fields},
}
LACKS = (
    "study.data.prices",
    "study.data.stored",
    "study.data.sample",
    "study.data.bar",
    "study.data.calendar",
    "study.data.price_column",
    "study.data.exclude_rows",
    "study.model.minimum_bars",
)
REFITS = re.compile(r"refitted every (\d+) bars")


def edited_sections(content: dict[str, Any]) -> tuple[str, ...]:
    """Sections that differ from the digest, by version 1's form: Python's numbers, sorted keys.

    Parameters
    ----------
    content : dict
        As read, before anything is migrated.
    """
    header = {key: value for key, value in content["header"].items() if key != "digest"}
    found = {
        "content_sha256": _sha256({**content, "header": header}),
        **{f"{name}_sha256": _sha256(content[name]) for name in SECTIONS},
    }
    return differing(content["header"]["digest"], found, SECTIONS)


def from_version_0(content: dict[str, Any]) -> dict[str, Any]:
    """A file of version 0 as version 1; it has no digest that could be checked.

    Nothing is invented: what version 0 did not measure is missing (the sigma at which the file
    expires) or empty (procyclicality).
    """
    data = content["data"]
    last = datetime.fromisoformat(data["last_bar_utc"])
    header = {
        **content["header"],
        "schema_version": 1,
        "valid_until_date": valid_until(last, float(data["bar_seconds"])).isoformat(),
        "expires_above_sigma_next_bar_fraction": None,
        "validity_rule": MIGRATED_RULE,
        "migrated_from_schema_version": 0,
        "digest": {},
    }
    evidence = {**content["evidence"], "procyclicality": []}
    return {**content, "header": header, "evidence": evidence}


def to_version_2(content: dict[str, Any], edited: tuple[str, ...]) -> dict[str, Any]:
    """A file of version 1 as version 2, unsealed; ``edited`` sections are remembered in it.

    Raises
    ------
    InputError
        If its assumptions are none that a study could hold.
    KeyError, TypeError
        If a section or a key is missing.
    """
    rest = {key: value for key, value in content.items() if key not in ("assumptions", "targets")}
    assumed = dict(content["assumptions"])
    study, lacks = _study(content, assumed)
    counted = {name: assumed.pop(name) for name in COUNTED}
    origin = content["header"]["migrated_from_schema_version"]
    header = {
        **content["header"],
        "schema_version": 2,
        "migrated_from_schema_version": 1 if origin is None else origin,
        "lacks": list(lacks),
        "edited_before_migration": list(edited),
        "digest": UNSEALED,
    }
    # What is left of the assumptions was no key of version 1: the schema refuses it by its name.
    return {**rest, "header": header, "study": study, "counted": {**counted, **assumed}}


def _study(
    content: dict[str, Any], assumed: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The study behind the file, as far as it holds it, and the keys that it does not hold."""
    header, data, model = content["header"], content["data"], content["model"]
    source = PureWindowsPath(PurePosixPath(data["source"]).name).name or "unknown"
    tables: dict[str, dict[str, Any]] = {
        "data": {
            "asset": header["asset"],
            "prices": source,
            "invalid_rows": data["invalid_rows_policy"],
        },
        "model": {"spec": model["spec_requested"]},
        "venue": {},
        "mechanism": {},
        "simulation": {},
    }
    for name, (table, key) in COPIED.items():
        value = assumed.pop(name)
        if value is not None:
            tables[table][key] = value
    if tables["venue"].get("kind") == "loan":
        del tables["venue"]["sides"]
    refits = REFITS.search(str(content["evidence"]["method"]))
    lacks: tuple[str, ...] = LACKS
    if refits is None:
        lacks = (*LACKS, "study.model.refit_every_bars")
    else:
        tables["model"]["refit_every_bars"] = int(refits[1])
    found = parse_study(
        {
            "title": header["title"],
            "as_of": header["as_of_date"],
            "targets": content["targets"],
            **tables,
        }
    )
    return found.model_dump(mode="json"), lacks


def _sha256(content: object) -> str:
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
