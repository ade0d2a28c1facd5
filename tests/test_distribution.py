"""The wheel and the source distribution, built and tried in an empty folder as a stranger would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import riskkit as package
from riskkit.parameters.file import read_parameter_file
from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "out", "dist", ".*_cache", ".hypothesis", "__pycache__"
)


def run(*words: str | Path, at: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=at, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return done.stdout


def install(python: Path, *what: str | Path, at: Path) -> None:
    """With uv where it is to be had, as the Makefile does it; else with pip."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if shutil.which(uv):
        pip = [uv, "pip", "install", "--quiet", "--python", python]
    run(*pip, *what, at=at)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Interpreter of a fresh environment, the wheel, and the source distribution it is from."""
    home = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, home / "source", ignore=LEFT_OUT)
    run(sys.executable, "-m", "venv", home / "venv", at=home)
    python = home / "venv" / "bin" / "python"
    install(python, "build", at=home)
    # The wheel is built from the source distribution: what that lacks would be missed here.
    run(python, "-m", "build", "--outdir", home / "dist", home / "source", at=home)
    (wheel,), (sdist,) = ((home / "dist").glob(end) for end in ("*.whl", "*.tar.gz"))
    return python, wheel, sdist


@pytest.mark.slow
def test_an_empty_folder_and_the_wheel_are_enough(built, tmp_path):
    python, wheel, _ = built
    install(python, "-c", ROOT / "constraints.txt", wheel, at=tmp_path)
    command = python.with_name("riskkit")
    assert run(command, "--version", at=tmp_path) == f"riskkit {package.__version__}\n"
    run(command, "init", at=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"eth-usdt-1h.toml", "eth_usdt_1h.csv"}
    shown = run(command, "calibrate", "eth-usdt-1h.toml", at=tmp_path)
    assert "Recommendation" in shown
    file = read_parameter_file(tmp_path / "out" / "eth-usdt-1h" / "parameters.json")
    assert {row.side for row in file.parameters.recommended} == {"long", "short"}
    words = [command, "report", "eth-usdt-1h.toml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2  # the lab is an extra
    assert "pip install 'riskkit[lab]'" in done.stderr.replace("\n", " ")


@pytest.mark.slow
def test_the_distributions_hold_what_they_should_and_stay_small(built):
    _, wheel, sdist = built
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "riskkit",
        f"riskkit-{package.__version__}.dist-info",
    }
    shipped = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "riskkit").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".nbi", ".nbc"}
    }
    assert shipped == {name for name in names if name.startswith("riskkit/")}
    assert wheel.stat().st_size < 2_000_000
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "CITATION.cff", "constraints.txt", "tests/support.py"} <= inside
    assert shipped <= inside


def test_what_is_said_of_the_package_agrees():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == package.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]
    assert f"## {package.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_workflow_runs_the_script_of_ci_on_the_versions_of_the_classifiers():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    pinned = workflow["jobs"]["pinned"]
    assert pinned["steps"][-1]["run"] == ".ci/run"
    versions = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    matrix = pinned["strategy"]["matrix"]["python"]
    assert [matrix[0], matrix[-1]] == [versions[0], versions[-1]]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert workflow["jobs"]["newest"]["continue-on-error"] is True
