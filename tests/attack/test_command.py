"""`riskkit attack`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import ROOT, riskkit


def test_the_thin_listing_is_attacked_and_capped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "thin-listing-hourly.toml"
    assert riskkit("attack", study, "--out", tmp_path) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "thin-listing-hourly"
    answer = json.loads((folder / "attack.json").read_text(encoding="utf-8"))
    assert [kind["attack"] for kind in answer["attacks"]] == ["own book", "index"]
    assert answer["open_interest_cap"] < answer["open_interest"]
    assert answer["attacks"][0]["profit"] > 0.0
    assert "an attack pays from" in said
    page = (folder / "attack.html").read_text(encoding="utf-8")
    assert "An attack pays at today" in page
    assert page.count("Plotly.newPlot") == 2


def test_a_study_without_a_venue_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "eth-perpetual-daily.toml"
    assert riskkit("attack", study, "--out", tmp_path) == 2
    assert "[depth] and [book]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
