"""The pages of docs/venues do what they show: every block of code is run."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from riskkit.formats.registry import names
from tests.support import ROOT

PAGES = sorted((ROOT / "docs" / "venues").glob("*.md"))
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.DOTALL)


def test_every_format_has_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in names(()) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_the_page_says(page) -> None:
    namespace: dict[str, object] = {}
    printed = None
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile(body, page.name, "exec"), namespace)
            printed = stream.getvalue()
        else:
            assert printed == body
            printed = None
    assert not printed
