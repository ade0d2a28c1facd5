"""Collateral sections of venues: read back, never laxer than the schedule, nonsense refused."""

from decimal import Decimal

import pandas as pd
import pytest

from riskkit.errors import DataError, InputError
from riskkit.formats.haircut_sections import VENUES, read_section, section_of
from tests.support import small_study

STUDY = small_study().changed(
    {"collateral": {"accepted": ["ETH", "BTC"], "sale_bonus_fraction": 0.05}}
)
ROWS = pd.DataFrame(
    {
        "collateral": ["USD", "ETH", "BTC"],
        "hours": [0.0, 24.0, 24.0],
        "published": [0.0, 0.22, 0.135],
        "initial": [0.0, 0.285, 0.19],
    }
)
ROWS["threshold"] = (1.0 - ROWS["published"]) / 1.05
ROWS["max_ltv"] = (1.0 - ROWS["initial"]) / 1.05


@pytest.mark.parametrize("venue", VENUES)
def test_a_section_reads_back_and_is_no_laxer(venue):
    found = read_section(section_of(ROWS, STUDY, venue))
    assert list(found) == ["ETH", "BTC"]
    for _, row in ROWS.iloc[1:].iterrows():
        terms = found[row["collateral"]]
        if venue == "derive":
            assert float(terms["maintenance"]) == row["published"]
            assert float(terms["initial"]) == row["initial"]
            continue
        assert float(terms["max_ltv"]) <= row["max_ltv"]
        assert float(terms["threshold"]) <= row["threshold"]
        assert terms["threshold"] * (1 + terms["bonus"]) <= 1
        assert float(terms["max_ltv"]) == pytest.approx(row["max_ltv"], abs=1e-4)
        assert float(terms["bonus"]) == pytest.approx(0.05, abs=2e-4)


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="aave-v3, aave-v4"):
        section_of(ROWS, STUDY, "maker")
    text = section_of(ROWS, STUDY, "aave-v3")
    assert read_section(text)["ETH"]["threshold"] == Decimal("0.7428")
    for old, new in (('"ltv": 6809', '"ltv": 8000'), ("7428", "9990"), ("section 1", "section 9")):
        assert old in text
        with pytest.raises(DataError):
            read_section(text.replace(old, new))
