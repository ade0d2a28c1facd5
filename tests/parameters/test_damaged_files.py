"""Damaged files end in words, within 200 MB and a second or two: every reader, in one process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.parameters.damaged import readers
from tests.support import ROOT

NAMES = (
    "dydx-v4",
    "aave-v3",
    "aave-v3-json",
    "aave-v4",
    "compound-v3",
    "hyperliquid-hip3",
    "synthetix-v3",
    "liquidations",
    "caps",
    "parameter file",
    "edited file",
    "version 0",
    "loans",
    "perpetuals",
    "parquet",
    "ladder",
    "context",
)


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, object]]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.parameters.damaged"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    last = run.stderr.splitlines()[-3:]
    assert run.returncode == 0, f"ended with {run.returncode} at {last}"
    return {row["reader"]: row for row in map(json.loads, run.stdout.splitlines())}


def test_every_reader_is_tried(tmp_path, reports):
    assert set(NAMES) == set(readers(tmp_path)) == set(reports)


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set through /proc")
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_ends_in_words(reports, name):
    assert reports[name]["files"] > 50
    assert reports[name]["wrong"] == []
