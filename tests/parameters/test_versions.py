"""Versions of the parameter file: digest, migration, validity, published schema."""

from __future__ import annotations

import json
from datetime import date, timedelta

import jsonschema
import numpy as np
import pytest

from riskkit.calibration.evidence import published
from riskkit.errors import InputError
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile, parse_parameter_file, read_parameter_file
from riskkit.parameters.schema import parameter_file_schema, published_schema
from riskkit.parameters.validity import valid_until
from riskkit.parameters.write import canonical_json
from riskkit.position import Side
from riskkit.study.study import parse_study
from riskkit.study.version1 import MOVED, MOVED_OF_KIND
from tests.support import ROOT, simulated

# Written at version 0 of the file, from the shipped ETH collateral study as of 2024-10-01.
VERSION_0 = ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json"
# Written by riskkit at version 1 of the file, from the shipped ETH perpetual study with 20,000
# paths and two refits.
VERSION_1 = ROOT / "tests" / "parameters" / "files" / "eth-perpetual-v1.json"


@pytest.fixture(scope="module")
def file(btc_calibration) -> ParameterFile:
    return build_parameter_file(btc_calibration)


@pytest.fixture
def content(file: ParameterFile) -> dict:
    return file.to_dict()


def test_the_published_schema_is_that_of_the_models():
    assert published_schema() == parameter_file_schema()


def test_real_files_validate_under_the_published_schema(content):
    checker = jsonschema.Draft202012Validator
    checker.check_schema(published_schema())
    validator = checker(published_schema())
    validator.validate(content)
    validator.validate(read_parameter_file(VERSION_0).to_dict())
    for broken in (
        {**content, "note": 1},
        {**content, "header": {**content["header"], "schema_version": 3}},
        {key: value for key, value in content.items() if key != "study"},
    ):
        assert not validator.is_valid(broken)


def test_another_layout_is_no_edit(content):
    shuffled = {key: content[key] for key in reversed(content)}
    assert parse_parameter_file(json.dumps(shuffled, indent=7)).edited == ()


EDITS = {
    "parameters": lambda c: c["parameters"]["recommended"][0].update(
        maintenance_margin_fraction=0.01
    ),
    "evidence": lambda c: c["evidence"]["coverage"][1].update(exceptions=0),
    "study": lambda c: c["study"]["liquidity"].update(rate_fraction=0.0),
    "counted": lambda c: c["counted"].update(reaction_time_bars=2),
    "model": lambda c: c["model"].update(healthy=False),
    "data": lambda c: c["data"].update(source="elsewhere.csv"),
    "header": lambda c: c["header"].update(status="calibrated"),
}


@pytest.mark.parametrize("section", EDITS)
def test_an_edit_by_hand_is_named_and_refused(content, section):
    EDITS[section](content)
    text = json.dumps(content)
    with pytest.raises(
        InputError, match=rf"x\.json: got another content than was written in: {section};"
    ):
        parse_parameter_file(text, "x.json")
    accepted = parse_parameter_file(text, accept_edited=True)
    assert accepted.edited == (section,)
    assert accepted.to_dict() == content
    assert accepted.sealed().edited == ()


def test_several_edits_are_all_named(content):
    EDITS["study"](content)
    EDITS["model"](content)
    with pytest.raises(InputError, match=r"written in: model, study;"):
        parse_parameter_file(json.dumps(content))


def test_a_forged_section_digest_is_an_edited_header(content):
    EDITS["study"](content)
    forged = ParameterFile.model_validate(content).sealed().header.digest.study_sha256
    content["header"]["digest"]["study_sha256"] = forged
    with pytest.raises(InputError, match="written in: header;"):
        parse_parameter_file(json.dumps(content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"header": 1, "header": 2}', "the key 'header' is there twice"),
        (
            '{"header": {"schema_version": 0}}',
            r"version 0, of which the key 'data' must be",
        ),
        ('{"header": {"schema_version": 7}}', r"header\.schema_version: got 7"),
        ('{"header": NaN}', "header: got nan"),
        ('{"liquidity_tiers": []}', "must have a header, as parameter files do"),
        (" " * 2_000_001, "must hold at most 2,000,000 characters"),
    ],
)
def test_what_is_no_parameter_file_is_refused_in_words(text, message):
    with pytest.raises(InputError, match=message):
        parse_parameter_file(text)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="must be UTF-8 text"):
        read_parameter_file(path)
    path.write_bytes(b" " * 8_000_001)
    with pytest.raises(InputError, match="must hold at most"):
        read_parameter_file(path)


