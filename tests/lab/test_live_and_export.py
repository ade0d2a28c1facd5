"""Live parameters on the frontier, and Export to a venue's format, in plain Python."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.question import venue_of
from riskkit.errors import InputError
from riskkit.formats import registry
from riskkit.lab.explorers import LiquidationExplorer, MarginExplorer, Market, VenueFile
from riskkit.lab.explorers.export import formats_for, live_of
from riskkit.lab.explorers.live import Live, live_words, losses_of, read_live
from riskkit.lab.explorers.memory import Memory
from riskkit.market import PriceHistory
from riskkit.parameters.file import read_parameter_file
from riskkit.position import Side
from riskkit.venue.mechanism import Perpetual
from tests.parameters.venue_cases import DYDX
from tests.support import ROOT, small_study

HYPERLIQUID = 'dex = "abc"\ndescription = "majors"\n'


@pytest.fixture(scope="module")
def market(btc_daily: PriceHistory) -> Market:
    return Market("BTC daily", small_study(simulation={"bootstrap_refits": 0}), btc_daily)


@pytest.fixture
def explorer(market: Market, tmp_path: Path) -> MarginExplorer:
    return MarginExplorer([market], out=tmp_path)


def drawn(explorer: MarginExplorer | LiquidationExplorer, trace: str) -> tuple[list, list]:
    found = next(t for t in explorer.figure.data if t.meta == trace)
    return list(found.x), list(found.y)


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("", None),
        ("  ", None),
        ("5, 10", Live(0.05, 0.10)),
        ("5% 10 %", Live(0.05, 0.10)),
        ("82.5;80", Live(0.825, 0.80)),
    ],
)
def test_live_parameters_are_read_as_people_type_them(text: str, live: Live | None) -> None:
    assert read_live(text) == live
    if live is not None:
        assert read_live(live_words(live)) == live


@pytest.mark.parametrize("text", ["5", "5, 10, 15", "five, ten", "5, 10x"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be two percentages"):
        read_live(text)


@pytest.mark.parametrize("side", list(Side))
def test_losses_of_live_margins_open_the_same_position(side: Side) -> None:
    study = small_study(mechanism={"slippage_fraction": 0.01, "fee_fraction": 0.002})
    venue = venue_of(study, pd.Timedelta(days=1))
    position = venue.open_position(side, *losses_of(venue, side, Live(0.06, 0.11)))
    assert isinstance(position, Perpetual)
    assert position.maintenance_margin == pytest.approx(0.06, abs=1e-12)
    assert position.initial_margin == pytest.approx(0.11, abs=1e-12)


def test_losses_of_live_thresholds_open_the_same_loan() -> None:
    study = small_study(venue={"kind": "loan", "liquidation_bonus_fraction": 0.05})
    venue = venue_of(study, pd.Timedelta(days=1))
    loan = venue.open_position(Side.LONG, *losses_of(venue, Side.LONG, Live(0.8, 0.75)))
    assert loan.liquidation_threshold == pytest.approx(0.8, abs=1e-12)
    assert loan.loan_to_value == pytest.approx(0.75, abs=1e-12)


def test_live_parameters_on_the_frontier_lie_on_its_curve(explorer: MarginExplorer) -> None:
    now = explorer.snapshot
    mm, im = now.point.trigger.value, now.point.opening.value
    explorer.model.live = live_words(Live(mm, im))
    (x,), (y,) = drawn(explorer, "default live")
    xs, ys = (np.array(values) for values in drawn(explorer, "default"))
    order = np.argsort(xs)
    assert x == pytest.approx(mm, rel=1e-5)
    assert np.log(y) == pytest.approx(np.interp(x, xs[order], np.log(ys[order])), abs=0.05)
    (gap,), (early,) = drawn(explorer, "liquidation live")
    xs, ys = (np.array(values) for values in drawn(explorer, "liquidation"))
    order = np.argsort(xs)
    assert gap == pytest.approx(im - mm, abs=1e-6)  # typed with six digits
    assert early == pytest.approx(np.interp(gap, xs[order], ys[order]), rel=0.05)
    assert "live today" in explorer.view._table.value
    found = explorer.snapshot.live
    assert found is not None
    target = now.study.targets.default_given_liquidation_probability
    assert found.default.low < target < found.default.high


def test_less_live_margin_is_less_safe_and_stays_while_sliders_move(
    explorer: MarginExplorer,
) -> None:
    explorer.model.live = "12, 16"
    safe = explorer.snapshot.live
    explorer.model.live = "6, 8"
    thin = explorer.snapshot.live
    assert safe is not None
    assert thin is not None
    assert thin.default.low > safe.default.high
    assert thin.liquidation.low > safe.liquidation.high
    explorer.model.slippage_fraction = 0.03
    assert drawn(explorer, "default live")[0] == [0.06]
    assert explorer.snapshot.live.default.value > thin.default.value
    explorer.pin()
    explorer.model.live = ""
    assert drawn(explorer, "default live") == ([], [])
    assert "live today" not in explorer.view._table.value


@pytest.mark.parametrize(
    ("text", "words"),
    [("10, 5", "0 < MM < IM"), ("0.5, 10", "no buffer"), ("much", "two percentages")],
)
def test_live_parameters_that_break_a_rule_grey_only_themselves(
    explorer: MarginExplorer, text: str, words: str
) -> None:
    view, before = explorer.view, drawn(explorer, "default")
    view._live.value = "12, 16"
    view._live.value = text
    assert words in explorer.live_error
    assert html.escape(explorer.live_error) in view._live_fault.value
    assert "rk-bad" in view._live._dom_classes
    assert not explorer.stale
    assert explorer.error == view._status.value == ""
    assert drawn(explorer, "default live") == ([], [])
    assert drawn(explorer, "default") == before
    explorer.model.slippage_fraction = 0.02  # the rest goes on
    assert not explorer.stale
    assert drawn(explorer, "default") != before
    view._live.value = "12, 16"
    assert explorer.live_error == view._live_fault.value == ""
    assert "rk-bad" not in view._live._dom_classes
    assert drawn(explorer, "default live")[0] == [0.12]


def test_live_thresholds_of_a_loan(tmp_path: Path) -> None:
    explorer = LiquidationExplorer(ROOT / "studies" / "eth-collateral-daily.toml", out=tmp_path)
    explorer.model.live = "80, 75"
    assert drawn(explorer, "default live")[0] == [0.80]
    assert drawn(explorer, "liquidation live")[0] == [pytest.approx(0.05)]
    explorer.model.live = "75, 80"
    assert "max LTV < LT" in explorer.live_error
    assert not explorer.stale


def test_only_formats_of_the_kind_are_offered(explorer: MarginExplorer) -> None:
    assert set(formats_for("perpetual")) | set(formats_for("loan")) == set(registry.names())
    assert not set(formats_for("perpetual")) & set(formats_for("loan"))
    assert explorer.view._venue.options[1:] == formats_for("perpetual")
    assert explorer.view._asked.layout.display == "none"
    explorer.view._venue.value = "dydx-v4"
    assert explorer.view._asked.layout.display == "flex"


def test_a_live_file_says_what_runs_today(explorer: MarginExplorer, tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    path.write_text(DYDX)
    assert live_of(VenueFile("dydx-v4", path, "Small-Cap"), explorer.model.study().data) == "5, 10"
    view = explorer.view
    view._venue.value = "dydx-v4"
    view._live_file.value = str(path)
    assert "must name one of the live file&#x27;s markets" in view._status.value
    view._live_market.value = "Small-Cap"
    assert explorer.model.live == view._live.value == "5, 10"
    assert drawn(explorer, "default live")[0] == [0.05]


def test_export_writes_the_venues_format_beside_the_parameter_file(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    context = tmp_path / "context.toml"
    context.write_text(HYPERLIQUID)
    venue = VenueFile("hyperliquid-hip3", context=context, allow_historical=True)
    first = explorer.export(venue=venue)
    assert first.venue is not None
    assert first.venue.path == first.path.with_name("hyperliquid-hip3.json")
    format_ = registry.venue("hyperliquid-hip3")
    written = format_.read(first.venue.path.read_text())
    (row,) = format_.effective(written)
    file = read_parameter_file(first.path)
    asked = max(r.maintenance_margin_fraction for r in file.parameters.recommended)
    assert float(row.maintenance_margin) >= asked
    assert first.venue.diff is None
    assert str(first.path) in explorer.view._said.value
    said = explorer.view._written.value
    assert str(first.venue.path) in said
    assert "as the venue rounds it" in said
    explorer.model.delay_hours = 48.0
    second = explorer.export(venue=venue)
    assert second.venue is not None
    assert second.venue.diff is not None
    assert '-          "maxLeverage"' in second.venue.diff
    assert "rk-venue-diff" in explorer.view._written.value


def test_a_venue_export_that_is_refused_keeps_the_parameter_file(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    view = explorer.view
    view._venue.value = "hyperliquid-hip3"
    view._export.click()
    assert "own fields: " in view._status.value
    assert "Ids and caps are never invented" in view._status.value
    assert not list(tmp_path.glob("*/*"))  # said before the calibration, not after
    context = tmp_path / "context.toml"
    context.write_text(HYPERLIQUID)
    view._context.value = str(context)
    view._export.click()
    assert "it shows a method, not a margin" in view._status.value
    (path,) = tmp_path.glob("*/parameters.json")
    assert str(path) in view._said.value
    assert not list(tmp_path.glob("*/hyperliquid*"))
    view._historical.value = True
    view._export.click()
    assert view._status.value == ""
    assert list(tmp_path.glob("*/hyperliquid-hip3.json"))


def test_an_export_is_said_beside_its_button(
    explorer: MarginExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, seen = explorer.view, []
    row = next(w for w in view.controls() if view._export in getattr(w, "children", ()))
    assert row.children == (view._export, view._said)
    tell = view.tell
    monkeypatch.setattr(
        view,
        "tell",
        lambda *stage: tell(*stage) or seen.append((view._export.disabled, view._said.value)),
    )
    view._export.click()
    assert seen
    assert all(disabled and "rk-spinner" in said for disabled, said in seen)
    assert not view._export.disabled
    assert "Written: " in view._said.value
    assert "rk-spinner" not in view._said.value


def test_memory_computes_once_and_forgets_the_oldest() -> None:
    memory, computed = Memory(kept=2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        assert memory.of(key, lambda key=key: computed.append(key) or key.upper()) == key.upper()
    assert computed == ["a", "b", "c", "b"]


def test_a_long_paid_for_in_full_has_nothing_to_prove(explorer: MarginExplorer) -> None:
    explorer.model.slippage_fraction = 0.1  # the venue ties IM to twice MM: no leverage is left
    context = {"dex": "abc", "description": "majors"}
    venue = VenueFile("hyperliquid-hip3", context=context, allow_historical=True)
    done = explorer.export(venue=venue)
    assert [outcome.side for outcome in done.venue.outcomes] == [Side.SHORT]
