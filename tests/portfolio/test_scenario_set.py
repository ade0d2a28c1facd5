"""Sets of scenarios: published worked examples, files, holes, and invariants after rounding."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from riskkit.errors import DataError, InputError
from riskkit.portfolio.scenario_set import STYLES, ScenarioSet, SetStyle, UnderlyingShock


def set_of(style: SetStyle, reach: float, up: float = 0.5, down: float = 0.25, **form: object):
    found = ScenarioSet.of(style, {"X": UnderlyingShock(reach, up, down)})
    return replace(found, form=replace(found.form, **form))


def inverse(quantity: float, price: float = 1.0):
    """Profit of an inverse contract in coin: quantity (in money at ``price``) over price."""
    return lambda move, _: quantity / price * (1.0 - 1.0 / (1.0 + move))


def black(forward, strike, years, volatility, call=True, rate=0.0):
    d1 = (np.log(forward / strike) + 0.5 * volatility**2 * years) / (volatility * np.sqrt(years))
    price = forward * norm.cdf(d1) - strike * norm.cdf(d1 - volatility * np.sqrt(years))
    return np.exp(-rate * years) * (price if call else price - forward + strike)


def test_row_13_deribits_own_vector_of_a_perpetual():
    # A live API response (2026-02): -.999487053 ETH at 1949.34, range .18, roll .005 of the size.
    found = set_of(SetStyle.DERIBIT, 0.18, tails=())
    size = -0.999487053
    array = found.array("X", inverse(size))[1::3]
    published = [
        -0.1524641267, -0.1188817200, -0.0825264539, -0.0430401123, 0.0,
        0.0470962486, 0.0988503679, 0.1559893088, 0.219399597,
    ]  # fmt: skip
    assert array == pytest.approx(published, abs=1e-9)
    assert found.form.gains * array[-1] == pytest.approx(0.1316397582, abs=1e-9)
    roll = 0.005 * abs(size)
    initial = -array.min() + roll
    assert roll == pytest.approx(0.0049974353, abs=1e-9)
    assert initial == pytest.approx(0.1574615620, abs=1e-9)
    assert found.form.maintenance * initial == pytest.approx(0.1259692496, abs=1e-9)


def test_row_13_far_moves_of_a_perpetual_all_equal_its_edge():
    # For a position in the underlying itself a far move adds nothing: weight x size is the range.
    found = set_of(SetStyle.DERIBIT, 0.16)
    array = found.array("X", lambda move, _: move)
    assert array[-2:] == pytest.approx([-0.16, 0.16], abs=1e-15)


def test_row_14_the_example_of_deribits_documentation():
    published = [-0.05991206933333334, -0.04289159509090909, -0.027351162086956524,
                 -0.013105765166666668, 0.0, 0.012097629384615385, 0.023299138]  # fmt: skip
    found = set_of(SetStyle.DERIBIT, 0.16, tails=())
    array = found.array("X", inverse(0.314538364))[1::3][::-1]
    assert array[:7] == pytest.approx(published, abs=1e-10)


def test_row_10_the_23_scenarios_of_derives_worked_example():
    # Long call 1800 at IV .60, short put 1700 at .65, forward 1740, 14 days; the document's text
    # says 18 % and .5/.275, its table is 20 % by 5 %, .6/.3, and discounted (rows: call, put, all).
    table = {1: (286.225, 28.1772, 264.501), 2: (219.856, 13.0125, 195.908),
             3: (166.73, 57.5317, 188.668), 4: (149.017, 67.5717, 182.211),
             5: (159.528, -6.89254, 128.409), 6: (99.1002, 46.9334, 122.856),
             7: (72.7765, 64.4081, 115.408), 8: (106.237, -32.5345, 62.0045),
             9: (42.7296, 28.762, 60.1447), 10: (11.1749, 54.8482, 55.5394),
             11: (60.8026, -64.8907, -3.43923), 12: (0, 0, 0), 13: (-29.1825, 31.9727, 2.34315),
             14: (23.7198, -104.805, -68.2159), 15: (-28.581, -41.8297, -59.2353),
             16: (-48.6523, -11.0417, -50.2219), 17: (-4.97608, -152.853, -132.779),
             18: (-44.8853, -97.6136, -119.882), 19: (-54.9171, -75.2099, -109.474),
             20: (-25.7886, -209.201, -197.693), 21: (-52.5187, -166.001, -183.837),
             22: (-56.1314, -154.022, -176.799), 23: (-39.7424, -273.512, -263.536)}  # fmt: skip
    found = set_of(SetStyle.DERIVE, 0.2, 0.6, 0.3, tails=())
    years, forward, rate = 14.0 / 365.0, 1740.0, 0.04
    call = lambda m, v: black(forward * (1 + m), 1800.0, years, 0.60 * v, True, rate)  # noqa: E731
    put = lambda m, v: black(forward * (1 + m), 1700.0, years, 0.65 * v, False, rate)  # noqa: E731
    marks = call(0.0, 1.0), put(0.0, 1.0)
    assert marks == pytest.approx((56.265, 68.6377), abs=1e-3)
    rows, factors = found.scenarios("X"), found.volatility_factors("X", 14.0)
    assert len(rows) == 23
    discount = 0.95 * math.exp(-(rate * years + 0.12))
    assert discount == pytest.approx(0.8413, abs=1e-4)
    for published, move, factor in zip(table.values(), rows[:, 0], factors, strict=True):
        long = float(call(move, factor) - marks[0])
        short = float(marks[1] - put(move, factor))
        assert (long, short) == pytest.approx(published[:2], abs=0.01)
        assert discount * (long + short) == pytest.approx(published[2], abs=0.01)


def test_row_9_span_arrays_of_a_covered_write():
    # McMillan: a long S&P future and a short call on it need 6,620 together.
    rows = set_of(SetStyle.SPAN, 0.1).scenarios("X")
    price = 100_000.0
    future = rows[:, 2] * rows[:, 0] * price
    assert sorted(future.round(-1)) == sorted(
        [0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10_000, 10_000, -10_000, -10_000,
         7000, -7000]
    )  # fmt: skip
    published = np.array([0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10_000, 10_000,
                          -10_000, -10_000, 7000, -7000])  # fmt: skip
    call = np.array([460, -610, 2640, 1730, -1270, -2340, 5210, 4540, -2540, -3430, 8060, 7640,
                     -3380, -3990, 3130, -1500])  # fmt: skip
    assert (-published.min(), -call.min(), -(published - call).min()) == (10_000, 3990, 6620)


def test_row_11_the_shock_of_volatility_that_the_formula_gives():
    # Derive's second document says 1.9549 at 37.2 days; its formula gives 1.4688 or 1.4862.
    found = set_of(SetStyle.DERIVE, 0.18, 0.5, 0.275)
    assert found.volatility_factors("X", 37.2)[0] == pytest.approx(1.4862, abs=1e-4)
    short = replace(found, form=replace(found.form, long_power=0.3))
    assert short.volatility_factors("X", 37.2)[0] == pytest.approx(1.4688, abs=1e-4)


def test_row_12_derives_standard_margins_are_sums():
    # Three short calls 1800, index 1900, mark 120: no netting at all.
    assert 3 * (-max(0.15, 0.13) * 1900 - 120) == pytest.approx(-1215)
    assert pytest.approx(-873) == 3 * (-0.09 * 1900 - 120)


def test_paradex_has_24_scenarios_whose_far_moves_weigh_by_the_law():
    found = set_of(SetStyle.PARADEX, 0.16, 0.4, 0.22)
    rows = found.scenarios("X")
    assert len(rows) == 24
    assert np.unique(np.abs(rows[:18, 0])).tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    weights = dict(zip(rows[18:, 0].tolist(), rows[18:, 2].tolist(), strict=True))
    assert weights[-0.66] == pytest.approx(0.24, abs=0.003)
    assert weights[5.0] == pytest.approx(0.032)
    assert found.form.maintenance == 0.5


def test_a_hole_between_grid_points_is_found():
    # A short butterfly, body 59,000, wings 600 away, a day to expiry, spot 60,000.
    def value(move, factor):
        spot = 60_000.0 * (1.0 + move)
        parts = [(1, 58_400), (-2, 59_000), (1, 59_600)]
        return -sum(n * (np.maximum(spot - k, 0.0)) for n, k in parts) / 60_000.0

    found = set_of(SetStyle.DERIBIT, 0.16)
    assert found.array("X", value).min() == 0.0
    assert found.hole("X", value, fine=4800) == pytest.approx(0.01, abs=1e-3)
    fine = set_of(SetStyle.DERIBIT, 0.16, steps=48)
    assert fine.hole("X", value, fine=4800) == pytest.approx(0.0, abs=4e-3)
    assert found.hole("X", lambda m, _: m) == 0.0


@given(arrays(np.float64, (4, 2), elements=st.floats(-10, 10)), st.sampled_from(list(SetStyle)))
def test_no_book_is_asked_less_after_rounding(exposures, style):
    shocks = {"A": UnderlyingShock(0.1234, 0.456, 0.213), "B": UnderlyingShock(0.0701)}
    found = ScenarioSet.of(style, shocks)
    before, after = (s.requirements(exposures, ("A", "B")) for s in (found, found.rounded()))
    assert (after >= before - 1e-12).all()
    assert (before >= 0.0).all()
    alone = np.abs(exposures) @ [0.1234, 0.0701]
    if STYLES[style].tail <= 1.0:
        assert (before <= alone + 1e-9).all()
    assert found.requirements(2.0 * exposures, ("A", "B")) == pytest.approx(2.0 * before)


@pytest.mark.parametrize("style", list(SetStyle))
def test_a_published_set_reads_back_as_it_was(style):
    shocks = {"ETH": UnderlyingShock(0.1234, 0.456, 0.213, "99 % over 2 bars")}
    found = ScenarioSet.of(style, shocks).rounded(Decimal("0.01"))
    assert found.shocks["ETH"].range == 0.13
    again = ScenarioSet.read(found.text())
    assert again == found
    assert again.text() == found.text()


GOOD = ScenarioSet.of(SetStyle.DERIBIT, {"ETH": UnderlyingShock(0.16)}).text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "must be a file of"),
        ('{"schema": "other"}', "must be a file of"),
        ("[]", "must be a file of"),
        (GOOD.replace('"steps": 4', '"steps": true'), "steps: "),
        (GOOD.replace('"steps": 4', '"steps": 4, "steps": 5'), "'steps' is there twice"),
        (GOOD.replace('"steps": 4', '"steps": 4, "decayed_day": 1'), "decayed_day: Extra"),
        (GOOD.replace('_initial": 0.8', '_initial": NaN'), "NaN is no number"),
    ],
)
def test_a_file_that_is_no_set_is_refused(text, words):
    with pytest.raises(DataError, match=words):
        ScenarioSet.read(text)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(InputError, match="16 %"):
        UnderlyingShock(16.0)
    good = set_of(SetStyle.DERIBIT, 0.16)
    with pytest.raises(InputError, match="strictly between"):
        ScenarioSet.read(good.text().replace("0.16", "1.6"))
    with pytest.raises(DataError, match="gains_fraction: "):
        ScenarioSet.read(good.text().replace('"gains_fraction": 0.6', '"gains_fraction": 6'))
    with pytest.raises(InputError, match="must be one of the set"):
        good.scenarios("Y")
