"""A margin rule on a track, on simulated tracks, and as a command: one small market."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.paths.run import Run
from riskkit.position import Side
from riskkit.proof.rule_judgement import RuleJudgement, judge_rule
from riskkit.proof.rule_replay import JudgingPlan, replay_rule
from riskkit.proof.rule_tools import with_tools
from riskkit.proof.rule_worlds import common_rows, predict_rule, simulate_spell, stretches
from riskkit.proof.track import BarSight, Track, path_model, walk_track
from riskkit.study.case import Case
from riskkit.study.study import Study, parse_study
from riskkit.venue.account_mix import AccountMix
from riskkit.venue.rule import PublishedRule
from riskkit.volatility.spec import VolatilitySpec
from tests.support import riskkit

BAR = pd.Timedelta(hours=1)
N, WINDOW, REFIT = 3_600, 1_000, 1_200
SPEC = VolatilitySpec.parse("garch-normal")
MIX = AccountMix("two groups", "made up", (0.03, 0.15), (0.6, 0.4), (0.3, 0.7), holding_days=2.0)
RULE = PublishedRule(3.0, 2, 0.002, interval=4, notice=4)
PLAN = JudgingPlan(MIX, (Side.LONG, Side.SHORT), every=6, delay=1, cost=0.002)


def bars(seed: int = 1) -> pd.DataFrame:
    """Hourly bars of a GARCH with heavy tails, and extremes beyond open and close."""
    rng, n = np.random.default_rng(seed), N
    z = rng.standard_t(4, n) / np.sqrt(2.0)
    h, moves = 1e-4, np.empty(n)
    for t in range(n):
        moves[t] = np.sqrt(h) * z[t]
        h = 4e-6 + 0.1 * moves[t] ** 2 + 0.86 * h
    close = 100.0 * np.exp(np.cumsum(moves))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = 0.3 * np.abs(rng.standard_normal((2, n))) * np.abs(moves)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(reach[0]),
            "low": np.minimum(opened, close) * np.exp(-reach[1]),
            "close": close,
        },
        index=pd.date_range("2022-01-01", periods=n, freq="h", tz="UTC", name="time"),
    )


def history(seed: int = 1, n: int = N) -> PriceHistory:
    source = TableSource(f"market {seed}", "made for a test")
    return history_from_table(bars(seed).iloc[:n].reset_index(), source, bar="1h")


@pytest.fixture(scope="module")
def track() -> Track:
    return walk_track(history(), SPEC, window=WINDOW, refit_every=REFIT)


@pytest.fixture(scope="module")
def judged(case: Case) -> RuleJudgement:
    return judge_rule(case, histories=3)


def study() -> Study:
    return parse_study(
        {
            "schema_version": 2,
            "title": "One small market",
            "as_of": "2023-01-01",
            "data": {"asset": "market 1", "prices": "market.csv"},
            "model": {"spec": "garch-normal", "minimum_bars": WINDOW, "refit_every_bars": REFIT},
            "liquidation": {"delay": {"kind": "constant", "seconds": 3_600.0}},
            "oracle": {"deviation_fraction": 0.0},
            "accounts": {
                "distance_fraction": list(MIX.distance),
                "account_share": list(MIX.account_share),
                "interest_share": list(MIX.interest_share),
                "holding_days": 2.0,
            },
            "rule": {"multiple": 3.0, "interval_seconds": 14_400.0, "notice_seconds": 14_400.0},
        }
    )


@pytest.fixture(scope="module")
def case() -> Case:
    return Case.of(study(), history())


def test_no_margin_looks_ahead(track: Track) -> None:
    """What is published up to a bar is the same on the history that ends there."""
    cut = 2_500
    short = walk_track(history(n=cut), SPEC, window=WINDOW, refit_every=REFIT)
    end = track.times[cut]
    long = replay_rule(track, RULE, PLAN, end=end)
    here = replay_rule(short, RULE, PLAN)
    # A walk forecasts the bars that it has: its last close makes none.
    pd.testing.assert_series_equal(long.margin.iloc[:-1], here.margin.iloc[:-1])
    pd.testing.assert_frame_equal(long.judged.days, here.judged.days)


def test_a_hole_is_borne_and_a_long_one_is_left_at(track: Track) -> None:
    gap = track.gap.copy()
    gap[2_000], gap[2_600] = 5.0, 30.0
    found = replay_rule(replace(track, gap=gap), RULE, PLAN).accounts
    ends, opened = found["ended"], found["opened"]
    hole = track.times[2_600]
    crossing = (opened <= hole) & (ends > hole)
    assert not crossing.any()
    borne = track.times[2_000]
    assert ((opened <= borne) & (ends > borne)).any()


def test_an_oracle_that_lags_liquidates_no_more_and_owes_no_less_each(track: Track) -> None:
    at_once = replay_rule(track, RULE, PLAN).judged
    lagging = replay_rule(track, RULE, replace(PLAN, sight=BarSight(deviation=0.01))).judged
    assert lagging.days["liquidated"].sum() <= at_once.days["liquidated"].sum()
    assert lagging.default_given_liquidation >= at_once.default_given_liquidation


def test_a_higher_multiple_is_safer(track: Track) -> None:
    found = [
        replay_rule(track, replace(RULE, multiple=k), PLAN).judged.oi_year_bps
        for k in (1.5, 3.0, 6.0)
    ]
    assert found[0] > found[1] > found[2]


def test_shocks_are_what_the_forecasts_left(track: Track) -> None:
    shocks = track.shocks()
    assert (shocks["low"] <= shocks["close"] + 1e-12).all()
    assert (shocks["high"] >= shocks["close"] - 1e-12).all()
    assert shocks["close"].std() == pytest.approx(1.0, abs=0.1)
    assert shocks.index[0] == track.times[WINDOW + 1]


def test_a_simulated_market_gives_its_own_shocks_and_forecasts_back(track: Track) -> None:
    """Filtered with the fit's recursion, in the scale of its shocks, prices give sigma back."""
    here = track.times[2_400]
    (made,) = simulate_spell([track], here, 60, Run(4, 7), stretch=1.0)
    rows = common_rows([track], here)[track.asset]
    at = 2_399
    model = path_model(track.spec, track.coefficients[at], rows["close"].to_numpy())
    mu, omega, alpha, _, beta = track.coefficients[at]
    closes, highs, lows = made.prices
    for path in range(4):
        moves = np.diff(np.log(closes[path]))
        h = track.sigma[at] ** 2
        for t, move in enumerate(moves):
            assert made.sigma[path, t] == pytest.approx(np.sqrt(h), rel=1e-9)
            shock = (move - model.mu) / made.sigma[path, t]  # of the fit: its own scale
            centred = rows["close"].to_numpy() - rows["close"].mean()
            assert np.abs(centred - shock).min() < 1e-9
            h = omega + alpha * ((move - mu) / model.sigma_scale) ** 2 + beta * h
    assert (highs >= closes - 1e-12).all()
    assert (lows <= closes + 1e-12).all()


