"""The built site, tried: every link within it leads somewhere, and searches find the right page.

Run by `make docs` after the build. Links are read from the pages themselves; searches are typed
into the site's own search page, in Chromium.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

#: What a newcomer types, and the page that must come first.
SEARCHES = {
    "liquidation delay": "_made/keys/liquidation.html",
    "insurance fund": "fund.html",
    "own CSV": "own-csv.html",
    "haircut": "collateral.html",
    "tear sheet": "tear-sheet.html",
    "riskkit calibrate": "_made/commands/calibrate.html",
    "load_prices": "_made/api/load_prices.html",
}


class Page(HTMLParser):
    """The anchors that a page has, and what it links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep ids, and what is linked or shown."""
        found = dict(attrs)
        if found.get("id"):
            self.names.add(str(found["id"]))
        for key in ("href", "src"):
            if found.get(key):
                self.links.add(str(found[key]))


def broken_links(site: Path) -> list[str]:
    """Links within the site that lead nowhere, and anything that needs a network to be drawn."""
    found = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in found}
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            where = f"{path.relative_to(site.resolve())}: {link}"
            if not target.exists():
                broken.append(where)
            elif parts.fragment and target in pages:
                there = unquote(parts.fragment) in pages[target].names
                broken += [] if there else [f"{where} (no such place on the page)"]
    return broken


def unlisted(site: Path) -> list[str]:
    """Pages of `docs` that no contents list of the site leads to."""
    listed = {"index.html", "search.html", "genindex.html"}
    for path in site.glob("*.html"):
        listed |= {Path(link).name for link in Page(path.read_text(encoding="utf-8")).links}
    return sorted(path.name for path in site.glob("*.html") if path.name not in listed)


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """The site on a free port of loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def first_hits(site: Path, words: list[str]) -> dict[str, list[str]]:
    """The pages that the site's own search shows, best first."""
    from playwright.sync_api import sync_playwright

    found = {}
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        outside: list[str] = []
        page.on("request", lambda r: None if r.url.startswith(address) else outside.append(r.url))
        for query in words:
            page.goto(f"{address}/search.html?q={quote(query)}")
            page.wait_for_function(
                "() => /found|match/i.test(document.querySelector('#search-results p')?.innerText)",
                timeout=60_000,
            )
            links = page.locator("#search-results ul.search > li > a")
            hrefs = [links.nth(i).get_attribute("href") or "" for i in range(min(links.count(), 5))]
            found[query] = [urlsplit(h).path.lstrip("/") for h in hrefs]
        browser.close()
    if outside:
        raise SystemExit(f"the site asks other machines: {sorted(set(outside))}")
    return found


def main(site: Path) -> int:
    """Check a built site; 1 if anything is wrong."""
    broken = broken_links(site)
    for line in broken:
        print(f"broken link: {line}")
    wrong = 0
    if shutil.which("chromium"):
        hits = first_hits(site, list(SEARCHES))
        for query, right in SEARCHES.items():
            first = hits[query][0] if hits[query] else "nothing"
            if first != right:
                wrong += 1
                print(f"search {query!r}: {first} came first, not {right}; {hits[query]}")
    else:
        print("no Chromium: searches not tried")
    pages = sum(1 for _ in site.rglob("*.html"))
    for page in unlisted(site):
        print(f"in no list of pages, found by search only: {page}")
    told = {"pages": pages, "broken_links": len(broken), "searches_wrong": wrong}
    print(json.dumps({**told, "searches": len(SEARCHES)}))
    return 1 if broken or wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
