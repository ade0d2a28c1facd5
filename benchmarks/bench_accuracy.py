"""Correct digits on the published GARCH benchmark, beside arch and, where installed, R fGarch.

    python benchmarks/bench_accuracy.py

Fiorentini, Calzolari & Panattoni (1996) on the DEM/GBP returns of Bollerslev & Ghysels (1996).
Writes its table into ``benchmarks/README.md`` and ends with one line of JSON.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from report import write_section

from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec

DATA = Path(__file__).parents[1] / "data" / "dem_gbp_returns.csv"
NAMES = ("mu", "omega", "alpha", "beta")
BENCHMARK = {
    "coef": [-0.00619041, 0.0107613, 0.153134, 0.805974],
    "se_hessian": [0.00846212, 0.00285271, 0.0265228, 0.0335527],
    "se_opg": [0.00843359, 0.00132298, 0.0139737, 0.0165604],
    "se_qmle": [0.00918935, 0.00649319, 0.0535317, 0.0724614],
}
LOGLIKELIHOOD = -1106.60788104
R_SCRIPT = """
suppressMessages(library(fGarch))
y <- read.csv("{data}")$log_return_percent
fit <- garchFit(~garch(1,1), data = y, trace = FALSE)
cat(format(coef(fit), digits = 16), sep = "\\n")
"""


def digits(x: np.ndarray, benchmark: list[float]) -> list[float]:
    b = np.array(benchmark)
    error = np.abs(np.asarray(x) - b) / np.abs(b)
    return [round(float(d), 2) for d in -np.log10(np.maximum(error, 1e-16))]


def arch_coefficients(y: np.ndarray, **options: float) -> np.ndarray:
    from arch import arch_model

    backcast = {"backcast": float(y.var())} if options else {}
    result = arch_model(y, rescale=False).fit(disp="off", **backcast, **options)
    return result.params.to_numpy()


def r_fgarch() -> np.ndarray | None:
    if shutil.which("Rscript") is None:
        return None
    script = R_SCRIPT.format(data=DATA.as_posix())
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    return np.array(done.stdout.split(), dtype=float) if done.returncode == 0 else None


def main() -> None:
    percent = pd.read_csv(DATA, index_col="bar")["log_return_percent"]
    fit = fit_volatility(percent, VolatilitySpec.parse("garch-normal"))
    y = percent.to_numpy()
    rows = {"riskkit: coefficients": digits(fit.params.to_numpy(), BENCHMARK["coef"])}
    scores = {"lre_coef": rows["riskkit: coefficients"]}
    for kind in ("hessian", "opg", "qmle"):
        found = digits(fit.standard_errors(kind).to_numpy(), BENCHMARK[f"se_{kind}"])
        rows[f"riskkit: {kind} standard errors"] = scores[f"lre_se_{kind}"] = found
    rows["arch, default: coefficients"] = digits(arch_coefficients(y), BENCHMARK["coef"])
    tuned = digits(arch_coefficients(y, tol=1e-12), BENCHMARK["coef"])
    rows["arch, backcast=y.var(), tol=1e-12: coefficients"] = tuned
    fgarch = r_fgarch()
    if fgarch is not None:
        rows["R fGarch: coefficients"] = digits(fgarch, BENCHMARK["coef"])
    lines = [f"| correct digits | {' | '.join(NAMES)} |", "|---|---|---|---|---|"]
    lines += [f"| {k} | {' | '.join(f'{d:.1f}' for d in v)} |" for k, v in rows.items()]
    gap = fit.loglikelihood - LOGLIKELIHOOD
    lines += [
        "",
        f"Log-likelihood {fit.loglikelihood:.8f} (benchmark {LOGLIKELIHOOD}: {gap:+.1e}).",
    ]
    if fgarch is None:
        lines.append("R with fGarch is not installed here: its row is left out.")
    text = "\n".join(lines)
    write_section("accuracy", "Accuracy: the published GARCH benchmark", text)
    print(text)
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
