"""`riskkit portfolio` on the shipped prices."""

import pandas as pd
import pytest

from riskkit.portfolio.scenario_set import ScenarioSet
from tests.support import DATA, riskkit

STUDY = """
schema_version = 2
title = "two assets, small"
as_of = 2024-12-31
[data]
asset = "ETH"
prices = "{data}/eth_usd_daily.csv"
[assets]
prices = ["{data}/btc_usd_daily.csv"]
names = ["BTC"]
[model]
spec = "garch-normal"
[floor]
kind = "none"
[position]
holding_horizon_hours = 240
[simulation]
paths = 10_000
seed = 3
"""
BOOK = "account,asset,quantity,equity\none,ETH,1,900\npair,ETH,27,3000\npair,BTC,-1,\n"
LEGS = (
    "account,underlying,kind,strike,expiry,quantity,volatility\n"
    "one,ETH,put,2500,2024-11-29,1,0.65\nput writer,ETH,put,2500,2024-11-29,-3,0.65\n"
)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(STUDY.format(data=DATA.as_posix()))
    return path


def test_accounts_are_margined_and_written(study, tmp_path, capsys):
    book = tmp_path / "book.csv"
    book.write_text(BOOK)
    legs = tmp_path / "legs.csv"
    legs.write_text(LEGS)
    out = tmp_path / "out"
    asked = ("portfolio", study, "--accounts", book, "--legs", legs, "--out", out)
    assert riskkit(*asked) == 0
    said = capsys.readouterr().out
    assert "rotated-rows" in said
    assert "2 accounts" in said
    folder = tmp_path / "out" / "two"
    table = pd.read_csv(folder / "portfolio-accounts.csv").set_index("account")
    legs = pd.read_csv(folder / "portfolio-legs.csv").set_index(["asset", "side"])
    price = float(pd.read_csv(DATA / "eth_usd_daily.csv")["close"].iloc[-1])
    own = legs.loc[("ETH", "long"), "maintenance"] * price
    assert table.loc["one", "maintenance"] == pytest.approx(own, rel=1e-12)
    assert table.loc["pair", "maintenance"] < 0.6 * table.loc["pair", "legs"]
    split = pd.read_csv(folder / "portfolio-contributions.csv").set_index("account")
    assert split.sum(axis=1).to_numpy() == pytest.approx(table["maintenance"].to_numpy())
    stress = pd.read_csv(folder / "portfolio-stress.csv").set_index("account")
    assert stress.loc["pair", "together"] < stress.loc["pair", "tail"] < stress.loc["pair", "apart"]
    pairs = pd.read_csv(folder / "portfolio-dependence.csv")
    assert (pairs["falls"] > pairs["rises"]).all()
    closed = pd.read_csv(folder / "portfolio-close-outs.csv")
    assert set(closed["account"]) == set(table.index[table["state"] == "liquidatable"])
    options = pd.read_csv(folder / "portfolio-options.csv").set_index("account")
    # The same ether beside a put at its price: what the put insures need not be held.
    assert options.loc["one", "var"] < table.loc["one", "var"] < options.loc["put writer", "var"]
    sets = pd.read_csv(folder / "portfolio-option-sets.csv")
    assert (sets["exceeded"] <= 0.01).all()
    assert (sets["again"] <= 1.5 * sets["high"]).all()
    # The published set read back is held to the same structures, as it is.
    published = folder / "option-set.json"
    read = ScenarioSet.read(published.read_text(encoding="utf-8"))
    assert read.decayed_days == 2.0
    assert sets["again"].max() > 0.0
    assert "plotly" in (folder / "portfolio.html").read_text(encoding="utf-8")


def test_a_set_of_scenarios_is_calibrated_verified_and_read_back(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert riskkit("grid", study, "--style", "deribit-like", "--out", out) == 0
    first = pd.read_csv(out / "two" / "scenario-set-books.csv")
    assert not first["hole"].any()
    assert (first["probability"] > 0.0).any()
    arrays = pd.read_csv(out / "two" / "scenario-arrays.csv").set_index("underlying")
    reach = ScenarioSet.read((out / "two" / "scenario-set.json").read_text("utf-8")).shocks
    for name in ("ETH", "BTC"):
        worst = arrays.loc[name].drop("price").min() / arrays.loc[name, "price"]
        assert worst == pytest.approx(-reach[name].range)
    published = out / "two" / "scenario-set.json"
    assert riskkit("grid", study, "--verify", published, "--out", tmp_path / "again") == 0
    again = pd.read_csv(tmp_path / "again" / "two" / "scenario-set-books.csv")
    assert again.equals(first)
    shrunk = tmp_path / "shrunk.json"
    text = published.read_text(encoding="utf-8")
    reach = text.split('"range_fraction": ')[1].split(",")[0]
    shrunk.write_text(text.replace(f'"range_fraction": {reach}', '"range_fraction": 0.02'))
    assert riskkit("grid", study, "--verify", shrunk, "--out", tmp_path / "again") == 0
    assert pd.read_csv(tmp_path / "again" / "two" / "scenario-set-books.csv")["hole"].any()
    capsys.readouterr()
    assert riskkit("grid", study, "--style", "other", "--out", out) != 0
    assert "deribit-like, derive-like" in capsys.readouterr().err


def test_mistakes_are_told_in_words(study, tmp_path, capsys):
    book = tmp_path / "book.csv"
    book.write_text("account,asset,quantity\nx,DOGE,1\n")
    assert riskkit("portfolio", study, "--accounts", book, "--out", tmp_path) != 0
    assert "must be an asset of the study: ETH, BTC" in " ".join(capsys.readouterr().err.split())
    doubled = tmp_path / "doubled.toml"
    doubled.write_text(study.read_text().replace("btc_usd", "eth_usd"))
    assert riskkit("portfolio", doubled, "--accounts", book, "--out", tmp_path) != 0
    assert "must be two series" in " ".join(capsys.readouterr().err.split())
    loan = tmp_path / "loan.toml"
    loan.write_text(study.read_text().replace("[position]", '[position]\nkind = "loan"'))
    book.write_text(BOOK)
    assert riskkit("portfolio", loan, "--accounts", book, "--out", tmp_path) != 0
    assert "must be a perpetual" in " ".join(capsys.readouterr().err.split())
