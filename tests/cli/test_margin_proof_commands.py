"""scenarios, commit, prove-margin and verify-margin as a user types them, on a real calibration."""

from __future__ import annotations

import json
import logging
import shutil
import stat

import pytest

from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import read_parameter_file
from riskkit.parameters.write import canonical_json
from tests.support import DATA, STUDY, riskkit

SIZE, COLLATERAL = "-1523487961", "987654321987654321"
BOOK = f"instrument,size\nNEAR,{SIZE}\nFAR,77\ncollateral,{COLLATERAL}\n"
ON = ("--scenarios", "scenarios.json")
AT = (*ON, "--parameters", "p.json", "--day", "2024-12-31", "--context", "venue 7")


@pytest.fixture
def place(tmp_path, monkeypatch, btc_calibration):
    """A folder with a parameter file, its study, prices, instruments and positions."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "btc_usd_daily.csv", tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    file = build_parameter_file(btc_calibration)
    (tmp_path / "p.json").write_text(canonical_json(file.to_dict()))
    (tmp_path / "instruments.csv").write_text(
        "instrument,asset,units_per_lot,price\nNEAR,BTC/USD,0.001,69000\nFAR,BTC/USD,0.01,69500.5\n"
    )
    (tmp_path / "positions.csv").write_text(BOOK)
    return tmp_path


@pytest.fixture
def committed(place, capsys):
    """The same with scenarios, and a book committed to."""
    assert riskkit("scenarios", "p.json", "--instruments", "instruments.csv") == 0
    assert riskkit("commit", "positions.csv", *ON, "--out", "book") == 0
    capsys.readouterr()
    return place


def verify(proof="margin-proof.json", book="book", *more):
    return riskkit("verify-margin", proof, "--commitments", f"{book}/commitments.json", *AT, *more)


def test_scenarios_are_named_in_the_parameter_file_and_the_same_again(place, capsys):
    before = read_parameter_file("p.json")
    assert riskkit("scenarios", "p.json") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of 40,000 paths of their own over 2 bars, for any linear book (99.00% asked)" in said
    found = json.loads((place / "scenarios.json").read_text())
    after = read_parameter_file("p.json")
    assert after.header.scenarios_sha256 == found["digest_sha256"]
    assert after.parameters == before.parameters
    assert before.header.scenarios_sha256 is None
    down, up = (scenario["gain_per_lot"][0] for scenario in found["scenarios"])
    price = float(found["instruments"][0]["price"])
    assert down < 0 < up
    assert down == pytest.approx(price * 1e3 * found["scenarios"][0]["moves_fraction"][0], rel=1e-6)
    error = found["all_cover_standard_error"]
    assert found["all_cover_probability"] == pytest.approx(0.99, abs=6 * error)
    texts = [(place / name).read_bytes() for name in ("p.json", "scenarios.json")]
    assert riskkit("scenarios", "p.json") == 0
    assert texts == [(place / name).read_bytes() for name in ("p.json", "scenarios.json")]


def test_a_covered_book_is_proved_and_held_to_its_occasion(committed, capsys):
    assert riskkit("prove-margin", "book/openings.json", *AT) == 0
    assert verify() == 0
    assert "the committed book is covered in all 2 scenarios" in capsys.readouterr().out
    assert stat.S_IMODE((committed / "book" / "openings.json").stat().st_mode) == 0o600
    elsewhere = [*AT[:-1], "venue 8"]
    words = ("verify-margin", "margin-proof.json", "--commitments", "book/commitments.json")
    assert riskkit(*words, *elsewhere) == 2
    assert "must be for what is asked: context venue 8" in capsys.readouterr().err
    assert riskkit(*words, *("2025-01-01" if word == "2024-12-31" else word for word in AT)) == 2
    assert "proof: got 2024-12-31; must be for what is asked: day 2025-01-01" in (
        " ".join(capsys.readouterr().err.split())
    )
    assert riskkit("verify-margin", "book/openings.json", *words[2:], *AT) == 2
    assert "must be a file of this kind, a proof of riskkit prove-margin" in (
        " ".join(capsys.readouterr().err.split())
    )
    file = json.loads((committed / "margin-proof.json").read_text())
    for name, value in (("context", "venue 8"), ("day", "2025-01-01")):
        (committed / "edited.json").write_text(json.dumps(file | {name: value}))
        asked = [value if word == file[name] else word for word in AT]
        assert riskkit(words[0], "edited.json", *words[2:], *asked) == 1
    flipped = ("A" if file["proof"][9] != "A" else "B").join(
        (file["proof"][:9], file["proof"][10:])
    )
    (committed / "edited.json").write_text(json.dumps(file | {"proof": flipped}))
    assert verify("edited.json") == 1
    assert "does not hold" in capsys.readouterr().out
    (committed / "edited.json").write_text(json.dumps(file | {"proof": file["proof"][:-8]}))
    assert verify("edited.json") == 2
    assert "must be a proof of" in capsys.readouterr().err
    (committed / "edited.json").write_text(json.dumps(file)[:-30])
    assert verify("edited.json") == 2
    assert "must be a JSON file as riskkit writes it" in capsys.readouterr().err


def test_fills_change_the_commitments_and_the_book_is_proved_again(committed, capsys):
    (committed / "fills.csv").write_text("instrument,size\nNEAR,23\ncollateral,-1000\n")
    words = ("commit", "fills.csv", *ON, "--previous", "book/openings.json", "--out", "after")
    assert riskkit(*words) == 0
    assert riskkit("prove-margin", "after/openings.json", *AT) == 0
    assert verify("margin-proof.json", "after", "--previous", "book/commitments.json") == 0
    assert verify("margin-proof.json", "book") == 1
    assert verify("margin-proof.json", "after", "--previous", "after/commitments.json") == 2
    assert "must be those of before plus their stated change" in capsys.readouterr().err
    values = json.loads((committed / "after" / "openings.json").read_text())["values"]
    assert values == [str(int(SIZE) + 23), "77", str(int(COLLATERAL) - 1000)]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("instrument,size\nNEAR,15.5\n", "line 2: got (not shown); must be a whole number of lots"),
        ("instrument,size\nNEAR,1\nNEAR,2\n", "line 3: got (not shown); must name an instrument"),
        ("instrument,size\nMIDDLE,12\n", "line 2: got (not shown); must name an instrument of"),
        ("instrument,size\nNEAR,1,2\n", "line 2: got 3 values"),
        ("name,size\nNEAR,1\n", "must begin with the line instrument,size"),
        ("instrument,size\nNEAR,1\n", "must have a line collateral, in 1/1,000,000 of the quote"),
        (
            f"instrument,size\nNEAR,{2**31}\ncollateral,0\n",
            "size of NEAR: got (not shown); must be of at least",
        ),
        ("instrument,size\ncollateral,-5\n", "collateral: got (not shown); must not be negative"),
    ],
)
def test_positions_that_break_a_rule_end_in_words_and_nothing_is_written(
    committed, capsys, text, rule
):
    (committed / "positions.csv").write_text(text)
    assert riskkit("commit", "positions.csv", *ON, "--out", "other") == 2
    assert rule in " ".join(capsys.readouterr().err.split())
    assert not (committed / "other").exists()


def test_secrets_are_never_replaced(committed, capsys):
    before = (committed / "book" / "openings.json").read_bytes()
    assert riskkit("commit", "positions.csv", *ON, "--out", "book") == 2
    assert "must not be there yet" in capsys.readouterr().err
    assert (committed / "book" / "openings.json").read_bytes() == before


def test_files_of_another_set_are_refused(committed, capsys):
    shutil.copy("scenarios.json", "old.json")
    shutil.copy("p.json", "old-p.json")
    assert (
        riskkit("scenarios", "p.json", "--instruments", "instruments.csv", "--size-bits", "16") == 0
    )
    assert riskkit("prove-margin", "book/openings.json", *AT) == 2
    assert "must be made under the scenario set given" in capsys.readouterr().err
    old = ["old.json" if word == "scenarios.json" else word for word in AT]
    assert riskkit("prove-margin", "book/openings.json", *old) == 2
    assert "parameters: " in (said := capsys.readouterr().err)
    assert "must name the scenario set given" in said
    content = json.loads((committed / "old.json").read_text())
    content["scenarios"][0]["gain_per_lot"][0] += 1
    (committed / "old.json").write_text(json.dumps(content))
    assert riskkit("prove-margin", "book/openings.json", *old) == 2
    assert "must match its digest: it was edited" in capsys.readouterr().err
    assert not (committed / "margin-proof.json").exists()


def test_secrets_leave_no_trace(committed, capsys, caplog):
    """Neither in what is printed or logged, nor in errors and public files, whatever happens."""
    caplog.set_level(logging.DEBUG)
    assert riskkit("prove-margin", "book/openings.json", *AT) == 0
    assert verify() == 0
    secret = json.loads((committed / "book" / "openings.json").read_text())
    words = {SIZE[1:], COLLATERAL, f"{-int(SIZE):,}", f"{int(COLLATERAL):,}", *secret["blindings"]}
    words |= {str(int(blinding, 16)) for blinding in secret["blindings"]}
    (committed / "positions.csv").write_text(BOOK.replace(COLLATERAL, "1234"))
    assert riskkit("commit", "positions.csv", *ON, "--out", "poor") == 0
    assert riskkit("prove-margin", "poor/openings.json", *AT, "--out", "poor.json") == 2
    broken = dict(secret, values=[SIZE + "x", "77", COLLATERAL])
    (committed / "broken.json").write_text(json.dumps(broken))
    assert riskkit("prove-margin", "broken.json", *AT, "--out", "poor.json") == 2
    broken = dict(secret, blindings=["f" * 64, *secret["blindings"][1:]])
    (committed / "broken.json").write_text(json.dumps(broken))
    assert riskkit("prove-margin", "broken.json", *AT, "--out", "poor.json") == 2
    said = capsys.readouterr()
    assert "must cover the loss in every scenario" in said.err
    public = [
        *(committed / name for name in ("margin-proof.json", "scenarios.json", "p.json")),
        *committed.glob("*/commitments.json"),
    ]
    everything = said.out + said.err + caplog.text + "".join(path.read_text() for path in public)
    assert len(public) == 5
    for word in words:
        assert word not in everything
    assert not (committed / "poor.json").exists()
