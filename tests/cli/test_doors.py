"""What reaches the terminal and how a command ends, whatever the names, encoding or signal."""

from __future__ import annotations

import io
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from riskkit.calibration.buffers import limits
from riskkit.cli.app import Commands, summaries, summaries_page
from riskkit.cli.export import outcomes_table
from riskkit.cli.streams import print_anywhere
from riskkit.cli.tables import dropped_rows, outcome_table
from riskkit.cli.terminal import echo_file, print_path
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.formats.format import EffectiveMargins
from riskkit.parameters.build import build_parameter_file
from riskkit.proof.recheck import EffectiveOutcome, missed, never_liquidated, rarer
from riskkit.simulation.result import DefaultEstimates
from tests.support import ROOT, riskkit

OLD = ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json"


def test_help_says_of_every_command_what_it_says_of_itself() -> None:
    written = ROOT / "riskkit" / "cli" / "summaries.txt"
    assert written.read_text(encoding="utf-8") == summaries_page(), "run `make generated`"
    assert list(summaries()) == list(Commands())


def test_help_names_every_command_and_loads_none() -> None:
    code = "import sys\nfrom riskkit.cli import main\nsys.argv = ['riskkit', '--help']\n"
    code += "try:\n    main()\nexcept SystemExit:\n    pass\n"
    code += "print(*sorted(m for m in sys.modules if m.startswith('riskkit.cli.')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "riskkit.cli.app riskkit.cli.streams"
    for name, about in summaries().items():
        assert f"  {name}  " in found.stdout
        assert about in " ".join(found.stdout.split())


@pytest.mark.parametrize("name", ["[/x]", "[bold]x", "a:cat:b", "[red", "b\\", "x" * 90])
def test_a_path_is_printed_as_it_is(name: str) -> None:
    console = Console(file=io.StringIO(), width=40)
    print_path(console, "written:", Path("o") / name)
    assert console.file.getvalue() == f"written: {Path('o') / name}\n"


def test_a_command_names_the_file_it_wrote_in_a_folder_with_brackets(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("[/x]", "[bold]x"):
        out = Path("o") / folder / "new.json"
        assert riskkit("validate", OLD, "--migrate-to", out) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"written: {out}"
        assert out.is_file()


def test_control_characters_of_a_value_are_spelt_out_in_its_error() -> None:
    error = InputError("title", "calm\x1b]0;owned\x07", "must be calm", "Be calm")
    assert str(error) == r"title: got calm\x1b]0;owned\x07; must be calm. Be calm."


def test_characters_that_a_terminal_cannot_show_are_replaced() -> None:
    print_anywhere()
    assert "1 ± 2 – 3 → σ ≤ é 日".encode("ascii", "riskkit") == b"1 +/- 2 - 3 -> sigma <= ? ?"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_command_runs_to_its_end_in_any_encoding(tmp_path, encoding: str) -> None:
    shutil.copy(OLD, tmp_path / "old.json")
    words = ["diff", "old.json", "old.json", "--all"]
    found = subprocess.run(
        [sys.executable, "-m", "riskkit", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "Recommended, in percent" in found.stdout.decode(encoding)


def test_a_file_on_the_standard_output_is_utf_8_whatever_the_terminal(capsysbinary) -> None:
    echo_file('{"description": "± 日"}\n')
    assert capsysbinary.readouterr().out.decode("utf-8") == '{"description": "± 日"}\n'


def test_the_server_ends_with_the_command_that_started_it(tmp_path) -> None:
    server = "import os, time; print(os.getpid(), flush=True); time.sleep(3600)"
    code = (
        "import os, sys, tempfile\n"
        "from riskkit.cli.dashboard import serve\n"
        "with tempfile.TemporaryDirectory(dir='.') as folder:\n"
        f"    code = serve([sys.executable, '-c', {server!r}], folder, os.environ)\n"
        "sys.exit(code)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with command:
        assert command.stdout is not None
        started = int(command.stdout.readline())
        command.send_signal(signal.SIGTERM)
        assert command.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)
    assert list(tmp_path.iterdir()) == []


def test_the_exit_code_of_a_server_that_fails_is_the_commands(tmp_path) -> None:
    from riskkit.cli.dashboard import serve

    assert serve([sys.executable, "-c", "raise SystemExit(3)"], str(tmp_path), os.environ) == 3


def none_seen(estimate: Estimate[Any], value: float) -> Estimate:
    """What a simulation returns where no path was hit."""
    arrays = {"value": value, "error": np.inf, "low": 0.0, "high": value}
    return replace(
        estimate,
        **{name: np.array(number) for name, number in arrays.items()},
        hits=np.array(0),
        bound=np.array(True),
    )


def calm(held: DefaultEstimates) -> DefaultEstimates:
    return replace(
        held,
        liquidation=none_seen(held.liquidation, 1e-4),
        default=none_seen(held.default, 1e-4),
        default_given_liquidation=none_seen(held.default_given_liquidation, 0.95),
    )


def text_of(table: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return str(console.file.getvalue())


def test_a_default_share_without_a_liquidation_is_a_dash_and_no_number(btc_calibration) -> None:
    found = tuple(replace(r, outcome=calm(r.outcome)) for r in btc_calibration.recommended)
    calibration = replace(btc_calibration, recommended=found)
    (line, *_) = [s for s in text_of(outcome_table(calibration)).splitlines() if "long" in s]
    assert "95" not in line
    assert line.split()[6] == "-"  # after the side and "< 0.01 ± 0.01 %"
    file = build_parameter_file(btc_calibration)
    row = EffectiveMargins("BTC", 0, 0.2, 0.1)
    held = found[0].outcome
    outcome = EffectiveOutcome(found[0].side, row, None, held, held)
    (line,) = [
        s
        for s in text_of(outcomes_table([outcome], btc_calibration.question)).splitlines()
        if "long" in s
    ]
    assert line.split()[4] == "-"
    (said,) = never_liquidated([outcome])
    assert "no path was liquidated" in said
    assert missed([outcome], file) == rarer([outcome], file) == ()


def test_an_error_that_could_not_be_estimated_asks_for_more_paths(btc_calibration) -> None:
    first, *rest = btc_calibration.recommended
    p = first.limits
    endless = replace(p, covered_loss=replace(p.covered_loss, error=float("inf")))
    found = (replace(first, limits=endless), *rest)
    with pytest.raises(InputError, match="are too few to estimate the error"):
        build_parameter_file(replace(btc_calibration, recommended=found))


def test_an_infinite_error_makes_infinite_limits_without_a_warning(btc_calibration) -> None:
    p = btc_calibration.recommended[0].point
    endless = replace(p.covered_loss, error=float("inf"), high=float("inf"))
    found = limits(btc_calibration.question, p.side, endless, p.excursion)
    assert found.trigger.value == pytest.approx(p.trigger.value)
    assert not math.isfinite(found.trigger.error)


def test_rows_that_were_dropped_are_named(btc_calibration) -> None:
    assert dropped_rows(btc_calibration) == []
    rows = tuple((f"line {i}", "unreadable stamp") for i in range(2, 9))
    history = btc_calibration.history
    kept = replace(history, provenance=replace(history.provenance, dropped=rows))
    (said,) = dropped_rows(replace(btc_calibration, history=kept))
    assert said.startswith("7: line 2 (unreadable stamp); line 3 (unreadable stamp)")
    assert said.endswith("and 2 more, in the file")
