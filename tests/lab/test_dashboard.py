"""The app over markets: the worst first, and behind each the pages that its study has."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import ipywidgets as w
import pytest

from riskkit.errors import InputError
from riskkit.fleet.concerns import Concern, Gravity, MarketReview, review_files
from riskkit.lab.app import PAGES, AppMarket, Dashboard, openers
from riskkit.lab.dashboard import open_app
from riskkit.lab.explore import EXPLORERS
from riskkit.parameters.build import build_parameter_file
from tests.support import ROOT

STUDIES = ROOT / "studies"
DAY = "2024-12-31"


def words_of(widget: w.Widget) -> str:
    """The text of a widget and of all below it, buttons included."""
    said = [getattr(widget, "value", ""), getattr(widget, "description", "")]
    inner = [words_of(child) for child in getattr(widget, "children", ())]
    return " ".join([str(part) for part in said if isinstance(part, str)] + inner)


def button(widget: w.Widget, name: str) -> w.Button:
    """The first button of this name at or below a widget."""
    if isinstance(widget, w.Button) and widget.description == name:
        return widget
    for child in getattr(widget, "children", ()):
        found = button(child, name)
        if found is not None:
            return found
    return None


@pytest.fixture
def app() -> Dashboard:
    """Two markets, of which one cannot be opened."""
    markets = [
        AppMarket("calm", Path("calm.toml"), "perpetual", frozenset()),
        AppMarket("wild", Path("wild.toml"), "perpetual", frozenset()),
    ]
    reviews = (
        MarketReview("wild", "", (Concern(Gravity.ACT, "<b>expired</b>"),)),
        MarketReview("calm", "", ()),
    )

    def opens(paths):
        if paths[0] == Path("wild.toml"):
            raise InputError("data.prices", "none", "must be a file", "Give one")
        return f"<p>{[p.stem for p in paths]}</p>"

    return Dashboard(markets, reviews, {"margins": opens}, committee="<p>the night</p>")


def test_the_worst_market_comes_first_and_its_words_are_text(app: Dashboard) -> None:
    said = words_of(app.widget)
    assert 0 < said.index("wild") < said.index("calm")
    assert "act: &lt;b&gt;expired" in said
    assert "2 markets, 1 to act on" in said
    assert "nothing is wrong" in said


def test_a_page_opens_with_the_other_markets_of_its_kind_and_closes(app: Dashboard) -> None:
    app.open("calm", "margins")
    assert app.shown == "calm: margins"
    assert "calm&#x27;, &#x27;wild" in words_of(app.widget)
    button(app.widget, "All markets").click()
    assert (app.shown, "Markets, the worst first" in words_of(app.widget)) == ("", True)


def test_a_page_that_cannot_open_says_why_and_the_app_goes_on(app: Dashboard) -> None:
    app.open("wild", "margins")
    assert "must be a file" in app.error
    assert "role='alert'" in words_of(app.widget)
    app.open("calm", "margins")
    assert app.error == ""
    with pytest.raises(InputError, match="must be one of margins for calm"):
        app.open("calm", "fund")


def test_the_night_of_a_fleet_is_a_button_away(app: Dashboard) -> None:
    button(app.widget, "The night of the fleet").click()
    assert "the night" in words_of(app.widget)


def test_every_page_has_something_that_opens_it_and_every_explorer_a_page(tmp_path: Path) -> None:
    opens = openers(tmp_path)
    assert set(EXPLORERS) <= set(opens)
    tables = frozenset(opens)
    kinds = [AppMarket(kind, Path("a"), kind, frozenset()) for kind in ("perpetual", "loan")]
    venue = AppMarket("v", Path("v"), "perpetual", tables | {"depth", "book"})
    panel = AppMarket("p", Path("p"), "perpetual", tables | {"assets"})
    reached = {page.word for market in (*kinds, venue, panel) for page in market.pages(opens)}
    assert set(EXPLORERS) <= reached
    assert {page.word for page in PAGES} & set(opens) <= reached


def test_shipped_studies_have_their_pages(tmp_path: Path) -> None:
    names = ("eth-perpetual-daily", "eth-collateral-daily", "btc-venue-hourly")
    app = open_app([STUDIES / f"{n}.toml" for n in names], out=tmp_path, day=DAY)
    pages = {n: {p.word for p in m.pages(app.opens)} for n, m in app.markets.items()}
    assert {"margins", "backtest"} <= pages["eth-perpetual-daily"]
    assert "thresholds" in pages["eth-collateral-daily"]
    assert "venue" in pages["btc-venue-hourly"]
    assert words_of(app.widget).count("not calibrated yet") == 2
    twice = [STUDIES / f"{names[0]}.toml"] * 2
    with pytest.raises(InputError, match="file names must differ"):
        open_app(twice, out=tmp_path, day=DAY)


def test_an_explorer_exports_where_the_app_was_told_to(tmp_path: Path) -> None:
    explorer = openers(tmp_path)["margins"]([STUDIES / "eth-perpetual-daily.toml"])
    assert explorer.out == tmp_path.resolve()


def test_files_are_judged_as_a_fleet_judges_its_own(btc_calibration) -> None:
    content = build_parameter_file(btc_calibration).to_dict()
    fresh = review_files({"btc": content, "new": None}, day=date(2025, 1, 1))
    assert [r.market for r in fresh][-1] in ("btc", "new")
    late = review_files({"btc": content, "new": None}, day=date(2030, 1, 1))
    assert late[0].market == "btc"
    assert late[0].gravity == Gravity.ACT
    assert "expired" in late[0].concerns[0].words
