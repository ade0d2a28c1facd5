"""A study's file: what it extends, its bytes, its name."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.study.name import study_name
from riskkit.study.study import read_study
from tests.support import ROOT

BASE = """
schema_version = 2
title = "A venue's own"
as_of = 2024-12-31
[data]
asset = "ETH"
prices = "data/eth.csv"
bar = "1h"
[position]
reaction_time_hours = 1
[liquidation]
delay.seconds = 300
[liquidity]
rate_fraction = 0.002
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_market_in_three_lines(tmp_path):
    write(tmp_path / "base.toml", BASE)
    market = write(
        tmp_path / "sol.toml",
        'schema_version = 2\nextends = "base.toml"\ndata = { asset = "SOL", prices = "sol.csv" }\n',
    )
    study = read_study(market)
    assert (study.data.asset, study.data.prices, study.data.bar) == ("SOL", "sol.csv", "1h")
    assert study.liquidation.delay.seconds == 300.0
    assert study.position.reaction_time_hours == 1.0
    # What it extends is in it, so that it stands without the file.
    assert "extends" not in study.model_dump()


def test_a_base_in_another_folder_keeps_its_prices(tmp_path):
    write(tmp_path / "venue" / "base.toml", BASE)
    middle = 'schema_version = 2\nextends = "../venue/base.toml"\nliquidity.rate_fraction = 0.004\n'
    write(tmp_path / "mine" / "middle.toml", middle)
    top = write(
        tmp_path / "top.toml",
        'schema_version = 2\nextends = "mine/middle.toml"\nposition.kind = "loan"\n',
    )
    study = read_study(top)
    assert study.data.prices == "venue/data/eth.csv"
    assert study.liquidity.rate_fraction == 0.004
    assert study.is_loan
    assert study.position.reaction_time_hours == 1.0


def test_a_study_of_version_1_can_be_extended(tmp_path):
    base = (ROOT / "studies" / "eth-perpetual-daily.toml").as_posix()
    top = write(
        tmp_path / "top.toml",
        f'schema_version = 2\nextends = "{base}"\ndata = {{ asset = "S&P 500", sample = "sp500" }}',
    )
    study = read_study(top)
    assert (study.data.sample, study.data.prices) == ("sp500", None)
    assert study.simulation.seed == 20241231
    assert study.position.penalty_fraction == 0.0005


def test_a_missing_base_is_named_with_who_asked_for_it(tmp_path):
    top = write(tmp_path / "top.toml", 'schema_version = 2\nextends = "none.toml"\n')
    with pytest.raises(InputError, match=r"extends: got .*none\.toml; .*as top\.toml says"):
        read_study(top)


@pytest.mark.parametrize("links", [("a",), ("b", "a"), ("b", "c", "a"), ("b", "c", "b")])
def test_a_circle_is_refused(tmp_path, links):
    names = ["a", *links]
    for name, base in itertools.pairwise(names):
        write(tmp_path / f"{name}.toml", f'schema_version = 2\nextends = "./{base}.toml"\n')
    with pytest.raises(InputError, match=r"extends: .*must not lead back to where it began"):
        read_study(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "base.toml"\n', r"is a key of version 2, and this study is of version 1"),
        ("schema_version = 2\nextends = 3\n", r"extends: got 3; must be the name of one file"),
        ('schema_version = 2\nextends = "bad.toml"\n', r"extends: .*must be TOML"),
        ('schema_version = 2\nextends = "."\n', r"extends: .*must be a file that can be read"),
        ('schema_version = 2\nextends = "v3.toml"\n', r"schema_version: got 3; must be 1 or 2"),
        ('schema_version = 2\nextends = "base.toml"\nx = 1\n', r"x: got 1; unknown keys"),
    ],
)
def test_what_cannot_be_extended_is_said(tmp_path, text, message):
    write(tmp_path / "base.toml", BASE)
    write(tmp_path / "bad.toml", "title = what")
    write(tmp_path / "v3.toml", "schema_version = 3")
    with pytest.raises(InputError, match=message):
        read_study(write(tmp_path / "top.toml", text))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert read_study(path).data.asset == "ETH"


def test_bytes_that_are_no_text_and_files_beyond_measure_are_refused(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(InputError, match="must be TOML"):
        read_study(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(InputError, match="must hold at most 1,000,000 bytes"):
        read_study(path)


@pytest.mark.parametrize("name", [".toml", "..toml", "...toml", "....toml", " .toml"])
def test_a_file_whose_name_no_folder_can_carry_is_refused(tmp_path, name):
    path = write(tmp_path / name, BASE)
    for ask in (study_name, read_study):
        with pytest.raises(InputError, match=r"file name: .*must hold more than dots"):
            ask(path)
    assert study_name("studies/eth.perp.toml") == "eth.perp"


def test_prices_given_as_a_study_are_sent_to_their_option(tmp_path):
    path = tmp_path / "eth.csv"
    path.write_text("time,close\n2024-01-01,1.0\n")
    with pytest.raises(InputError, match=r"must be TOML: .* For prices write --prices .*eth\.csv"):
        read_study(path)
