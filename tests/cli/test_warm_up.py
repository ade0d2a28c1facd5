"""`riskkit warm-up` leaves nothing for a first calibration to compile."""

import subprocess
import sys
from pathlib import Path

import riskkit

PACKAGE = Path(riskkit.__file__).parent

CODE = """
import sys
from importlib import import_module
from riskkit.cli.warm_up import warm_up
from riskkit.compiled import Kernel
warm_up()
for name in sys.argv[1:]:
    assert name in sys.modules, name
    for found in vars(sys.modules[name]).values():
        assert not isinstance(found, Kernel) or found.is_compiled, (name, found)
"""


def test_warm_up_compiles_every_kernel() -> None:
    kernels = {
        ".".join(("riskkit", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
        if "@compiled(" in (text := path.read_text(encoding="utf-8")) or "njit(" in text
    } - {"riskkit.compiled"}
    assert {"riskkit.proof.schedule", "riskkit.paths.kernel"} <= kernels
    run = subprocess.run(
        [sys.executable, "-c", CODE, *sorted(kernels)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "kernels are compiled and cached" in run.stdout
