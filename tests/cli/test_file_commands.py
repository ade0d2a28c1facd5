"""validate, diff, export and steps as a user types them, on a real calibration's file."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from riskkit.formats import dydx_v4, hyperliquid_hip3
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.diff import Unit, compare_files, unit_of
from riskkit.parameters.file import ParameterFile, read_parameter_file
from riskkit.parameters.write import canonical_json
from riskkit.proof.export import margins_at_slippage
from tests.parameters import venue_cases as cases
from tests.support import DATA, ROOT, STUDY, riskkit

CONTEXT = """
id = 3
name = "BTC"
impact_notional = "500 USDC / initial margin fraction"
open_interest_lower_cap = 0
open_interest_upper_cap = 0
"""
VERSION_0 = ROOT / "tests" / "parameters" / "files" / "eth-collateral-v0.json"
EXPORT = ("export", "p.json", "--study", "study.toml", "--allow-historical", "--allow-coarse")


@pytest.fixture(scope="module")
def file(btc_calibration) -> ParameterFile:
    return build_parameter_file(btc_calibration)


@pytest.fixture
def folder(file, tmp_path, monkeypatch) -> Path:
    (tmp_path / "p.json").write_text(canonical_json(file.to_dict()))
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "context.toml").write_text(CONTEXT)
    (tmp_path / "live.json").write_text(cases.DYDX)
    shutil.copy(DATA / "btc_usd_daily.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def edited(file: ParameterFile, side: str, **values: float) -> ParameterFile:
    rows = tuple(
        row.model_copy(update=values) if row.side == side else row
        for row in file.parameters.recommended
    )
    parameters = file.parameters.model_copy(update={"recommended": rows})
    return file.model_copy(update={"parameters": parameters})


def test_an_export_is_simulated_again_and_written(folder, file, capsys):
    assert riskkit(*EXPORT, "--venue", "dydx-v4", "--context", "context.toml", "--out", "o") == 0
    (tier,) = dydx_v4.read((folder / "o").read_text()).tiers
    assert (tier.id, tier.name) == (3, "BTC")
    shown = capsys.readouterr().out
    # Of the side whose own margin is exported, the file's evidence is met to the digit shown.
    row = max(file.parameters.recommended, key=lambda r: r.maintenance_margin_fraction)
    assert tier.initial_margin_ppm >= round(1e6 * row.initial_margin_fraction)
    (line,) = (s.split() for s in shown.splitlines() if row.side in s.split())
    assert float(line[2]) == pytest.approx(100 * row.maintenance_margin_fraction, abs=1e-4)
    assert float(line[4]) <= 1.0


def test_a_live_file_gives_the_context_and_a_context_file_replaces_it(folder):
    words = (*EXPORT, "--venue", "dydx-v4", "--live", "live.json", "--market", "Small-Cap")
    assert riskkit(*words, "--out", "o") == 0
    (tier,) = dydx_v4.read((folder / "o").read_text()).tiers
    assert (tier.id, tier.open_interest_lower_cap) == (1, 20_000_000_000_000)
    Path("top.toml").write_text('name = "Mine"')
    assert riskkit(*words, "--context", "top.toml", "--out", "o") == 0
    (tier,) = dydx_v4.read((folder / "o").read_text()).tiers
    assert (tier.id, tier.name) == (1, "Mine")


def test_an_export_that_misses_the_target_is_refused_with_numbers(folder, file, capsys):
    thin = edited(
        edited(file, "long", maintenance_margin_fraction=0.02), "short",
        maintenance_margin_fraction=0.02,
    )  # fmt: skip
    (folder / "p.json").write_text(canonical_json(thin.sealed().to_dict()))
    words = (*EXPORT, "--venue", "dydx-v4", "--context", "context.toml", "--out", "o")
    assert riskkit(*words) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert "long of BTC: P(default | liquidation) = " in said
    assert "must meet the target of 1.000%" in said
    assert not (folder / "o").exists()


def test_tied_margins_are_simulated_as_the_venue_ties_them(folder, file, capsys):
    Path("c.toml").write_text('dex = "abc"\ndescription = "BTC"')
    words = (*EXPORT, "--venue", "hyperliquid-hip3", "--context", "c.toml", "--out", "o")
    code = riskkit(*words)
    caught = capsys.readouterr()
    assert code == 0, caught.err
    (tier,) = hyperliquid_hip3.read((folder / "o").read_text()).tiers
    (line,) = (s.split() for s in caught.out.splitlines() if "long" in s.split())
    assert float(line[2]) == pytest.approx(50 / tier.max_leverage, abs=1e-4)
    assert float(line[3]) == pytest.approx(100 / tier.max_leverage, abs=1e-4)


LADDER = "notional,slippage_fraction\n1000000,0.005\n10000000,0.08\n"


# Closing 10 million costs 1 % or 8 %: leverage 2, or 1, at which a long has nothing to liquidate.
@pytest.mark.parametrize(("slippage", "leverage", "sides"), [(0.01, 2, 2), (0.08, 1, 1)])
def test_a_ladder_makes_tiers_that_are_each_simulated_at_their_own_cost(
    folder, file, capsys, slippage, leverage, sides
):
    Path("c.toml").write_text('dex = "abc"\ndescription = "BTC"')
    Path("ladder.csv").write_text(LADDER.replace("0.08", str(slippage)))
    words = (*EXPORT, "--venue", "hyperliquid-hip3", "--context", "c.toml")
    assert riskkit(*words, "--ladder", "ladder.csv", "--out", "o") == 0
    shown = capsys.readouterr().out
    tiers = hyperliquid_hip3.read((folder / "o").read_text()).tiers
    assert [(t.lower_bound, t.max_leverage) for t in tiers] == [(0, 3), (1_000_000, leverage)]
    for size, cost in ((10**6, 0.005), (10**7, slippage)):
        initial, maintenance = margins_at_slippage(file, cost)
        assert hyperliquid_hip3.maintenance_margin(tiers, size) >= size * maintenance
        assert hyperliquid_hip3.initial_margin(tiers, size) >= size * initial
    lines = [line.strip() for line in shown.splitlines()]
    assert sum(line.startswith("BTC from 1000000") for line in lines) == sides
    # At that size the maintenance margin is still the smaller tier's, and the initial one larger.
    (rare,) = (line for line in lines if line.startswith("liquidated rarely"))
    assert "of BTC from 1000000: P(default | liquidation) = 4." in rare


@pytest.mark.parametrize(
    ("venue", "change", "message"),
    [
        ("dydx-v4", ("", ""), "rungs: got 2 rungs; cannot be stored: dYdX margins grow with open"),
        ("hyperliquid-hip3", ("0.08", "0.004"), "ladder.slippage: got (0.005, 0.004); must not f"),
        ("hyperliquid-hip3", ("1000000,", "20000000,"), "ladder.notional: got (20000000.0, 10000"),
        ("hyperliquid-hip3", ("0.08", "0.08,1"), "ladder: got ladder.csv; must be a CSV"),
        ("hyperliquid-hip3", ("notional", "size"), "must have the columns notional, slippage_fr"),
        ("hyperliquid-hip3", ("0.08", "1e400"), "ladder: got SlippageLadder("),
    ],
)
def test_a_ladder_that_the_venue_cannot_hold_is_refused(folder, capsys, venue, change, message):
    Path("c.toml").write_text('dex = "abc"\ndescription = "BTC"')
    Path("ladder.csv").write_text(LADDER.replace(*change, 1))
    context = "context.toml" if venue == "dydx-v4" else "c.toml"
    words = (*EXPORT, "--venue", venue, "--context", context, "--ladder", "ladder.csv")
    assert riskkit(*words) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("as_of = 2024-12-31", "as_of = 2024-12-30"), "study.as_of = 2024-12-30"),
        (('spec = "gjr-t"', 'spec = "garch-t"'), "study.model.spec = garch-t"),
        (
            ("latency_seconds = 0.0", "latency_seconds = 60.0"),
            "study.oracle.latency.seconds = 60.0",
        ),
    ],
)
def test_another_study_is_refused_with_the_difference(folder, capsys, change, message):
    (folder / "study.toml").write_text(STUDY.replace(*change))
    assert riskkit(*EXPORT, "--venue", "dydx-v4", "--context", "context.toml") == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert message in said
    assert "must be the study behind the parameter file" in said


def test_other_prices_are_refused(folder, capsys):
    rows = (folder / "btc_usd_daily.csv").read_text().splitlines()
    (folder / "btc_usd_daily.csv").write_text("\n".join([rows[0], *rows[2:], ""]))
    assert riskkit(*EXPORT, "--venue", "dydx-v4", "--context", "context.toml") == 2
    assert "data.sha256 = " in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--venue", "dydx-v4"], "Ids and caps are never invented"),
        (["--venue", "dydx-v4", "--live", "live.json"], "must name one of the live file's markets"),
        (["--venue", "dydx-v4", "--live", "none"], "live: got none; must be a file"),
        (["--venue", "dydx-v5"], "venue: got dydx-v5; must be one of"),
        (["--venue", "dydx-v4", "--context", "study.toml"], "is no field of the context of dydx"),
        (["--venue", "dydx-v4", "--context", "p.json"], "context: got p.json; must be TOML"),
        (["--venue", "dydx-v4", "--ladder", "study.toml"], "ladder: got"),
    ],
)
def test_mistakes_of_typing_an_export_end_in_words(folder, capsys, words, message):
    assert riskkit(*EXPORT, *words) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert message in said
    assert "Traceback" not in said


def test_an_edited_file_is_refused_unless_accepted(folder, file, capsys):
    (folder / "p.json").write_text(
        canonical_json(edited(file, "long", initial_margin_fraction=0.24).to_dict())
    )
    words = (*EXPORT, "--venue", "dydx-v4", "--context", "context.toml")
    assert riskkit("validate", "p.json") == 2
    assert riskkit(*words) == 2
    assert capsys.readouterr().err.count("written in: parameters") == 2
    assert riskkit(*words, "--accept-edited") == 0
    assert '"initial_margin_ppm": 240000' in capsys.readouterr().out
    assert riskkit("diff", "p.json", "p.json") == 0
    assert capsys.readouterr().out.count("edited by hand after it was written: parameters") == 2


def test_a_difference_names_the_number_its_unit_and_whether_it_left_the_band(file):
    row = file.parameters.recommended[0]
    near = row.maintenance_margin_fraction + 1e-4
    new = edited(file, "long", maintenance_margin_fraction=near, initial_margin_fraction=0.95)
    found = compare_files(file, new)
    moved = {(m.side, m.parameter): m for m in found.recommended}
    assert len(moved) == 4
    assert moved["long", "maintenance_margin"].change_bps == pytest.approx(1.0)
    assert not moved["long", "maintenance_margin"].beyond_band
    assert moved["long", "initial_margin"].beyond_band
    assert moved["short", "initial_margin"].change_bps == 0.0
    (first, second) = found.changes
    assert first.key == "parameters.recommended[long, now].maintenance_margin_fraction"
    assert (first.section, first.unit) == ("parameters", Unit.BPS)
    assert second.change == pytest.approx(1e4 * (0.95 - row.initial_margin_fraction))
    assert compare_files(file, file).changes == ()


def test_a_kind_of_finding_that_the_old_version_did_not_know_is_no_change_of_none(file):
    counts = file.data.quality_findings
    assert counts["repeated block"] == 0
    known = {kind: n for kind, n in counts.items() if kind != "repeated block"}
    old = file.model_copy(update={"data": file.data.model_copy(update={"quality_findings": known})})
    assert compare_files(old, file).changes == compare_files(file, old).changes == ()
    some = file.data.model_copy(update={"quality_findings": {**counts, "repeated block": 2}})
    (change,) = compare_files(old, file.model_copy(update={"data": some})).changes
    assert (change.key, change.old, change.new) == (
        "data.quality_findings.repeated block",
        None,
        2,
    )


def test_units_are_read_from_the_keys():
    assert unit_of("a.default_probability") is Unit.PERCENTAGE_POINT


def test_files_of_two_kinds_are_not_compared(folder, capsys):
    assert riskkit("diff", VERSION_0, "p.json") == 2
    assert "must be of the old file's kind, loan" in capsys.readouterr().err.replace("\n", " ")


def write_synthetix(folder: Path, coin: str) -> None:
    text = cases.SYNTHETIX.replace("BTC", coin).replace("btc_", f"{coin.lower()}_")
    (folder / "live.toml").write_text(text)


def test_the_market_of_another_asset_is_refused_unless_it_is_declared(folder, capsys):
    words = (*EXPORT, "--venue", "synthetix-v3", "--live", "live.toml", "--out", "o.toml")
    write_synthetix(folder, "LINK")
    assert riskkit(*words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "asset: got BTC/USD; must be the asset of the market LINK: LINK." in said
    assert not Path("o.toml").exists()
    assert riskkit(*words, "--asset-is", "LINK") == 0
    assert "BTC/USD is declared to be LINK" in capsys.readouterr().out
    kept = json.loads(Path("o.toml.provenance.json").read_text())
    assert kept["sha256"] == sha256(Path("o.toml").read_bytes()).hexdigest()
    assert kept["live_sha256"] == sha256(Path("live.toml").read_bytes()).hexdigest()
    names = ("study_asset", "market_asset", "asset_declared_to_be", "market")
    assert [kept[name] for name in names] == ["BTC/USD", "LINK", "LINK", "LINK"]
    steps = ("steps", "live.toml", "p.json", "--venue", "synthetix-v3", "--max-change", "0.5")
    assert riskkit(*steps, "--allow-historical") == 2
    assert "must be the asset of the market LINK" in " ".join(capsys.readouterr().err.split())
    assert riskkit(*steps, "--allow-historical", "--asset-is", "LINK") == 0


def test_a_market_of_the_same_asset_under_another_name_is_exported(folder, capsys):
    write_synthetix(folder, "WBTC")
    words = (*EXPORT, "--venue", "synthetix-v3", "--live", "live.toml", "--out", "o.toml")
    assert riskkit(*words) == 0
    assert "asset:" not in capsys.readouterr().out
    assert json.loads(Path("o.toml.provenance.json").read_text())["asset_declared_to_be"] is None


def test_validation_migrates_and_dates(folder, capsys):
    assert riskkit("validate", VERSION_0, "--migrate-to", "new.json", "--today", "2024-10-31") == 0
    shown = capsys.readouterr().out
    assert "schema version 2 (migrated from 0)" in shown
    assert "valid on 2024-10-31" in shown
    assert read_parameter_file("new.json") == read_parameter_file(VERSION_0)
    assert riskkit("validate", "new.json", "--today", "2024-11-01") == 0
    assert "expired on 2024-11-01" in capsys.readouterr().out
    assert riskkit("validate", "--schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "riskkit parameter file, version 2"
    assert riskkit("validate", "--study-schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "riskkit study, version 2"


def test_a_study_is_validated_as_a_study(folder, capsys):
    Path("small.toml").write_text(STUDY)
    assert riskkit("validate", "small.toml") == 0
    shown = capsys.readouterr().out
    assert "BTC perpetual, a small study, as of 2024-12-31, perpetual, long and short" in shown
    Path("bad.toml").write_text(STUDY.replace("refit_every_bars", "refit_every"))
    assert riskkit("validate", "bad.toml") == 2
    assert "model.refit_every" in capsys.readouterr().err
    assert riskkit("validate", "small.toml", "--migrate-to", "new.toml") == 2


STEPS = ("steps", "live.json", "p.json", "--venue", "dydx-v4", "--market", "Small-Cap")


AT_ONCE = (*STEPS, "--max-change", "0.001", "--allow-historical")


def test_given_limits_make_a_path_with_the_accounts_it_touches(folder, file, capsys):
    Path("positions.csv").write_text(
        "account,collateral,size,entry,side\n"
        "a,2000,1,30000,long\n"  # 6.7 % of notional: healthy at 5 %, gone at once
        "b,300000,1,30000,long\n"  # far above any margin
    )
    words = (*STEPS, "--max-change", "0.05", "--min-delay", "2d", "--start", "2025-01-01")
    more = ("--positions", "positions.csv", "--price", "30000", "--allow-historical")
    assert riskkit(*words, *more) == 0
    shown = capsys.readouterr().out
    target = max(r.initial_margin_fraction for r in file.parameters.recommended)
    count = int(-((0.1 - target) // 0.05))
    assert f"{count} steps; the target is reached on" in shown
    assert "2025-01-03" in shown
    assert "liquidatable already: 0 accounts; by the last step: 1 accounts" in shown
    assert "Every state, simulated" in shown  # by the study beside the file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*STEPS, "--allow-historical"), "venue: got dydx-v4; has no preset of limits"),
        ((*STEPS, "--max-change", "0.05"), "header.status: got HISTORICAL EXAMPLE"),
        ((*STEPS, "--max-change", "x"), "value: got x; must be a number"),
        ((*STEPS, "--min-delay", "3d"), "must come with the largest change"),
        ((*STEPS, "--price", "3"), "must be given together"),
        ((*STEPS, "--max-change", "1", "--start", "soon"), "start: got soon; must be a date"),
        ((*AT_ONCE, "--start", "9999-12-31"), "start: got 9999-12-31; must lie between"),
        ((*AT_ONCE, "--min-delay", "9999999d"), "min-delay: got 9999999d; must be at most 36,525"),
        ((*AT_ONCE, "--min-delay", "36000d"), "sets the next step of initial_margin after 2200"),
        (
            ("steps", "live.json", "p.json", "--venue", "hyperliquid-hip3"),
            "stores no fractions that move one by one",
        ),
    ],
)
def test_mistakes_of_planning_end_in_words(folder, capsys, words, message):
    if "soon" in words:
        words = (*words, "--allow-historical")
    assert riskkit(*words) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("command", ["export", "diff", "steps", "validate"])
def test_every_command_explains_itself_with_an_example(command, capsys):
    assert riskkit(command, "--help") == 0
    shown = capsys.readouterr().out
    assert f"riskkit {command}" in shown
    assert "Example" in shown
