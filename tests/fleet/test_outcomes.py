"""What came after a recommendation, how models stand against it, and what forces a review."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.fleet.challengers import read_challengers
from riskkit.fleet.concerns import Gravity
from riskkit.fleet.identity import this_machine
from riskkit.fleet.ledger import Act, LedgerEntry, append_entry, read_ledger
from riskkit.fleet.night import Night, night_of, recommended, write_night
from riskkit.fleet.nightly import record_night
from riskkit.fleet.outcomes import COLUMNS, AwaitedOutcomes, read_outcomes, write_outcomes
from riskkit.fleet.plan import plan_markets, read_case, study_files
from riskkit.fleet.standing import forced_reviews, model_standings
from riskkit.lab.committee import render_committee
from riskkit.parameters.file import read_parameter_file
from riskkit.study.case import Case
from tests.fleet.conftest import NOW, Fleet, light_study
from tests.support import riskkit

pytestmark = pytest.mark.xdist_group("fleet")

FIRST, SECOND = date(2024, 11, 3), date(2024, 11, 8)
LAST_CLOSE = 69_330.0
#: Of the days after the last bar: a quiet one, then a fall beyond any margin.
LATER = (69_500.0, 69_000.0, 30_000.0, 31_000.0)


@pytest.fixture
def out(fleet: Fleet, tmp_path: Path) -> Path:
    """A night with a market and a challenger on it, whose answer is that of another seed."""
    champion, other = fleet.ended
    shadow = dataclasses.replace(champion.market, name="market-7~egarch", challenger="egarch")
    ended = (champion, dataclasses.replace(other, market=shadow))
    (tmp_path / "answers").symlink_to(fleet.archive.folder / "answers")
    night = night_of(FIRST, this_machine(), ended, fleet.archive)
    write_night(tmp_path, *night)
    return tmp_path


def _later(fleet: Fleet, tmp_path: Path, closes: tuple[float, ...]) -> Case:
    """The market's study with bars that came since."""
    text = (fleet.studies / "btc_usd_daily.csv").read_text(encoding="utf-8")
    days = [FIRST + timedelta(days=n) for n in range(len(closes))]
    text += "".join(f"{day},{close}\n" for day, close in zip(days, closes, strict=True))
    folder = tmp_path / "later"
    folder.mkdir(exist_ok=True)
    (folder / "btc_usd_daily.csv").write_text(text, encoding="utf-8")
    (folder / "market-7.toml").write_text(light_study(7), encoding="utf-8")
    (market,) = plan_markets(study_files([folder]), this_machine())
    return read_case(market, now=NOW)


def _seen(fleet: Fleet, out: Path, closes: tuple[float, ...] = LATER) -> pd.DataFrame:
    entries = read_ledger(out / "ledger.jsonl")
    awaited = AwaitedOutcomes.of(out, entries, SECOND)
    awaited.see(fleet.ended[0].market, _later(fleet, out, closes))
    return awaited.table()


def test_a_loss_is_that_of_the_margin_period_of_risk(fleet: Fleet, out: Path) -> None:
    file = read_parameter_file(fleet.archive.parameters(fleet.ended[0].key))
    bars = file.counted.margin_period_of_risk_bars
    table = _seen(fleet, out)
    assert tuple(table.columns) == COLUMNS
    assert list(table["challenger"]) == ["", "", "egarch", "egarch"]
    own = table[table["challenger"] == ""].set_index("side")
    change = LATER[bars - 1] / LAST_CLOSE - 1.0
    assert own["realised_loss_fraction"]["long"] == pytest.approx(-change, rel=1e-12)
    assert own["realised_loss_fraction"]["short"] == pytest.approx(change, rel=1e-12)
    assert pd.Timestamp(own["target_utc"]["long"]).date() == FIRST + timedelta(days=bars - 1)
    covered = {p.side: p.covered_loss_fraction for p in file.parameters.recommended}
    for side, row in own.iterrows():
        beyond = row["realised_loss_fraction"] > covered[str(side)]
        assert row["exception"] == beyond
        p, miss = row["due_probability"], row["realised_loss_fraction"] - covered[str(side)]
        assert row["score"] == pytest.approx((beyond - p) * miss / row["sigma_next_bar_fraction"])
    assert own["in_force_fraction"].isna().all()


