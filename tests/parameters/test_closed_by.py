"""When the last bar closed stands in the file, and a later run uses it."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market.quality import inspect_quality
from riskkit.parameters import seal
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import parse_parameter_file
from riskkit.proof.recheck import find_origin
from riskkit.study.case import Case


@pytest.fixture(scope="module")
def file(btc_calibration):
    return build_parameter_file(btc_calibration)


def test_the_file_states_when_its_last_bar_closed(file, btc_calibration):
    history = btc_calibration.history
    assert pd.Timestamp(file.data.closed_by_utc) == history.last + history.bar
    assert file.edited == ()


def test_a_file_from_before_is_read_as_it_was_written(file):
    content = json.loads(json.dumps(file.to_dict()))
    del content["data"]["closed_by_utc"]
    assert "one_way_moves" not in content["data"]  # none were found
    for kind in ("one-way move", "repeated block"):
        del content["data"]["quality_findings"][kind]
    before = parse_parameter_file(json.dumps(seal.sealed(content)))
    assert before.edited == ()
    assert before.to_dict()["data"] == content["data"]


def test_prices_that_have_grown_since_are_cut_where_the_file_ends(file, btc_calibration):
    history, study = btc_calibration.history, btc_calibration.study
    last = history.bars.iloc[[-1]]
    grown = pd.concat([history.bars, last.set_axis(last.index + history.bar)])
    longer = replace(
        history,
        bars=grown.rename_axis("time"),
        quality=inspect_quality(grown, history.bar, history.calendar),
    )
    later = study.changed({"as_of": (history.last + 9 * history.bar).date()})
    with pytest.raises(InputError, match="as_of"):  # another question is still another one
        find_origin(file, Case(later, longer))
    assert find_origin(file, Case(study, longer)).fit.next_sigma == btc_calibration.fit.next_sigma


def test_true_is_no_number(file):
    content = json.loads(json.dumps(file.to_dict()))
    content["model"]["sigma_next_bar_fraction"] = True
    with pytest.raises(InputError, match=r"model.sigma_next_bar_fraction: got True; must be a num"):
        parse_parameter_file(json.dumps(content), accept_edited=True)


def test_a_study_that_has_gained_a_key_since_is_no_edit(file):
    content = json.loads(json.dumps(file.to_dict()))
    del content["study"]["liquidation"]["largest_notional_per_bar"]
    written = seal.sealed(content)
    before = parse_parameter_file(json.dumps(written))
    assert before.edited == ()
    assert before.study == file.study
    written["study"]["simulation"]["seed"] += 1
    with pytest.raises(InputError, match="another content than was written in: study"):
        parse_parameter_file(json.dumps(written))
