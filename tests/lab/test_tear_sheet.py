"""The page that can be sent: what it says is what was found, and nothing is left out in silence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from riskkit.calibration.evidence import published
from riskkit.calibration.result import Calibration
from riskkit.formats.format import EffectiveMargins
from riskkit.lab.figures.drawn import dynamic_margin
from riskkit.lab.figures.drawn_parts import margin_waterfall, with_crashes
from riskkit.lab.report import render_report
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile
from riskkit.position import Side
from riskkit.proof.assess import assess
from riskkit.proof.assessment import Assessment
from riskkit.proof.decision import crash_record, decision_words, unseen_words
from riskkit.proof.held import HeldMargins, judge_held
from riskkit.study.case import Case
from riskkit.validation.crashes import CrashMarket


@pytest.fixture(scope="module")
def file(btc_calibration: Calibration) -> ParameterFile:
    return build_parameter_file(btc_calibration)


@pytest.fixture(scope="module")
def beside(btc_calibration: Calibration) -> Assessment:
    row = EffectiveMargins("BTC-USD", 0, maintenance_margin=0.02, initial_margin=0.05)
    return assess(btc_calibration, [row], crashes=CrashMarket.CRYPTO)


@pytest.fixture(scope="module")
def held(btc_calibration: Calibration) -> HeldMargins:
    case = Case.of(btc_calibration.study, btc_calibration.history)
    margins = {name: {Side.LONG: m} for name, m in (("thin", 0.02), ("mid", 0.1), ("all", 0.9))}
    long_only = replace(case, study=case.study.changed({"position.sides": ["long"]}))
    return judge_held(long_only, margins)


def text_of(page: str) -> str:
    """The words of a page, without figures and tags."""
    body = re.sub(r"<script>.*?</script>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_every_entry_of_the_contents_leads_somewhere(btc_calibration, file) -> None:
    page = render_report(btc_calibration, file)
    linked = re.findall(r'href="#([\w-]+)"', page)
    assert len(linked) >= 9
    assert set(linked) <= set(re.findall(r'id="([\w-]+)"', page))
    for figure in ("frontier", "dynamic-margin", "margin-waterfall", "loss-tail"):
        assert page.count(f'Plotly.newPlot("{figure}"') == 1


def test_the_decision_says_the_numbers_of_the_file(btc_calibration, file, beside) -> None:
    words = " ".join(decision_words(btc_calibration, file, beside))
    for row in file.parameters.recommended:
        assert f"{row.maintenance_margin_fraction:.2%} for {row.side}s" in words
        assert f"{row.initial_margin_fraction:.2%} (at most" in words
    for row in file.evidence.coverage:
        assert f"{row.exceptions:,} times in {row.periods_evaluated:,} periods" in words
    assert "maintenance margin 2.00%) misses the target" in words
    page = text_of(render_report(btc_calibration, file, beside=beside, live="tiers.json"))
    assert "Beside what runs today tiers.json" in page


def test_crashes_are_those_of_the_published_requirement(btc_calibration) -> None:
    c = btc_calibration
    record = crash_record(c)
    assert len(record.rows) > 4
    for side in c.served:
        rows = published(c.question, c.dynamic, side, c.loading[side]).set_index("target")
        for _, crash in record.rows[record.rows["side"] == side.value].iterrows():
            there = rows.loc[crash["worst"]]
            assert crash["margin"] == pytest.approx(there["maintenance_margin"], rel=1e-12)
            assert crash["covered"] == (not there["breach"])


def test_each_crash_has_its_line_on_each_panel(btc_calibration) -> None:
    record = crash_record(btc_calibration)
    drawn = with_crashes(dynamic_margin(btc_calibration), record)
    crashes = record.rows["event"].nunique()
    assert len(drawn.layout["shapes"]) == crashes * len(btc_calibration.served)
    assert with_crashes(drawn, None) is drawn


def test_the_parts_add_up_to_what_is_recommended(btc_calibration) -> None:
    for trace, r in zip(
        margin_waterfall(btc_calibration).traces, btc_calibration.recommended, strict=True
    ):
        assert sum(trace["y"]) == pytest.approx(r.limits.trigger.value, rel=1e-9)


def test_what_was_not_seen_is_said(btc_calibration) -> None:
    record = crash_record(btc_calibration)
    said = " ".join(unseen_words(btc_calibration, record))
    assert all(event.name in said for event, _ in record.outside)
    assert "closes only" in said
    assert "law" in said
    assert "outside the evaluated span" not in " ".join(unseen_words(btc_calibration, None))


def test_a_larger_margin_held_defaults_no_more_often(held: HeldMargins) -> None:
    constant = held.table.set_index("margin").loc[["thin", "mid", "all"]]
    assert (np.diff(constant["defaults"]) <= 0).all()
    assert constant["defaults"].iloc[0] > constant["defaults"].iloc[-1] == 0
    np.testing.assert_allclose(constant["mean margin"], [0.02, 0.1, 0.9], rtol=1e-9)


def test_the_tools_of_article_28_stand_beside_the_rule(held: HeldMargins) -> None:
    means = held.table.set_index("margin")["mean margin"]
    rule = means["the study's rule, bar by bar"]
    assert means["the rule with a 25 % buffer"] > rule
    assert len(means) == 7


def test_the_page_says_why_accounts_were_not_replayed(btc_calibration, file, held) -> None:
    why = text_of(render_report(btc_calibration, file, held="it is a loan."))
    assert "Not replayed over accounts: it is a loan." in why
    replayed = text_of(render_report(btc_calibration, file, held=held))
    assert "the rule with a 25 % buffer" in replayed
    assert "Not replayed" not in replayed
