"""A study's asset and a market's: what is one coin, what is another, and what is declared."""

from __future__ import annotations

import pytest

from riskkit.errors import InputError
from riskkit.formats import aave_v3_text, compound_v3, dydx_v4, synthetix_v3
from riskkit.formats.assets import canonical, named_in, same_asset, told
from riskkit.formats.registry import BUILT_IN
from riskkit.proof.assets import Agreement, check_asset
from tests.parameters import venue_cases as cases


@pytest.mark.parametrize(
    ("name", "asset"),
    [
        ("ETH", "ETH"),
        ("WETH", "ETH"),
        ("weth", "ETH"),
        ("ETH/USD", "ETH"),
        ("ETH-USD", "ETH"),
        ("ETH_USDT", "ETH"),
        ("ETHUSDT", "ETH"),
        ("SOL-PERP", "SOL"),
        ("XBT/USD", "BTC"),
        ("BTCUSD", "BTC"),
        ("WBTC.e", "BTC"),
        ("kPEPE", "PEPE"),
        ("1000PEPE", "PEPE"),
        ("1INCH", "1INCH"),
        ("ETH/BTC", "ETHBTC"),
        ("ETHBTC", "ETHBTC"),
        ("crvUSD", "CRVUSD"),
        ("PYUSD", "PYUSD"),
        ("wstETH", "WSTETH"),
        ("cbBTC", "CBBTC"),
        ("S&P 500", "S&P500"),
        ("/", "/"),
    ],
)
def test_every_way_of_writing_an_asset_has_one_name(name: str, asset: str) -> None:
    assert canonical(name) == asset
    assert canonical(asset) == asset


@pytest.mark.parametrize(
    ("first", "second"),
    [("LINK", "WETH"), ("ETH/BTC", "ETH"), ("wstETH", "WETH"), ("crvUSD", "CRV"), ("BTC", "cbBTC")],
)
def test_another_coin_is_another_asset(first: str, second: str) -> None:
    assert not same_asset(first, second)
    assert not same_asset(second, first)


def test_a_collateral_may_be_priced_in_its_debt() -> None:
    assert same_asset("wstETH/ETH", "wstETH", in_debt=True)
    assert not same_asset("wstETH/ETH", "WETH", in_debt=True)
    assert not same_asset("ETH/BTC", "ETH")


def test_known_names_are_found_in_a_files_name() -> None:
    assert named_in("eth_usd_daily") == {"ETH"}
    assert named_in("my-prices") == named_in("p") == frozenset()
    assert told("Large-Cap") is None
    assert told("WBTC") == "BTC"


COMET = compound_v3.read(cases.COMPOUND_V3)
AAVE = aave_v3_text.read_typescript(cases.AAVE_V3)


def test_the_wrong_asset_is_refused_with_both_names() -> None:
    match = r"asset: got LINK/USD; must be the asset of the market WETH: WETH\. .*--asset-is WETH"
    with pytest.raises(InputError, match=match):
        check_asset(compound_v3.FORMAT, COMET, "WETH", "LINK/USD")
    agreed = check_asset(compound_v3.FORMAT, COMET, "WETH", "ETH/USD")
    assert agreed == Agreement("ETH/USD", "WETH", agree=True)
    assert agreed.doubt is None


def test_an_asset_may_be_declared_and_must_then_be_the_markets() -> None:
    market = "AaveV3Ethereum/WETH"
    agreed = check_asset(aave_v3_text.FORMAT, AAVE, market, "stETH", declared="WETH")
    assert agreed.doubt == "stETH is declared to be WETH"
    with pytest.raises(InputError, match="asset-is: got LINK; must be the asset of the market"):
        check_asset(aave_v3_text.FORMAT, AAVE, market, "stETH", declared="LINK")


def test_a_market_without_an_asset_is_said_not_to_be_checked() -> None:
    tiers = dydx_v4.read(cases.DYDX)
    agreed = check_asset(dydx_v4.FORMAT, tiers, "Large-Cap", "SOL")
    assert agreed.market is None
    assert "was not checked" in (agreed.doubt or "")
    agreed = check_asset(aave_v3_text.FORMAT, AAVE, "AaveV3Ethereum/eMode 7", "BTC")
    assert agreed.market is None


@pytest.mark.parametrize("name", ["p", "my_prices", "eth_usd_daily", "weth"])
def test_a_name_taken_from_a_file_is_refused_only_if_it_names_another_asset(name: str) -> None:
    agreed = check_asset(compound_v3.FORMAT, COMET, "WETH", name, stated=False)
    assert (agreed.doubt is None) is ("eth" in name)
    with pytest.raises(InputError, match="asset: got btc_usd_daily"):
        check_asset(compound_v3.FORMAT, COMET, "WETH", "btc_usd_daily", stated=False)


def test_every_format_says_of_every_market_what_asset_it_is_for() -> None:
    texts = {case.format.name: case.text for case in cases.CASES}
    for format_ in BUILT_IN:
        value = format_.read(texts[format_.name])
        for row in format_.effective(value):
            asset = format_.asset_of(value, row.market)
            assert asset is None or asset
    snx = synthetix_v3.read(cases.SYNTHETIX)
    assert synthetix_v3.FORMAT.asset_of(snx, "BTC") == "BTC"
