"""The listing gate: margins of hour 0 from peers, and its questions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.attack.listing import Peer, hour_zero_margin
from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.position import Side
from tests.support import ROOT, riskkit


def _history(name: str, returns: np.ndarray) -> PriceHistory:
    close = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    times = pd.date_range("2024-01-01", periods=len(close), freq="1h", tz="UTC")
    frame = pd.DataFrame({"time": times, "close": close})
    source = TableSource(name, "test")
    return history_from_table(frame, source, bar="1h", calendar=Calendar.ALWAYS)


def _peers(scales: list[float], count: int = 3_000) -> list[Peer]:
    rng = np.random.default_rng(7)
    return [
        Peer(f"p{i}", _history(f"p{i}", scale * rng.standard_normal(count)))
        for i, scale in enumerate(scales)
    ]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.002, 0.03), min_size=1, max_size=4), st.integers(1, 12))
def test_another_peer_never_lowers_the_margin(scales: list[float], bars: int) -> None:
    peers = _peers(scales)
    fewer, more = (hour_zero_margin(p, bars, 0.01) for p in (peers, [*peers, *_one_more(scales)]))
    for side in Side:
        assert more.margin[side] >= fewer.margin[side]


def _one_more(scales: list[float]) -> list[Peer]:
    rng = np.random.default_rng(8)
    return [Peer("other", _history("other", scales[0] * rng.standard_normal(2_000)))]


def test_the_margin_is_the_worst_quantile_and_is_exceeded_by_its_share() -> None:
    peers = _peers([0.01, 0.02])
    found = hour_zero_margin(peers, 1, 0.01)
    returns = np.diff(np.log(peers[1].history.close))
    assert found.margin[Side.LONG] == np.sort(-np.expm1(returns))[::-1][29]
    assert found.binding[Side.LONG] == "p1"
    row = found.peers[1]
    # Held to the calmer peer's margin it loses more, far more often than one in a hundred.
    assert row.exceeded[Side.LONG] > 0.05
    assert found.peers[0].exceeded[Side.LONG] == pytest.approx(0.0, abs=0.001)


def test_a_short_that_doubles_loses_its_notional() -> None:
    """A short's loss is exp(r) - 1, which has no upper end."""
    returns = np.full(2_000, 0.0)
    returns[::50] = math.log(3.0)
    returns[1::50] = -math.log(3.0)
    found = hour_zero_margin([Peer("p", _history("p", returns))], 1, 0.01)
    assert found.margin[Side.SHORT] == pytest.approx(2.0)
    assert found.margin[Side.LONG] == pytest.approx(2.0 / 3.0)


@pytest.mark.parametrize(
    ("peers", "bars", "probability", "argument"),
    [
        ([], 1, 0.01, "listing.peers"),
        (_peers([0.01], 200), 1, 0.01, "listing.peers"),
        ([*_peers([0.01]), *_peers([0.01])], 1, 0.01, "listing.peers"),
        (_peers([0.01]), 0, 0.01, "bars"),
        (_peers([0.01]), 1, 1.0, "probability"),
    ],
)
def test_bad_input_is_told(peers: list[Peer], bars: int, probability: float, argument: str) -> None:
    with pytest.raises(InputError) as caught:
        hour_zero_margin(peers, bars, probability)
    assert caught.value.argument == argument


def test_the_thin_listing_fails_its_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "thin-listing-hourly.toml"
    assert riskkit("listing", study, "--out", tmp_path) == 1
    assert "not yet" in capsys.readouterr().out
    folder = tmp_path / "thin-listing-hourly"
    answer = json.loads((folder / "listing.json").read_text(encoding="utf-8"))
    verdicts = {check["name"]: check["passed"] for check in answer["checks"]}
    assert not answer["passed"]
    # No delay, no latency: the bar in which a move is seen.
    assert answer["hour_zero_margin"]["bars"] == 1
    assert not verdicts["open interest"]
    assert verdicts["sources of the index"]
    assert "questions fail" in (folder / "listing.html").read_text(encoding="utf-8")


def test_a_study_without_a_listing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "btc-venue-hourly.toml"
    assert riskkit("listing", study, "--out", tmp_path) == 2
    assert "[listing]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
