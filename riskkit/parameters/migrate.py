"""From older versions of the parameter file to the present one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from riskkit.parameters.seal import UNSEALED
from riskkit.parameters.validity import MIGRATED_RULE, valid_until


def migrate(content: Any) -> Any:
    """The content of a file as version 1; what is no version 0 is returned as it is.

    Nothing is invented: what version 0 did not measure is missing (the sigma at which the file
    expires) or empty (procyclicality). Version 0 had no digest: it is left to the caller to seal
    the migrated file, whose digest here matches nothing.
    """
    try:
        if content["header"]["schema_version"] != 0 or "digest" in content["header"]:
            return content
        data = content["data"]
        last = datetime.fromisoformat(data["last_bar_utc"])
        until = valid_until(last, float(data["bar_seconds"])).isoformat()
        header = {
            **content["header"],
            "schema_version": 1,
            "valid_until_date": until,
            "expires_above_sigma_next_bar_fraction": None,
            "validity_rule": MIGRATED_RULE,
            "migrated_from_schema_version": 0,
            "digest": UNSEALED,
        }
        evidence = {**content["evidence"], "procyclicality": []}
        return {**content, "header": header, "evidence": evidence}
    except (KeyError, TypeError, ValueError, OverflowError):
        return content  # the schema names what is wrong
