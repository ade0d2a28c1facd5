"""docs/session.md and docs/assess.md: every command is run, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import sys

import pytest

from riskkit.cli import main
from riskkit.formats import aave_v3_text
from riskkit.proof.assess_file import AssessmentFile
from tests.support import ROOT

DOCS = ROOT / "docs"
SESSION = re.compile(r"```sh\n(riskkit [^\n]*)\n```\n\n```text\n(.*?)```", re.DOTALL)
NEEDED = (
    "studies/eth-collateral-daily.toml",
    "data/eth_usd_daily.csv",
    "docs/session/live.config.ts",
    "docs/session/positions.csv",
    "tests/parameters/files/eth-collateral-v0.json",
)


def lines(text: str) -> list[str]:
    """Without what a run may differ in: the time it took, and spaces that end a line."""
    kept = (line.rstrip() for line in text.splitlines())
    return [line for line in kept if line and not line.startswith("done in ")]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with what the pages name, as a terminal of 100 columns sees it."""
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def check_page(name, commands, monkeypatch, capsys):
    blocks = SESSION.findall((DOCS / name).read_text(encoding="utf-8"))
    typed = [shlex.split(command) for command, _ in blocks]
    assert [words[1] for words in typed] == commands
    for words, (_, shown) in zip(typed, blocks, strict=True):
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        assert lines(capsys.readouterr().out) == lines(shown)


@pytest.mark.slow
def test_the_session_prints_what_the_page_says(place, monkeypatch, capsys):
    commands = ["calibrate", "validate", "diff", "export", "steps"]
    check_page("session.md", commands, monkeypatch, capsys)
    proposal = aave_v3_text.read_typescript((place / "out/proposal.config.ts").read_text())
    update = proposal.pools[0].collaterals[0]
    assert update.ltv < update.liq_threshold < 7_000


@pytest.mark.slow
def test_the_assessment_prints_what_the_page_says(place, monkeypatch, capsys):
    check_page("assess.md", ["assess"], monkeypatch, capsys)
    file = AssessmentFile.model_validate_json((place / "out/assessment.json").read_text())
    (side,) = file.sides
    assert side.verdict in (DOCS / "assess.md").read_text(encoding="utf-8")
