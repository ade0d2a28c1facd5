"""A night run in parts."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.fleet.identity import this_machine
from riskkit.fleet.join import check_joins, join_night
from riskkit.fleet.night import night_of, read_night, write_night
from riskkit.fleet.refresh import SeriesRow
from tests.fleet.conftest import Fleet
from tests.support import riskkit

pytestmark = pytest.mark.xdist_group("fleet")
DAY = date(2025, 1, 5)


def test_a_second_part_of_a_night_keeps_the_first(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = night_of(DAY, this_machine(), fleet.ended, fleet.archive)
    for ended, series in zip(fleet.ended, ("a", "b"), strict=True):
        refreshed = (SeriesRow(series, (ended.market.name,)),)
        night, table = night_of(DAY, this_machine(), (ended,), fleet.archive, refreshed)
        joined = join_night(tmp_path, night, table)
        write_night(tmp_path, joined.night, joined.table)
    assert joined.kept == ("market-7",)
    read, rows = read_night(tmp_path)
    assert read.rows == whole[0].rows
    assert [row.series for row in read.refreshed] == ["a", "b"]
    assert sorted(rows["key"]) == sorted(whole[1]["key"])
    # The same part again takes its own rows' place.
    again = join_night(tmp_path, night, table)
    assert again.night.rows == read.rows
    assert len(again.table) == len(rows)


def test_a_market_whose_study_is_gone_leaves_the_night_and_is_named(
    fleet: Fleet, tmp_path: Path
) -> None:
    one, other = fleet.ended
    nowhere = dataclasses.replace(one.market, path=tmp_path / "gone.toml")
    first = night_of(
        DAY, this_machine(), (dataclasses.replace(one, market=nowhere),), fleet.archive
    )
    write_night(tmp_path, *first)
    night, table = night_of(DAY, this_machine(), (other,), fleet.archive)
    joined = join_night(tmp_path, night, table)
    assert (joined.kept, joined.gone) == ((), ("market-7",))
    assert set(joined.table["market"]) == {"market-8"}


def test_two_versions_are_not_put_into_one_night(fleet: Fleet, tmp_path: Path) -> None:
    older = dataclasses.replace(this_machine(), riskkit="0.0.1")
    write_night(tmp_path, *night_of(DAY, older, fleet.ended, fleet.archive))
    names = [ended.market.name for ended in fleet.ended]
    with pytest.raises(InputError, match="another riskkit"):
        check_joins(tmp_path, DAY, this_machine(), names[:1])
    check_joins(tmp_path, DAY, this_machine(), names)  # all of it anew: nothing to mix
    check_joins(tmp_path, DAY, older, names[:1])
    check_joins(tmp_path, date(2025, 1, 6), this_machine(), names[:1])


def test_a_part_on_the_command_line_overwrites_nothing(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    out = fleet.archive.folder
    assert riskkit("fleet", "run", fleet.studies, "--out", out) == 0
    assert riskkit("fleet", "run", fleet.studies / "market-8.toml", "--out", out) == 0
    said = capsys.readouterr().out
    assert "1 markets of an earlier run of this night stay" in said
    assert [row.market for row in read_night(out)[0].rows] == ["market-7", "market-8"]
