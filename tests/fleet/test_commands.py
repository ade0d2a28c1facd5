"""The fleet's commands, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fleet.conftest import Fleet
from tests.support import riskkit

pytestmark = pytest.mark.xdist_group("fleet")


@pytest.fixture
def out(fleet: Fleet) -> Path:
    """The folder of the fleet that ran already."""
    return fleet.archive.folder


def test_a_night_from_run_to_record(
    fleet: Fleet, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ended before is kept; a market that fails makes the code 1 and stops no other."""
    studies = fleet.studies
    assert riskkit("fleet", "run", studies, "--out", out) == 0
    assert "2 markets, 2 kept" in capsys.readouterr().out
    (studies / "no-such.toml").write_text("title = 1", encoding="utf-8")
    try:
        assert riskkit("fleet", "run", studies, "--out", out) == 1
    finally:
        (studies / "no-such.toml").unlink()
    said = capsys.readouterr().out
    assert "3 markets, 1 failed, 2 kept" in said
    assert "failed no-such: " in said
    assert riskkit("fleet", "status", "--out", out) == 0
    assert "1 failed" in capsys.readouterr().out
    assert riskkit("fleet", "table", "--csv", "--out", out) == 0
    assert capsys.readouterr().out.count("market-7,") == 2
    words = ("--who", "Risk", "--why", "within guardrails", "--out", out)
    assert riskkit("fleet", "decide", "market-7", "adopted", *words) == 0
    assert "adopted" in (out / "committee.html").read_text(encoding="utf-8")
    assert riskkit("fleet", "decide", "market-9", "adopted", *words) == 2
    assert riskkit("fleet", "decide", "market-7", "liked", *words) == 2
    late = (*words, "--until", "2020-01-01")
    assert riskkit("fleet", "decide", "market-7", "adopted", *late) == 2
    assert "lapsed already" in capsys.readouterr().err


def test_a_market_is_proved_under_the_nights_root(
    fleet: Fleet, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    riskkit("fleet", "run", fleet.studies, "--out", out)
    capsys.readouterr()
    assert riskkit("fleet", "root", "--out", out) == 0
    root = capsys.readouterr().out.split()[0]
    proof = tmp_path / "proof.json"
    assert riskkit("fleet", "prove", "market-8", "--to", proof, "--out", out) == 0
    assert json.loads(proof.read_text(encoding="utf-8"))["root"] == root
    files = [fleet.archive.parameters(e.key) for e in fleet.ended]
    assert riskkit("fleet", "check", proof, files[1], "--root", root) == 0
    assert riskkit("fleet", "check", proof, files[0], "--root", root) == 1
    assert riskkit("fleet", "check", proof, files[1], "--root", "zz") == 2
    assert riskkit("fleet", "prove", "market-9", "--out", out) == 2


def test_a_cluster_that_is_not_there_is_told(
    fleet: Fleet, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = riskkit("fleet", "run", fleet.studies, "--cluster", "nowhere", "--out", out)
    assert code == 2
    assert "must be a Dask scheduler that answers" in capsys.readouterr().err


def test_one_night_has_nothing_to_compare_with(
    fleet: Fleet, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    riskkit("fleet", "run", fleet.studies, "--out", out)
    assert riskkit("fleet", "diff", "--out", out) == 2
    assert "a night before" in capsys.readouterr().err
