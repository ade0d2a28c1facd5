"""Books and scenario sets for tests; sizes are drawn for the test, never for a proof."""

from __future__ import annotations

import random
from datetime import date

from riskkit.zero_knowledge.commitments import SecretBook
from riskkit.zero_knowledge.margin import Occasion
from riskkit.zero_knowledge.scenario_set import PublicScenarios, RiskInstrument, RiskScenario

DAY = date(2024, 12, 31)


def scenario_set(
    gains: list[list[int]], *, size_bits: int = 8, slack_bits: int = 16
) -> PublicScenarios:
    """A set with these gains per lot, by scenario."""
    count = len(gains[0])
    return PublicScenarios(
        schema_version=1,
        title="a set for tests",
        as_of_date=DAY,
        data_sha256="1" * 64,
        model_sha256="2" * 64,
        study_sha256="3" * 64,
        assets=("BTC",),
        prices_sha256=("5" * 64,),
        start_state="now",
        bars=2,
        bar_seconds=3600.0,
        paths=1000,
        seed=1,
        asked_probability=0.99,
        all_cover_probability=0.99,
        all_cover_standard_error=0.003,
        units_per_quote=1_000_000,
        size_bits=size_bits,
        slack_bits=slack_bits,
        instruments=tuple(
            RiskInstrument(name=f"BTC-{i}", asset="BTC", units_per_lot="1", price="1")
            for i in range(count)
        ),
        scenarios=tuple(
            RiskScenario(moves_fraction=(0.0,), gain_per_lot=tuple(row), covers_probability=0.99)
            for row in gains
        ),
        digest_sha256="0" * 64,
    ).sealed()


def random_set(draw: random.Random, instruments: int, scenarios: int) -> PublicScenarios:
    """Small gains on both sides of zero; the last scenario mirrors the first."""
    rows = [[draw.randint(-40, 40) for _ in range(instruments)] for _ in range(scenarios - 1)]
    return scenario_set([*rows, [-gain for gain in rows[0]]])


def random_sizes(draw: random.Random, scenarios: PublicScenarios) -> list[int]:
    """Sizes within their bounds."""
    half = 1 << (scenarios.size_bits - 1)
    return [draw.randrange(-half, half) for _ in scenarios.instruments]


def loss_of(scenarios: PublicScenarios, sizes: list[int]) -> int:
    """The largest loss: the least collateral that covers the book."""
    return max(-sum(g * x for g, x in zip(row, sizes, strict=True)) for row in scenarios.gains)


def occasion_of(scenarios: PublicScenarios, context: str = "a test") -> Occasion:
    """An occasion under a set."""
    return Occasion(scenarios.digest_sha256, "4" * 64, DAY, context)


def opening_of(sizes: list[int], collateral: int) -> SecretBook:
    """A committed book."""
    return SecretBook.of([*sizes, collateral])
