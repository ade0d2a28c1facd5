"""Packages that come with an extra, and what to say where one of them is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from riskkit.errors import InputError

#: Modules that riskkit imports and that no plain installation brings, by the extra that does.
EXTRAS = {
    "market": ("ccxt", "duckdb"),
    "cluster": ("dask", "distributed"),
    "sign": ("eth_account", "eth_keys", "eth_utils"),
    "lab": (
        "anywidget",
        "IPython",
        "ipykernel",
        "ipywidgets",
        "nbclient",
        "nbconvert",
        "nbformat",
        "papermill",
        "traitlets",
        "voila",
    ),
    "proofs": ("coincurve",),
}


def need(extra: str, command: str, *modules: str) -> None:
    """Refuse a command whose packages are not installed, before it does anything.

    Raises
    ------
    InputError
        With the packages that are missing and the command that installs them.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise _not_installed(extra, command, missing)


def explain_missing(error: ModuleNotFoundError) -> InputError | None:
    """A missing module as words, if it is one of an extra's; else None."""
    name = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if name in modules:
            return _not_installed(extra, "this command", [name])
    return None


def _not_installed(extra: str, command: str, missing: list[str]) -> InputError:
    return InputError(
        command,
        f"no {', '.join(missing)}",
        f"needs the extra '{extra}', which is not installed",
        f"Run: pip install 'riskkit[{extra}]'",
    )
