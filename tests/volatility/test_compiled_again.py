"""The same bits, whichever kernels came from the compile cache."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

CODE = """\
import hashlib
import numpy as np
from arch.data import sp500
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import walk_forward
returns = np.log(sp500.load()["Adj Close"]).diff().dropna().iloc[-480:]
table = walk_forward(returns, VolatilitySpec.parse("garch-t"), 400)
numbers = table[["omega", "alpha", "beta", "sigma", "loglikelihood", "evaluations"]]
print(hashlib.sha256(numbers.to_numpy(float).tobytes()).hexdigest())
"""


def test_a_kernel_compiled_again_changes_no_bit(tmp_path: Path) -> None:
    """Two processes that meet an empty cache leave each other's kernels in it.

    A window's moments summed in an order of the compiler's choice came out in other bits once
    one of the two kernels that hold them was compiled anew.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def digest() -> str:
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True,
            env=environment,
        )  # fmt: skip
        return done.stdout.strip()

    first = digest()
    for module in ("cold", "walk", "garch_t"):
        gone = list(tmp_path.rglob(f"{module}.*.nb?"))
        assert gone, module
        for file in gone:
            file.unlink()
        assert digest() == first, module
