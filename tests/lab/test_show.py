"""One word for a result: what it shows, what it refuses; and a file that writes itself."""

from __future__ import annotations

import pandas as pd
import pytest

import riskkit
from riskkit.errors import InputError
from riskkit.parameters.build import build_parameter_file


def test_a_calibration_and_its_file_show_the_recommendation(btc_calibration, tmp_path):
    file = build_parameter_file(btc_calibration)
    recommended = btc_calibration.recommended[0].limits.trigger.value
    words = riskkit.show(btc_calibration).to_html()
    assert "recommended" in words
    assert f"{100 * float(recommended):.2f}"[:3] in words
    row = file.to_dict()["parameters"]["recommended"][0]
    assert str(row["maintenance_margin_fraction"])[:5] in riskkit.show(file).to_html()
    assert riskkit.read_parameter_file(file.write(tmp_path / "new" / "p.json")) == file


def test_tables_are_shown_as_they_are_and_anything_else_is_refused():
    table = pd.DataFrame({"margin": [0.25, 0.5]})
    for result in (table, table["margin"], {"margin": 0.25}):
        assert "0.25" in riskkit.show(result).to_html()
    with pytest.raises(InputError, match="result: got int; must be a calibration"):
        riskkit.show(3)
