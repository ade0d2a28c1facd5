"""`riskkit reliability`, `generations`, `sensitivity` as a user types them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.support import DATA, riskkit

STUDY = """
title = "BTC perpetual, a quick study"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc.csv"
[model]
spec = "garch-t"
refit_every_bars = 900
[venue]
sides = ["long"]
[mechanism]
oracle_latency_seconds = 0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "btc.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    (tmp_path / "quick.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    return tmp_path


def test_generations_prints_the_table_and_writes_the_same_bytes_twice(folder, capsys):
    for out in ("one", "two"):
        assert riskkit("generations", "quick.toml", "--rate", "0.02", "--out", out) == 0
    shown = capsys.readouterr().out
    assert "each scaled to 2.0% defaults" in shown
    for name in (
        "generations.html",
        "generations.csv",
        "generations-failures.csv",
        "generations-judged.csv",
    ):
        one, two = ((folder / out / "quick" / name).read_bytes() for out in ("one", "two"))
        assert one == two
    table = pd.read_csv(folder / "one" / "quick" / "generations.csv")
    assert (
        list(table["generation"]) == ["I", "II"] + ["II-dynamic"] * 4 + ["II-dynamic, overlays"] * 4
    )
    for margin in table["mean_margin"]:
        assert f"{margin:.1%}" in shown


def test_reliability_prints_every_cell(folder, capsys):
    words = ("reliability", "quick.toml", "--targets", "0.05", "--histories", "40")
    assert riskkit(*words) == 0
    shown = capsys.readouterr().out
    cells = pd.read_csv(folder / "out" / "quick" / "reliability.csv")
    for _, cell in cells.iterrows():
        assert f"{100 * cell['predicted']:.2f}" in shown
        assert f"{100 * cell['low']:.2f} to {100 * cell['high']:.2f}" in shown
    judged = cells[cells["judged"]]
    assert f"{judged['inside'].sum()} of {len(judged)} judged cells lie inside" in shown
    positions = pd.read_csv(folder / "out" / "quick" / "reliability-positions.csv")
    assert len(positions) == 1402 - 500


def test_sensitivity_prints_what_moves_and_what_cannot(folder, capsys):
    assert riskkit("sensitivity", "quick.toml") == 0
    shown = capsys.readouterr().out
    assert "liquidation delay / 2: 1 bar before and after: times round up to bars" in shown
    assert (folder / "out" / "quick" / "sensitivity.html").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("reliability", "quick.toml", "--targets", "x"), "must be numbers with commas"),
        (("generations", "quick.toml", "--rate", "2"), "must lie strictly between 0 and 1"),
        (("sensitivity", "none.toml"), "must be a file that can be read"),
    ],
)
def test_mistakes_are_words(folder, capsys, words, error):
    assert riskkit(*words) == 2
    assert error in capsys.readouterr().err
