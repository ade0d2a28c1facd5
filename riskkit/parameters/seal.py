"""The digest of a parameter file: what was written, so that what was changed can be named.

SHA-256 over the canonical form of RFC 8785, so that other languages find the same.
"""

from __future__ import annotations

import hashlib
from typing import Any

from riskkit.parameters.jcs import canonical_bytes

SECTIONS = ("data", "model", "study", "counted", "parameters", "evidence")
UNSEALED = {f"{name}_sha256": "0" * 64 for name in ("content", *SECTIONS)}


def digest(content: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of every section, and of the whole file without ``header.digest``.

    Parameters
    ----------
    content : dict
        A parameter file as JSON values; a digest already there does not count.
    """
    header = {key: value for key, value in content["header"].items() if key != "digest"}
    return {
        "content_sha256": _sha256({**content, "header": header}),
        **{f"{name}_sha256": _sha256(content[name]) for name in SECTIONS},
    }


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The same content with its digest in the header."""
    return {**content, "header": {**content["header"], "digest": digest(content)}}


def edited_sections(content: dict[str, Any]) -> tuple[str, ...]:
    """Sections that differ from the digest in the header; ``header`` if nothing else explains it.

    The sections' digests are content too: changing one of them alone is a change of the header.
    """
    written, found = content["header"]["digest"], digest(content)
    return differing(written, found, SECTIONS)


def differing(
    written: dict[str, str], found: dict[str, str], sections: tuple[str, ...]
) -> tuple[str, ...]:
    """Sections of which two digests disagree; ``header`` if only the whole does."""
    names = tuple(name for name in sections if written[f"{name}_sha256"] != found[f"{name}_sha256"])
    if names or written["content_sha256"] == found["content_sha256"]:
        return names
    return ("header",)


def _sha256(content: object) -> str:
    return hashlib.sha256(canonical_bytes(content)).hexdigest()
