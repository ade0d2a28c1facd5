"""`riskkit init`, and the way from a price file to a venue's steps without writing a file."""

from __future__ import annotations

import re
import shlex

import pandas as pd
import pytest

from riskkit.formats import dydx_v4
from riskkit.market import load_prices
from riskkit.parameters.file import read_parameter_file
from riskkit.study.study import read_study
from tests.support import DATA, ROOT, riskkit

LIVE = """{"liquidity_tiers": [{"id": 1, "name": "Large-Cap", "initial_margin_ppm": 300000,
"maintenance_fraction_ppm": 600000, "impact_notional": "5000000000",
"open_interest_lower_cap": "0", "open_interest_upper_cap": "0"}]}"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_a_file_gives_a_study_with_a_comment_on_what_is_proposed(folder, capsys):
    assert riskkit("init", "my.csv", "--asset", "BTC/USD", "--as-of", "2024-11-10") == 0
    assert "next: riskkit calibrate btc-usd-1d.toml" in capsys.readouterr().out
    study = read_study("btc-usd-1d.toml")
    assert (study.data.bar, study.data.calendar, study.data.prices) == ("1d", "24/7", "my.csv")
    assert study.model.spec == "gjr-skewt"
    assert "liquidation.delay.seconds" in study.unconfirmed
    text = (folder / "btc-usd-1d.toml").read_text()
    assert text.startswith("# BTC/USD: 1,402 bars, 2021-01-01 00:00 to 2024-11-02 00:00 UTC\n")
    keys = [key.rpartition(".")[2] for key in study.unconfirmed]
    for key in keys:
        assert re.search(rf"UNCONFIRMED\.[^=]*\n?{key} = |^{key} = .*# UNCONFIRMED", text, re.M), (
            key
        )


def test_a_study_elsewhere_names_the_file_from_there(folder):
    assert riskkit("init", "my.csv", "--kind", "loan", "--out", "studies/mine.toml") == 0
    study = read_study("studies/mine.toml")
    assert study.data.prices == "../my.csv"
    assert study.is_loan
    assert "position.bonus_fraction" in study.unconfirmed


def test_a_study_that_is_there_is_not_written_over(folder, capsys):
    assert riskkit("init", "my.csv") == 0
    before = (folder / "my-1d.toml").read_bytes()
    for words in (["my.csv"], ["my.csv", "--out", "my-1d.toml"]):
        assert riskkit("init", *words) == 2
        assert "my-1d.toml; must not be there" in capsys.readouterr().err.replace("\n", " ")
    assert (folder / "my-1d.toml").read_bytes() == before


def test_an_empty_folder_gets_the_sample(folder, capsys):
    assert riskkit("init") == 0
    study = read_study("eth-usdt-1h.toml")
    assert study.model.spec == "gjr-normal"  # on hours: README, "Where it falls short"
    history = load_prices(folder / str(study.data.prices), asset="ETH")
    assert (len(history), str(history.first)) == (4_368, "2024-01-01 00:00:00+00:00")
    crash = history.bars.loc["2024-01-03 12:00"]
    assert crash["low"] <= 2_136.60  # as published, of the five minutes from 12:05
    (folder / "eth-usdt-1h.toml").unlink()
    (folder / "eth_usdt_1h.csv").write_text("time,close\n2024-01-01,1\n")
    assert riskkit("init") == 2
    assert "another file is there" in capsys.readouterr().err


def test_a_stored_series_is_found_by_its_name_or_symbol(folder, capsys):
    (folder / ".riskkit" / "prices").mkdir(parents=True)
    assert riskkit("prices", "import", "my.csv", "--symbol", "BTC/USD") == 0
    for number, name in enumerate(("BTC/USD", "file/BTC-USD/1d-close")):
        assert riskkit("init", name, "--out", f"{number}.toml") == 0
        assert read_study(f"{number}.toml").data.stored == "file/BTC-USD/1d-close"
    assert riskkit("init", "DOGE/USD") == 2
    assert "stored: file/BTC-USD/1d-close" in capsys.readouterr().err.replace("\n", " ")


def test_a_proposal_is_exported_only_once_confirmed(folder, capsys):
    words = ["--prices", "my.csv", "--as-of", "2024-11-10"]
    assert riskkit("calibrate", *words) == 0
    shown = capsys.readouterr().out
    assert "unconfirmed:    position.notional, " in shown.replace("\n", " ")
    place = folder / "out" / "my-1d"
    assert read_study(place / "study.toml").data.prices == "../../my.csv"
    fields = {"id": 7, "name": "BTC", "impact_notional": 5_000_000_000}
    fields |= {"open_interest_lower_cap": 0, "open_interest_upper_cap": 0}
    export = ["export", place / "parameters.json", "--venue", "dydx-v4", "--out", "new.json"]
    for name, value in fields.items():
        export += ["--field", f"{name}={value}"]
    assert riskkit(*export) == 2
    caught = capsys.readouterr().err.replace("\n", " ")
    assert "unconfirmed: got 6 proposed values" in caught
    assert "liquidation.delay.seconds = 1 h" in caught
    # What is proposed for daily bars is mostly their length, too: that is said apart.
    assert riskkit(*export, "--confirm") == 2
    assert "--allow-coarse" in capsys.readouterr().err.replace("\n", " ")
    assert not (folder / "new.json").exists()
    export.append("--allow-coarse")
    assert riskkit(*export, "--confirm") == 0
    (tier,) = dydx_v4.read((folder / "new.json").read_text()).tiers
    assert (tier.id, tier.name) == (7, "BTC")
    # By editing: the list is taken out of the study.
    study = place / "study.toml"
    edited = re.sub(r"^unconfirmed = \[.*?^\]$", "", study.read_text(), flags=re.M | re.S)
    study.write_text(edited)
    assert riskkit(*export) == 0


@pytest.mark.slow
def test_the_page_takes_a_file_to_steps_in_five_commands(folder, capsys):
    page = (ROOT / "docs" / "session.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(riskkit init my\.csv.*?)```", page, flags=re.S)
    commands = [shlex.split(line) for line in block.strip().replace("\\\n", " ").splitlines()]
    assert len(commands) <= 5
    (folder / "live.json").write_text(LIVE)
    before = {path.name for path in folder.iterdir()}
    for words in commands:
        assert riskkit(*words[1:]) == 0, words
    assert before < {path.name for path in folder.iterdir()}
    shown = capsys.readouterr().out
    assert "Verdict" in shown
    assert "the target is reached on" in shown
    file = read_parameter_file(folder / "out" / "my-1d" / "parameters.json")
    needed = max(row.initial_margin_fraction for row in file.parameters.recommended)
    (tier,) = dydx_v4.read((folder / "new.json").read_text()).tiers
    assert needed <= tier.initial_margin_ppm / 1e6 < needed + 2e-6


@pytest.mark.parametrize(
    "command", ["backtest", "reliability", "generations", "sensitivity", "report"]
)
def test_neither_and_both_are_refused_in_the_same_words(folder, capsys, command):
    assert riskkit(command) == 2
    assert "neither a study nor --prices" in capsys.readouterr().err.replace("\n", " ")
    assert riskkit("init", "my.csv") == 0
    assert riskkit(command, "my-1d.toml", "--prices", "my.csv") == 2
    assert "both a study and --prices" in capsys.readouterr().err.replace("\n", " ")


def test_evidence_takes_prices_alone(folder, capsys):
    words = ["--prices", "my.csv", "--as-of", "2024-11-10"]
    assert riskkit("sensitivity", *words) == 0
    assert (folder / "out" / "my-1d" / "sensitivity.csv").is_file()
    assert pd.read_csv(folder / "out" / "my-1d" / "sensitivity.csv").shape[0] > 10