def test_markets_fall_on_the_same_rows() -> None:
    tracks = [walk_track(history(s), SPEC, window=WINDOW, refit_every=REFIT) for s in (1, 2)]
    here = tracks[0].times[3_000]
    rows = common_rows(tracks, here)
    made = list(simulate_spell(tracks, here, 30, Run(2, 3)))
    picked = stretches(Run(2, 3), np.arange(30), len(rows), 3.0)
    for track, spell in zip(tracks, made, strict=True):
        close = rows[track.asset]["close"].to_numpy()
        moves = np.diff(np.log(spell.prices[0]), axis=1)
        # The sign of a demeaned move is that of its own row.
        signs = np.sign(close[picked] - close.mean())
        drift = track.coefficients[2_999, 0]
        assert (np.sign(moves - drift) == signs).mean() > 0.99


def test_stretches_are_as_long_as_asked_and_draw_every_row() -> None:
    rows, mean = 500, 4.0
    picked = stretches(Run(40, 5), np.arange(2_000), rows, mean)
    follows = (np.diff(picked, axis=1) % rows) == 1
    assert 1.0 / (1.0 - follows.mean()) == pytest.approx(mean, rel=0.05)
    assert np.unique(picked).size == rows
    assert (stretches(Run(3, 5), np.arange(50), rows, 1.0)[:, 1:] >= 0).all()
    with pytest.raises(InputError):
        stretches(Run(1, 5), np.arange(5), rows, 0.5)


def test_a_path_is_the_same_whatever_runs_beside_it(track: Track) -> None:
    here = track.times[2_400]
    (few,) = simulate_spell([track], here, 40, Run(2, 7))
    (many,) = simulate_spell([track], here, 40, Run(5, 7))
    np.testing.assert_array_equal(few.prices[0], many.prices[0][:2])


