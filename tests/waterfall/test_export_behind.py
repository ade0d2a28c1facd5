"""What stands behind accounts, exported as venues' own files."""

from __future__ import annotations

import json

import pytest

from riskkit.formats import aave_v3_text, dydx_v4_liquidations
from riskkit.parameters.file import ParameterFile, read_parameter_file
from riskkit.parameters.sections import (
    AttackLimits,
    AuctionEstimate,
    BehindAccounts,
    FundEstimate,
)
from tests.support import ROOT, riskkit

FILE = ROOT / "tests" / "parameters" / "files" / "eth-perpetual-v1.json"
LIQUIDATIONS = {
    "liquidations_config": {
        "max_liquidation_fee_ppm": 15_000,
        "position_block_limits": {
            "min_position_notional_liquidated": "1000000000",
            "max_position_portion_liquidated_ppm": 100_000,
        },
        "subaccount_block_limits": {
            "max_notional_liquidated": "100000000000",
            "max_quantums_insurance_lost": "1000000000000",
        },
        "fillable_price_config": {
            "bankruptcy_adjustment_ppm": 1_000_000,
            "spread_to_maintenance_margin_ratio_ppm": 1_500_000,
        },
    }
}
AAVE = {
    "rootOptions": {
        "pools": ["AaveV3Ethereum"],
        "title": "t",
        "shortName": "T",
        "date": "20260131",
        "author": "a",
    },
    "poolOptions": {
        "AaveV3Ethereum": {
            "configs": {
                "COLLATERALS_UPDATE": [
                    {
                        "asset": "WETH",
                        "ltv": "",
                        "liqThreshold": "83",
                        "liqBonus": "5",
                        "liqProtocolFee": "",
                    }
                ],
                "CAPS_UPDATE": [{"asset": "CRV", "supplyCap": "12", "borrowCap": ""}],
            },
            "cache": {"blockNumber": 19229225},
        }
    },
}


@pytest.fixture
def file() -> ParameterFile:
    """A file that holds what `riskkit fund` and `riskkit attack` put there."""
    found = read_parameter_file(FILE)
    fund = FundEstimate(
        notional=5e6,
        low=4e6,
        high=6e6,
        shortfall=7e6,
        once_in_years=20.0,
        years=1_000,
        cover_one=1.25e6,
        cover_two=2e6,
        closing_fee_fraction=0.0125,
    )
    auction = AuctionEstimate(
        start=1.2,
        cut=0.99,
        step_seconds=90.0,
        seconds=8_400.0,
        no_bid_probability=0.01,
        loss_fraction=0.05,
        most_notional_at_once=1e6,
    )
    behind = BehindAccounts(fund=fund, smallest_bonus=0.0612, auction=auction)
    limits = AttackLimits(
        open_interest_cap=1e6,
        low=5e5,
        high=2e6,
        binding="own book",
        position_limit=1e5,
        collateral_cap=2_500_999.0,
    )
    update = {"behind_accounts": behind, "attack_limits": limits}
    parameters = found.parameters.model_copy(update=update)
    return found.model_copy(update={"parameters": parameters}).sealed()


def test_each_form_holds_what_the_file_says_and_keeps_what_is_the_venues(tmp_path, capsys, file):
    path = file.write(tmp_path / "parameters.json")
    live = tmp_path / "live.json"
    live.write_text(json.dumps(LIQUIDATIONS))
    asked = ("export", path, "--allow-historical", "--out", tmp_path / "written", "--venue")
    assert riskkit(*asked, "dydx-v4-liquidations", "--live", live) == 0
    made = dydx_v4_liquidations.read((tmp_path / "written").read_text())
    assert made.max_liquidation_fee_ppm == 12_500
    assert made.subaccount_block_limits.max_quantums_insurance_lost == 1_250_000 * 10**6
    before = dydx_v4_liquidations.read(live.read_text())
    assert made.position_block_limits == before.position_block_limits
    assert made.fillable_price_config == before.fillable_price_config
    live.write_text(json.dumps(AAVE))
    assert riskkit(*asked, "aave-v3-bonus-json", "--live", live, "--field", "price=2500") == 0
    text = (tmp_path / "written").read_text()
    pool = aave_v3_text.read_json(text).pools[0]
    assert pool.collaterals[0].liq_bonus == 612
    assert pool.collaterals[0].liq_threshold == 8_300
    caps = {row["asset"]: row["supplyCap"] for row in json.loads(pool.others)["CAPS_UPDATE"]}
    assert caps == {"CRV": "12", "WETH": "1000"}
    assert riskkit(*asked, "aave-v3-bonus", "--live", live, "--field", "price=2500") == 0
    typed = aave_v3_text.read_typescript((tmp_path / "written").read_text())
    assert typed == aave_v3_text.read_json(text)
    assert riskkit(*asked, "maker-clip") == 0
    clip = json.loads((tmp_path / "written").read_text())["maker_clip"]
    assert int(clip["buf"]) == 12 * 10**26
    assert int(clip["hole"]) == 10**6 * 10**45
    capsys.readouterr()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("dydx-v4-liquidations",), "--live"),
        (("aave-v3-bonus",), "--live"),
        (("maker-clip", "--field", "price=1"), "--field"),
    ],
)
def test_what_is_missing_is_told_in_words(tmp_path, capsys, file, more, words):
    path = file.write(tmp_path / "parameters.json")
    assert riskkit("export", path, "--allow-historical", "--venue", *more) == 2
    assert words in capsys.readouterr().err


def test_a_file_without_a_fund_says_which_command_puts_it_there(capsys):
    assert riskkit("export", FILE, "--allow-historical", "--venue", "maker-clip") == 2
    assert "riskkit fund" in capsys.readouterr().err
