"""`riskkit calibrate` as a user types it: files, tables, words for every mistake."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.cli.tables import beyond_notional, outcome_table
from riskkit.parameters.file import Perpetual, read_parameter_file
from tests.support import DATA, ROOT, riskkit

STUDY = """
title = "BTC perpetual, a quick study"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc.csv"
[model]
spec = "garch-t"
refit_every_bars = 400
[mechanism]
oracle_latency_seconds = 0
[simulation]
paths = 10_000
bootstrap_refits = 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "btc.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    (tmp_path / "quick.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_two_runs_write_the_same_bytes(folder, capsys):
    for out in ("one", "two"):
        assert riskkit("calibrate", "quick.toml", "--out", out) == 0
    for name in ("parameters.json", "report.html"):
        one, two = (folder / out / "quick" / name for out in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert "HISTORICAL EXAMPLE" in capsys.readouterr().out
    page = (folder / "one" / "quick" / "report.html").read_text()
    assert "HISTORICAL EXAMPLE" in page
    assert [page.count(f'id="{name}"') for name in ("dynamic-margin", "loss-tail")] == [1, 1]
    assert sorted(f.name for f in (folder / "one" / "quick").iterdir()) == [
        "parameters.json",
        "report.html",
    ]


def test_another_seed_stays_within_the_stated_error(folder):
    files = []
    for seed in ("1", "2"):
        assert riskkit("calibrate", "quick.toml", "--seed", seed, "--out", seed) == 0
        files.append(read_parameter_file(folder / seed / "quick" / "parameters.json"))
    for a, b in zip(*(f.parameters.by_start_state for f in files), strict=True):
        error = np.hypot(a.maintenance_margin_monte_carlo_se, b.maintenance_margin_monte_carlo_se)
        assert abs(a.maintenance_margin_fraction - b.maintenance_margin_fraction) < 4.5 * error


def test_prices_alone_are_enough_and_today_is_written_down(folder, capsys):
    assert riskkit("calibrate", "--prices", "btc.csv", "--asset", "BTC", "--threads", "1") == 0
    file = read_parameter_file(folder / "out" / "btc-1d" / "parameters.json")
    assert file.header.asset == "BTC"
    assert abs((file.header.as_of_date - datetime.now(UTC).date()).days) <= 1
    assert file.header.status == "HISTORICAL EXAMPLE"
    assert "parameter file: out/btc-1d/parameters.json" in capsys.readouterr().out


def test_fresh_prices_are_no_example(folder):
    assert riskkit("calibrate", "--prices", "btc.csv", "--as-of", "2024-11-10") == 0
    file = read_parameter_file(folder / "out" / "btc-1d" / "parameters.json")
    assert file.header.status == "calibrated"
    assert file.header.data_age_days == 8


def test_several_studies_give_one_table(folder, capsys):
    loan = STUDY + '\n[venue]\nkind = "loan"\n'
    (folder / "loan.toml").write_text(loan)
    assert riskkit("calibrate", "quick.toml", "loan.toml") == 0
    shown = capsys.readouterr().out
    table = shown[shown.index("All markets") :]
    assert table.count("BTC/USD perpetual") == 2
    assert table.count("BTC/USD loan") == 1


def test_a_mirrored_market_swaps_the_sides_of_the_log_quantiles(folder):
    prices = pd.read_csv("btc.csv")
    prices.assign(close=1 / prices["close"]).to_csv("mirror.csv", index=False)
    # Parametric symmetric shocks, no mean: what is left is the side.
    words = STUDY.replace("garch-t", "gjr-t-zero").replace(
        "[mechanism]", 'shocks = "parametric"\n[mechanism]\noracle_deviation_fraction = 0'
    )
    symmetric = words.replace("gjr-t-zero", "garch-t-zero")
    (folder / "straight.toml").write_text(symmetric)
    (folder / "mirror.toml").write_text(symmetric.replace("btc.csv", "mirror.csv"))
    assert riskkit("calibrate", "straight.toml", "mirror.toml") == 0
    straight, mirror = (
        read_parameter_file(folder / "out" / n / "parameters.json") for n in ("straight", "mirror")
    )
    for a in straight.parameters.by_start_state:
        (b,) = (
            p
            for p in mirror.parameters.by_start_state
            if p.side != a.side and p.start_state == a.start_state
        )
        log_a = log_loss(a)
        log_b = log_loss(b)
        assert log_a == pytest.approx(log_b, rel=0.08)
        assert abs(a.excursion_fraction - b.excursion_fraction) > 1e-4


def log_loss(p: Perpetual) -> float:
    """The log move of an excursion: what a mirrored market hands to the other side."""
    sign = -1.0 if p.side == "long" else 1.0
    return abs(float(np.log1p(sign * p.excursion_fraction)))


BAD_PRICES = {
    "empty": ("", "The file is empty"),
    "header only": ("time,close\n", "it has a header only"),
    "missing column": ("time,volume\n2020-01-01,5\n", "price column: got time, volume"),
    "text price": ("time,close\n2020-01-01,5\n2020-01-02,abc\n", r"line 3 (2020-01-02): close"),
    "zero": ("time,close\n2020-01-01,5\n2020-01-02,0\n", r"line 3 (2020-01-02): close"),
    "duplicate": ("time,close\n2020-01-01,5\n2020-01-01,6\n", r"line 3 (2020-01-01)"),
    "50 rows": (None, "model.minimum_bars"),
    "constant": (None, "must vary"),
}


@pytest.mark.parametrize("name", BAD_PRICES)
def test_bad_prices_end_in_words_and_write_nothing(folder, capsys, name):
    content, message = BAD_PRICES[name]
    if content is None:
        rows = 50 if name == "50 rows" else 900
        days = pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d")
        closes = np.full(rows, 7.0) if name == "constant" else np.linspace(5, 6, rows)
        pd.DataFrame({"time": days, "close": closes}).to_csv("bad.csv", index=False)
    else:
        Path("bad.csv").write_text(content)
    assert riskkit("calibrate", "--prices", "bad.csv", "--as-of", "2024-01-01") == 2
    caught = capsys.readouterr()
    assert caught.err.replace("\n", " ").count("error:") == 1
    assert message in caught.err.replace("\n", " ")
    assert "Traceback" not in caught.err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["calibrate"], "give a study, or --prices"),
        (["calibrate", "quick.toml", "--prices", "btc.csv"], "both a study and --prices"),
        (["calibrate", "none.toml"], "none.toml; must be a file that can be read"),
        (["calibrate", "--prices", "none.csv"], "none.csv; must be a file that can be read"),
        (
            ["calibrate", "--prices", "btc.csv", "--as-of", "soon"],
            "as-of: got soon; must be a date",
        ),
        (
            ["calibrate", "--prices", "btc.csv", "--as-of", "2199-01-01"],
            "as-of: got 2199-01-01; must not lie in the future",
        ),
        (["calibrate", "--prices", "btc.csv", "--kind", "option"], "position.kind: got option"),
        (["calibrate", "quick.toml", "quick.toml"], "file names must differ"),
    ],
)
def test_mistakes_of_typing_end_in_words(folder, capsys, words, message):
    assert riskkit(*words) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_an_unknown_key_and_an_impossible_probability_are_named(folder, capsys):
    (folder / "quick.toml").write_text(STUDY + "patahs = 3\n")
    assert riskkit("calibrate", "quick.toml") == 2
    assert "simulation.patahs: got 3; unknown keys are refused" in capsys.readouterr().err
    (folder / "quick.toml").write_text(
        STUDY + "[targets]\ndefault_given_liquidation_probability = 1.5\n"
    )
    assert riskkit("calibrate", "quick.toml") == 2
    assert "default_given_liquidation_probability: got 1.5" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["calibrate", "--help"]])