def test_predictions_hold_on_markets_that_the_model_made() -> None:
    """Over four markets, predicted and realised defaults per account-day are alike."""
    predicted, realised = [], []
    for seed in (1, 2, 3, 4):
        made = walk_track(history(seed), SPEC, window=WINDOW, refit_every=REFIT)
        start, end = made.times[2_400], made.times[-1]
        told = predict_rule([made], RULE, PLAN, start=start, end=end, spell=REFIT, run=Run(10, 3))
        predicted.append(told.typical["account_day"])
        realised.append(replay_rule(made, RULE, PLAN, start=start, end=end).judged.account_day)
    assert 0.5 < np.mean(predicted) / np.mean(realised) < 2.0


def test_the_tools_never_ask_for_less_than_they_say(track: Track) -> None:
    base = replay_rule(track, RULE, PLAN).margin
    found = {n: replay_rule(changed, RULE, PLAN).margin for n, changed in with_tools(track, RULE)}
    buffer, weight, floor = found.values()
    assert (buffer >= base - 1e-12).all()
    assert (floor >= base - 1e-12).all()
    assert weight.mean() > base.mean()
    assert weight.std() < base.std()


def test_a_judgement_says_what_it_was_asked(judged: RuleJudgement, case: Case) -> None:
    table = judged.table.set_index("version")
    assert {"the rule", "1 h late", "1 d late", "7 d late", "raises bind never"} <= {*table.index}
    flat = table.loc["constant, of the same mean"]
    assert flat["mean_margin"] == pytest.approx(table.loc["the rule", "mean_margin"])
    assert flat["by_requirement"] == 0.0
    assert table.loc["raises bind never", "by_requirement"] == 0.0
    fills = judged.fills.set_index("fill")["oi_year_bps"]
    assert fills["close"] <= fills["midpoint"] <= fills["extreme"]
    assert judged.fills["liquidations"][:3].nunique() == 1
    on_closes = judged.fills.set_index("fill").loc["close, seen on closes"]
    assert on_closes["liquidations"] < judged.fills["liquidations"][0]
    assert list(judged.by_distance.index) == list(MIX.distance)
    # The whole is the groups' by their shares of open interest and time at risk.
    assert judged.base.judged.measures() == judged.table.iloc[0][list(judged.bands)].to_dict()


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"rule.notice_seconds": 86_400.0 * 3}, "rule.notice"),
        ({"liquidation.kind": "close-factor", "liquidation.close_factor_fraction": 0.5},
         "liquidation, liquidity, oracle, position"),
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_refused(
    case: Case, changes: dict[str, object], argument: str
) -> None:
    with pytest.raises(InputError) as found:
        judge_rule(Case.of(case.study.changed(changes), case.history), histories=0)
    assert found.value.argument == argument


def test_too_short_a_history_is_words(case: Case) -> None:
    short = Case.of(case.study, history(n=900))
    with pytest.raises(InputError) as found:
        judge_rule(short, histories=0)
    assert found.value.argument == "prices"
    with pytest.raises(InputError) as late:
        judge_rule(case, start=pd.Timestamp("2030-01-01", tz="UTC"), histories=0)
    assert late.value.argument == "start"


def test_the_command_writes_its_page_and_tables(tmp_path, capsys) -> None:
    bars().to_csv(tmp_path / "market.csv")
    text = """
schema_version = 2
title = "One small market"
as_of = 2023-01-01
[data]
asset = "market 1"
prices = "market.csv"
[model]
spec = "garch-normal"
minimum_bars = 1_000
refit_every_bars = 1_200
[oracle]
deviation_fraction = 0.0
[rule]
multiple = 3.0
[accounts]
distance_fraction = [0.03, 0.15]
account_share = [0.6, 0.4]
interest_share = [0.3, 0.7]
holding_days = 2.0
"""
    (tmp_path / "small.toml").write_text(text, encoding="utf-8")
    words = ("replay", tmp_path / "small.toml", "--histories", "0", "--out", tmp_path)
    assert riskkit(*words) == 0
    said = capsys.readouterr().out
    assert "Rule: 3 sigma over 2 h" in said
    page = (tmp_path / "small" / "replay.html").read_text(encoding="utf-8")
    assert "margin rule replayed" in page
    table = pd.read_csv(tmp_path / "small" / "replay.csv")
    rows = pd.read_csv(tmp_path / "small" / "replay-accounts.csv")
    assert table.loc[0, "defaults"] == rows["defaulted"].sum()
    assert riskkit(*words, "--fill", "low") == 2
    assert "must be one of close, midpoint, extreme" in capsys.readouterr().err
    assert riskkit(*words, "--from", "2022-06-01", "--to", "2022-05-01") == 2
