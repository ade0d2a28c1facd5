"""Write files whole or not at all, and JSON in one canonical form."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from riskkit.errors import InputError


def canonical_json(content: dict[str, Any]) -> str:
    """JSON with keys in the order given, two spaces, a final newline, and no NaN."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomically(path: str | Path, text: str) -> Path:
    """Write text so that a reader sees the old file or the new one, never a part.

    The text goes to a temporary file beside the target, is flushed to disk, and takes the target's
    name in one step.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(
            "path",
            str(path),
            f"must lie in a folder that can be written ({error.strerror})",
            "Choose another folder with --out",
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; a result is as readable as any file the user makes.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            "path", str(path), f"could not be written ({error.strerror})", "Free some space"
        ) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
