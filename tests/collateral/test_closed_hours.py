"""Closed hours: gaps by kind, nothing known later, and the odds that were promised."""

import numpy as np
import pandas as pd
import pytest

from riskkit.collateral.closed_hours import ClosedSpec, closed_margins, closures, exceptions
from riskkit.errors import InputError
from tests.support import riskkit

DATES = pd.bdate_range("2010-01-04", periods=3_000, tz="UTC")
RNG = np.random.default_rng(8)


def sessions(weekend: float = 2.0) -> tuple[pd.Series, pd.Series]:
    """Gaps of 1 %, over weekends twice as wild, and days of 2 %."""
    wide = np.where(np.append(3, np.diff(DATES.day_of_year)) != 1, weekend, 1.0)
    gap = 0.01 * wide * RNG.standard_t(8, len(DATES))
    day = 0.02 * RNG.standard_normal(len(DATES))
    close = 100.0 * np.exp((gap + day).cumsum())
    return pd.Series(close / np.exp(day), DATES), pd.Series(close, DATES)


OPEN, CLOSE = sessions()
GAPS = closures(OPEN, CLOSE)


def test_a_gap_is_the_open_over_the_close_before_it():
    assert len(GAPS) == 2_999
    assert GAPS["gap"].iloc[0] == pytest.approx(np.log(OPEN.iloc[1] / CLOSE.iloc[0]))
    assert set(GAPS["kind"][GAPS.index.day_of_week == 0]) == {"weekend"}
    assert set(GAPS["kind"][GAPS.index.day_of_week == 2]) == {"night"}
    named = closures(OPEN, CLOSE, ["2012-05-02"])
    assert named.loc["2012-05-02", "kind"] == "event"


def test_weekends_are_margined_as_wild_as_they_are_and_the_odds_hold():
    found = closed_margins(GAPS)
    now = found.now.set_index("kind")
    assert now.loc["weekend", "scale"] / now.loc["night", "scale"] == pytest.approx(2.0, rel=0.15)
    for kind in (None, "night", "weekend"):
        for n, hits in exceptions(found.walk, kind).values():
            assert abs(hits - 0.01 * n) < 3.5 * np.sqrt(0.01 * n)


def test_what_comes_later_changes_no_earlier_margin():
    scrambled = GAPS.copy()
    scrambled.iloc[2_000:, 0] = -0.2
    before, after = closed_margins(GAPS).walk, closed_margins(scrambled).walk
    cut = 2_000 - 500 + 1
    assert before[["long", "short"]].iloc[:cut].equals(after[["long", "short"]].iloc[:cut])


def test_prices_without_gaps_and_short_histories_are_refused():
    with pytest.raises(InputError, match="at least once"):
        closures(CLOSE.shift(1).bfill(), CLOSE)
    with pytest.raises(InputError, match="above 0"):
        closures(OPEN * 0.0, CLOSE)
    with pytest.raises(InputError, match="more than 500"):
        closed_margins(GAPS.iloc[:400])
    with pytest.raises(InputError, match="strictly between"):
        ClosedSpec(confidence=1.0)


def test_the_command_counts_closures_and_tells_mistakes(tmp_path, capsys):
    frame = pd.DataFrame({"date": DATES.strftime("%Y-%m-%d"), "open": OPEN.array})
    frame["close"] = CLOSE.array
    frame.to_csv(tmp_path / "X.csv", index=False)
    (tmp_path / "dates.txt").write_text("2012-05-02\n2012-08-01\n")
    words = ("closed-hours", tmp_path / "X.csv", "--out", tmp_path / "out")
    assert riskkit(*words, "--events", tmp_path / "dates.txt") == 0
    said = capsys.readouterr().out
    assert "weekend" in said
    assert "event *" in said
    assert len(pd.read_csv(tmp_path / "out" / "X" / "closed-hours.csv")) == 2_499
    (tmp_path / "dates.txt").write_text("May 2\n")
    assert riskkit(*words, "--events", tmp_path / "dates.txt") != 0
    assert "must be dates" in " ".join(capsys.readouterr().err.split())
    frame.drop(columns="open").to_csv(tmp_path / "Y.csv", index=False)
    assert riskkit("closed-hours", tmp_path / "Y.csv") != 0
    assert "must have opening prices" in " ".join(capsys.readouterr().err.split())
