"""The parameter file's JSON Schema, published in the package for readers in other languages."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from riskkit.parameters.file import ParameterFile
from riskkit.parameters.sections import SCHEMA_VERSION
from riskkit.study.schema import without_examples

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = f"parameter-file-v{SCHEMA_VERSION}.json"


def parameter_file_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the parameter file, from the models that read it."""
    schema = without_examples(ParameterFile.model_json_schema(mode="serialization"))
    return {
        "$schema": DIALECT,
        **schema,
        "title": f"riskkit parameter file, version {SCHEMA_VERSION}",
    }


def published_schema() -> dict[str, Any]:
    """The schema as it ships: ``riskkit/parameters/schema/parameter-file-v2.json``."""
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(NAME).read_text(encoding="utf-8"))
    return schema
