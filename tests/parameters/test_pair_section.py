"""A pair's mode and the cap on its rate: read back, no laxer, ratio and time together."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import DataError, InputError
from riskkit.formats.haircut_sections import compare_sections
from riskkit.formats.pair_section import (
    VENUES,
    PairTerms,
    RateCapTerms,
    pair_section,
    read_pair_section,
)

PAIR = ("STETH", "ETH")
CAP = RateCapTerms.of(1.2272, pd.Timestamp("2026-03-03", tz="UTC"), 0.0968)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=25)
@given(
    threshold=st.floats(0.5, 0.98),
    room=st.floats(0.001, 0.2),
    bonus=st.floats(0.0, 0.02),
)
def test_a_pair_reads_back_and_is_no_laxer(venue, threshold, room, bonus):
    terms = PairTerms.of(PAIR, threshold=threshold, max_ltv=threshold - room, bonus=bonus)
    assert float(terms.threshold) <= threshold + 1e-12
    assert float(terms.max_ltv) <= threshold - room + 1e-12
    assert terms.bonus >= Decimal(repr(round(bonus, 12)))
    if terms.threshold * (1 + terms.bonus) > 1:
        with pytest.raises(DataError, match="leaves room for the bonus"):
            pair_section(terms, venue)
        return
    found, cap = read_pair_section(pair_section(terms, venue, CAP))
    assert (found.collateral, found.debt) == PAIR
    assert cap == CAP
    assert found.max_ltv == terms.max_ltv
    # Aave v4's one factor is both limits; Compound keeps what is left after the bonus.
    assert found.threshold == (terms.max_ltv if venue == "aave-v4" else terms.threshold)
    assert float(found.bonus) == pytest.approx(float(terms.bonus), abs=2e-4)
    assert found.threshold * (1 + found.bonus) <= 1 or venue == "compound-v3"


def test_nonsense_is_refused():
    terms = PairTerms.of(PAIR, threshold=0.95, max_ltv=0.93, bonus=0.01)
    text = pair_section(terms, "aave-v3", CAP)
    for old, new in (
        ('"ltv": 9300', '"ltv": 9600'),
        ('"snapshotRatio": "1227200000000000000"', '"snapshotRatio": "0"'),
        ('"snapshotTimestamp": 1772496000,', ""),
        ('"snapshotTimestamp": 1772496000', '"snapshotTimestamp": 0'),
        ("section 1", "section 9"),
    ):
        assert old in text
        with pytest.raises(DataError):
            read_pair_section(text.replace(old, new))
    with pytest.raises(InputError, match="aave-v3, aave-v4, compound-v3"):
        pair_section(terms, "derive")
    with pytest.raises(InputError, match="valid JSON"):
        read_pair_section("{")


def test_a_comparison_says_who_is_asked_more():
    today = {"ETH": {"threshold": Decimal("0.8"), "bonus": Decimal("0.05")}, "BTC": {}}
    here = {"ETH": {"threshold": Decimal("0.7"), "bonus": Decimal("0.04")}, "SOL": {}}
    rows = compare_sections(today, here | {"SOL": {"threshold": Decimal("0.5")}})
    says = dict(zip(rows["collateral"] + " " + rows["value"], rows["says"], strict=True))
    assert says == {"ETH threshold": "tighter", "ETH bonus": "looser", "SOL threshold": "new"}
