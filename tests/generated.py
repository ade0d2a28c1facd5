"""Write the pages and schemas that are read from the code anew: `make generated`."""

from __future__ import annotations

import json
from pathlib import Path

from riskkit.cli.app import summaries_page
from riskkit.parameters.schema import parameter_file_schema
from riskkit.study.page import assumptions_page
from riskkit.study.schema import study_schema
from tests.support import ROOT


def files() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    schemas = {
        "riskkit/study/schema/study-v2.json": study_schema(),
        "riskkit/parameters/schema/parameter-file-v2.json": parameter_file_schema(),
    }
    found = {
        ROOT / name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }
    found[ROOT / "riskkit" / "cli" / "summaries.txt"] = summaries_page()
    return {ROOT / "docs" / "assumptions.md": assumptions_page(), **found}


if __name__ == "__main__":
    for path, text in files().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")
