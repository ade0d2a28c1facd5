"""Write files whole or not at all, and JSON in one canonical form."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from riskkit.errors import InputError


def canonical_json(content: dict[str, Any]) -> str:
    """JSON with keys in the order given, two spaces, a final newline, and no NaN."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomically(path: str | Path, text: str, *, private: bool = False) -> Path:
    """Write text so that a reader sees the old file or the new one, never a part.

    The text goes to a temporary file beside the target, is flushed to disk, and takes the target's
    name in one step. A link is followed: the file that it leads to is replaced, not the link. A
    pipe or a device (``/dev/stdout``) takes the text as it comes, since neither can be replaced.

    Parameters
    ----------
    private : bool
        Of secrets: readable by their owner alone, from the first byte on.

    Raises
    ------
    InputError
        If it cannot be written, or is neither a file nor a pipe nor a character device.
    """
    path = Path(path)
    if _takes_a_stream(path):
        return _write_into(path, text)
    target = _followed(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
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
        if not private:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritten(path, error) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _takes_a_stream(path: Path) -> bool:
    """Whether it is a pipe or a character device; whatever else is no regular file is refused."""
    try:
        mode = path.stat().st_mode
    except OSError:  # not there yet, or not to be seen: making the file will tell
        return False
    if stat.S_ISREG(mode):
        # /dev/stdout may lead to a file that is open already: what is printed later goes there.
        return _standard_stream(path) is not None
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    kind = "a folder" if stat.S_ISDIR(mode) else "neither a file nor a pipe"
    raise InputError("path", str(path), f"must be a file; it is {kind}", "Choose another name")


def _followed(path: Path) -> Path:
    """The file that a link leads to, which need not be there yet."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # Python 3.11 raises RuntimeError for links in a circle
        rule = "must lead to a file: its links go in a circle"
        raise InputError("path", str(path), rule, "Choose another name") from None


def _standard_stream(path: Path) -> int | None:
    """The number of the standard stream that a path leads to, if it does."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(number)):
                return number
    return None


def _write_into(path: Path, text: str) -> Path:
    content = memoryview(text.encode("utf-8"))
    if (number := _standard_stream(path)) is not None:
        (sys.stdout if number == 1 else sys.stderr).flush()
        _write_all(path, number, content)
        return path
    try:
        # Opening a pipe that nobody reads would wait for ever; so would no later write.
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            rule = "is a pipe that nobody reads"
            raise InputError("path", str(path), rule, "Start its reader first") from None
        raise _unwritten(path, error) from None
    try:
        os.set_blocking(handle, True)
        _write_all(path, handle, content)
    finally:
        os.close(handle)
    return path


def _write_all(path: Path, handle: int, content: memoryview) -> None:
    try:
        while content:
            content = content[os.write(handle, content) :]
    except OSError as error:
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: OSError) -> InputError:
    return InputError(
        "path", str(path), f"could not be written ({error.strerror})", "Free some space"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
