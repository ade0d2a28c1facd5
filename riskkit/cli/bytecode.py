"""Bytecode of everything that is loaded, for installers and machines that write none by themselves.

uv compiles no bytecode unless asked to, and where ``PYTHONDONTWRITEBYTECODE`` is set Python writes
none later: every start would then compile some two thousand files again, which takes seconds.
"""

from __future__ import annotations

import compileall
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

# Loaded inside functions, where first needed.
LATE = ("pandera.pandas", "plotly.io", "scipy.optimize", "scipy.stats")


def compile_bytecode() -> int:
    """Import every module of riskkit, and compile what that loads and is not compiled yet.

    Rooms whose extra is not installed are left out. A folder that cannot be written stays as it
    is: bytecode only saves time.

    Returns
    -------
    int
        Files that are compiled now.
    """
    import riskkit

    for module in walk_packages(riskkit.__path__, "riskkit."):
        if not module.name.endswith("__main__"):  # running it is its whole content
            _load(module.name)
    for name in LATE:
        _load(name)
    files = {str(getattr(module, "__file__", None)) for module in list(sys.modules.values())}
    return sum(
        bool(compileall.compile_file(name, quiet=2))
        for name in sorted(files)
        if name.endswith(".py") and Path(name).is_file()
    )


def _load(name: str) -> None:
    try:
        import_module(name)
    except ImportError:
        return
