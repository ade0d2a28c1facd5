"""`riskkit warm-up` leaves nothing for a first calibration to compile."""

import subprocess
import sys
from pathlib import Path

import riskkit

PACKAGE = Path(riskkit.__file__).parent


def test_warm_up_loads_every_module_with_a_kernel() -> None:
    kernels = {
        ".".join(("riskkit", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
        if "njit(" in path.read_text(encoding="utf-8")
    }
    assert "riskkit.proof.schedule" in kernels
    code = "from riskkit.cli.warm_up import warm_up; warm_up(); import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "kernels are compiled and cached" in run.stdout
    assert kernels <= set(run.stdout.split())
