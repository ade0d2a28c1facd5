"""`riskkit collateral` on the shipped prices."""

import pandas as pd
import pytest

from riskkit.formats.haircut_sections import read_section
from tests.cli.test_portfolio_command import BOOK, STUDY
from tests.support import DATA, riskkit


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(STUDY.format(data=DATA.as_posix()) + '[collateral]\naccepted = ["ETH"]\n')
    return path


def test_legs_and_accounts_are_asked_in_each_collateral(study, tmp_path, capsys):
    book = tmp_path / "book.csv"
    book.write_text(BOOK)
    words = ("collateral", study, "--accounts", book, "--venue", "derive")
    assert riskkit(*words, "--out", tmp_path / "out") == 0
    assert "Schedule" in capsys.readouterr().out
    folder = tmp_path / "out" / "two"
    legs = pd.read_csv(folder / "collateral-legs.csv").set_index(["asset", "side", "collateral"])
    assert (legs["joint"].xs("USD", level=2) == legs["money"].xs("USD", level=2)).all()
    own = legs.loc[("ETH", "long", "ETH")]
    assert own["joint"] == pytest.approx(own["money"] / (1.0 - own["money"]), rel=1e-12)
    assert own["way"] == "wrong-way"
    short = legs.loc[("ETH", "short", "ETH")]
    assert short["joint"] < short["money"]
    assert short["way"] == "right-way"
    schedule = pd.read_csv(folder / "collateral-schedule.csv").set_index("collateral")
    assert schedule.loc["ETH", "published"] >= schedule.loc["ETH", "haircut"]
    section = read_section((folder / "collateral-derive.json").read_text(encoding="utf-8"))
    assert float(section["ETH"]["maintenance"]) == schedule.loc["ETH", "published"]
    accounts = pd.read_csv(folder / "collateral-accounts.csv").set_index(["account", "collateral"])
    assert accounts.loc[("one", "ETH"), "way"] == "wrong-way"


def test_mistakes_are_told_in_words(study, tmp_path, capsys):
    text = study.read_text()
    wrong = {
        'accepted = ["DOGE"]': "must be assets of the study: ETH, BTC",
        'accepted = ["ETH", "ETH"]': "names an asset twice",
        'accepted = ["ETH"]\nliquidation_hours = [-1.0]': "greater than 0",
        'accepted = ["ETH"]\nliquidation_hours = [1.0, 2.0]': "must be one for each",
        'accepted = ["ETH", "BTC"]\npool.mixtures = [[0.5, 0.6]]': "that sum to 1",
        'accepted = ["ETH"]\ndepth_notionals = [0.0]': "greater than 0",
        'accepted = ["ETH"]\nsettlement = {name = "X", breaks_per_year = 1.0}': "must be there",
    }
    for line, words in wrong.items():
        study.write_text(text.replace('accepted = ["ETH"]', line))
        assert riskkit("collateral", study, "--out", tmp_path) != 0
        assert words in " ".join(capsys.readouterr().err.split())
    study.write_text(text)
    assert riskkit("collateral", study, "--venue", "maker") != 0
    assert "must be one of aave-v3" in " ".join(capsys.readouterr().err.split())
    study.write_text(text.split("[collateral]")[0])
    assert riskkit("collateral", study, "--out", tmp_path) != 0
    assert "Add [collateral]" in " ".join(capsys.readouterr().err.split())


def test_a_pool_is_told_in_tables(study, tmp_path, capsys):
    study.write_text(study.read_text().replace('accepted = ["ETH"]', 'accepted = ["ETH", "BTC"]'))
    assert riskkit("pool", study, "--paths", "300", "--out", tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert "By order of seizure" in shown
    assert "Concentration limits" in shown
    mixtures = pd.read_csv(tmp_path / "out" / "two" / "pool-mixtures.csv")
    assert (mixtures["max_ltv"] < mixtures["threshold"]).all()
    assert not (tmp_path / "out" / "two" / "pool-settlement.csv").exists()
