"""The parameter file: schema, rounding, reading back, and bytes."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskkit
from riskkit.calibration.calibrate import calibrate
from riskkit.errors import InputError
from riskkit.parameters.build import build_parameter_file, millionth
from riskkit.parameters.file import parse_parameter_file, read_parameter_file
from riskkit.parameters.write import canonical_json, write_atomically
from riskkit.units import Rounding
from tests.support import ROOT, small_study


@pytest.fixture(scope="module")
def text(btc_calibration) -> str:
    return canonical_json(build_parameter_file(btc_calibration).to_dict())


def test_the_file_reads_back_and_is_canonical(text, tmp_path):
    path = write_atomically(tmp_path / "deep" / "parameters.json", text)
    file = read_parameter_file(path)
    assert canonical_json(file.to_dict()) == text
    assert file.header.schema_version == 2
    assert file.header.riskkit_version == riskkit.__version__
    assert file.header.status == "HISTORICAL EXAMPLE"


def test_two_runs_give_the_same_bytes(btc_daily, text):
    again = calibrate(small_study(), btc_daily, threads=2)
    assert canonical_json(build_parameter_file(again).to_dict()) == text


def test_fractions_are_rounded_against_the_trader(btc_calibration, text):
    rows = json.loads(text)["parameters"]["recommended"]
    for row, r in zip(rows, btc_calibration.recommended, strict=True):
        p = r.limits
        for key, value in (
            ("maintenance_margin_fraction", p.trigger.value),
            ("initial_margin_fraction", p.opening.value),
        ):
            assert 0.0 <= row[key] - value < 1e-6
            assert round(row[key] * 1e6) == pytest.approx(row[key] * 1e6, abs=1e-6)


@given(x=st.floats(0, 5))
@settings(deadline=None)
def test_rounding_to_a_millionth_is_exact_and_directed(x):
    up, down = millionth(x, Rounding.UP), millionth(x, Rounding.DOWN)
    assert down <= x <= up
    assert up - down < 1.1e-6


def test_every_number_names_its_unit(text):
    plain = {
        "schema_version", "bars", "bars_per_year", "seed", "paths", "rows_reordered",
        "returns_used", "returns_excluded_across_holes",
            "returns_excluded_around_implausible_ticks", "estimate", "standard_error_qmle",
        "loglikelihood", "persistence", "statistic", "p_value", "observations", "exceptions",
        "exception_rate", "breach_rate", "periods_evaluated", "breaches_of_published_requirement",
        "model_refits", "hits", "seconds", "notional", "paths_failed",
        "bootstrap_refits", "bootstrap_refits_failed",
    }  # fmt: skip
    units = (
        "_fraction",
        "_bars",
        "_hours",
        "_seconds",
        "_probability",
        "_multiple",
        "_se",
        "_days",
        "_per_year",
    )

    def walk(node: object, key: str = "") -> None:
        if isinstance(node, dict):
            for k, v in node.items():
                if key not in {"quality_findings", "parts_fraction"}:
                    walk(v, k)
        elif isinstance(node, list):
            for v in node:
                walk(v, key)
        elif isinstance(node, int | float) and not isinstance(node, bool):
            assert key in plain or key.endswith(units), key
            assert math.isfinite(node)

    walk(json.loads(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(note="x"), r"note: got x; extra inputs are not permitted"),
        (lambda c: c["header"].pop("as_of_date"), r"header.as_of_date: .*field required"),
        (lambda c: c["header"].update(schema_version=9), r"header.schema_version: got 9"),
        (lambda c: c["data"].update(bars="many"), r"data.bars: got many"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused(text, change, message):
    content = json.loads(text)
    change(content)
    with pytest.raises(InputError, match=message):
        parse_parameter_file(json.dumps(content))


@pytest.mark.parametrize("damaged", ["", "{", "[1, 2]", "null", "[" * 100_000, '{"header": 1e999}'])
def test_damaged_text_is_an_error_in_words(damaged):
    with pytest.raises(InputError):
        parse_parameter_file(damaged)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"must lie in a folder that can be written"):
        write_atomically(tmp_path / "file" / "parameters.json", "x")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_atomically(tmp_path / "p.json", "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["p.json"]


def test_a_killed_writer_leaves_the_file_whole_or_absent(tmp_path):
    code = (
        "from riskkit.parameters.write import write_atomically\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        f"    write_atomically({str(tmp_path / 'p.json')!r}, 'x' * 3_000_000)\n"
    )
    for milliseconds in range(5, 85, 10):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        target = Path(tmp_path / "p.json")
        assert not target.exists() or target.stat().st_size == 3_000_000
