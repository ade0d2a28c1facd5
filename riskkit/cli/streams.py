"""Standard streams that take any character, whatever the terminal's encoding."""

from __future__ import annotations

import codecs
import sys

# Characters of tables and sentences, for a terminal (or a pipe) that is not UTF-8.
_PLAIN = {
    "±": "+/-",
    "×": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "’": "'",
    "‘": "'",
    "·": ".",
    "•": "*",
    "━": "-",
    "─": "-",
    "│": "|",
    "σ": "sigma",
}


def print_anywhere() -> None:
    """Let the standard streams replace what their encoding cannot hold, rather than stop on it."""
    codecs.register_error("riskkit", _replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not _is_unicode(stream.encoding):
            reconfigure(errors="riskkit")


def _is_unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("_", "-").startswith("utf")


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    # Box characters and their like take one cell, and so must what stands for them.
    return "".join(_PLAIN.get(c, "?") for c in lost), error.end
