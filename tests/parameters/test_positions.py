"""Which open positions a change would make liquidatable."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskkit.errors import DataError, InputError
from riskkit.formats.guardrails import AAVE_STEWARDS, Guardrail, Limit, plan_change
from riskkit.formats.positions import assess_impact, check_positions, read_positions, triggers
from riskkit.units import Scale

START = pd.Timestamp("2026-01-05")
LOANS = "account,collateral,debt\n0xa,10,15900\n0xb,10,16300\n0xb,1,1610\n0xc,1,1900\n0xd,1,0\n"
PERPS = """account,side,size,entry,collateral
a,long,1,2000,200
b,short,2,2000,400
c,long,1,2100,150
"""
MARGINS = Guardrail(
    "a test rail",
    (("maintenance_margin", Limit(Decimal("0.02"), None, pd.Timedelta(days=1))),),
    Scale.BPS,
)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "positions.csv"
    path.write_text(text, encoding="utf-8")
    return path


def threshold_path(live: str, target: str):
    name = "liquidation_threshold"
    return plan_change({name: Decimal(live)}, {name: Decimal(target)}, AAVE_STEWARDS, START)


def test_loans_by_hand(tmp_path: Path) -> None:
    positions = read_positions(write(tmp_path, LOANS))
    # At 2,000 the triggers are .795, .815, .805, .95 and 0.
    assert triggers(positions, 2_000.0).tolist() == pytest.approx([0.795, 0.815, 0.805, 0.95, 0.0])
    impact = assess_impact(threshold_path("0.82", "0.80"), positions, 2_000.0)
    table = impact.table
    assert table["value"].tolist() == [0.82, 0.815, 0.81, 0.805, 0.80]
    assert table["accounts"].tolist() == [1, 0, 1, 0, 1]
    assert table["notional"].tolist() == [1_900.0, 0.0, 16_300.0, 0.0, 1_610.0]
    assert table["accounts_total"].tolist() == [1, 1, 2, 2, 2]  # 0xb holds both of the later ones
    assert impact.largest_safe_value == Decimal("0.815")


def test_perpetuals_by_hand(tmp_path: Path) -> None:
    positions = read_positions(write(tmp_path, PERPS))
    # At 2,000: equity 200 of 2000, 400 of 4000, 50 of 2000.
    assert triggers(positions, 2_000.0).tolist() == pytest.approx([0.1, 0.1, 0.025])
    # At 2,100 the short has lost 200 of its 400.
    assert triggers(positions, 2_100.0)[1] == pytest.approx(200 / 4200)
    live, target = {"maintenance_margin": Decimal("0.02")}, {"maintenance_margin": Decimal("0.05")}
    path = plan_change(live, target, MARGINS, START)
    impact = assess_impact(path, positions, 2_000.0)
    assert impact.table["accounts"].tolist() == [0, 1, 0]
    assert impact.table["notional"].tolist() == [0.0, 2_000.0, 0.0]
    assert impact.largest_safe_value == Decimal("0.025")


def test_loosening_liquidates_nobody(tmp_path: Path) -> None:
    positions = read_positions(write(tmp_path, LOANS))
    impact = assess_impact(threshold_path("0.80", "0.82"), positions, 2_000.0)
    assert impact.table["accounts"].tolist()[1:] == [0] * 4
    assert impact.largest_safe_value == Decimal("0.82")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e5)), min_size=1, max_size=20),
    st.floats(1.0, 1e4),
    st.integers(5_000, 9_000),
    st.integers(5_000, 9_000),
)
@example([(1.0, 1.0)], 1.25, 8_000, 5_000)  # a trigger that is no sum of halves, and the live value
@example([(1.0, 1.0)], 1.25, 8_001, 5_000)
def test_the_safe_value_is_safe_and_the_next_one_is_not(
    rows: list[tuple[float, float]], price: float, live: int, target: int
) -> None:
    """Brute force: the health factor of every loan, at the safe value and one unit further."""
    frame = pd.DataFrame(rows, columns=["collateral", "debt"]).assign(account="x")
    positions = check_positions(frame)
    start, goal = Decimal(live) / 10_000, Decimal(target) / 10_000
    impact = assess_impact(threshold_path(str(start), str(goal)), positions, price)

    at = triggers(positions, price)

    def struck(value: Decimal) -> int:
        return int(np.sum((at > float(value)) & (at <= float(start))))

    safe = impact.largest_safe_value
    assert struck(safe) == 0
    if safe != goal:
        assert goal < safe <= start
        assert struck(safe - Decimal("0.0001")) > 0
    # The health factor says the same as the trigger, away from equality.
    collateral, debt = frame["collateral"].to_numpy(), frame["debt"].to_numpy()
    worth = collateral * price * float(safe)
    apart = np.abs(worth - debt) > 1e-9 * (worth + debt)
    assert ((worth < debt) == (at > float(safe)))[apart].all()


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    csv = read_positions(write(tmp_path, LOANS))
    csv.table.to_parquet(tmp_path / "positions.parquet")
    pd.testing.assert_frame_equal(read_positions(tmp_path / "positions.parquet").table, csv.table)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("15900", "nan", r"positions\.debt: got nan; must be a finite number.* Correct row 1"),
        ("15900", "-1", r"positions\.debt: got -1"),
        ("15900", "many", r"positions\.debt: got many"),
        ("0xc", "", r"positions\.account: .* must name the account\. Correct row 4"),
        ("debt", "borrowed", r"no column \['side', 'size', 'entry'\]"),
        ("collateral", "c", r"no column \['collateral'\]"),
    ],
)
def test_broken_loans_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_positions(write(tmp_path, LOANS.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("short", "both", r"positions\.side: got both; must be long or short\. Correct row 2"),
        ("a,long,1,", "a,long,0,", r"positions\.size: got"),
        (",2100,", ",inf,", r"positions\.entry: got inf"),
    ],
)
def test_broken_perpetuals_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        read_positions(write(tmp_path, PERPS.replace(old, new, 1)))
    assert refusal.value.rows


def test_files_that_are_not_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a readable CSV or parquet file"):
        read_positions(write(tmp_path, ""))
    with pytest.raises(InputError, match=r"must be a file that can be read \(No such file"):
        read_positions(tmp_path / "none.csv")
    with pytest.raises(InputError, match="the column 'debt' is there twice"):
        read_positions(write(tmp_path, "account,collateral,debt,debt\na,1,1,900\n"))
    with pytest.raises(InputError, match="line 2 holds 4 values where its header names 3"):
        read_positions(write(tmp_path, "account,collateral,debt\na,1,900,2\nb,1,900,2\n"))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    with pytest.raises(InputError, match="must be a readable CSV or parquet file"):
        read_positions(broken)
    with pytest.raises(DataError, match="must hold a position"):
        read_positions(write(tmp_path, LOANS.splitlines()[0]))


def test_a_small_file_that_unpacks_to_a_large_table_is_refused(tmp_path: Path) -> None:
    rows = 5_000_000
    bomb = pd.DataFrame({name: np.zeros(rows) for name in ("collateral", "debt")})
    bomb.assign(account="a").to_parquet(tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    with pytest.raises(InputError, match=r"parquet file \(5,000,000 rows, "):
        read_positions(tmp_path / "bomb.parquet")
    with pytest.raises(InputError, match="500,001 rows, more than 500,000"):
        read_positions(write(tmp_path, "account,collateral,debt\n" + "a,1,1\n" * 500_000))


def test_price_and_path_must_fit_the_positions(tmp_path: Path) -> None:
    positions = read_positions(write(tmp_path, PERPS))
    with pytest.raises(InputError, match=r"price: got 0\.0; must be a positive number"):
        triggers(positions, 0.0)
    with pytest.raises(InputError, match="must hold maintenance_margin, which decides"):
        assess_impact(threshold_path("0.82", "0.80"), positions, 2_000.0)
