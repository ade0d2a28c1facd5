"""`riskkit warm-up`: compile the kernels ahead of use."""

from __future__ import annotations

from rich.console import Console

# Beside those of the volatility room; every kernel has its types and is compiled when imported.
KERNELS = (
    "riskkit.paths.moves",
    "riskkit.simulation.default",
    "riskkit.simulation.exits",
    "riskkit.proof.schedule",
)


def warm_up() -> None:
    """Compile every kernel of the package, once per installation.

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
    for module in KERNELS:
        import_module(module)
    Console().print(f"kernels are compiled and cached ({time.perf_counter() - began:.1f} s)")
