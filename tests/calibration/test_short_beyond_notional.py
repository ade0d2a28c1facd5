"""A linear short can lose more than its notional: its margin is looked for beyond 98 %."""

import pytest

from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.venue.mechanism import Perpetual, check_position
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.support import small_study


def test_a_short_is_solved_beyond_its_notional_where_its_end_is_set_no_lower(btc_daily):
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    new = small_study(mechanism={"holding_horizon_hours": 240.0})  # version 1 too
    assert new.position.largest_short_margin_fraction == 10.0
    asked = {"position.largest_short_margin_fraction": 0.98}
    wild = Start.measured(0.25)
    found = {}
    for name, study in {"old": new.changed(asked), "new": new}.items():
        question = Question.of(study, fit, btc_daily.bar).changed(start=wild, paths=20_000)
        found[name] = question
    with pytest.raises(InputError, match="no short buffer below 98 % meets it"):
        solve_buffer(found["old"], Side.SHORT)
    covered = solve_buffer(found["new"], Side.SHORT).covered.value
    assert 0.98 < covered < 10.0
    mm, im = found["new"].venue.limits(covered, 0.3, Side.SHORT)
    check_position(Perpetual(Side.SHORT, float(im), float(mm)))
    with pytest.raises(InputError, match="maintenance_margin"):
        check_position(Perpetual(Side.LONG, float(im), float(mm)))
