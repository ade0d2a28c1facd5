"""`riskkit warm-up`: compile the kernels ahead of use."""

from __future__ import annotations

from rich.console import Console


def warm_up() -> None:
    """Compile the volatility and simulation kernels, once per installation.

    The compiled code is cached beside the package, so that later commands and notebooks start
    without compiling. `make` does this when it creates the environment.

    Example:

        riskkit warm-up
    """
    import time
    from importlib import import_module

    from riskkit.volatility.warmup import warm_up as warm_up_volatility

    began = time.perf_counter()
    warm_up_volatility()
    import_module("riskkit.simulation.default")
    Console().print(f"kernels are compiled and cached ({time.perf_counter() - began:.1f} s)")
