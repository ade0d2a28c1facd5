"""The study's JSON Schema, published in the package for editors and other languages."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from riskkit.study.study import Study

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "study-v2.json"


def study_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a study's file, from the models that read it."""
    schema = without_examples(Study.model_json_schema())
    extends = {
        "type": "string",
        "title": "extends",
        "description": "A study, relative to this one, that says what this one does not.",
    }
    properties = {"extends": extends, **schema.pop("properties")}
    # What a file leaves out may be said by the one it extends.
    required = [{"required": schema.pop("required")}, {"required": ["extends"]}]
    return {
        "$schema": DIALECT,
        **schema,
        "properties": properties,
        "anyOf": required,
        "title": "riskkit study, version 2",
    }


def without_examples(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose descriptions end before the examples in Python that docstrings have."""
    return {
        key: without_examples(value)
        if isinstance(value, dict)
        else value.partition("\n\nExamples\n---")[0]
        if key == "description" and isinstance(value, str)
        else value
        for key, value in schema.items()
    }


def published_study_schema() -> dict[str, Any]:
    """The schema as it ships: ``riskkit/study/schema/study-v2.json``."""
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(NAME).read_text(encoding="utf-8"))
    return schema
