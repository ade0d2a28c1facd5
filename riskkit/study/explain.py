"""The first mistake that pydantic found, as a four-part error that counts the others."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from riskkit.errors import InputError
from riskkit.study.kinds import path_of
from riskkit.study.reserved import reserved_for


def explain(error: ValidationError, top: type[BaseModel], document: str = "study") -> InputError:
    """A mistake by its key as the file writes it, the value, the rule and the remedy."""
    first, *others = error.errors(include_url=False)
    key, kinds = path_of(top, first["loc"])
    key = key or document
    value, rule = first["input"], first["msg"].removeprefix("Value error, ")
    remedy = "Correct the key"
    if first["type"] == "value_error" and isinstance(value, Mapping | BaseModel):
        value = "keys that do not go together"  # the rule names them; the rest would bury it
    elif first["type"] == "extra_forbidden":
        rule, remedy = _unknown(key, kinds)
    elif first["type"] == "missing":
        rule, remedy = "this key must be there", "Add it"
    elif first["type"] == "union_tag_invalid":
        key, value, rule = _other_kind(key, first)
    elif first["type"].endswith("_type") and isinstance(value, bool):
        value, rule = str(value).lower(), "must be a number or a text, not true or false"
    if others:
        keys = ", ".join(path_of(top, e["loc"])[0] or document for e in others)
        remedy += f"; also wrong: {keys}"
    return InputError(key, value, rule[:1].lower() + rule[1:], remedy)


def _unknown(key: str, kinds: dict[str, type[BaseModel]]) -> tuple[str, str]:
    last = key.rsplit(".", 1)[-1]
    homes = [kind for kind, table in kinds.items() if last in table.model_fields]
    if homes:
        of = " or ".join(f"'{kind}'" for kind in homes)
        table = key.rsplit(".", 1)[0]
        return f"is a key of kind {of}", f"Set {table}.kind to it, or remove the key"
    purpose = reserved_for(key)
    if purpose is not None:
        return f"is reserved for {purpose}, which this version does not answer", "Leave it out"
    return "unknown keys are refused", "Remove it, or check its spelling"


def _other_kind(key: str, error: ErrorDetails) -> tuple[str, str, str]:
    context = error.get("ctx", {})
    known = str(context.get("expected_tags", ""))
    *most, last = known.split(", ")
    known = f"{', '.join(most)} or {last}" if most else last
    return f"{key}.kind", str(context.get("tag", "")), f"must be {known}"
