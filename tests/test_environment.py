"""environment.yml, constraints.txt and the Makefile say what pyproject.toml says.

No conda channel is needed: the conda half is checked by rule, the pip half is installed for real
into a fresh environment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA = [d for d in ENVIRONMENT["dependencies"] if isinstance(d, str)]
(PIP,) = (d["pip"] for d in ENVIRONMENT["dependencies"] if isinstance(d, dict))
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_conda_brings_only_a_fitting_interpreter_and_pip():
    python, pip = CONDA
    assert pip == "pip"
    match = re.fullmatch(r"python=(\d+\.\d+)\.\*", python)
    assert match is not None
    assert SpecifierSet(PROJECT["requires-python"]).contains(match.group(1) + ".0")
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


def test_the_pip_half_is_the_project_with_every_extra_under_the_pins():
    extras = ",".join(PROJECT["optional-dependencies"])
    assert ["-c constraints.txt", f"-e .[{extras}]"] == PIP
    assert f"'.[{extras}]'" in (ROOT / "Makefile").read_text()


def test_every_dependency_is_pinned_to_a_version_that_fits():
    wanted = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    for text in wanted:
        requirement = Requirement(text)
        pins = [
            pin
            for pin in PINS
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
            and (pin.marker is None or pin.marker.evaluate())
        ]
        assert len(pins) == 1, text
        (version,) = pins[0].specifier
        assert version.operator == "=="
        assert requirement.specifier.contains(version.version), text


def test_pins_carry_no_address():
    for name in ("constraints.txt", "environment.yml", "pyproject.toml", "Makefile", ".ci/run"):
        assert not re.search(r"https?://|file:|--index|--find-links", (ROOT / name).read_text())


@pytest.mark.slow
def test_the_pip_half_installs_into_a_fresh_environment(tmp_path):
    # As conda does it: a requirements file beside environment.yml, installed by the new pip.
    home = tmp_path / "riskkit"
    shutil.copytree(
        ROOT,
        home,
        ignore=shutil.ignore_patterns(".git", ".venv", "out", ".*_cache", "__pycache__"),
    )
    (home / "requirements.txt").write_text("\n".join(PIP) + "\n")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    install = [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    if shutil.which(uv):
        install = [uv, "pip", "install", "--quiet", "--python", python, "-r", "requirements.txt"]
    subprocess.run(install, check=True, cwd=home)
    shown = subprocess.run(
        [tmp_path / "venv" / "bin" / "riskkit", "--version"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert shown.stdout.startswith("riskkit ")
