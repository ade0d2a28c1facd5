"""The dashboard: markets first, ranked by what is wrong with them; behind each its explorers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from riskkit.errors import InputError, RiskkitError
from riskkit.fleet.concerns import Gravity, MarketReview

GRAVITY = {Gravity.ACT: "act", Gravity.REVIEW: "review", Gravity.NOTE: "note"}
STYLE = """<style>
.rk-app { max-width: 1280px; margin: 0 auto; font: 14px/1.5 Inter, Helvetica, Arial, sans-serif; }
.rk-app h1 { font-size: 1.5rem; margin: 0.6rem 0 0.1rem; }
.rk-app h2 { font-size: 1.05rem; margin: 0.6rem 0 0.1rem; }
.rk-app ul { margin: 0.1rem 0; padding-left: 1.1rem; }
.rk-app li, .rk-app p { overflow-wrap: anywhere; white-space: normal; line-height: 1.45; }
.rk-app .rk-act { color: var(--jp-error-color1, #CC2936); font-weight: 600; }
.rk-app .rk-review { color: var(--jp-warn-color0, #A65300); }
.rk-app .rk-market { border-top: 1px solid #8A8F9855; padding: 4px 0 8px; }
.rk-app .rk-pages { flex-flow: row wrap; gap: 4px; }
.rk-app .jupyter-button { width: auto; }
.rk-app .jupyter-button:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
.rk-app iframe { width: 100%; height: 80vh; border: 0; }
</style>"""


@dataclass(frozen=True)
class AppPage:
    """A page behind a market.

    Attributes
    ----------
    word : str
        Of `riskkit.explore`, or of a page of the app's own.
    title, asks : str
        On its button, and the question that it answers.
    needs : tuple of str
        Tables that a study must have.
    kind : str
        Of the position that it is about; empty for any.
    several : bool
        Whether the others of its market's kind can be chosen on it.
    """

    word: str
    title: str
    asks: str
    needs: tuple[str, ...] = ()
    kind: str = ""
    several: bool = False


#: In the order of their buttons. An explorer that is not named here is offered under its own word
#: to a study that has a table of that name.
PAGES: tuple[AppPage, ...] = (
    AppPage("margins", "Margins", "what a step of safety costs", kind="perpetual", several=True),
    AppPage("thresholds", "Thresholds", "what a step of safety costs", kind="loan", several=True),
    AppPage("backtest", "Backtest", "coverage and procyclicality, out of sample", several=True),
    AppPage("accounts", "Portfolio", "what offsets between legs are worth", needs=("assets",)),
    AppPage("collateral", "Collateral", "what positions need in each", needs=("collateral",)),
    AppPage("options", "Options", "a structure, and a set's holes", needs=("options",)),
    AppPage("venue", "Venue", "who triggers whom under stress", needs=("depth", "book")),
    AppPage("fund", "Fund", "who pays when accounts cannot", needs=("depth", "book")),
    AppPage(
        "attack", "Attack", "what it costs to move the price", needs=("depth", "book", "attack")
    ),
)


@dataclass(frozen=True)
class AppMarket:
    """A market of the app.

    Attributes
    ----------
    name : str
        By which it is listed.
    path : Path
        Of its study.
    kind : str
        Of its position.
    tables : frozenset of str
        That its study has.
    """

    name: str
    path: Path
    kind: str
    tables: frozenset[str]

    def pages(self, words: Mapping[str, Any]) -> tuple[AppPage, ...]:
        """Pages behind it, of those that can be opened."""
        known = {page.word for page in PAGES}
        others = tuple(AppPage(word, word.capitalize(), "", (word,)) for word in words)
        return tuple(
            page
            for page in (*PAGES, *(p for p in others if p.word not in known))
            if page.word in words
            and set(page.needs) <= self.tables
            and page.kind in ("", self.kind)
            # A study of several assets has no single position to explore.
            and ("assets" not in self.tables or page.needs)
        )


class Dashboard:
    """One app over markets: the list, the worst first, and the pages behind each.

    Parameters
    ----------
    markets : sequence of AppMarket
    reviews : sequence of MarketReview
        What is wrong with each, by its name, the worst first.
    opens : mapping of word to callable
        Makes a page of a market's study, the first of the paths given: an explorer, or HTML.
    committee : str
        The fleet's page as HTML, to be shown behind a button; empty for none.

    Attributes
    ----------
    widget : ipywidgets.Box
    shown : str
        Name and word of the page that is open, ``"name: word"``; empty for the list.
    error : str
        Why a page could not be opened; empty if it was.
    """

    def __init__(
        self,
        markets: Sequence[AppMarket],
        reviews: Sequence[MarketReview],
        opens: Mapping[str, Callable[[Sequence[Path]], Any]],
        *,
        committee: str = "",
    ) -> None:
        self.markets = {market.name: market for market in markets}
        self.reviews, self.opens, self.committee = tuple(reviews), opens, committee
        self.shown = self.error = ""
        self._made: dict[tuple[str, str], Any] = {}
        self._list = self._new_list()
        self._place = w.VBox([self._list])
        self.widget = w.VBox([w.HTML(STYLE, layout={"display": "contents"}), self._place])
        self.widget.add_class("rk-app")

    def open(self, name: str, word: str) -> None:
        """Show a page of a market; one that was open before is as it was left.

        Raises
        ------
        InputError
            If no such page is behind it.
        """
        self.error = ""
        market = self.markets[name]
        pages = {page.word: page for page in market.pages(self.opens)}
        if word not in pages:
            rule = f"must be one of {', '.join(pages) or 'none'} for {name}"
            raise InputError("page", word, rule, "Open one of these")
        page = pages[word]
        self._show(market, page, [w.HTML(f"<p role='status'>Opening {escape(page.title)} …</p>")])
        key = (name, word)
        try:
            if key not in self._made:
                self._made[key] = _widget(self.opens[word](self._paths(market, page)))
            body = [self._made[key]]
        except RiskkitError as error:
            self.error = str(error)
            body = [w.HTML(f"<p role='alert' class='rk-act'>{escape(self.error)}</p>")]
        self._show(market, page, body)

    def _paths(self, market: AppMarket, page: AppPage) -> list[Path]:
        if not page.several:
            return [market.path]
        others = [m.path for m in self.markets.values() if page in m.pages(self.opens)]
        return [market.path, *(path for path in others if path != market.path)]

    def close(self) -> None:
        """Back to the list of markets."""
        self.shown = ""
        self._place.children = (self._list,)

    def show_committee(self) -> None:
        """The fleet's page."""
        self.shown = "fleet"
        frame = w.HTML(
            f'<iframe title="The night of the fleet" srcdoc="{escape(self.committee)}"></iframe>'
        )
        self._place.children = (self._bar("Fleet"), frame)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    def _show(self, market: AppMarket, page: AppPage, body: Sequence[Any]) -> None:
        self.shown = f"{market.name}: {page.word}"
        others = [p for p in market.pages(self.opens) if p.word != page.word]
        pages = w.HBox([self._button(market.name, p) for p in others])
        pages.add_class("rk-pages")
        self._place.children = (self._bar(f"{market.name}: {page.title}"), pages, *body)

    def _bar(self, title: str) -> w.Box:
        back = w.Button(description="All markets", tooltip="Back to the list of markets")
        back.on_click(lambda _: self.close())
        return w.VBox([w.HBox([back]), w.HTML(f"<h1>{escape(title)}</h1>")])

    def _button(self, name: str, page: AppPage) -> w.Button:
        about = f"{name}: {page.asks}" if page.asks else name
        button = w.Button(description=page.title, tooltip=about)
        button.add_class(f"rk-open-{page.word}")
        button.on_click(lambda _: self.open(name, page.word))
        return button

    def _new_list(self) -> w.Box:
        worst = sum(review.gravity == Gravity.ACT for review in self.reviews)
        some = sum(review.gravity == Gravity.REVIEW for review in self.reviews)
        head = w.HTML(
            f"<h1>Markets, the worst first</h1><p>{len(self.reviews)} markets, {worst} to act on, "
            f"{some} to review. Each button opens a page; Tab and Enter reach all of them.</p>"
        )
        rows = [self._row(review) for review in self.reviews]
        if self.committee:
            fleet = w.Button(description="The night of the fleet", tooltip="The committee's page")
            fleet.on_click(lambda _: self.show_committee())
            rows.insert(0, w.HBox([fleet]))
        return w.VBox([head, *rows])

    def _calm(self, review: MarketReview) -> str:
        market = self.markets.get(review.market)
        if market is not None and market.tables & {"assets", "book"}:
            return "a venue, or accounts of several positions: its own pages say what is wrong"
        return "nothing is wrong"

    def _row(self, review: MarketReview) -> w.Box:
        items = "".join(
            f"<li class='rk-{GRAVITY[c.gravity]}'>{GRAVITY[c.gravity]}: {escape(c.words)}</li>"
            for c in sorted(review.concerns, key=lambda c: -c.gravity)
        )
        said = f"<ul>{items}</ul>" if items else f"<p>{self._calm(review)}</p>"
        words = w.HTML(f"<h2>{escape(review.market)}</h2>{said}")
        market = self.markets.get(review.market)
        pages = [] if market is None else market.pages(self.opens)
        buttons = w.HBox([self._button(review.market, page) for page in pages])
        buttons.add_class("rk-pages")
        row = w.VBox([words, buttons])
        row.add_class("rk-market")
        return row


def _widget(made: Any) -> w.Widget:
    """What a page made, as a widget: an explorer, or a page of HTML in a frame of its own."""
    if isinstance(made, str):
        return w.HTML(f'<iframe title="page" srcdoc="{escape(made)}"></iframe>')
    return made if isinstance(made, w.Widget) else _explorer(made)


def _explorer(made: Any) -> w.Widget:
    _ = made.snapshot  # computed before it is shown
    return made.widget if hasattr(made, "widget") else made.view.widget


def openers(out: Path, threads: int = 2) -> dict[str, Callable[[Sequence[Path]], Any]]:
    """What opens each page: every explorer, and pages that are no explorer yet."""
    from riskkit.lab.explore import EXPLORERS

    found: dict[str, Callable[[Sequence[Path]], Any]] = {
        word: partial(_open, opens, out, threads) for word, opens in EXPLORERS.items()
    }
    found.setdefault("attack", _attack_page)
    return found


def _open(explorer: Callable[..., Any], out: Path, threads: int, paths: Sequence[Path]) -> Any:
    from riskkit.lab.explorers import Explorer

    takes_out = isinstance(explorer, type) and issubclass(explorer, Explorer)
    given: Any = list(paths) if takes_out or len(paths) > 1 else paths[0]
    return explorer(given, threads=threads, **({"out": out} if takes_out else {}))


def _attack_page(paths: Sequence[Path]) -> str:
    from riskkit.attack.answer import attack_venue
    from riskkit.lab.attack_page import render_attack_page
    from riskkit.study.case import Case

    return render_attack_page(attack_venue(Case.read(paths[0]), paths[0].parent))
