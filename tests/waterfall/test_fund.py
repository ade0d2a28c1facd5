"""The fund's size, cover, deleveraging: published numbers, identities, and the command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.parameters.behind import with_fund
from riskkit.parameters.file import read_parameter_file
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.stress.open import PosedVenue
from riskkit.stress.terms import StressedVenue
from riskkit.venue.accounts import book_of
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine
from riskkit.venue.deleveraging import DeleveragingRule, profits, ranks, taken_from
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund
from riskkit.volatility.spec import Variance
from riskkit.waterfall.answer import answer_fund
from riskkit.waterfall.cover import cover, owners_of, stress_losses
from riskkit.waterfall.size import fund_for_ruin, fund_size, ruin, size_table
from riskkit.waterfall.year import endless, run_years
from tests.support import DATA, ROOT, riskkit, small_study

FILE = ROOT / "tests" / "parameters" / "files" / "eth-perpetual-v1.json"
CURVE = OrderBookDepth(3e7)
POSED = PosedVenue(
    small_study(),
    StressedVenue(
        SyntheticBook(1e7, accounts=100, median_leverage=4.0, seed=3).draw(),
        MarketDepth(CURVE, CURVE, 0.4),
        CascadeEngine(fee=0.002),
        CascadeFund(1e4),
        pd.Timedelta("6h"),
        24,
        0.3,
        100,
        10.0,
    ),
    World.one(PathModel(Variance.GARCH, 0.0, 0.72e-6, 0.09, 0.0, 0.89), Start.at(0.008)),
    Run(60, 5),
    None,
)


def test_a_size_is_a_quantile_with_a_band_of_order_statistics():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(400):
        found = fund_size(rng.exponential(1.0, 400), 10.0)
        assert found.low <= found.size <= found.high <= found.shortfall + 5.0
        held.append(found.low <= np.log(10.0) <= found.high)
    assert np.mean(held) >= 0.93  # 95 % at least, less three deviations of 400
    table = size_table(np.arange(1_000.0), 1e6)
    assert list(table["size"]) == [899.0, 949.0, 979.0]
    with pytest.raises(InputError, match="Run more years"):
        fund_size(np.ones(10), 20.0)


def test_ruin_is_cramer_and_lundbergs():
    # design row 18
    numbers = {"rate": 4.0, "mean": 1.0, "inflow": 6.0}
    assert ruin(5.0, **numbers) == pytest.approx(0.1259171, abs=1e-7)
    assert fund_for_ruin(0.01, **numbers) == pytest.approx(12.5991152, abs=1e-7)
    assert ruin(5.0, rate=4.0, mean=1.0, inflow=3.0) == 1.0


def test_cover_is_that_of_the_example():
    # design: 6, 8, 8
    losses = [[5.0, 3.0, 2.0, 1.0], [1.0, 6.0, 0.0, 2.0], [4.0, 4.0, 4.0, 4.0]]
    found = cover(losses)
    assert (found.one, found.two, found.emir_42) == (6.0, 8.0, 8.0)
    merged = cover(losses, [0, 0, 1, 2])
    assert (merged.one, merged.owners) == (8.0, 3)


def test_stress_losses_close_at_their_own_slippage():
    book = book_of([1.0, -1.0, 1.0], [1.0, 1.0, 0.01], [-0.95, 1.05, -0.0095], 0.01)
    depth = MarketDepth(OrderBookDepth(1.0), OrderBookDepth(1.0), 0.0)
    losses = stress_losses(book, depth, 0.9, 0.1)
    slip = 1.0 + np.expm1(-0.1) / 0.1
    assert losses == pytest.approx(
        [0.95 - 0.9 * (1.0 - slip), 0.0, 0.0005 + 0.009 * 0.0005], abs=1e-6
    )
    assert list(owners_of(replace(book, cluster=("a", "b", "a")))) == [0, 1, 0]


def test_deleveraging_takes_profits_and_no_more():
    # design: profits 10, 6, 4, -2 and 5 to be taken
    gain = [10.0, 6.0, 4.0, -2.0]
    assert taken_from(gain, 5.0) == pytest.approx([2.5, 1.5, 1.0, 0.0])
    assert taken_from(gain, 5.0, [3.0, 2.0, 1.0, 4.0]) == pytest.approx([5.0, 0.0, 0.0, 0.0])
    assert taken_from(gain, 13.0, [3.0, 2.0, 1.0, 4.0]) == pytest.approx([10.0, 3.0, 0.0, 0.0])
    with pytest.raises(InputError, match="no winners"):
        taken_from([-1.0, 0.0], 1.0)
    with pytest.raises(InputError, match="all profits come to 20"):
        taken_from(gain, 21.0)


def test_ranks_are_the_venues():
    book = replace(
        book_of([-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [1.5, 1.1, -0.9], 0.01),
        entry=np.array([1.0, 1.2, 1.0]),
    )
    price = 0.8
    assert profits(book, price) == pytest.approx([0.2, 0.4, -0.2])
    # profit in per cent times effective leverage; Hyperliquid: entry over mark for a short
    equity = np.array([0.7, 0.3, -0.1])
    found = ranks(book, price, DeleveragingRule.RETURN_TIMES_LEVERAGE)
    assert found[:2] == pytest.approx([0.2 * 0.8 / equity[0], 0.4 / 1.2 * 0.8 / equity[1]])
    assert found[2] <= 0.0
    found = ranks(book, price, DeleveragingRule.MARK_OVER_ENTRY)
    assert found[:2] == pytest.approx([1.25 * 0.8 / 0.7, 1.5 * 0.8 / 0.3])


def test_the_share_of_years_that_use_a_fund_up_is_that_of_its_own_run():
    years = run_years(POSED, 60, fund=endless(POSED.venue.fund))
    needed = years.of("fund_needed")
    assert years.bars == 1460
    assert needed.max() > 0.0
    size = float(np.quantile(needed, 0.7))
    finite = run_years(POSED, 60, fund=CascadeFund(size, deleverages=False))
    assert ((finite.of("fund_lowest") < 0.0) == (needed > size)).all()
    with_winners = run_years(POSED, 60, fund=CascadeFund(size))
    assert ((with_winners.of("deleveraged") > 0.0) == (needed > size)).all()
    # closed accounts are followed: a year without them closes no more
    once = run_years(POSED, 60, fund=endless(POSED.venue.fund), replaces=False)
    assert once.of("closures").sum() < years.of("closures").sum()


def test_a_parameter_file_of_the_same_study_holds_the_fund(tmp_path):
    file = read_parameter_file(FILE)
    study = file.study.changed({"fund": {"paths": 100, "depletion_years": 10.0}})
    file = file.model_copy(update={"study": study}).sealed()
    found = answer_fund(replace(POSED, study=study))
    made = with_fund(file, found)
    place = made.write(tmp_path / "with.json")
    again = read_parameter_file(place)
    assert again.parameters.behind_accounts == made.parameters.behind_accounts
    assert again.edited == ()
    held = again.parameters.behind_accounts.fund
    assert held.low <= held.notional <= held.high
    # without it the file keeps its bytes
    assert "behind_accounts" not in file.to_dict()["parameters"]
    other = replace(found, posed=replace(POSED, study=study.changed({"title": "another"})))
    with pytest.raises(InputError, match="must be of this study"):
        with_fund(file, other)


STUDY = """
schema_version = 2
title = "BTC venue, what stands behind it"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc.csv"
[model]
spec = "garch-t"
[position]
penalty_fraction = 0.002
holding_horizon_hours = 120
[oracle]
deviation_fraction = 0.0
[depth]
at_one_percent_notional = 300e6
mark_weight_fraction = 0.4
[book]
kind = "positions"
file = "positions.csv"
price = 100.0
maintenance_fraction = 0.01
[fund]
notional = 1e5
paths = 100
depletion_years = 10
[fund.backstop]
notional = 1e5
[fund.tranche]
notional = 1e5
[stress]
paths = 1000
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "btc.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    (tmp_path / "venue.toml").write_text(STUDY)
    rng = np.random.default_rng(2)
    size, leverage = rng.pareto(1.5, 90) + 0.1, rng.uniform(1.5, 5.0, 90)
    pd.DataFrame(
        {
            "account": [f"0x{i:040x}" for i in range(90)],
            "cluster": [f"0xowner{i % 30}" for i in range(90)],
            "side": np.where(np.arange(90) % 2, "long", "short"),
            "size": size * 1e4,
            "entry": 100.0,
            "collateral": size * 1e6 / leverage,
        }
    ).to_csv(tmp_path / "positions.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


def test_the_command_answers_in_table_page_and_file(folder, capsys):
    assert riskkit("fund", "venue.toml", "--forms") == 0
    told = capsys.readouterr()
    shown = told.out
    assert "closures a year" in told.err  # the time is said first
    forms = json.loads((folder / "out" / "venue" / "fund-forms.json").read_text())["forms"]
    assert forms["dydx_liquidations_config"]["max_liquidation_fee_ppm"] == 2_000
    assert "fund used up once in 10 years" in shown
    assert "over 30 clusters of wallets" in shown
    text = (folder / "out" / "venue" / "fund.json").read_text()
    answer = json.loads(text)
    assert "0x" not in text
    assert answer["size"]["low"] <= answer["size"]["notional"] <= answer["size"]["high"]
    assert answer["cover"]["two"] >= answer["cover"]["one"]
    assert [row["years"] for row in answer["sizes"]] == [10.0, 20.0, 50.0]
    page = (folder / "out" / "venue" / "fund.html").read_text()
    assert "What each layer pays" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[fund]\n", '[fund]\nasset = "ETH/USD"\n'), "has no price in this study"),
        (("depletion_years = 10", "depletion_years = 200"), "fewer years than the 200"),
    ],
)
def test_a_fund_that_cannot_be_is_refused_in_words(folder, capsys, change, words):
    (folder / "venue.toml").write_text(STUDY.replace(*change))
    assert riskkit("fund", "venue.toml") == 2
    assert words in capsys.readouterr().err


