"""A night's manifest and table, what moved since the last, and what the committee reads."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.fleet.compare import compare_nights
from riskkit.fleet.concerns import Gravity, review_night
from riskkit.fleet.identity import this_machine
from riskkit.fleet.night import COLUMNS, Night, NightRow, night_of, nights, read_night, write_night
from riskkit.fleet.plan import FleetMarket
from riskkit.fleet.run import Ended, Status
from riskkit.lab.committee import render_committee
from riskkit.parameters.file import read_parameter_file
from tests.fleet.conftest import Fleet

pytestmark = pytest.mark.xdist_group("fleet")

FIRST, SECOND = date(2025, 1, 5), date(2025, 1, 6)


def _night(fleet: Fleet, night: date, ended: tuple[Ended, ...]) -> tuple[Night, pd.DataFrame]:
    return night_of(night, this_machine(), ended, fleet.archive)


def _with_failure(fleet: Fleet) -> tuple[Ended, ...]:
    lost = FleetMarket("lost", Path("lost.toml"), "", "its prices <b>are</b> gone")
    return (*fleet.ended, Ended(lost, Status.FAILED, reason=lost.reason))


def test_a_night_is_read_as_it_was_written(fleet: Fleet, tmp_path: Path) -> None:
    night, table = _night(fleet, FIRST, _with_failure(fleet))
    write_night(tmp_path, night, table)
    read, again = read_night(tmp_path)
    assert read == night
    assert nights(tmp_path) == (FIRST,)
    pd.testing.assert_frame_equal(again, table)
    assert tuple(table.columns) == COLUMNS


def test_the_table_is_that_of_the_parameter_files(fleet: Fleet) -> None:
    _, table = _night(fleet, FIRST, fleet.ended)
    file = read_parameter_file(fleet.archive.parameters(fleet.ended[0].key))
    rows = table[(table["market"] == "market-7") & (table["state"] == "recommended")]
    assert list(rows["side"]) == ["long", "short"]
    for row, side in zip(rows.to_dict("records"), file.parameters.recommended, strict=True):
        assert row["trigger_fraction"] == side.maintenance_margin_fraction
        assert row["opening_high_fraction"] == side.initial_margin_high_fraction
        assert row["digest"] == file.header.digest.content_sha256
    states = 1 + len({p.start_state for p in file.parameters.by_start_state})
    assert len(table[table["market"] == "market-7"]) == 2 * states


def test_duckdb_reads_the_table_of_every_night(fleet: Fleet, tmp_path: Path) -> None:
    import duckdb

    for day in (FIRST, SECOND):
        write_night(tmp_path, *_night(fleet, day, fleet.ended))
    found = duckdb.sql(
        f"SELECT as_of, count(*) FROM read_parquet('{tmp_path}/table/*/*.parquet', "
        "hive_partitioning = true) WHERE state = 'recommended' GROUP BY as_of ORDER BY as_of"
    ).fetchall()
    assert found == [(FIRST, 4), (SECOND, 4)]


def test_the_same_answers_on_two_nights_moved_nothing(fleet: Fleet) -> None:
    same = compare_nights(
        _night(fleet, FIRST, fleet.ended), _night(fleet, SECOND, fleet.ended), fleet.archive
    )
    assert (same.moves, same.unmoved) == ((), 8)


def test_a_move_is_told_with_its_size_and_cause(fleet: Fleet) -> None:
    """The other market's answer in the place of the first: only its seed differs."""
    one, other = fleet.ended
    swapped = dataclasses.replace(one, key=other.key)
    old, new = (_night(fleet, day, (e,)) for day, e in ((FIRST, one), (SECOND, swapped)))
    found = compare_nights(old, new, fleet.archive)
    files = [read_parameter_file(fleet.archive.parameters(e.key)) for e in (one, other)]
    was, now = (f.parameters.recommended[0].maintenance_margin_fraction for f in files)
    move = next(m for m in found.moves if (m.side, m.parameter) == ("long", "trigger"))
    assert move.change_bps == pytest.approx(1e4 * (now - was), rel=1e-12)
    assert move.why == ("assumptions",)
    sizes = [abs(m.change_bps) for m in found.moves]
    assert sizes == sorted(sizes, reverse=True)


def test_markets_come_and_go(fleet: Fleet) -> None:
    old, new = (
        _night(fleet, day, (e,)) for day, e in zip((FIRST, SECOND), fleet.ended, strict=True)
    )
    found = compare_nights(old, new, fleet.archive)
    assert (found.appeared, found.vanished) == (("market-8",), ("market-7",))


def test_failed_and_expired_markets_come_first(fleet: Fleet) -> None:
    night, table = _night(fleet, FIRST, _with_failure(fleet))
    fresh = review_night(night, table, day=date(2024, 11, 20))
    assert fresh[0].market == "lost"
    assert fresh[0].gravity == Gravity.ACT
    assert all(r.gravity < Gravity.ACT for r in fresh[1:])
    late = review_night(night, table, day=date(2026, 1, 1))
    assert all(r.gravity == Gravity.ACT for r in late)
    assert late[0].market == "lost"
    answered = [r for r in late if r.market != "lost"]
    assert all(any("expired" in c.words for c in r.concerns) for r in answered)


def test_a_market_far_from_its_peers_is_named(fleet: Fleet) -> None:
    _, table = _night(fleet, FIRST, fleet.ended[:1])
    base = table[(table["state"] == "recommended") & (table["side"] == "long")]
    factors = [0.97, 0.98, 0.99, 1.0, 1.0, 1.01, 1.02, 1.03, 2.0]
    rows = [
        base.assign(market=f"m{i}", covered_loss_fraction=base["covered_loss_fraction"] * f)
        for i, f in enumerate(factors)
    ]
    night = _night(fleet, FIRST, ())[0]
    night = dataclasses.replace(
        night,
        rows=tuple(NightRow(f"m{i}", "", "computed", "", "", "") for i in range(len(factors))),
    )
    reviews = review_night(night, pd.concat(rows), day=date(2024, 11, 20))
    wide = [r.market for r in reviews if any("wide beside 8 peers" in c.words for c in r.concerns)]
    assert wide == ["m8"]


def test_the_page_ranks_escapes_and_links(fleet: Fleet, tmp_path: Path) -> None:
    read = _night(fleet, FIRST, _with_failure(fleet))
    page = render_committee(
        read,
        review_night(*read, day=date(2024, 11, 20)),
        fleet.archive,
        place=fleet.archive.folder / "committee.html",
    )
    assert "its prices &lt;b&gt;are&lt;/b&gt; gone" in page
    key = fleet.ended[0].key
    assert f'href="answers/{key[:2]}/{key}.json"' in page
    assert page.index("lost") < page.index("market-7")


def test_a_night_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it holds none"):
        read_night(tmp_path)
