"""`riskkit warm-up`: compile the kernels ahead of use."""

from __future__ import annotations

from rich.console import Console

# Beside those of the volatility room. A module's kernels include those that it imports.
KERNELS = (
    "riskkit.paths.bits",
    "riskkit.paths.draws",
    "riskkit.paths.kernel",
    "riskkit.paths.memory",
    "riskkit.paths.moves",
    "riskkit.simulation.counted_grid",
    "riskkit.simulation.weighted_grid",
    "riskkit.simulation.mechanism_kernel",
    "riskkit.simulation.mechanism_tally",
    "riskkit.simulation.openings",
    "riskkit.simulation.pool_paths",
    "riskkit.simulation.exits",
    "riskkit.simulation.group_exits",
    "riskkit.simulation.bar_accounts",
    "riskkit.venue.rule",
    "riskkit.proof.schedule",
    "riskkit.dependence.correlation",
    "riskkit.portfolio.tails_kernel",
    "riskkit.options.black",
    "riskkit.venue.cascade_kernel",
    "riskkit.venue.cascade_deleveraging",
    "riskkit.venue.cross_margin",
    "riskkit.venue.basket_loans",
    "riskkit.closing.kernel",
    "riskkit.volatility.measured_kernels",
)


def warm_up() -> None:
    """Compile every kernel of the package, and the bytecode of all it loads, once per installation.

    The compiled code is cached beside the package, so that later commands and notebooks start
    without compiling. `make` does this when it creates the environment.

    Example:

        riskkit warm-up
    """
    import time

    from riskkit.cli.bytecode import compile_bytecode
    from riskkit.compiled import compile_module
    from riskkit.volatility.warmup import warm_up as warm_up_volatility

    began = time.perf_counter()
    warm_up_volatility()
    for module in KERNELS:
        compile_module(module)
    compile_bytecode()
    Console().print(f"kernels are compiled and cached ({time.perf_counter() - began:.1f} s)")
