"""`riskkit attack`, as a user types it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import differential_evolution

from riskkit.parameters.file import read_parameter_file
from riskkit.study.study import read_study
from tests.support import ROOT, riskkit

FILE = ROOT / "tests" / "parameters" / "files" / "eth-perpetual-v1.json"


def test_the_thin_listing_is_attacked_and_capped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "thin-listing-hourly.toml"
    file = read_parameter_file(FILE).model_copy(update={"study": read_study(study)}).sealed()
    file.write(tmp_path / "parameters.json")
    asked = ("attack", study, "--parameters", tmp_path / "parameters.json", "--out", tmp_path)
    assert riskkit(*asked) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "thin-listing-hourly"
    answer = json.loads((folder / "attack.json").read_text(encoding="utf-8"))
    assert [kind["attack"] for kind in answer["attacks"]] == ["own book", "index"]
    assert answer["open_interest_cap"] < answer["open_interest"]
    assert answer["attacks"][0]["profit"] > 0.0
    assert "an attack pays from" in said
    low, high = answer["open_interest_cap_band"]
    assert low < answer["open_interest_cap"] < high
    made = read_parameter_file(folder / "parameters-with-caps.json")
    assert made.edited == ()
    limits = made.parameters.attack_limits
    assert limits is not None
    assert (limits.low, limits.open_interest_cap) == (low, answer["open_interest_cap"])
    # Without them the file keeps its bytes.
    assert "attack_limits" not in file.to_dict()["parameters"]
    assert _independent_profit(answer) <= 1.01 * answer["attacks"][0]["profit"]
    page = (folder / "attack.html").read_text(encoding="utf-8")
    assert "An attack pays at today" in page
    assert page.count("Plotly.newPlot") == 2


def _independent_profit(answer: dict[str, Any]) -> float:
    """The best attack on the own book by another search, from the study's numbers alone.

    Differential evolution over the book's own log move within ln 100 of the mark's, in closed form:
    a linear book that 100 k move by 1 %, two thirds of whose log move reach the mark.
    """
    slope, weight, fee = 0.01 / 100e3, 0.67, 0.0005
    interest, prey = answer["open_interest"], sum(answer["prey"].values())

    def worth(x: Sequence[float]) -> float:
        moved = math.exp(x[0])
        mark = math.exp(weight * x[0])
        spent, bought = abs(moved - 1.0) / slope, abs(x[0]) / slope
        lost = abs(spent - bought) + fee * (spent + bought)
        won = interest * abs(mark - 1.0)
        return float(lost - min(max(won - min(0.1 * interest, won), 0.0), prey))

    most = math.log(100.0) / weight
    return -float(
        differential_evolution(worth, [(-most, most)], seed=3, maxiter=200, popsize=40).fun
    )


def test_a_study_without_a_venue_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ROOT / "studies" / "eth-perpetual-daily.toml"
    assert riskkit("attack", study, "--out", tmp_path) == 2
    assert "[depth] and [book]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
