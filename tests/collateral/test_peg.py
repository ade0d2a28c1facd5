"""The peg law: episodes, depth, strata, what was known when."""

import math

import numpy as np
import pandas as pd
import pytest

from riskkit.collateral.peg import PeggedCoin, episodes_of, fit_pegs, pareto_moments
from riskkit.collateral.peg_record import common_jump, leave_one_out
from riskkit.errors import InputError
from tests.support import riskkit

DAYS = pd.date_range("2020-01-01", periods=1_461, tz="UTC")


def coin(name: str, breaks: dict[int, float], stratum: str = "fiat-backed", **more) -> PeggedCoin:
    price = np.ones(len(DAYS))
    for day, depth in breaks.items():
        price[day] = 1.0 - depth
    return PeggedCoin(name, pd.Series(price, index=DAYS), stratum, **more)


PANEL = [
    coin("A", {100: 0.02, 102: 0.05, 900: 0.012}),
    coin("B", {101: 0.03, 500: 0.015}),
    coin("C", {300: 0.02, 400: 0.04, 700: 0.011, 1000: 0.3}, "algorithmic", thin=True),
]


def test_stays_near_each_other_are_one_episode_at_its_depth():
    first, second = episodes_of(PANEL[0])
    assert (first.start, first.end, first.depth) == (DAYS[100], DAYS[102], pytest.approx(0.05))
    assert second.depth == pytest.approx(0.012)
    assert len(episodes_of(PANEL[0], apart=pd.Timedelta(days=1))) == 3
    assert len(episodes_of(PANEL[0], threshold=0.04)) == 1


def test_a_stratum_counts_its_own_years_and_borrows_a_depth_that_it_has_not_seen():
    laws = fit_pegs(PANEL)
    law = laws["fiat-backed"]
    assert law.borrowed
    assert laws["algorithmic"].borrowed
    assert law.years == pytest.approx(2 * 1_461 / 365)
    assert law.rate == pytest.approx(4.5 / law.years)
    # 1 in 1,000 of a day's chance of an episode, by hand.
    happens = 1.0 - math.exp(-law.rate / 365.0)
    beyond = law.beta / law.xi * ((happens / 0.001) ** law.xi - 1.0)
    assert law.loss(0.001) == pytest.approx(0.01 + beyond)
    assert law.loss(0.5) == 0.0
    assert law.loss(1e-12) == 1.0
    low, high = law.band(0.001)
    assert low < law.loss(0.001) < high
    assert "algorithmic" not in fit_pegs([*PANEL[:2], coin("D", {9: 0.1}), PANEL[2]], thin=False)


def test_the_pareto_law_is_found_again():
    rng = np.random.default_rng(1)
    x = 0.01 / 0.3 * ((1.0 - rng.random(40_000)) ** -0.3 - 1.0)
    assert pareto_moments(x) == pytest.approx((0.3, 0.01), rel=0.05)
    assert pareto_moments(np.full(6, 0.02))[0] == -0.5


def test_what_comes_later_changes_nothing_that_was_known():
    moment = DAYS[950]
    known = [each.until(moment) for each in PANEL]
    scrambled = [
        PeggedCoin(c.name, c.price.where(c.price.index < moment, 0.2), c.stratum, c.thin)
        for c in PANEL
    ]
    again = [each.until(moment) for each in scrambled]
    assert fit_pegs(known) == fit_pegs(again)
    assert coin("X", {}).until(DAYS[1]) is None


def test_pegs_that_break_together_are_one_event():
    found = [e for each in PANEL for e in episodes_of(each)]
    jump = common_jump(PANEL, found)
    assert (jump.events, jump.shared) == (7, 1)
    assert jump.others == pytest.approx(0.5 / 7)
    assert jump.closed_time == pytest.approx(2 / 7, abs=0.01)


def test_each_coin_is_held_to_the_others():
    many = [
        coin(str(k), {50 * j + 7 * k: 0.011 + 0.002 * j for j in range(1, 7)}) for k in range(4)
    ]
    deep = [*many, coin("deep", {200: 0.9, 600: 0.8, 800: 0.7, 1000: 0.9, 1200: 0.7, 1400: 0.9})]
    kept = leave_one_out(many)
    assert kept.covered
    assert kept.low <= kept.exceeded / kept.days <= kept.high
    assert leave_one_out(deep).exceeded >= 6


@pytest.mark.parametrize(
    ("price", "words"),
    [([1.0, 0.0], "above 0"), ([1.0], "two or more"), ([1.0, math.nan], "finite")],
)
def test_prices_that_are_none_are_refused(price, words):
    with pytest.raises(InputError, match=words):
        PeggedCoin("X", pd.Series(price, index=DAYS[: len(price)]))
    with pytest.raises(InputError, match="1 coins, 0 episodes"):
        fit_pegs([coin("calm", {})])


def test_the_command_reads_coins_and_tells_mistakes(tmp_path, capsys):
    text = ["title = 'coins'"]
    for each in PANEL:
        frame = pd.DataFrame({"time": DAYS.strftime("%Y-%m-%d"), "close": each.price.to_numpy()})
        frame.to_csv(tmp_path / f"{each.name}.csv", index=False)
        text.append(f"[[coins]]\nname = '{each.name}'\nprices = '{each.name}.csv'")
    path = tmp_path / "coins.toml"
    path.write_text("\n".join(text))
    assert riskkit("peg", path, "--out", tmp_path / "out") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "7 events, 1 of them in two coins" in said
    laws = pd.read_csv(tmp_path / "out" / "coins" / "peg-laws.csv")
    assert laws["episodes"].tolist() == [8]
    assert riskkit("peg", path, "--as-of", "2020-01-20", "--out", tmp_path / "out") != 0
    assert "0 episodes" in capsys.readouterr().err
    path.write_text("\n".join([*text, "[[coins]]\nname = 'A'\nprices = 'B.csv'"]))
    assert riskkit("peg", path) != 0
    assert "must not overlap" in " ".join(capsys.readouterr().err.split())
    assert riskkit("peg", tmp_path / "none.toml") != 0
    assert "must be a file that can be read" in " ".join(capsys.readouterr().err.split())
