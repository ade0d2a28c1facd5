"""A side that no margin serves is a row with a reason, and takes nothing from the other."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.evidence import published
from riskkit.calibration.loading import loading_history
from riskkit.calibration.result import Calibration, Infeasible, WithoutSuspects
from riskkit.cli.assess_tables import print_assessment
from riskkit.cli.run import Written
from riskkit.cli.tables import markets_table, print_calibration
from riskkit.errors import InputError
from riskkit.formats.format import EffectiveMargins
from riskkit.lab.figures import dynamic_margin, frontier, loss_tail
from riskkit.lab.notebook_tables import requirements_table
from riskkit.lab.proof_figures import tornado
from riskkit.lab.report import render_report
from riskkit.market.returns import log_returns
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.diff import compare_files
from riskkit.parameters.file import ParameterFile, parse_parameter_file
from riskkit.parameters.write import canonical_json
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.proof.assess import assess
from riskkit.proof.assess_file import AssessmentFile, LiveFile, assessment_file
from riskkit.proof.export import calibrated_from
from riskkit.proof.sensitivity import measure_sensitivity
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.validation.crashes import CrashMarket
from tests.support import small_study

# Twenty days until a close-out: a short of a stressed market then costs more than its notional.
HARD: dict[str, object] = {
    "mechanism": {"liquidation_delay_hours": 480.0},
    "simulation": {"bootstrap_refits": 0, "start_state": "stressed", "paths": 20_000},
}
WHY = "no short buffer below 98 % meets it"


#: A venue that asks no short for more than about its notional.
NOTIONAL = {"position.largest_short_margin_fraction": 0.98}


def hard_study(**sections: dict[str, object]) -> Study:
    return small_study(**HARD, **sections).changed(NOTIONAL)


@pytest.fixture(scope="module")
def served(btc_daily) -> Calibration:
    return calibrate(hard_study(), btc_daily)


@pytest.fixture(scope="module")
def file(served) -> ParameterFile:
    return build_parameter_file(served)


def text_of(print_on) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_on(console)
    return console.file.getvalue()


def test_the_other_side_is_that_of_a_study_of_its_own(btc_daily, served):
    alone = calibrate(hard_study(venue={"sides": ["long"]}), btc_daily)
    assert [u.side for u in served.unserved] == [Side.SHORT]
    assert served.served == alone.served == (Side.LONG,)
    assert WHY in served.unserved[0].reason
    (mine,), (theirs,) = served.recommended, alone.recommended
    assert mine.limits == theirs.limits
    assert served.floor[0] == alone.floor[0]
    assert served.evidence == alone.evidence
    stressed = [p for p in served.by_state if p.state is StartState.STRESSED]
    assert [isinstance(p, Infeasible) for p in stressed] == [False, True]


def test_a_study_of_that_side_alone_has_no_answer(btc_daily):
    with pytest.raises(InputError, match=WHY):
        calibrate(hard_study(venue={"sides": ["short"]}), btc_daily)


def test_the_file_says_which_side_and_why_and_is_read_again(served, file):
    (unserved,) = file.parameters.sides_not_served
    assert unserved.side == "short"
    assert WHY in unserved.reason
    assert [row.side for row in file.parameters.recommended] == ["long"]
    assert ("short", "stressed") in [
        (i.side, i.start_state) for i in file.parameters.infeasible_start_states
    ]
    text = canonical_json(file.to_dict())
    assert parse_parameter_file(text) == file


def test_a_file_in_which_all_is_well_does_not_have_the_keys(btc_calibration):
    parameters = build_parameter_file(btc_calibration).to_dict()["parameters"]
    assert not {"sides_not_served", "not_solved_without_suspects"} & parameters.keys()


def test_terminal_report_and_tables_say_it(tmp_path, served, file):
    written = Written(tmp_path / "p", tmp_path / "r", None)
    shown = text_of(lambda console: print_calibration(console, served, written))
    assert "not served short: no margin serves this side" in shown
    assert WHY in shown
    markets = text_of(lambda console: console.print(markets_table([served])))
    assert [line.split()[2:4] for line in markets.splitlines() if "short" in line] == [
        ["short", "not"]
    ]
    page = render_report(served, file)
    assert "No margin serves the short side" in page
    note = requirements_table(served).loc[("recommended", "short"), "note"]
    assert WHY in note
    for figure in (dynamic_margin(served), frontier(served), loss_tail(served)):
        assert not any("short" in (trace.name or "") for trace in figure.data)


def test_no_venue_is_given_one_number_for_two_sides(file):
    with pytest.raises(InputError, match=r"sides_not_served: got short; a venue quotes one number"):
        calibrated_from(file, allow_historical=True)


def test_a_difference_names_the_side_that_one_file_lacks(btc_calibration, file):
    both = build_parameter_file(btc_calibration)
    (gone,) = compare_files(both, file).one_sided
    assert (gone.side, gone.recommended_in) == ("short", "old")
    assert WHY in gone.reason
    (back,) = compare_files(file, both).one_sided
    assert (back.side, back.recommended_in) == ("short", "new")
    assert compare_files(file, file).one_sided == ()


def test_an_assessment_judges_the_served_side_and_names_the_other(served):
    thin = EffectiveMargins("X", 0, 0.5, 0.25)
    found = assess(served, [thin], crashes=CrashMarket.CRYPTO)
    assert [s.side for s in found.sides] == [Side.LONG]
    shown = text_of(lambda console: print_assessment(console, found, "live.json"))
    assert "short: no margin serves this side" in shown
    live = LiveFile(venue="dydx-v4", market="X", source="live.json", sha256="0" * 64)
    written = assessment_file(found, live)
    assert [u.side for u in written.sides_not_served] == ["short"]
    assert AssessmentFile.model_validate_json(written.model_dump_json()) == written
    paid = EffectiveMargins("X", 0, 1, 0.5)  # the long cannot be liquidated, nor the short served
    with pytest.raises(InputError, match=r"X, short: .* must have a recommendation"):
        assess(served, [paid], crashes=CrashMarket.CRYPTO)


def test_a_floor_that_cannot_be_met_is_a_reason_too(btc_daily, monkeypatch):
    # From a calm day the short is served; at the volatility of the whole history it is not.
    import riskkit.calibration.buffers as module

    real = module.solve_buffer

    def unless_floor(question, side, *rest):
        if side is Side.SHORT and not question.world.start.of_fit:
            raise InputError("targets", 0.01, WHY, "Accept a higher target")
        return real(question, side, *rest)

    monkeypatch.setattr(module, "solve_buffer", unless_floor)
    quick = {"simulation": {"bootstrap_refits": 0, "paths": 20_000}}
    found = calibrate(small_study(**quick).changed(NOTIONAL), btc_daily)
    (unserved,) = found.unserved
    assert "the volatility of the whole history, which is the floor" in unserved.reason
    assert [f.side for f in found.floor] == [Side.LONG]


def test_a_past_without_a_margin_is_at_the_cap(btc_daily, served, monkeypatch):
    def refuse(question, side, *rest):
        raise InputError("targets", 0.01, WHY, "Accept a higher target")

    monkeypatch.setattr("riskkit.calibration.buffers.solve_buffer", refuse)
    question = served.question
    history = loading_history(question, log_returns(btc_daily), (Side.LONG,))
    rows = published(question, served.dynamic, Side.LONG, history[Side.LONG])
    np.testing.assert_allclose(rows["maintenance_margin"], 0.98)


def test_sensitivity_varies_the_side_that_is_served(btc_daily):
    found = measure_sensitivity(Case.of(hard_study(), btc_daily), specs=(), paths=5_000)
    assert found.served == (Side.LONG,)
    assert set(found.table["side"]) == {"long"}
    assert [u.side for u in found.unserved] == [Side.SHORT]
    assert len(tornado(found).layout.annotations) == 2  # a panel for MM and one for IM


def test_margins_without_suspects_that_cannot_be_solved_are_said(tmp_path, btc_calibration):
    (state,) = {r.point.state for r in btc_calibration.recommended}
    rows = (btc_calibration.recommended[0].point, Infeasible(Side.SHORT, state, WHY))
    told = replace(btc_calibration, without_suspects=WithoutSuspects(("2022-01-01",), rows))
    file = build_parameter_file(told)
    assert [i.side for i in file.parameters.not_solved_without_suspects] == ["short"]
    assert len(file.parameters.without_suspected_bad_ticks) == 1
    assert parse_parameter_file(canonical_json(file.to_dict())) == file
    written = Written(tmp_path / "p", tmp_path / "r", None)
    shown = text_of(lambda console: print_calibration(console, told, written))
    assert f"not solved short, without suspects: {WHY}" in shown
    assert "short, without suspected ticks and one-way moves: not solved" in render_report(
        told, file
    )
