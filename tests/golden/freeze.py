"""What the shipped studies answer, as flat numbers: the values that a rebuilt house must keep.

Run as a module it writes the values anew: ``python -m tests.golden.freeze [NAME ...]``. Do that
only for a change that means to move a number, and list what moved in the changelog.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.support import ROOT, riskkit

VALUES = ROOT / "tests" / "golden" / "values"
STUDIES = (
    "eth-perpetual-daily",
    "btc-perpetual-hourly",
    "eth-collateral-daily",
    "sp500-perpetual-daily",
)
# Not numbers of the answer: how the file was made, and what only its layout decides.
LAYOUT = ("header.schema_version", "schema_version")


def _study(name: str) -> str:
    return str(ROOT / "studies" / f"{name}.toml")


def _run(*words: str) -> None:
    if riskkit(*words) != 0:
        raise RuntimeError(" ".join(words))


def flatten(value: object, key: str = "") -> dict[str, float]:
    """Every number below a value, by the keys that lead to it."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {}
    if isinstance(value, int | float):
        return {key: float(value)}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    found: dict[str, float] = {}
    for name, item in pairs:
        found |= flatten(item, f"{key}.{name}" if key else str(name))
    return found


def _numbers(table: pd.DataFrame, by: list[str]) -> dict[str, float]:
    """Every number of a table, by the columns that name its rows."""
    found: dict[str, float] = {}
    for row in table.to_dict("records"):
        key = "/".join(str(row[name]) for name in by)
        for name, value in row.items():
            if name not in by and isinstance(value, int | float) and not isinstance(value, bool):
                found[f"{key}.{name}"] = float(value)
    return found


def by_old_keys(content: dict) -> dict[str, float]:
    """The numbers of a file by the keys of version 1, under which they were frozen."""
    study, counted = content.pop("study"), content.pop("counted")
    position, simulation = study["position"], study["simulation"]
    content["targets"] = study["targets"]
    content["assumptions"] = {
        **counted,
        "oracle_latency_seconds": study["oracle"]["latency"]["seconds"],
        "oracle_deviation_fraction": study["oracle"]["deviation_fraction"],
        "liquidation_delay_hours": study["liquidation"]["delay"]["seconds"] / 3600.0,
        "reaction_time_hours": position["reaction_time_hours"],
        "holding_horizon_hours": position["holding_horizon_hours"],
        "slippage_fraction": study["liquidity"]["rate_fraction"],
        "fee_fraction": position.get("penalty_fraction", 0.0),
        "liquidation_bonus_fraction": position.get("bonus_fraction"),
        **{name: simulation[name] for name in ("paths", "seed", "bootstrap_refits")},
    }
    return {k: v for k, v in flatten(content).items() if not k.startswith(LAYOUT)}


def calibrated(name: str, out: Path) -> dict[str, float]:
    """The numbers of a study's parameter file."""
    _run("calibrate", _study(name), "--out", str(out))
    content = json.loads((out / name / "parameters.json").read_text(encoding="utf-8"))
    return by_old_keys(content)


def assessed(out: Path) -> dict[str, float]:
    """A live market of Aave beside the recommendation."""
    live, target = ROOT / "docs" / "session" / "live.config.ts", out / "assessment.json"
    words = ["assess", str(live), "--venue", "aave-v3", "--market", "WETH"]
    _run(*words, "--study", _study("eth-collateral-daily"), "--out", str(target))
    content = json.loads(target.read_text(encoding="utf-8"))
    return by_old_keys(content)


def backtested(out: Path) -> dict[str, float]:
    """Sums over the rows of a backtest, by period, side and lag."""
    name = "eth-perpetual-daily"
    _run("backtest", _study(name), "--paths", "2000", "--out", str(out))
    rows = pd.read_parquet(out / name / "backtest.parquet")
    by = ["bars", "side", "lag_days"]
    numbers = rows.select_dtypes(["number", "bool"]).columns.difference(by)
    sums = rows.groupby(by, observed=True)[list(numbers)].sum().reset_index()
    return _numbers(sums, by) | {"rows": float(len(rows))}


def reliable(out: Path) -> dict[str, float]:
    """The cells of a reliability table."""
    name = "eth-collateral-daily"
    _run("reliability", _study(name), "--histories", "40", "--out", str(out))
    return _numbers(pd.read_csv(out / name / "reliability.csv"), ["side", "target", "event"])


def generations(out: Path) -> dict[str, float]:
    """What each generation of rules locks up."""
    name = "eth-perpetual-daily"
    _run("generations", _study(name), "--out", str(out))
    table = pd.read_csv(out / name / "generations.csv")
    return _numbers(table.drop(columns="reason"), ["generation", "lag_days", "side"])


CASES: dict[str, Callable[[Path], dict[str, float]]] = {
    **{name: lambda out, name=name: calibrated(name, out) for name in STUDIES},  # type: ignore[misc]
    "assess": assessed,
    "backtest": backtested,
    "reliability": reliable,
    "generations": generations,
}


def differences(
    found: dict[str, float], wanted: dict[str, float], relative: float = 1e-9
) -> dict[str, tuple[float, float]]:
    """What differs by more than the tolerance: (found, wanted), NaN where one has no such key."""
    keys = found.keys() | wanted.keys()
    pairs = {k: (found.get(k, math.nan), wanted.get(k, math.nan)) for k in sorted(keys)}
    return {
        k: (a, b)
        for k, (a, b) in pairs.items()
        if (k in found) != (k in wanted)
        or not (a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= relative * abs(b))
    }


def main(names: list[str]) -> None:
    """Write the values of the named cases, or of all."""
    VALUES.mkdir(exist_ok=True)
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as out:
            found = CASES[name](Path(out))
        path = VALUES / f"{name}.json"
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for key, (now, before) in differences(found, old).items():
            print(f"{name}: {key}: {before!r} -> {now!r}")
        text = json.dumps(found, indent=0, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
