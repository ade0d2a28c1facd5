"""Two prices of one token: the basis, and the cap on the rate."""

import numpy as np
import pandas as pd
import pytest

from riskkit.collateral.basis import (
    BasisSpec,
    basis_margins,
    basis_of,
    pair_threshold,
    weighted_quantile,
)
from riskkit.collateral.capped_oracle import (
    RateCap,
    check_states,
    fitted_growth,
    states_of_change,
    unfair_liquidations,
)
from riskkit.errors import InputError
from riskkit.formats.pair_section import read_pair_section
from tests.support import riskkit

DAYS = pd.date_range("2021-01-01", periods=900, tz="UTC")
RNG = np.random.default_rng(3)
NOISE = 0.005 * RNG.standard_t(5, 900)
BASE = pd.Series(100.0 * np.exp(0.03 * RNG.standard_normal(900).cumsum()), DAYS)
PRICE = BASE * np.exp(NOISE)

# As reported of March 2026: the ratio limited to 3 % a step, the time moved in full.
MOMENT = pd.Timestamp("2026-03-10", tz="UTC")
LIVE = RateCap(1.1572, pd.Timestamp("2025-07-01", tz="UTC"), 0.0968)
TARGET = RateCap(1.2272, MOMENT - pd.Timedelta(days=7), 0.0968)
RATE = 1.22914


def test_noise_does_not_grow_with_the_root_of_time():
    found = basis_margins(basis_of(PRICE, BASE))
    assert found.variance_ratio == pytest.approx(0.2, abs=0.05)
    assert found.autocorrelation == pytest.approx(-0.5, abs=0.06)
    mean = {bars: rows["margin"].mean() for bars, rows in found.walk.items()}
    assert mean[30] < 1.3 * mean[1]
    for bars in (1, 10, 30):
        n, hits = found.exceptions(bars)
        assert abs(hits - 0.01 * n) < 3.5 * np.sqrt(0.01 * n)
        low, high = found.band(bars)
        assert low <= hits <= high


def test_what_comes_later_changes_no_earlier_margin():
    basis = basis_of(PRICE, BASE)
    scrambled = basis.copy()
    scrambled.iloc[600:] = -0.3
    before, after = (basis_margins(b, (10,)).walk[10]["margin"] for b in (basis, scrambled))
    assert np.array_equal(before.iloc[: 600 - 250], after.iloc[: 600 - 250])


def test_a_weighted_quantile_and_the_threshold_of_a_pair():
    assert weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.75) == 2.0
    assert pair_threshold(0.03, 0.01) == pytest.approx(0.97 / 1.01)
    with pytest.raises(InputError, match=r"\[0, 1\)"):
        pair_threshold(1.0, 0.01)


def test_a_rate_that_falls_and_prices_that_are_none_are_refused():
    rate = pd.Series(np.linspace(1.0, 1.1, 900), DAYS)
    assert basis_of(PRICE * rate, BASE, rate).to_numpy() == pytest.approx(NOISE)
    rate.iloc[500] = 1.0
    with pytest.raises(InputError, match="must not fall"):
        basis_of(PRICE, BASE, rate)
    with pytest.raises(InputError, match="must be positive"):
        basis_of(PRICE * 0.0, BASE)
    with pytest.raises(InputError, match="250 bars"):
        basis_margins(basis_of(PRICE, BASE).iloc[:270])
    with pytest.raises(InputError, match="strictly between"):
        BasisSpec(level_decay=1.0)


