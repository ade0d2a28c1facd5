"""Every public name has an example in its docstring, and it runs as it stands there."""

from __future__ import annotations

import doctest
import inspect
import os

import pytest

import riskkit
from tests.support import ROOT

NAMES = sorted(name for name in riskkit.__all__ if name != "__version__")
#: Take a whole panel, a venue or a walk: `make examples` runs them, seconds each.
LONG = {
    "Calibration",
    "ParameterFile",
    "build_parameter_file",
    "calibrate",
    "import_prices",
    "keep",
    "read_parameter_file",
    "tear_sheet",
    "JointAnswer",
    "answer_options",
    "answer_panel",
    "attack_venue",
    "compare_generations",
    "compare_panel_generations",
    "explore",
    "judge_rule",
    "margin_proofs",
    "walk_books",
    "walk_forward_many",
}


def run(name: str) -> doctest.TestResults:
    """Run the examples of a public name."""
    thing = getattr(riskkit, name)
    text = inspect.getdoc(thing) or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, inspect.getsourcefile(thing), 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(test)
    return runner.summarize(verbose=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(getattr(riskkit, name)) or "")


@pytest.mark.parametrize("name", sorted(set(NAMES) - LONG))
def test_the_example_runs_as_it_stands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = run(name)
    assert result.attempted > 0
    assert result.failed == 0


if __name__ == "__main__":  # `make examples`
    os.chdir(ROOT)
    failed = [name for name in sorted(LONG) if run(name).failed]
    print(f"{len(LONG)} long examples run, {len(failed)} failed: {failed}")
    raise SystemExit(1 if failed else 0)
