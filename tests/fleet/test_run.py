"""A fleet's run: deaths, failures and restarts change no answer."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.fleet.archive import Archive
from riskkit.fleet.identity import this_machine
from riskkit.fleet.plan import FleetMarket, plan_markets, read_case, study_files
from riskkit.fleet.run import Status, run_markets
from riskkit.fleet.task import solve
from riskkit.fleet.workers import ProcessWorkers, ThreadWorkers
from riskkit.study.case import Case
from tests.fleet.conftest import NOW, Fleet, asking, light_study
from tests.fleet.deadly import dies_of_poison, raises

# The fleet runs once for the whole folder: one process of the test runner keeps it.
pytestmark = pytest.mark.xdist_group("fleet")


def _markets(fleet: Fleet) -> tuple[FleetMarket, ...]:
    return plan_markets(study_files([fleet.studies]), this_machine())


def test_a_killed_process_loses_nothing_and_changes_no_byte(fleet: Fleet, tmp_path: Path) -> None:
    assert [e.status for e in fleet.ended] == [Status.COMPUTED] * 2
    serial = Archive(tmp_path)
    with ThreadWorkers(solve) as workers:
        alone = run_markets(_markets(fleet)[1:2], serial, workers, asking())
    key = alone[0].key
    assert key == fleet.ended[1].key
    assert serial.parameters(key).read_bytes() == fleet.archive.parameters(key).read_bytes()


def test_what_is_done_is_neither_loaded_nor_computed_again(fleet: Fleet) -> None:
    def never(market: FleetMarket) -> Case:
        raise AssertionError(market.name)

    with ThreadWorkers(raises) as workers:
        again = run_markets(
            _markets(fleet), fleet.archive, workers, dataclasses.replace(asking(), load=never)
        )
    assert [e.status for e in again] == [Status.KEPT] * 2
    assert [e.key for e in again] == [e.key for e in fleet.ended]


def test_a_new_layout_of_a_study_asks_the_same(fleet: Fleet, tmp_path: Path) -> None:
    text = "# a remark\n" + light_study(7)
    text = text.replace('"btc_usd_daily.csv"', f'"{fleet.studies / "btc_usd_daily.csv"}"')
    (tmp_path / "market-7.toml").write_text(text, encoding="utf-8")
    markets = plan_markets(study_files([tmp_path]), this_machine())
    with ThreadWorkers(raises) as workers:
        (ended,) = run_markets(markets, fleet.archive, workers, asking())
    assert (ended.status, ended.key) == (Status.KEPT, fleet.ended[0].key)


def test_another_version_asks_anew(fleet: Fleet) -> None:
    other = dataclasses.replace(this_machine(), riskkit="0.0.0")
    assert _markets(fleet)[0].asked != plan_markets(study_files([fleet.studies]), other)[0].asked


def test_a_market_that_kills_its_process_is_a_row_and_stops_no_other(
    fleet: Fleet, tmp_path: Path
) -> None:
    poison = fleet.studies.parent / "poison.toml"
    text = light_study(9).replace('"btc_usd', '"studies/btc_usd')
    poison.write_text(text, encoding="utf-8")
    one, other = _markets(fleet)
    markets = (one, *plan_markets([poison], this_machine()), other)
    with ProcessWorkers(dies_of_poison, 2) as workers:
        ended = run_markets(
            markets, Archive(tmp_path), workers, dataclasses.replace(asking(), retries=1)
        )
    assert [e.status for e in ended] == [Status.COMPUTED, Status.FAILED, Status.COMPUTED]
    assert "its worker died 2 times" in ended[1].reason
    assert not Archive(tmp_path).has(ended[1].key)  # the next run tries again


def test_what_cannot_be_read_is_a_row_with_its_reason(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "a-broken.toml").write_text("title =", encoding="utf-8")
    (tmp_path / "b-no-prices.toml").write_text(light_study(7), encoding="utf-8")
    (tmp_path / "c-rule.toml").write_text(
        light_study(7).replace('spec = "gjr-t"', 'spec = "no-such"'), encoding="utf-8"
    )
    told = []
    with ThreadWorkers(raises) as workers:
        ended = run_markets(
            plan_markets(study_files([tmp_path]), this_machine()),
            Archive(tmp_path / "out"),
            workers,
            asking(),
            lambda *numbers: told.append(numbers),
        )
    assert {e.status for e in ended} == {Status.FAILED}
    reasons = [e.reason for e in ended]
    assert "must be TOML" in reasons[0]
    assert "btc_usd_daily.csv" in reasons[1]
    assert "model.spec" in reasons[2]
    assert told == [(1, 1, 3), (2, 2, 3), (3, 3, 3)]


def test_a_rule_broken_in_the_work_is_kept_a_fault_of_its_own_is_not(
    fleet: Fleet, tmp_path: Path
) -> None:
    """Too few bars is the study's own rule, and would come again; a KeyError would not be kept."""
    short = tmp_path / "short.toml"
    text = light_study(7).replace("2024-12-31", "2014-12-01")
    short.write_text(
        text.replace('"btc_usd_daily.csv"', f'"{fleet.studies / "btc_usd_daily.csv"}"'),
        encoding="utf-8",
    )
    archive = Archive(tmp_path / "out")
    markets = plan_markets(study_files([short]), this_machine())
    with ThreadWorkers(solve) as workers:
        (first,) = run_markets(markets, archive, workers, asking())
    with ThreadWorkers(raises) as workers:
        (again,) = run_markets(markets, archive, workers, asking())
    assert first.status is again.status is Status.FAILED
    assert first.reason == again.reason != ""


@pytest.mark.parametrize(
    ("names", "words"),
    [((), "at least one study"), (("a/one.toml", "b/one.toml"), "different names")],
)
def test_a_folder_without_studies_or_with_two_of_one_name_is_refused(
    names: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=words):
        study_files([tmp_path])


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none of that name"):
        study_files([tmp_path / "nowhere"])


def test_another_day_is_asked_of_the_same_study(fleet: Fleet) -> None:
    market = _markets(fleet)[0]
    day = date(2024, 6, 30)
    case = read_case(market, now=NOW, as_of=day)
    assert case.study.as_of == day
    assert case.history.last.date() <= day
