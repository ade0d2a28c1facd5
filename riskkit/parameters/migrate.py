"""From older versions of the parameter file to the present one."""

from __future__ import annotations

from typing import Any

from riskkit.errors import InputError
from riskkit.parameters import version1


def migrate(content: Any, source: str, *, accept_edited: bool = False) -> Any:
    """The content of a file as the present version, unsealed; what is no older one stays as it is.

    A file of version 1 is first held to its digest, by its own form and as it was read.

    Raises
    ------
    InputError
        If the content does not match the digest and that is not accepted, or is not what its
        version promises.
    """
    version = _version(content)
    if version not in (0, 1):
        return content
    try:
        edited: tuple[str, ...] = ()
        if version == 0:
            content = version1.from_version_0(content)
        else:
            edited = version1.edited_sections(content)
        if edited and not accept_edited:
            raise edited_by_hand(source, edited)
        return version1.to_version_2(content, edited)
    except KeyError as error:
        raise _broken(version, source, f"the key {error} must be there") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise _broken(version, source, "its values must be of their version's types") from None


def edited_by_hand(source: str, sections: tuple[str, ...]) -> InputError:
    """A file whose content is not what was written."""
    return InputError(
        source,
        f"another content than was written in: {', '.join(sections)}",
        "must match the digest in its header",
        "Undo the edit or calibrate again; to take it as it is, accept edited files",
    )


def _version(content: Any) -> object:
    header = content.get("header") if isinstance(content, dict) else None
    version = header.get("schema_version") if isinstance(header, dict) else None
    return version if type(version) is int else None


def _broken(version: object, source: str, rule: str) -> InputError:
    return InputError(
        "parameter file",
        source,
        f"says version {version}, of which {rule}",
        "Calibrate again, or undo the edit",
    )