def test_nothing_is_exported_on_a_book_that_runs(folder, capsys):
    (folder / "venue.toml").write_text(STUDY.replace("300e6", "3e6"))
    assert riskkit("fund", "venue.toml", "--forms") == 2
    assert "runs at crash depth" in capsys.readouterr().err


def test_walls_of_others_add_to_n_and_pools_clear(folder, capsys):
    more = """
[[fund.walls]]
name = "aave"
move_fraction = -0.1
notional = 2e8
[[fund.walls]]
name = "maker"
move_fraction = -0.25
notional = 1e7
[[fund.pools]]
name = "a"
own_notional = 0.5
owes_notional = { b = 3.0 }
[[fund.pools]]
name = "b"
own_notional = 0.2
owes_notional = { c = 2.0 }
[[fund.pools]]
name = "c"
own_notional = 0.1
owes_notional = { a = 1.0 }
"""
    (folder / "venue.toml").write_text(STUDY + more)
    assert riskkit("fund", "venue.toml") == 0
    assert "Other protocols' walls" in capsys.readouterr().out
    answer = json.loads((folder / "out" / "venue" / "fund.json").read_text())
    walls = {row["walls"]: row for row in answer["walls"]}
    assert walls["all"]["moved"] > walls["without aave"]["moved"] >= walls["none"]["moved"]
    assert walls["all"]["n"] > walls["none"]["n"]
    assert [row["paid"] for row in answer["pools"]] == pytest.approx([1.5, 1.7, 1.0])
    (folder / "venue.toml").write_text(STUDY + more.replace("{ c = 2.0 }", "{ z = 2.0 }"))
    assert riskkit("fund", "venue.toml") == 2
    assert "must be another of the pools" in capsys.readouterr().err


