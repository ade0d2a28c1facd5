"""The registry: built-in formats, and one added by a user's file without touching riskkit."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.formats import registry
from riskkit.formats.calibrated import CalibratedPerpetual

MODULE = """
from dataclasses import dataclass, replace
from riskkit.formats import hyperliquid_hip3

FORMAT = replace(hyperliquid_hip3.FORMAT, name="my-venue", title="Mine")
"""


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, registry.GROUP)


def test_built_in_names() -> None:
    assert registry.names(()) == (
        "aave-v3",
        "aave-v3-json",
        "aave-v4",
        "compound-v3",
        "dydx-v4",
        "hyperliquid-hip3",
        "synthetix-v3",
    )
    for name in registry.names(()):
        assert registry.venue(name).name == name


def test_a_user_adds_a_venue_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_venue_module.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    declared = [point("my-venue", "my_venue_module:FORMAT")]
    assert "my-venue" in registry.names(declared)
    mine = registry.venue("my-venue", declared)
    assert mine.calibrated is CalibratedPerpetual
    with pytest.raises(InputError, match="must be declared once"):
        registry.venue("my-venue", declared * 2)
    wrong_name = [point("other", "my_venue_module:FORMAT")]
    with pytest.raises(InputError, match="must be a VenueFormat named 'other'"):
        registry.venue("other", wrong_name)


def test_an_installed_package_is_found_through_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_installed_venue.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "my_installed_venue-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: my-installed-venue\nVersion: 1.0\n", encoding="utf-8")
    entry = "[riskkit.venues]\nmy-venue = my_installed_venue:FORMAT\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.venue("my-venue").title == "Mine"


def test_an_unknown_venue_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"venue: got aave; must be one of aave-v3, .*synthetix"):
        registry.venue("aave", ())


def test_a_package_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(InputError, match="venue ghost: got no_such_module:FORMAT; cannot be impor"):
        registry.venue("ghost", [point("ghost", "no_such_module:FORMAT")])


def test_a_built_in_name_cannot_be_taken_over() -> None:
    declared = [point("aave-v3", "no_such_module:FORMAT")]
    assert registry.venue("aave-v3", declared).title == "Aave V3 proposal (config.ts)"
    assert registry.names(declared).count("aave-v3") == 1
