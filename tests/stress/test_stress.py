"""A whole venue: its file of accounts, paths in blocks, scenarios, the cap, margins by size."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import DataError, InputError
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.stress import paths as stress_paths
from riskkit.stress.book_file import positions_book, read_levels_book, read_positions_book
from riskkit.stress.cap import CapRule, interest_cap, peak_branching
from riskkit.stress.margins import margins_by_size
from riskkit.stress.paths import path_returns, return_blocks, run_paths
from riskkit.stress.scenarios import SCENARIOS, bar_by_bar, run_scenario, scenario_named
from riskkit.stress.terms import StressedVenue, market_depth, stressed_venue
from riskkit.study.study import parse_study
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund
from riskkit.volatility.spec import Variance
from tests.support import DATA, riskkit

MODEL = PathModel(Variance.GARCH, 0.0, 0.72e-6, 0.09, 0.0, 0.89)
WORLD = World.one(MODEL, Start.at(0.008))
CURVE = OrderBookDepth(3e8)
VENUE = StressedVenue(
    SyntheticBook(1e9, accounts=400, median_leverage=4.0, seed=3).draw(),
    MarketDepth(CURVE, CURVE, 0.4),
    CascadeEngine(fee=0.002),
    CascadeFund(2e7),
    pd.Timedelta("1h"),
    24,
    0.3,
    500,
    0.05,
)


def test_a_block_changes_no_path(monkeypatch):
    run = Run(130, 5)
    whole = run_paths(VENUE, WORLD, run)
    monkeypatch.setattr(stress_paths, "BLOCK", 37)
    parts = run_paths(VENUE, WORLD, replace(run, threads=2))
    assert np.array_equal(whole.table, parts.table)
    _, block = next(return_blocks(WORLD, run, 24))
    assert np.array_equal(path_returns(WORLD, run, 24, 7), block[7])
    drawn = WORLD.starting(Start(np.array([0.004, 0.03]), True, drawn=True))
    rows = np.concatenate([b for _, b in return_blocks(drawn, run, 24)])
    monkeypatch.setattr(stress_paths, "BLOCK", 1_000)
    assert np.array_equal(next(return_blocks(drawn, run, 24))[1], rows)


def test_the_cap_is_the_least_and_its_rule_is_named():
    run = Run(400, 5)
    cap = interest_cap(VENUE, WORLD, run)
    assert cap.cap == min(cap.branching, cap.loss_budget)
    assert (cap.binding is CapRule.BRANCHING) == (cap.branching <= cap.loss_budget)
    # linear depth: n is proportional to interest
    assert cap.branching == pytest.approx(
        0.5 / peak_branching(VENUE) * VENUE.book.open_interest, rel=0.03
    )
    at = run_paths(replace(VENUE, book=VENUE.book.scaled(cap.loss_budget / 1e9)), WORLD, run)
    assert at.used_up.mean() <= cap.allowed
    attacked = replace(cap, attack=0.5 * cap.cap)
    assert (attacked.cap, attacked.binding) == (0.5 * cap.cap, CapRule.ATTACK)
    assert replace(cap, attack=np.inf).binding is cap.binding
    deeper = replace(VENUE, depth=replace(VENUE.depth, bids=OrderBookDepth(6e8)))
    assert peak_branching(deeper) <= peak_branching(VENUE)


def test_scenarios_run_in_bars_of_their_own_with_their_sources():
    late = replace(VENUE, engine=replace(VENUE.engine, delay=1))
    for scenario in SCENARIOS:
        found = run_scenario(late, scenario)
        assert scenario.source
        assert found.money_error < 1e-12
        assert found.of("closures")[0] > 0
    jump = run_scenario(VENUE, scenario_named("jump"))
    assert jump.lost[0] > 0.0
    with pytest.raises(InputError, match="thirty-in-ten-minutes"):
        scenario_named("doom")


def test_bars_of_a_path_add_up_to_the_path():
    still = replace(VENUE, depth=replace(VENUE.depth, volatility_elasticity=0.4))
    returns = path_returns(WORLD, Run(10, 5), 12, 3) * 3.0
    rows = bar_by_bar(still, returns, volatility=0.008)
    assert len(rows) == 12
    assert rows["closed"].is_monotonic_increasing
    assert rows["market"].iloc[-1] == pytest.approx(float(np.exp(returns.sum())))


def test_margins_grow_with_size_and_with_the_time_to_close():
    run = Run(3_000, 5)
    found = margins_by_size(VENUE, WORLD, run, tail=0.01)
    table = found.table
    assert table["margin_crash"].is_monotonic_increasing
    assert (table["margin_crash"] >= table["margin_calm"]).all()
    assert found.margin(float(table["size"].iloc[3])) == pytest.approx(
        table["margin_crash"].iloc[3]
    )
    slow = replace(VENUE, engine=replace(VENUE.engine, throughput=1e6))
    slower = margins_by_size(slow, WORLD, run, tail=0.01)
    assert slower.table["bars"].iloc[-1] > table["bars"].iloc[-1]
    # a sale spread over T bars bears about the square root of T/3 of a bar's risk
    taken = slower.table["bars"].iloc[-1]
    ratio = slower.table["tail_loss"].iloc[-1] / table["tail_loss"].iloc[-1]
    assert ratio == pytest.approx(np.sqrt(1.0 + taken / 3.0), rel=0.25)
    with pytest.raises(InputError, match="fewer than ten"):
        margins_by_size(VENUE, WORLD, Run(100, 5), tail=0.01)


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account": ["0xabc", "0xdef", "0x123"],
            "side": ["long", "short", "long"],
            "size": [10.0, 10.0, 1.0],
            "entry": [100.0, 100.0, 120.0],
            "collateral": [100.0, 150.0, 10.0],
            "class": ["trader", "maker", "hedger"],
        }
    )


def test_a_file_of_positions_is_a_book(tmp_path):
    frame = _frame()
    book = positions_book(frame, price=100.0, maintenance=0.02)
    assert book.equity == pytest.approx([100.0, 150.0, -10.0])
    assert list(book.beyond_trigger) == [False, False, True]
    assert book.live_bad_debt == pytest.approx(10.0)
    assert list(book.kind) == [0, 2, 1]
    assert not any("abc" in name for name in book.owner)
    for name in ("a.csv", "a.parquet"):
        write = frame.to_csv if name.endswith("csv") else frame.to_parquet
        write(tmp_path / name, index=False)
        again = read_positions_book(tmp_path / name, price=100.0, maintenance=0.02)
        assert np.array_equal(again.cash, book.cash)
    (tmp_path / "levels.csv").write_text("price,notional,side\n90,9,long\n120,12,short\n")
    levels = read_levels_book(tmp_path / "levels.csv", price=100.0, maintenance=0.02)
    assert np.exp(levels.log_trigger) == pytest.approx([0.9, 1.2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entry": [100.0, np.nan, 1.0]}, "no price"),
        ({"side": ["long", "up", "long"]}, "long or short"),
        ({"size": [1.0, 0.0, 1.0]}, "positive"),
        ({"class": ["trader", "whale", "maker"]}, "must be one of"),
    ],
)
def test_a_row_that_is_no_position_is_named(change, words):
    with pytest.raises(DataError, match=words) as told:
        positions_book(_frame().assign(**change), price=100.0, maintenance=0.02)
    assert "row" in str(told.value)


def test_a_file_that_lacks_what_it_needs_is_refused(tmp_path):
    with pytest.raises(DataError, match="no column maintenance"):
        positions_book(_frame(), price=100.0)
    with pytest.raises(DataError, match="no column entry"):
        positions_book(_frame().drop(columns="entry"), price=100.0, maintenance=0.02)
    with pytest.raises(InputError, match="can be read"):
        read_positions_book(tmp_path / "none.csv", price=1.0)
    with pytest.raises(InputError, match="positive price"):
        positions_book(_frame(), price=0.0, maintenance=0.02)


STUDY = """
schema_version = 2
title = "BTC venue, a quick study"
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
[liquidation.delay]
seconds = 0
[depth]
at_one_percent_notional = 300e6
mark_weight_fraction = 0.4
[book]
kind = "positions"
file = "positions.csv"
price = 100.0
maintenance_fraction = 0.01
[fund]
notional = 100.0
[stress]
paths = 1000
move_fraction = 0.2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "btc.csv").write_bytes((DATA / "btc_usd_daily.csv").read_bytes())
    (tmp_path / "venue.toml").write_text(STUDY)
    rng = np.random.default_rng(2)
    size, leverage = rng.pareto(1.5, 200) + 0.1, rng.uniform(1.5, 15.0, 200)
    pd.DataFrame(
        {
            "account": [f"0x{i:040x}" for i in range(200)],
            "side": np.where(np.arange(200) % 3, "long", "short"),
            "size": size * 1e5,
            "entry": 100.0,
            "collateral": size * 1e7 / leverage,
        }
    ).to_csv(tmp_path / "positions.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


def test_the_command_answers_in_table_page_and_file(folder, capsys):
    assert riskkit("stress", "venue.toml", "--scenario", "jump") == 0
    told = capsys.readouterr()
    shown = told.out
    assert "accounts" in told.err.split("closures a path")[0]  # the time is said first
    assert "Branching ratio n" in shown
    assert "open interest cap" in shown
    # a file of positions says no initial margin of new accounts: the cap by attacks is not asked
    assert "attack.initial_margin_fraction" in told.err
    # The name of a table in brackets is no markup.
    assert "[attack]" in " ".join(told.err.split())
    assert "not asked" in shown
    assert "is not short interest" in shown
    answer = json.loads((folder / "out" / "venue" / "stress.json").read_text())
    text = (folder / "out" / "venue" / "stress.json").read_text()
    assert "0x000" not in text
    assert answer["book"]["accounts"] + answer["book"]["left_out_accounts"] == 200
    assert [row["scenario"] for row in answer["scenarios"]] == ["jump"]
    page = (folder / "out" / "venue" / "stress.html").read_text()
    assert "https://" not in page.split("<body>")[0]
    assert "What it can carry" in page
    # a book this large runs at crash depth: said in sight, and nothing is exported on it
    assert answer["run"] == "long"
    assert "nothing is exported" in shown
    assert riskkit("stress", "venue.toml", "--scenario", "jump", "--forms") == 2
    assert "runs at crash depth" in capsys.readouterr().err


def test_the_cap_counts_attacks_where_a_new_accounts_margin_is_known(folder, capsys):
    (folder / "venue.toml").write_text(STUDY + "[attack]\ninitial_margin_fraction = 0.05\n")
    assert riskkit("stress", "venue.toml", "--scenario", "jump") == 0
    told = capsys.readouterr()
    assert "cap by attacks on the price (riskkit attack)" in told.out
    cap = json.loads((folder / "out" / "venue" / "stress.json").read_text())["open_interest_cap"]
    assert riskkit("attack", "venue.toml") == 0
    alone = json.loads((folder / "out" / "venue" / "attack.json").read_text())
    assert cap["by_attack"] == alone["open_interest_cap"]
    assert cap["cap"] == min(cap[key] for key in ("by_attack", "by_branching", "by_loss_budget"))


def test_a_margin_that_moves_is_told_beside_a_constant_one(folder, capsys):
    (folder / "venue.toml").write_text(STUDY + "margin_multiple = 1.2\n")
    assert riskkit("stress", "venue.toml", "--scenario", "jump") == 0
    assert "A margin that follows volatility" in capsys.readouterr().out
    answer = json.loads((folder / "out" / "venue" / "stress.json").read_text())
    moving, constant = answer["moving_margin"]
    assert moving["by_the_requirement_alone"] > 0.0 == constant["by_the_requirement_alone"]
    assert moving["closures_per_path"] > constant["closures_per_path"]
    assert max(row["crash_by_margin"] for row in answer["criticality"]) > 0.0


def test_a_small_book_is_put_into_the_forms_of_venues(folder, capsys):
    small = STUDY.replace("300e6", "300e9").replace("paths = 1000", "paths = 1500")
    (folder / "venue.toml").write_text(small)
    (folder / "legs.csv").write_text(
        "account,underlying,kind,strike,expiry,quantity,volatility\n"
        "taken,BTC/USD,put,65000,2024-12-27,-4e6,0.6\n"
    )
    asked = ("stress", "venue.toml", "--scenario", "jump", "--forms", "--legs", "legs.csv")
    assert riskkit(*asked) == 0
    hedged = pd.read_csv(folder / "out" / "venue" / "stress-hedged.csv").set_index("prices")
    alone, moved = hedged.loc["market alone"], hedged.loc["with hedging"]
    assert moved["lowest_of_worst_hundredth"] < alone["lowest_of_worst_hundredth"]
    assert moved["closures_per_path"] > alone["closures_per_path"]
    n = pd.read_csv(folder / "out" / "venue" / "stress-hedge-branching.csv")
    assert n["n_crash"].to_numpy() == pytest.approx(10.0 * n["n_calm"].to_numpy())
    assert (pd.read_csv(folder / "out" / "venue" / "stress-hedge.csv")["mean"] > 0.0).all()
    forms = json.loads((folder / "out" / "venue" / "forms.json").read_text())["forms"]
    assert len(forms["hyperliquid_margin_tiers"]) == 3
    assert forms["synthetix_skew_scale"] == pytest.approx(0.1 * 300e9 / 0.01)
    assert forms["drift_imf_factor"] >= 0.0
    clears = list(forms["aave_compound_clearable_collateral"].values())
    assert clears == sorted(clears)


def test_a_study_without_a_venue_or_with_a_loan_is_told_so(folder):
    study = parse_study(
        {
            "schema_version": 2,
            "title": "x",
            "as_of": pd.Timestamp("2024-01-01").date(),
            "data": {"asset": "x", "prices": "x.csv"},
        }
    )
    with pytest.raises(InputError, match=r"\[depth\] and \[book\]"):
        stressed_venue(study, pd.Timedelta("1h"), 1.0, folder)
    venue = {
        "depth": {"at_one_percent_notional": 1e8, "mark_weight_fraction": 0.5},
        "book": {"kind": "synthetic", "open_interest_notional": 1e6, "accounts": 100},
    }
    with pytest.raises(InputError, match="must both be of loans"):
        stressed_venue(
            study.changed({**venue, "position.kind": "loan"}), pd.Timedelta("1h"), 1.0, folder
        )
    found = stressed_venue(study.changed(venue), pd.Timedelta("1h"), 1.0, folder)
    assert found.book.interest(Side.LONG) == pytest.approx(1e6)
    assert "declared, not measured" in found.notes[0]


def test_depth_is_fitted_by_the_command(folder, capsys):
    times = pd.date_range("2024-01-01", periods=50, freq="30s")
    rows = [(t, d, 3e8 * (d / 0.01) ** 0.8) for t in times for d in (0.01, 0.02, 0.03, 0.04, 0.05)]
    pd.DataFrame(rows, columns=["time", "distance", "notional"]).to_csv("snap.csv", index=False)
    assert riskkit("depth", "snap.csv") == 0
    shown = capsys.readouterr().out
    assert "at_one_percent_notional = 3e+08" in shown
    assert "exponent = 0.8 " in shown
    # bids at distances below 0: two tables, which the study reads as they are printed
    both = [(t, s * d, k * v) for t, d, v in rows for s, k in ((-1.0, 1.0), (1.0, 0.5))]
    pd.DataFrame(both, columns=["time", "distance", "notional"]).to_csv("both.csv", index=False)
    assert riskkit("depth", "both.csv") == 0
    printed = tomllib.loads(capsys.readouterr().out)["depth"]
    read = tomllib.loads(STUDY)
    read["depth"] = {**printed, "mark_weight_fraction": 0.4}
    found = market_depth(parse_study(read).depth, pd.Timedelta("1h"))
    assert found.bids.quantity_to(0.01) == pytest.approx(3e8)
    assert found.offers.quantity_to(0.01) == pytest.approx(1.5e8)
    (folder / "bad.csv").write_text("a,b\n1,2\n")
    assert riskkit("depth", "bad.csv") == 2
