"""Each benchmark writes its own marked section of ``benchmarks/README.md``."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).with_name("README.md")
TITLE = (
    "# Benchmarks\n\nEvery section is written by the command it names, in one run on one machine.\n"
)


def write_section(name: str, title: str, body: str, command: str = "") -> None:
    """Replace the section between the markers of ``name``, or append it."""
    command = command or f"make bench-{name}"
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n## {title}\n\n`{command}`\n\n{body.strip()}\n{end}\n"
    text = README.read_text(encoding="utf-8") if README.exists() else TITLE
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end) + r"\n?", re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = text.rstrip("\n") + "\n\n" + section
    README.write_text(text, encoding="utf-8")
