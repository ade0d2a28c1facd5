"""Notebooks as they are committed: what a run leaves in them is taken out when they are saved."""

from __future__ import annotations

import re
from typing import Any

#: The numbered notebooks of this project, not a copy or a notebook of one's own.
OURS = re.compile(r"(.*/)?notebooks/\d\d_\w+\.ipynb")


def without_run(notebook: dict[str, Any]) -> None:
    """Take outputs, counts and what a page noted out of a notebook, in place.

    Parameters
    ----------
    notebook : dict
        Of nbformat 4.
    """
    kernel = dict(notebook["metadata"].get("kernelspec", {}))
    if kernel.get("name") == "python3":  # a server calls it as its own installation does
        kernel["display_name"] = "Python 3"
    language = notebook["metadata"].get("language_info", {}).get("name", "python")
    notebook["metadata"] = {"kernelspec": kernel, "language_info": {"name": language}}
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


def before_save(model: dict[str, Any], path: str, **_: Any) -> None:
    """Jupyter's ``pre_save_hook``: the project's own notebooks are saved as they are committed.

    What is on the screen stays there.
    """
    if model["type"] == "notebook" and OURS.fullmatch(path):
        without_run(model["content"])
