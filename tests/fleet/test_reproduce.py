"""A parameter file's study, run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.fleet.reproduce import reproduce
from riskkit.parameters.file import parse_parameter_file, read_parameter_file
from tests.fleet.conftest import Fleet

pytestmark = pytest.mark.xdist_group("fleet")


def test_a_file_is_reproduced_to_its_digest(fleet: Fleet) -> None:
    file = read_parameter_file(fleet.archive.parameters(fleet.ended[0].key))
    found = reproduce(file, fleet.studies / "btc_usd_daily.csv")
    assert found.same_bytes
    assert found.agrees


def test_a_changed_number_is_found(fleet: Fleet) -> None:
    path = fleet.archive.parameters(fleet.ended[0].key)
    file = read_parameter_file(path)
    margin = file.parameters.recommended[0].maintenance_margin_fraction
    text = path.read_text(encoding="utf-8").replace(f"{margin}", f"{margin + 1e-6:.6f}", 1)
    edited = parse_parameter_file(text, accept_edited=True)
    found = reproduce(edited, fleet.studies / "btc_usd_daily.csv")
    assert not found.same_bytes
    assert [c.key.rsplit(".", 1)[-1] for c in found.changes] == ["maintenance_margin_fraction"]


def test_other_prices_are_refused(fleet: Fleet, tmp_path: Path) -> None:
    prices = tmp_path / "btc_usd_daily.csv"
    prices.write_bytes((fleet.studies / "btc_usd_daily.csv").read_bytes() + b"\n")
    file = read_parameter_file(fleet.archive.parameters(fleet.ended[0].key))
    with pytest.raises(InputError, match="must be the bytes"):
        reproduce(file, prices)
