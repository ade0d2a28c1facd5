"""`riskkit backtest` as a user types it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.support import DATA, riskkit

STUDY = """
title = "BTC <perpetual>, a quick study"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc.csv"
[model]
spec = "garch-t"
minimum_bars = 700
refit_every_bars = 400
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "btc.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    (tmp_path / "quick.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def test_the_verdict_is_printed_and_the_files_are_written_twice_the_same(folder, capsys):
    for out in ("one", "two"):
        assert riskkit("backtest", "quick.toml", "--out", out, "--lag", "3") == 0
    shown = capsys.readouterr().out
    for words in ("Verdict", "Kupiec POF", "Lags, over 2 bar(s)", "25 % buffer", "EWMA"):
        assert words in shown
    assert "one/quick/backtest.html" in shown
    outside = re.search(r"events outside the span: (.*)", shown)
    assert outside is not None
    one, two = (folder / out / "quick" for out in ("one", "two"))
    files = sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    assert files == [
        "backtest.csv",
        "backtest.html",
        "backtest.parquet",
        "figures/crash-ledger.html",
        "figures/exceptions.html",
        "figures/margin-at-lags.html",
        "figures/traffic-light.html",
    ]
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in files)
    table = pd.read_parquet(one / "backtest.parquet")
    written = pd.read_csv(one / "backtest.csv")
    assert list(table.columns) == list(written.columns)
    assert table["var"].to_numpy() == pytest.approx(written["var"].to_numpy())
    assert set(zip(table["bars"], table["lag_days"], strict=True)) == {(1, 0), (2, 0), (2, 3)}
    page = (one / "backtest.html").read_text()
    assert "BTC &lt;perpetual&gt;" in page
    assert "<perpetual>" not in page
    assert "Evaluated from" in page


def test_a_failure_leaves_the_old_files_alone(folder, capsys):
    assert riskkit("backtest", "quick.toml", "--tail", "historical", "--lag", "0") == 0
    made = folder / "out" / "quick" / "backtest.html"
    before = made.read_bytes()
    assert riskkit("backtest", "quick.toml", "--lag", "5000") == 2
    assert "history: got 1401 returns" in capsys.readouterr().err.replace("\n", " ")
    assert made.read_bytes() == before
    blocked = folder / "file"
    blocked.write_text("")
    assert riskkit("backtest", "quick.toml", "--lag", "0", "--out", "file") == 2
    assert "must be a folder that can be written" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("minimum_bars = 700", "minimum_bars = 1400"), "no period of this length fits"),
        (("minimum_bars = 700", "minimum_bars = 3000"), "history: got 1401 returns"),
        (("[model]", "[mechanism]\nliquidation_delay_hours = 4000\n[model]"), "bars: got 16"),
        (("[model]", "[targets]\ndefault_given_liquidation_probability = 1e-5\n[model]"),
         "needs at least ten paths beyond it"),
        (("btc.csv", "none.csv"), "none.csv; must be a file that can be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_tested_ends_in_words(folder, capsys, change, message):
    (folder / "quick.toml").write_text(STUDY.replace(*change))
    assert riskkit("backtest", "quick.toml", "--lag", "0") == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not (folder / "out").exists()


def test_help_has_an_example(capsys):
    assert riskkit("backtest", "--help") == 0
    assert "riskkit backtest studies/eth-perpetual-daily.toml" in capsys.readouterr().out
