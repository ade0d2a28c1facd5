"""A part of the fuzzer's inputs, the same ones every time; the benchmark runs them all."""

from __future__ import annotations

import pytest

from tests.fuzz.inputs import KINDS, inputs
from tests.fuzz.judge import Verdict
from tests.fuzz.planted import PLANTED

# Bounded by count: what a machine is busy with beside changes no verdict.
COUNTS = {"price file": 480} | {kind: 60 for kind in KINDS if kind != "price file"}
WRONG = (Verdict.SILENT, Verdict.TRACEBACK, Verdict.FALSE_ALARM)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong_in_silence(kind):
    judged = list(inputs(kind, range(COUNTS[kind])))
    wrong = [j for j in judged if j.verdict in WRONG]
    assert wrong == []
    verdicts = {j.verdict for j in judged}
    assert {Verdict.SAME, Verdict.REFUSED} <= verdicts  # the judge tells them apart
    if kind == "price file":
        assert Verdict.SAID in verdicts
        assert {j.damage for j in judged} >= set(PLANTED)
