"""The README's picture: the real explorer in a real browser. ``make picture`` runs this."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.pages import (
    browser_page,
    handle,
    wait_for_setting,
    wait_for_trace,
    wait_until_opaque,
)
from tests.browser.servers import dashboard
from tests.support import ROOT

FIGURE = "margin-explorer"


def take_picture(target: Path) -> None:
    """ETH with today's parameters, one pinned setting, and a longer delay than the study's."""
    study = ROOT / "studies" / "eth-perpetual-daily.toml"
    with (
        tempfile.TemporaryDirectory() as folder,
        dashboard(
            [study], Path(folder) / "out", Path(folder) / "home", "--open", "margins"
        ) as server,
        browser_page(width=1240, height=1180) as (page, _),
    ):
        page.goto(server.url(""), wait_until="domcontentloaded", timeout=120_000)
        wait_for_trace(page, FIGURE, "default")
        live = page.get_by_placeholder("today's, e.g. 5, 10")
        live.fill("15, 20")
        live.press("Enter")
        wait_for_trace(page, FIGURE, "default live")
        page.get_by_role("button", name="Pin", exact=True).click()
        wait_for_trace(page, FIGURE, "pin 1 default")
        handle(page, "delay_hours").focus()
        for _ in range(5):
            page.keyboard.press("PageUp")
        wait_for_setting(page, FIGURE, "delay 26 h")
        wait_for_trace(page, FIGURE, "default")
        wait_until_opaque(page)
        whole = page.locator(".rk-explorer").bounding_box()
        figure = page.locator(".rk-figure").bounding_box()
        assert whole is not None
        assert figure is not None
        height = figure["y"] + figure["height"] - whole["y"]
        page.screenshot(path=target, clip={**whole, "height": height})


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]))
