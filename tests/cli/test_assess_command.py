"""`riskkit assess` as a risk team types it: what runs today, beside the recommendation."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from riskkit.proof.assess_file import AssessmentFile
from tests.parameters import venue_cases as cases
from tests.support import DATA, STUDY, riskkit

PLACES = {
    "dydx.json": cases.DYDX,
    "aave.ts": cases.AAVE_V3,
    "comet.json": cases.COMPOUND_V3,
    "hip3.json": cases.HYPERLIQUID,
    "study.toml": STUDY,
}
PRICES = ("--prices", "btc_usd_daily.csv", "--as-of", "2024-11-05")
DYDX = ("assess", "dydx.json", "--venue", "dydx-v4")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for name, text in PLACES.items():
        (tmp_path / name).write_text(text)
    shutil.copy(DATA / "btc_usd_daily.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def test_live_margins_beside_the_recommendation_of_a_study(folder, capsys):
    words = (*DYDX, "--market", "small-cap", "--study", "study.toml", "--out", "a.json")
    assert riskkit(*words) == 0
    shown = capsys.readouterr().out
    assert "dydx.json (dYdX v4 liquidity tier)" in shown
    assert "HISTORICAL EXAMPLE: data ends" in shown
    assert "Small-Cap, long: the live MM of 5 % covers" in shown
    assert "Small-Cap, one number for both sides: MM" in shown
    file = AssessmentFile.model_validate(json.loads(Path("a.json").read_text()))
    assert (file.live.venue, file.live.market) == ("dydx-v4", "Small-Cap")
    assert file.live.sha256 == sha256(cases.DYDX.encode()).hexdigest()
    for side in file.sides:
        assert side.verdict in shown
        table = shown.split(f"Small-Cap, {side.side}, in percent")[1]
        (row,) = (s.split() for s in table.splitlines()[:8] if s.split()[:1] == ["MM"])
        recommended = 100 * side.recommended.parameters_fraction["maintenance_margin"]
        assert [float(x) for x in row[1:]] == pytest.approx(
            [5.0, recommended, recommended - 5.0], abs=0.006
        )
    crashes = [line.split() for line in shown.splitlines() if line.split()[:1] == ["2022-11"]]
    assert [line[1] for line in crashes] == ["long", "short"]


def test_prices_of_another_asset_than_the_markets_are_refused(folder, capsys):
    words = ("assess", "comet.json", "--venue", "compound-v3", "--market", "COMP", *PRICES)
    assert riskkit(*words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "asset: got btc_usd_daily; must be the asset of the market COMP: COMP" in said
    assert riskkit(*words, "--asset", "SOL") == 2
    assert "asset: got SOL; must be" in " ".join(capsys.readouterr().err.split())
    assert riskkit(*words, "--asset-is", "WETH") == 2
    assert "asset-is: got WETH; must be" in " ".join(capsys.readouterr().err.split())


def test_a_price_file_is_enough_and_the_bonus_is_the_venues(folder, capsys):
    words = ("assess", "comet.json", "--venue", "compound-v3", "--market", "WBTC", *PRICES)
    assert riskkit(*words, "--out", "a.json") == 0
    shown = capsys.readouterr().out
    assert "HISTORICAL" not in shown
    assert "with the live one" not in shown
    file = AssessmentFile.model_validate_json(Path("a.json").read_text())
    assert file.study.is_loan
    assert file.title == "btc_usd_daily: proposed by riskkit"
    # A factor of .95 at a store front price factor of .5: .025 / .975.
    bonus = file.sides[0].live.parameters_fraction["liquidation_bonus"]
    assert bonus == pytest.approx(0.025 / 0.975)
    assert file.study.position.bonus_fraction == pytest.approx(bonus)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*DYDX, *PRICES), "must name one of the live file's markets: Large-Cap, Small-Cap, Long"),
        ((*DYDX, "--market", "ETH", *PRICES), "market: got ETH; must be one of the live file's"),
        (
            (*DYDX, "--market", "Large-Cap"),
            "--study, --prices: got neither a study nor --prices; give a study",
        ),
        (
            (*DYDX, "--market", "Large-Cap", *PRICES, "--study", "study.toml"),
            "got both a study and --prices; give a",
        ),
        (
            (*DYDX, "--market", "Large-Cap", "--study", "study.toml", "--bar", "1d"),
            "--bar: got a study beside it; these options go with --prices only",
        ),
        (
            ("assess", "aave.ts", "--venue", "aave-v3", "--market", "DAI", "--study", "study.toml"),
            "venue.kind: got perpetual; must be a perpetual's for margins, and a loan's for",
        ),
        (
            ("assess", "aave.ts", "--venue", "aave-v3", "--market", "WETH", *PRICES),
            "AaveV3Ethereum/WETH.liquidation_bonus: got nothing; must be in the file",
        ),
        (("assess", "aave.ts", "--venue", "dydx-v4", *PRICES), "must be valid JSON (line 1"),
        (
            ("assess", "hip3.json", "--venue", "dydx-v4", *PRICES),
            "id: got nothing; must be given. It is a file of hyperliquid-hip3: give that --venue.",
        ),
        (("assess", "none.json", "--venue", "dydx-v4", *PRICES), "live: got none.json; must be a"),
        ((*DYDX, "--market", "Large-Cap", "--prices", "x.csv"), "x.csv"),
        ((*DYDX, "--market", "Large-Cap", *PRICES[:2], "--as-of", "now"), "as-of: got now; must"),
    ],
)
def test_mistakes_end_in_words_before_anything_is_simulated(folder, capsys, words, message):
    assert riskkit(*words) == 2
    caught = capsys.readouterr()
    assert message in caught.err.replace("\n", " ")
    assert "Traceback" not in caught.err
    assert caught.out == ""


def test_the_command_explains_itself_with_an_example(capsys):
    assert riskkit("assess", "--help") == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert "riskkit assess config.ts --venue aave-v3 --market WETH --prices eth.csv" in " ".join(
        shown.split()
    )
