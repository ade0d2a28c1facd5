"""The declared mix of accounts: that it is a distribution, and where the shipped one is from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.account_mix import (
    AAVE_V3_BY_DEBT,
    AAVE_V3_BY_NUMBER,
    AAVE_V3_LEVELS,
    AAVE_V3_STETH,
    GROUPS,
    check_mix,
    shares_of_quantiles,
)


@pytest.mark.parametrize(
    ("health", "shares"),
    [
        (AAVE_V3_BY_NUMBER, AAVE_V3_STETH.account_share),
        (AAVE_V3_BY_DEBT, AAVE_V3_STETH.interest_share),
    ],
)
def test_the_shipped_mix_is_that_of_its_quantiles(
    health: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    distances = tuple(1.0 - 1.0 / hf for hf in health)
    np.testing.assert_allclose(
        shares_of_quantiles(AAVE_V3_LEVELS, distances, GROUPS), shares, atol=6e-4
    )
    check_mix(AAVE_V3_STETH)


def test_shares_give_the_quantiles_back() -> None:
    """With fine groups, the distance below which a share lies is the quantile that was given."""
    distances = (0.04, 0.09, 0.18, 0.26)
    groups = tuple(np.geomspace(0.02, 0.5, 400))
    below = np.cumsum(shares_of_quantiles(AAVE_V3_LEVELS, distances, groups))
    for level, distance in zip(AAVE_V3_LEVELS, distances, strict=True):
        assert groups[int(np.searchsorted(below, level))] == pytest.approx(distance, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"account_share": (0.5, 0.5, 0.5, 0.0, 0.0)}, "accounts.account_share"),
        ({"interest_share": (1.2, -0.2, 0.0, 0.0, 0.0)}, "accounts.interest_share"),
        ({"distance": (0.02, 0.02, 0.1, 0.2, 0.3)}, "accounts.distance"),
        ({"distance": (0.0, 0.02, 0.1, 0.2, 0.3)}, "accounts.distance"),
        ({"distance": (), "account_share": (), "interest_share": ()}, "accounts"),
        ({"account_share": (1.0,)}, "accounts"),
        ({"holding_days": 0.0}, "accounts.holding_days"),
        ({"long_share": 1.1}, "accounts.long_share"),
    ],
)
def test_what_is_no_distribution_is_refused(changes: dict[str, object], argument: str) -> None:
    with pytest.raises(InputError) as found:
        check_mix(replace(AAVE_V3_STETH, **changes))  # type: ignore[arg-type]
    assert found.value.argument == argument