def test_a_ratio_limited_while_its_time_moves_in_full_liquidates_34_healthy_accounts():
    rng = np.random.default_rng(34)
    debt = rng.uniform(50.0, 5_000.0, 500)
    # Looped loans: 34 of them within 2.85 % of their threshold, the rest further away.
    health = np.concatenate([rng.uniform(1.0005, 1.029, 34), rng.uniform(1.031, 1.6, 466)])
    collateral = health * debt / (0.955 * RATE)
    assert LIVE.marked_low(RATE, MOMENT) == 0.0
    assert TARGET.marked_low(RATE, MOMENT) == 0.0
    apart = states_of_change(LIVE, TARGET, 0.03, together=False)
    low = apart[0].marked_low(RATE, MOMENT)
    assert low == pytest.approx(0.0285, abs=1e-4)
    hit = unfair_liquidations(collateral, debt, 0.955, RATE, low)
    assert hit.accounts.tolist() == list(range(34))
    loans = {"collateral": collateral, "debt": debt, "threshold": 0.955}
    with pytest.raises(InputError, match=r"by 2.85%.* and liquidates 34 healthy accounts"):
        check_states(apart, RATE, MOMENT, **loans)
    together = states_of_change(LIVE, TARGET, 0.03, together=True)
    table = check_states(together, RATE, MOMENT, **loans)
    assert (table["unfair"] == 0).all()
    assert table["ratio"].iloc[-1] == TARGET.ratio
    assert table["time"].iloc[-1] == TARGET.time
    assert len(together) == len(apart) == 2


def test_the_future_and_numbers_that_are_none_are_refused():
    with pytest.raises(InputError, match="must not lie after"):
        LIVE.largest(pd.Timestamp("2025-01-01", tz="UTC"))
    with pytest.raises(InputError, match="above 0"):
        RateCap(0.0, MOMENT, 0.1)
    with pytest.raises(InputError, match="positive fraction"):
        states_of_change(LIVE, TARGET, 0.0, together=True)
    rate = pd.Series(1.0 + 0.05 * np.arange(900) / 365.0, DAYS)
    assert fitted_growth(rate) == pytest.approx(0.055)
    with pytest.raises(InputError, match="more than 30"):
        fitted_growth(rate.iloc[:30])


CHANGE = """
rate = 1.22914
moment = 2026-03-10T00:00:00Z
growth_per_year_fraction = 0.0968
largest_change_fraction = 0.03
together = {together}
[live]
ratio = 1.1572
time = 2025-07-01T00:00:00Z
[target]
ratio = 1.2272
time = 2026-03-03T00:00:00Z
"""


def test_the_commands_print_and_refuse(tmp_path, capsys):
    for name, part in (("STK", PRICE), ("BASE", BASE)):
        frame = pd.DataFrame({"time": DAYS.strftime("%Y-%m-%d"), "close": part.to_numpy()})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    words = ("staked", tmp_path / "STK.csv", "--base", tmp_path / "BASE.csv")
    assert riskkit(*words, "--out", tmp_path / "out", "--queue-days", "5") == 0
    assert "variance ratio over five days 0." in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "out" / "STK" / "staked-basis.csv").is_file()
    more = ("--venue", "aave-v3", "--as-of", f"{DAYS[600]:%Y-%m-%d}")
    assert riskkit(*words, "--out", tmp_path / "out", *more) == 0
    assert "and what came" in capsys.readouterr().out
    pair, cap = read_pair_section((tmp_path / "out" / "STK" / "pair-aave-v3.json").read_text())
    assert (pair.collateral, pair.debt, cap) == ("STK", "BASE", None)
    assert pair.max_ltv <= pair.threshold
    assert riskkit(*words, "--as-of", "2999-01-01") != 0
    assert "must not lie in the future" in " ".join(capsys.readouterr().err.split())
    assert riskkit(*words, "--queue-days", "-1") != 0
    assert "must be 0 or more" in " ".join(capsys.readouterr().err.split())
    path = tmp_path / "change.toml"
    path.write_text(CHANGE.format(together="true"))
    assert riskkit("cap-steps", path) == 0
    path.write_text(CHANGE.format(together="false"))
    assert riskkit("cap-steps", path) != 0
    assert "must not mark the token low" in " ".join(capsys.readouterr().err.split())
    path.write_text(CHANGE.format(together="false").replace("2025-07-01", "2027-07-01"))
    assert riskkit("cap-steps", path) != 0
    assert "must not lie after" in " ".join(capsys.readouterr().err.split())
    path.write_text("rate = -1.0")
    assert riskkit("cap-steps", path) != 0
    assert "rate" in capsys.readouterr().err
