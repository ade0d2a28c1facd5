"""The forms in which venues keep their files, and answer: each is read, and says the same.

The inputs are made up; field names and forms are those of the public deployments.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from riskkit.errors import InputError
from riskkit.formats import compound_v3, dydx_v4, hyperliquid_hip3, synthetix_v3
from riskkit.formats.calibrated import CalibratedCollateral, CalibratedPerpetual
from riskkit.formats.format import VenueFormat
from tests.parameters import venue_cases as cases

ADDRESS = "0x" + "1" * 40


def comet(**changes: object) -> str:
    asset: dict[str, object] = {
        "address": ADDRESS,
        "priceFeed": ADDRESS,
        "decimals": "18",
        "borrowCF": 0.8,
        "liquidateCF": 0.85,
        "liquidationFactor": 0.93,
        "supplyCap": "10000e18",
    }
    asset = {key: value for key, value in (asset | changes).items() if value is not None}
    market = {
        "name": "Example USDC",
        "borrowMin": "1e6",
        "storeFrontPriceFactor": 0.6,
        "targetReserves": "20000000e6",
        "assets": {"TKA": asset},
    }
    return json.dumps(market)


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"supplyCap": "10_000e18"}, '"supplyCap": "10000e18"'),
        ({"supplyCap": "1_000.5e18"}, '"supplyCap": "1000.5e18"'),
        ({"supplyCap": "0"}, '"supplyCap": "0e0"'),
        ({"supplyCap": "35000"}, '"supplyCap": "35000e0"'),
        ({"decimals": 18}, '"decimals": "18"'),
        ({"priceFeed": None}, f'"address": "{ADDRESS}"'),
        ({"address": None}, f'"priceFeed": "{ADDRESS}"'),
        ({"address": None, "priceFeed": None}, '"decimals": "18"'),
    ],
)
def test_a_comet_market_is_read_as_deployments_keep_it(
    changes: dict[str, object], written: str
) -> None:
    value = compound_v3.read(comet(**changes))
    plain = compound_v3.read(comet())
    assert compound_v3.effective(value) == compound_v3.effective(plain)
    text = compound_v3.write(value)
    assert written in text
    assert [key for key in changes if changes[key] is None and f'"{key}"' in text] == []
    assert compound_v3.read(text) == value


def test_a_comet_market_without_assets_and_one_with_dotted_names_are_read() -> None:
    tree = json.loads(comet())
    tree |= {"borrowMin": "0.001e6", "pauseGuardian": ""}
    tree["assets"] = {"WBTC.e": tree["assets"]["TKA"]}
    value = compound_v3.read(json.dumps(tree))
    assert [asset.symbol for asset in value.assets] == ["WBTC.e"]
    assert value.borrow_min == "0.001e6"
    assert compound_v3.read(compound_v3.write(value)) == value
    assert compound_v3.read(json.dumps(tree | {"assets": {}})).assets == ()


def test_what_a_comet_market_leaves_to_the_deployment_is_left_there_by_an_export() -> None:
    live = compound_v3.read(comet(priceFeed=None).replace('"2000', '"2_000'))
    context = compound_v3.context_from(live, "TKA")
    text = compound_v3.write(compound_v3.export(CalibratedCollateral(0.7, 0.75, 0.02), context))
    asset = json.loads(text)["assets"]["TKA"]
    assert "priceFeed" not in asset
    assert asset["liquidateCF"] == 0.75
    assert json.loads(text)["targetReserves"] == "20000000e6"


def test_an_extended_comet_market_is_read_and_a_plain_one_is_not_filled_beyond_fifteen() -> None:
    tree = json.loads(comet())
    (asset,) = tree["assets"].values()
    tree["assets"] = {f"T{i:02}": asset for i in range(20)}
    live = compound_v3.read(json.dumps(tree))
    calibrated = CalibratedCollateral(0.7, 0.75, 0.02)
    again = compound_v3.export(calibrated, compound_v3.CometContext(live, "T07"))
    assert len(again.assets) == 20
    tree["assets"] = {f"T{i:02}": asset for i in range(25)}
    with pytest.raises(InputError, match="assets: got 25; must be at most 24"):
        compound_v3.read(json.dumps(tree))


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('[setting.perpsAbcMarketId]\ndefaultValue = "3300"\n', "setting"),
        ('[invoke.createAbcPerpsMarket]\nfunc = "createMarket"\n', "invoke"),
        ("", "nothing"),
    ],
)
def test_a_synthetix_file_of_the_older_layout_or_without_values_is_said_to_be_one(
    text: str, table: str
) -> None:
    with pytest.raises(InputError, match=rf"var: got {table}; .*\[setting\.\.\.\.\] tables are of"):
        synthetix_v3.read(text)


SNX_NAMES = [
    ("perps_market_settings_BTC", "BTC"),
    ("perps_btc_market_settings", "BTC"),
    ("perps_market_settings_btc", "btc"),
    ("settings", "BTC"),
]


@pytest.mark.parametrize(("table", "symbol"), SNX_NAMES)
def test_a_synthetix_market_is_found_by_its_keys_whatever_its_table_is_called(
    table: str, symbol: str
) -> None:
    value = synthetix_v3.read(cases.SYNTHETIX.replace("perps_market_settings_BTC", table))
    plain = synthetix_v3.read(cases.SYNTHETIX)
    assert isinstance(value, synthetix_v3.SynthetixMarket)
    assert value.symbol == symbol
    assert value.minimum_initial_margin_ratio == plain.minimum_initial_margin_ratio
    context = synthetix_v3.context_from(value, symbol)
    text = synthetix_v3.write(synthetix_v3.export(CalibratedPerpetual(0.1, 0.05), context))
    # The table goes back over the old one: its name, and the keys that the steps refer to, stay.
    assert text.startswith(f"[var.{table}]\nbtc_perps_market_id = ")


@pytest.mark.parametrize(
    ("old", "new", "field", "number"),
    [
        ("parseEther(String(1_200))", "0", "max_market_size", 0),
        ("parseEther(String(1_200))", "1200000000000000000000", "max_market_size", 1200 * 10**18),
        ("parseEther('0.0005')", "parseEther('0.000500')", "taker_fee_ratio", 5 * 10**14),
    ],
)
def test_a_synthetix_number_is_read_in_each_way_it_is_written(
    old: str, new: str, field: str, number: int
) -> None:
    value = synthetix_v3.read(cases.SYNTHETIX.replace(old, new))
    assert getattr(value, field) == number
    assert synthetix_v3.read(synthetix_v3.write(value)) == value


def test_the_flag_reward_keeps_the_name_that_its_steps_use() -> None:
    short = cases.SYNTHETIX.replace("flag_reward_ratio_d18", "flag_reward_ratio")
    value = synthetix_v3.read(short)
    assert value.flag_reward_ratio_d18 == 3 * 10**14
    assert 'btc_perps_flag_reward_ratio = "<%=' in synthetix_v3.write(value)


def test_a_synthetix_key_without_the_markets_name_is_read_and_goes_back_so() -> None:
    shared = cases.SYNTHETIX.replace("btc_perps_max_market_", "perps_max_market_")
    value = synthetix_v3.read(shared)
    assert isinstance(value, synthetix_v3.SynthetixMarket)
    assert value.max_market_size == 1200 * 10**18
    written = synthetix_v3.write(value)
    assert synthetix_v3.read(written) == value
    assert "\nperps_max_market_size = " in written
    assert "btc_perps_max_market" not in written
    with pytest.raises(InputError, match=r"perps_max_market_size: .* is not a field"):
        synthetix_v3.read(
            cases.SYNTHETIX.replace("[invoke", 'perps_max_market_size = "1"\n[invoke')
        )


SCALES = '[invoke.step]\nargs = ["<%= parseEther(settings.btc_perps_{0}) %>"]\n'
PASSES = '[invoke.step]\nargs = ["<%= settings.btc_perps_{0} %>"]\n'


def unscaled() -> str:
    """The table with every number as it is, for steps that scale it."""
    text = cases.SYNTHETIX[: cases.SYNTHETIX.index("[invoke")].replace("250000000000000000", "0.25")
    text = re.sub(r"parseEther\(String\(([0-9_]+)\)\)", r"String(\1)", text)
    return re.sub(r"<%= parseEther\('([0-9.]+)'\) %>", r"\1", text)


def test_a_synthetix_number_that_the_steps_scale_is_not_read_as_one_of_1e18() -> None:
    value = synthetix_v3.read(unscaled())
    assert isinstance(value, synthetix_v3.SynthetixMarket)
    assert value.max_funding_velocity == 9 * 10**18  # Written "9", as 9 units.
    assert value.skew_scale == 35_000 * 10**18
    assert synthetix_v3.effective(value) == synthetix_v3.effective(
        synthetix_v3.read(cases.SYNTHETIX)
    )
    written = synthetix_v3.write(value)
    assert 'btc_perps_max_funding_velocity = "9.0"' in written.replace("market_max", "max")
    assert "parseEther" not in written
    assert synthetix_v3.read(written) == value
    one = cases.SYNTHETIX.replace("parseEther(String(1_200))", "1200")
    assert synthetix_v3.read(one + SCALES.format("max_market_size")) == replace(
        synthetix_v3.read(cases.SYNTHETIX), whole=("max_market_size",)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cases.SYNTHETIX + SCALES.format("taker_fee_ratio"), "taker_fee_ratio: .* scaled twice"),
        (unscaled() + PASSES.format("taker_fee_ratio"), "taker_fee_ratio: .* must be scaled"),
        (
            cases.SYNTHETIX.replace("<%= parseEther('9') %>", "9.0").replace(
                "parseEther(String(1_200))", "1200"
            ),
            "max_market_size: .* must say its scale",
        ),
    ],
)
def test_a_synthetix_number_of_doubtful_scale_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        synthetix_v3.read(text)


def test_a_synthetix_file_of_several_markets_gives_the_one_that_is_named() -> None:
    other = cases.SYNTHETIX[: cases.SYNTHETIX.index("[invoke")]
    other = other.replace("BTC", "ETH").replace("btc_", "eth_").replace("'0.02'", "'0.04'")
    both = synthetix_v3.read(cases.SYNTHETIX + "\n" + other)
    assert [row.market for row in synthetix_v3.effective(both)] == ["BTC", "ETH"]
    assert synthetix_v3.context_from(both, "ETH").live == synthetix_v3.read(other)
    assert synthetix_v3.read(synthetix_v3.write(both)) == both
    with pytest.raises(InputError, match="market: got SOL; must be one of the live file's markets"):
        synthetix_v3.context_from(both, "SOL")


TIER = {
    "id": 0,
    "name": "Large",
    "initial_margin_ppm": 20_000,
    "maintenance_fraction_ppm": 600_000,
    "impact_notional": "25000000000",
}
CAPS = {"open_interest_lower_cap": "0", "open_interest_upper_cap": "0"}


def test_the_answer_of_a_dydx_node_is_read_as_it_came() -> None:
    pages = {"next_key": None, "total": "1"}
    answer = {"liquidity_tiers": [TIER | CAPS], "pagination": pages}
    value = dydx_v4.read(json.dumps(answer))
    assert value == dydx_v4.read(json.dumps({"liquidity_tiers": [TIER | CAPS]}))
    answer["pagination"] = {"next_key": "AAAAAQ==", "total": "7"}
    with pytest.raises(InputError, match=r"pagination\.next_key: got AAAAAQ==; must be empty"):
        dydx_v4.read(json.dumps(answer))


def test_a_dydx_genesis_from_before_the_caps_scales_nothing() -> None:
    value = dydx_v4.read(json.dumps({"liquidity_tiers": [TIER]}))
    (tier,) = value.tiers
    assert (tier.open_interest_lower_cap, tier.open_interest_upper_cap) == (0, 0)
    assert dydx_v4.effective_initial_margin_ppm(tier, 10**18) == 20_000
    half = TIER | {"open_interest_lower_cap": "0"}
    with pytest.raises(InputError, match="open_interest_upper_cap: got nothing; must be given"):
        dydx_v4.read(json.dumps({"liquidity_tiers": [half]}))


def test_a_dydx_market_of_a_genesis_leads_to_its_tier() -> None:
    small = TIER | CAPS | {"id": 1, "name": "Small", "initial_margin_ppm": 100_000}
    params = {"id": 0, "ticker": "ETH-USD", "market_id": 1, "liquidity_tier": 1}
    genesis = {
        "params": {"funding_rate_clamp_factor_ppm": 6_000_000},
        "perpetuals": [{"params": params, "funding_index": "0", "open_interest": "0"}],
        "liquidity_tiers": [TIER | CAPS, small],
    }
    value = dydx_v4.read(json.dumps(genesis))
    assert dydx_v4.context_from(value, "ETH-USD").name == "Small"
    rows = {row.market: row for row in dydx_v4.effective(value)}
    assert list(rows) == ["Large", "Small", "ETH-USD"]
    assert rows["ETH-USD"].initial_margin == rows["Small"].initial_margin
    assert dydx_v4.read(dydx_v4.write(value)) == value
    params["liquidity_tier"] = 7
    with pytest.raises(InputError, match=r"ETH-USD\.liquidity_tier: got 7; must be one of"):
        dydx_v4.read(json.dumps(genesis))


META = {
    "universe": [
        {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56},
        {"szDecimals": 1, "name": "DOGE", "maxLeverage": 10, "marginTableId": 10},
        {"szDecimals": 0, "name": "OLD", "maxLeverage": 3, "isDelisted": True},
    ],
    "marginTables": [
        [
            56,
            {
                "description": "tiered 40x",
                "marginTiers": [
                    {"lowerBound": "0.0", "maxLeverage": 40},
                    {"lowerBound": "150000000.0", "maxLeverage": 20},
                ],
            },
        ]
    ],
    "collateralToken": 0,
}


@pytest.mark.parametrize("answer", [META, [META, [{"funding": "0.0", "markPx": "1.0"}]]])
def test_the_answer_of_hyperliquid_gives_the_table_of_each_coin(answer: object) -> None:
    value = hyperliquid_hip3.read(json.dumps(answer))
    rows = hyperliquid_hip3.effective(value)
    assert [(r.market, int(r.notional), float(r.initial_margin)) for r in rows[:3]] == [
        ("BTC", 0, 0.025),
        ("BTC", 150_000_000, 0.05),
        ("DOGE", 0, 0.1),
    ]
    assert float(rows[3].maintenance_margin) == pytest.approx(1 / 6, abs=1e-15)
    assert hyperliquid_hip3.read(hyperliquid_hip3.write(value)) == value
    with pytest.raises(InputError, match="market: got ETH; must be one of the answer's 3 coins"):
        hyperliquid_hip3.context_from(value, "ETH")


def test_an_answer_of_a_builders_exchange_names_it_and_the_validators_own_takes_no_table() -> None:
    calibrated = CalibratedPerpetual(0.1, 0.05)
    live = hyperliquid_hip3.read(json.dumps(META))
    with pytest.raises(InputError, match="dex: got ; must have 1 to 6 characters"):
        hyperliquid_hip3.export(calibrated, hyperliquid_hip3.context_from(live, "BTC"))
    theirs = json.loads(json.dumps(META).replace('"BTC"', '"abc:BTC"'))
    context = hyperliquid_hip3.context_from(hyperliquid_hip3.read(json.dumps(theirs)), "abc:BTC")
    assert (context.dex, context.description) == ("abc", "tiered 40x")
    action = hyperliquid_hip3.write(hyperliquid_hip3.export(calibrated, context))
    assert json.loads(action)["insertMarginTable"]["dex"] == "abc"


def test_one_table_without_its_exchange_is_read_and_not_sent() -> None:
    (pair,) = META["marginTables"]
    value = hyperliquid_hip3.read(json.dumps(pair[1]))
    assert isinstance(value, hyperliquid_hip3.MarginTable)
    assert value.dex == ""
    assert hyperliquid_hip3.read(hyperliquid_hip3.write(value)) == value
    with pytest.raises(InputError, match="dex: got ; must have 1 to 6"):
        hyperliquid_hip3.check(value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"marginTableId": 56', '"marginTableId": 57', r"BTC\.marginTableId: got 57"),
        ('"150000000.0"', '"150000000.5"', "lowerBound: got 150000000.5; must be an integer"),
        ('"DOGE"', '"BTC"', "universe: got 3 coins; must hold coins, each once"),
        ("[[56,", "[[true,", r"marginTables: .* must be a list of \[id, table\]"),
    ],
)
def test_a_damaged_answer_is_refused(old: str, new: str, message: str) -> None:
    text = json.dumps(META)
    assert old in text
    with pytest.raises(InputError, match=message):
        hyperliquid_hip3.read(text.replace(old, new))


@pytest.mark.parametrize("format_", [dydx_v4.FORMAT, hyperliquid_hip3.FORMAT])
@pytest.mark.parametrize(
    "text", ['{"liquidity_tiers": {}}', '{"universe": 1}', "[{}, 1]", "[1, 2]"]
)
def test_half_an_answer_is_refused_in_words(
    format_: VenueFormat[object, object, CalibratedPerpetual], text: str
) -> None:
    with pytest.raises(InputError):
        format_.read(text)