def test_a_period_that_has_not_ended_or_was_seen_is_not_judged(fleet: Fleet, out: Path) -> None:
    assert _seen(fleet, out, ()).empty
    first = _seen(fleet, out)
    assert write_outcomes(out, FIRST, _seen(fleet, out, ())) is None
    write_outcomes(out, FIRST, first)
    assert _seen(fleet, out).empty
    write_outcomes(out, FIRST, first)  # again on the same night: once
    assert len(read_outcomes(out)) == 4
    assert read_outcomes(out, before=FIRST).empty


def test_what_was_in_force_is_held_to_the_same_loss(fleet: Fleet, out: Path) -> None:
    """An override of half a percent was short of any loss; the adopted short side was not."""
    digest = read_parameter_file(
        fleet.archive.parameters(fleet.ended[0].key)
    ).header.digest.content_sha256
    values = {"long.maintenance_margin_fraction": 0.001}
    entry = LedgerEntry(
        date(2024, 11, 1), "market-7", Act.OVERRIDDEN, digest, "a", "b", date(2024, 11, 7), values
    )
    append_entry(out / "ledger.jsonl", entry)
    closes = (69_330.0 * 0.99,) * 4
    own = _seen(fleet, out, closes)
    own = own[own["challenger"] == ""].set_index("side")
    assert own["in_force_fraction"]["long"] == 0.001
    assert list(own["in_force_short"]) == [True, False]
    night = night_of(FIRST, this_machine(), fleet.ended[:1], fleet.archive)
    triggers = {(digest, side): 0.05 for side in ("long", "short")}
    entries = read_ledger(out / "ledger.jsonl")
    forced = forced_reviews(entries, night, read_outcomes(out), SECOND, triggers)["market-7"]
    assert any("lapsed on 2024-11-07" in c.words and c.gravity is Gravity.ACT for c in forced)
    assert any("long: 0.10% in force" in c.words for c in forced)
    early = forced_reviews(entries, night, read_outcomes(out), date(2024, 11, 7), triggers)
    assert not any("lapsed" in c.words for c in early["market-7"])


def _outcomes(days: int, scores: dict[str, float], exceptions: int = 0) -> pd.DataFrame:
    """Outcomes of one market, a day each, with noise that is the same for every model."""
    noise = np.random.default_rng(5).normal(size=(days, 2))
    rows = []
    for name, level in scores.items():
        for day in range(days):
            origin = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=day)
            own = 0.1 * noise[day, 1] if name else 0.0
            rows.append(
                {
                    "market": "m", "challenger": name, "side": "long", "digest": "ab",
                    "origin_utc": origin.isoformat(),
                    "target_utc": (origin + pd.Timedelta(days=1)).isoformat(),
                    "due_probability": 0.01, "exception": not name and day < exceptions,
                    "score": level + noise[day, 0] + own,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"exception": "boolean", "in_force_short": "boolean"}
    )


def test_a_better_challenger_wins_when_days_suffice() -> None:
    scores = {"": 5.0, "worse": 5.5, "better": 4.5}
    standings = {s.challenger: s for s in model_standings(_outcomes(60, scores))}
    assert standings["better"].wins
    assert not standings["worse"].wins
    assert not standings[""].wins
    assert standings["better"].score_ratio < 1.0 < standings["worse"].score_ratio
    assert standings[""].score_ratio == 1.0
    assert standings[""].due == pytest.approx(0.6)
    few = model_standings(_outcomes(29, scores))
    assert all(s.better is None for s in few)
    assert model_standings(_outcomes(0, scores)) == ()


@pytest.mark.parametrize(
    ("exceptions", "gravity"), [(4, None), (5, Gravity.REVIEW), (10, Gravity.ACT)]
)
def test_basels_traffic_light_forces_a_review(exceptions: int, gravity: Gravity | None) -> None:
    """Of 250 days at 1 %: green to 4 exceptions, yellow to 9, red from 10 (BCBS 1996)."""
    night = Night(SECOND, {}, ()), pd.DataFrame(columns=["state", "challenger"])
    forced = forced_reviews((), night, _outcomes(250, {"": 5.0}, exceptions), SECOND, {})
    found = [concern.gravity for concern in forced.get("m", [])]
    assert found == ([] if gravity is None else [gravity])