def test_the_published_totals_of_2025_10_10():
    # 834,295,749 of winners' profit realised, 23,191,104 of negative equity, 5,511,042,925
    # liquidated and 2,103,111,431 deleveraged, which are part of it (design, row 24)
    profits_of = np.array([8.0, 1.5, 0.5]) / 10.0 * 834_295_749.0
    taken = taken_from(profits_of, 23_191_104.0)
    assert taken.sum() == pytest.approx(23_191_104.0)
    assert taken / profits_of == pytest.approx(np.full(3, 0.0278), abs=1e-4)
    assert pytest.approx(0.382, abs=5e-4) == 2_103_111_431 / 5_511_042_925


def test_loans_are_answered_with_bonus_dust_and_auction(folder, capsys):
    loan = STUDY.replace("penalty_fraction = 0.002", 'kind = "loan"\nbonus_fraction = 0.05')
    loan = (
        loan[: loan.index("[book]")]
        + """[book]
kind = "loans"
file = "loans.csv"
price = 100.0
threshold_fraction = 0.8
[fund]
notional = 1e5
paths = 100
depletion_years = 10
[lending]
rules = "aave-v4"
gas_notional = 20.0
[stress]
paths = 200
"""
    )
    (folder / "loan.toml").write_text(loan)
    rng = np.random.default_rng(4)
    units = rng.pareto(1.2, 60) * 1e3 + 1.0
    health = 1.05 + rng.exponential(0.4, 60)
    frame = pd.DataFrame({"collateral": units, "debt": units * 80.0 / health})
    frame.loc[0] = (3.0, 200.0)
    frame.to_csv(folder / "loans.csv", index=False)
    assert riskkit("fund", "loan.toml", "--forms") == 0
    forms = json.loads((folder / "out" / "loan" / "fund-forms.json").read_text())["forms"]
    assert 0 < forms["aave_v3"]["liqBonus"] < 2_500
    assert int(forms["maker_clip"]["buf"]) > 10**27 > int(forms["maker_clip"]["cut"])
    shown = capsys.readouterr().out
    assert "Keepers by bonus" in shown
    assert "never worth their gas: 1 loans with 200 of debt" in shown
    answer = json.loads((folder / "out" / "loan" / "fund.json").read_text())
    lending = answer["lending"]
    cleared = [row["cleared"] for row in lending["bonuses"]]
    assert cleared[-1] >= cleared[0]
    given = [row["given_up"] for row in lending["bonuses"]]
    assert given == sorted(given)
    assert answer["leverage"] is None
    (folder / "wide.toml").write_text(loan.replace("bonus_fraction = 0.05", "bonus_fraction = 0.3"))
    assert riskkit("fund", "wide.toml") == 2
    assert "must lie below 1/LT - 1 = 0.25" in capsys.readouterr().err
    gas = loan.replace("gas_notional = 20.0", "gas_notional = -1.0")
    (folder / "gas.toml").write_text(gas)
    assert riskkit("fund", "gas.toml") == 2
    assert "lending.gas_notional" in capsys.readouterr().err