def test_help_reads_like_a_manual_page_with_an_example(words, capsys):
    assert riskkit(*words) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert "riskkit calibrate studies/eth-perpetual-daily.toml" in shown


def test_the_version_is_printed(capsys):
    import riskkit as package

    assert riskkit("--version") == 0
    assert capsys.readouterr().out.strip() == f"riskkit {package.__version__}"


def test_the_file_is_plain_json(folder):
    assert riskkit("calibrate", "quick.toml") == 0
    content = json.loads((folder / "out" / "quick" / "parameters.json").read_text())
    assert list(content) == [
        "header",
        "data",
        "model",
        "study",
        "counted",
        "parameters",
        "evidence",
    ]
    assert str(ROOT) not in json.dumps(content)
    assert str(folder) not in json.dumps(content)


def test_a_margin_beyond_the_notional_is_said_in_words(btc_calibration):
    assert beyond_notional(btc_calibration) == []
    long, short = btc_calibration.recommended
    margin = replace(short.limits.opening, value=1.31)
    dear = replace(short, limits=replace(short.limits, opening=margin))
    (line,) = beyond_notional(replace(btc_calibration, recommended=(long, dear)))
    assert line.startswith("short: an initial margin of 131.0 % is more than the position is worth")


def test_a_bad_debt_that_is_refused_or_unseen_is_no_number(btc_calibration):
    long, short = btc_calibration.recommended
    debt = short.outcome.expected_bad_debt
    unseen = replace(debt, value=np.asarray(np.inf), bound=np.asarray(True))
    changed = (
        replace(long, outcome=replace(long.outcome, expected_bad_debt=None)),
        replace(short, outcome=replace(short.outcome, expected_bad_debt=unseen)),
    )
    for c, words in (
        (btc_calibration, [f"{1e4 * float(r.outcome.expected_bad_debt):.2f}" for r in
                           btc_calibration.recommended]),
        (replace(btc_calibration, recommended=changed), ["refused", "none seen"]),
    ):  # fmt: skip
        assert list(outcome_table(c).columns[-1].cells) == words
