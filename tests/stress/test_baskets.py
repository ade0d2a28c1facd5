"""`riskkit stress` of accounts that hold several assets, as a user types it."""

from __future__ import annotations

import json

import pytest

from tests.support import ROOT, riskkit

STUDIES = {"perpetuals": "btc-eth-venue-daily.toml", "loans": "btc-eth-loans-daily.toml"}


def study_in(folder, kind: str, change: tuple[str, str] = ("", "")) -> str:
    """A shipped study with few paths, its parent and data beside it."""
    (folder / "studies").mkdir()
    (folder / "data").symlink_to(ROOT / "data")
    parent = (ROOT / "studies" / "btc-eth-accounts-daily.toml").read_text()
    (folder / "studies" / "btc-eth-accounts-daily.toml").write_text(parent)
    text = (ROOT / "studies" / STUDIES[kind]).read_text().replace("5_000", "200")
    assert change[0] in text
    path = folder / "studies" / STUDIES[kind]
    path.write_text(text.replace(*change))
    return str(path)


@pytest.mark.parametrize("kind", list(STUDIES))
def test_the_command_answers_in_table_page_and_file(tmp_path, capsys, kind):
    path = study_in(tmp_path, kind)
    assert riskkit("stress", path, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "Branching ratio n, by common moves" in said
    folder = tmp_path / "out" / STUDIES[kind].removesuffix(".toml")
    answer = json.loads((folder / "stress.json").read_text())
    assert answer["assets"] == ["ETH", "BTC"]
    assert answer["paths"] == 200
    assert "loan-001" not in json.dumps(answer["losses"])
    names = {row["outcome"] for row in answer["losses"]}
    assert {"closures", "bad_debt", "sold"} <= names
    assert ("seized ETH" in names) == (kind == "loans")
    page = (folder / "stress.html").read_text()
    assert page.count("Plotly.newPlot") == 1


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("perpetuals", ("BTC = 5e6}\n", "DOGE = 5e6}\n"), "DOGE"),
        ("perpetuals", (", BTC = 0.05}", "}"), "maintenance_fraction"),
        ("perpetuals", ("accounts_example.csv", "baskets_example.csv"), "no column equity"),
        ("perpetuals", ("mark_weight", "exponent = 0.7\nmark_weight"), "exponent"),
        ("loans", ("BTC = 0.065", "BTC = 0.4"), "threshold, bonus"),
        ("loans", ("baskets_example.csv", "accounts_example.csv"), "no column debt"),
    ],
)
def test_what_cannot_be_is_told_in_words(tmp_path, capsys, kind, change, words):
    path = study_in(tmp_path, kind, change)
    assert riskkit("stress", path, "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_accounts_of_several_assets_are_sent_to_the_command_that_answers_them(tmp_path, capsys):
    path = study_in(tmp_path, "loans")
    assert riskkit("fund", path, "--out", tmp_path / "out") == 2
    assert "riskkit stress answers it" in capsys.readouterr().err.replace("\n", " ")