def held_as_before(after: dict, before: dict) -> None:
    """Every assumption of the old file is in the study or the counts of the new one."""
    study, assumed = parse_study(after["study"]), before["assumptions"]
    values = {entry.key: entry.value for entry in study.entries()}
    moved = {**MOVED, **MOVED_OF_KIND[assumed["venue_kind"]]}
    for (_, name), (key, per) in moved.items():
        if name != "sides":
            assert values[key] == assumed[name] * per
    assert after["study"]["targets"] == before["targets"] | {"over": "one-position"}
    assert study.position.kind == assumed["venue_kind"]
    assert study.floor.kind == assumed["margin_floor"]
    assert [side.value for side in study.sides] == assumed["sides"]
    assert study.model.spec == before["model"]["spec_requested"]
    for name in ("paths", "seed", "start_state", "bootstrap_refits"):
        assert after["study"]["simulation"][name] == assumed[name]
    for name, value in after["counted"].items():
        assert value == assumed[name]


@pytest.mark.parametrize(
    ("edit", "sections"),
    [
        (lambda c: c["assumptions"].update(slippage_fraction=0.0), "assumptions"),
        (lambda c: c["targets"].update(default_given_liquidation_probability=0.5), "targets"),
        (lambda c: c["header"].update(title="another"), "header"),
        (lambda c: c["assumptions"].update(holding_horizon_hours=720), "assumptions"),
    ],
)
def test_a_file_of_version_1_edited_by_hand_is_refused_before_it_is_migrated(edit, sections):
    content = json.loads(VERSION_1.read_text(encoding="utf-8"))
    edit(content)
    text = json.dumps(content)
    with pytest.raises(InputError, match=rf"old\.json: got another content .* in: {sections};"):
        parse_parameter_file(text, "old.json")
    accepted = parse_parameter_file(text, accept_edited=True)
    assert accepted.edited == (sections,)
    # Written anew it still says so: sealing is no pardon.
    again = canonical_json(accepted.to_dict())
    with pytest.raises(InputError, match=rf"in: {sections};"):
        parse_parameter_file(again)


def test_a_real_file_of_version_1_is_migrated_and_keeps_every_number():
    before = json.loads(VERSION_1.read_text(encoding="utf-8"))
    assert before["header"]["schema_version"] == 1
    file = read_parameter_file(VERSION_1)
    after = file.to_dict()
    assert file.header.migrated_from_schema_version == 1
    assert "study.model.minimum_bars" in file.header.lacks
    assert file.study.model.refit_every_bars == 30  # said by the evidence of the old file
    for section in ("data", "model", "parameters", "evidence"):
        assert after[section] == before[section]
    held_as_before(after, before)
    assert file.edited == ()
    assert parse_parameter_file(canonical_json(after)) == file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("assumptions"), r"says version 1, of which the key 'assumptions' must be"),
        (lambda c: c["header"].pop("digest"), r"the key 'digest' must be there"),
        (lambda c: c.update(targets=3), r"targets"),
        (lambda c: c["assumptions"].update(seed=2**60), r"seed"),
        (lambda c: c["assumptions"].update(more=1), r"counted.more: got 1; extra inputs"),
        (lambda c: c["assumptions"].pop("seed"), r"the key 'seed' must be there"),
    ],
)
def test_a_file_that_says_version_1_and_is_none_is_refused(change, message):
    content = json.loads(VERSION_1.read_text(encoding="utf-8"))
    change(content)
    with pytest.raises(InputError, match=message):
        parse_parameter_file(json.dumps(content), accept_edited=True)