@pytest.mark.parametrize(("periods", "exceptions"), [(1, 0), (1, 1), (49, 10), (60, 0)])
def test_few_periods_and_none_exceeded_light_nothing(periods: int, exceptions: int) -> None:
    """P(X <= 0) of one period at 1 % is 99 %, which Basel's rule for 250 would call yellow."""
    night = Night(SECOND, {}, ()), pd.DataFrame(columns=["state", "challenger"])
    table = _outcomes(periods, {"": 5.0}, exceptions).assign(due_probability=0.001)
    assert not forced_reviews((), night, table, SECOND, {})


def test_periods_that_overlap_count_once() -> None:
    table = _outcomes(250, {"": 5.0}, 20)
    target = pd.to_datetime(table["origin_utc"]) + pd.Timedelta(days=5)
    table["target_utc"] = [time.isoformat() for time in target]
    night = Night(SECOND, {}, ()), pd.DataFrame(columns=["state", "challenger"])
    (concern,) = forced_reviews((), night, table, SECOND, {})["m"]
    assert "exceeded in 4 of 50 periods" in concern.words


def test_a_night_adds_its_root_and_what_came_to_the_record(fleet: Fleet, out: Path) -> None:
    night, _ = night_of(SECOND, this_machine(), fleet.ended, fleet.archive)
    path = out / "ledger.jsonl"
    outcomes = write_outcomes(out, SECOND, _seen(fleet, out))
    record_night(path, night, outcomes)
    record_night(path, night, outcomes)
    entries = read_ledger(path)
    assert [entry.act for entry in entries] == [Act.RECOMMENDED, Act.CAME]
    assert entries[0].values == {"markets": 2.0, "failed": 0.0, "challengers": 0.0}
    assert entries[1].values["periods"] == 2.0
    part = dataclasses.replace(night, rows=night.rows[:1])
    record_night(path, part, None)
    assert read_ledger(path)[-1].digest != entries[0].digest


def test_the_page_and_the_command_show_how_models_stand(
    fleet: Fleet, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = night_of(FIRST, this_machine(), fleet.ended, fleet.archive)
    standings = model_standings(_outcomes(60, {"": 5.0, "better": 4.5}))
    page = render_committee(
        night, (), fleet.archive, place=out / "committee.html", standings=standings
    )
    assert "better: a review of the champion is due" in page
    write_outcomes(out, FIRST, _seen(fleet, out))
    assert riskkit("fleet", "table", "--out", out) == 0
    assert "egarch" not in capsys.readouterr().out
    assert riskkit("fleet", "table", "--challengers", "--out", out) == 0
    assert "market-7~egarch" in capsys.readouterr().out
    assert riskkit("fleet", "record", "--out", out) == 0
    said = capsys.readouterr().out
    assert "champion" in said
    assert "egarch" in said


def test_a_challenger_is_planned_beside_its_market_and_recommends_nothing(
    fleet: Fleet, tmp_path: Path
) -> None:
    path = tmp_path / "challengers.toml"
    path.write_text('[plain]\n"model.spec" = "garch-normal"\n', encoding="utf-8")
    challengers = read_challengers(path)
    markets = plan_markets(study_files([fleet.studies]), this_machine(), challengers=challengers)
    assert [m.name for m in markets] == ["market-7", "market-7~plain", "market-8", "market-8~plain"]
    assert markets[0].asked == fleet.ended[0].market.asked
    assert markets[1].asked != markets[0].asked
    case = read_case(markets[1], now=NOW)
    assert case.study.model.spec == "garch-normal"
    assert markets[1].study == "market-7"
    ended = dataclasses.replace(fleet.ended[0], market=markets[1])
    night, table = night_of(FIRST, this_machine(), (ended,), fleet.archive)
    assert recommended(table).empty
    assert not recommended(table, challengers=True).empty
    assert night.champions == ()
    assert math.isfinite(recommended(table, challengers=True)["trigger_fraction"].iloc[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one challenger"),
        ("[egarch", "must be TOML"),
        ('[Bad_name]\n"model.spec" = "egarch-t"', "small letters"),
        ("egarch = 1", "must be a table"),
        ("[egarch]", "must be a table"),
        ('[egarch]\n"targets.default_given_liquidation_probability" = 0.5', "another question"),
    ],
)
def test_challengers_that_break_a_rule_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "challengers.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_challengers(path)