def test_a_real_file_of_version_0_is_migrated_and_keeps_every_number():
    before = json.loads(VERSION_0.read_text(encoding="utf-8"))
    assert before["header"]["schema_version"] == 0
    file = read_parameter_file(VERSION_0)
    after = file.to_dict()
    added = {
        "valid_until_date": "2024-10-31",  # 30 days after 1 October, whose bar is the last
        "expires_above_sigma_next_bar_fraction": None,
        "validity_rule": after["header"]["validity_rule"],
        "migrated_from_schema_version": 0,
        "lacks": after["header"]["lacks"],
        "edited_before_migration": [],
        "digest": after["header"]["digest"],
    }
    assert after["header"] == {**before["header"], "schema_version": 2, **added}
    assert "version 0 measured no sigma" in file.header.validity_rule
    assert after["evidence"] == {**before["evidence"], "procyclicality": []}
    for section in ("data", "model", "parameters"):
        assert after[section] == before[section]
    held_as_before(after, before)
    assert file.edited == ()
    assert parse_parameter_file(canonical_json(after)) == file


def test_a_file_is_valid_until_its_data_would_make_it_a_historical_example(file, btc_calibration):
    last_day = file.header.as_of_date - timedelta(days=btc_calibration.data_age_days)
    assert file.header.valid_until_date == last_day + timedelta(days=30)
    assert (file.header.status == "calibrated") == (
        file.header.as_of_date <= file.header.valid_until_date
    )
    hourly = valid_until(btc_calibration.history.last.replace(hour=22).to_pydatetime(), 3600.0)
    assert hourly == last_day + timedelta(days=30)
    assert isinstance(hourly, date)


def test_the_file_expires_where_a_target_is_missed(file, btc_calibration):
    """Against paths simulated anew: just below both targets hold, well above one is missed."""
    from riskkit.paths.model import PathModel, Shocks
    from riskkit.simulation.default import Weighting, simulate_default
    from riskkit.venue.mechanism import Mechanism, Perpetual, Slippage
    from riskkit.venue.oracle import Oracle

    c, expiry = btc_calibration, file.header.expires_above_sigma_next_bar_fraction
    assert expiry > c.fit.next_sigma  # the recommendation is at the safe end of its band
    model = PathModel.from_fit(c.fit, Shocks(c.study.model.shocks))
    worst = []
    for multiple in (0.85, 1.2):
        ratios = []
        for r in c.recommended:
            p = r.limits
            position = Perpetual(
                r.side,
                p.opening.value,
                p.trigger.value,
                penalty=c.study.position.penalty_fraction,
            )
            found = [
                simulated(
                    simulate_default,
                    model,
                    position,
                    Mechanism(Oracle(), 1, Slippage(rate=c.study.liquidity.rate_fraction)),
                    start_sigma=multiple * expiry * model.sigma_scale,
                    horizon=bars,
                    paths=40_000,
                    seed=99,
                    weighting=Weighting.PLAIN,
                )
                for bars in (1, 30)
            ]
            t = c.study.targets
            ratios += [
                float(found[0].liquidation.value) / t.liquidation_within_reaction_time_probability,
                float(found[1].default_given_liquidation.value)
                / t.default_given_liquidation_probability,
            ]
        worst.append(max(ratios))
    assert worst[0] < 1.0 < worst[1]


def test_procyclicality_is_that_of_the_published_margin(file, btc_calibration):
    c = btc_calibration
    assert [row.side for row in file.evidence.procyclicality] == ["long", "short"]
    for row in file.evidence.procyclicality:
        rows = published(c.question, c.dynamic, Side(row.side), c.loading[Side(row.side)])
        rows = rows[rows["not_evaluated"] == ""]
        margin = rows["maintenance_margin"].to_numpy()
        lowest, peak = np.inf, 0.0
        for value in margin:
            lowest = min(lowest, value)
            peak = max(peak, value / lowest)
        assert row.peak_to_trough_multiple == pytest.approx(peak, rel=1e-9)
        assert row.mean_margin_fraction == pytest.approx(margin.mean(), rel=1e-9)
        five = {r.distance_bars: r.largest_rise_multiple for r in row.largest_rises}[5]
        assert five == pytest.approx((margin[5:] / margin[:-5]).max(), rel=1e-9)
        breaches = next(e.breaches for e in c.evidence if e.side.value == row.side)
        assert row.breach_rate * row.observations == pytest.approx(breaches, abs=1e-6)
