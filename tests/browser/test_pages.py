"""Pages in a real browser: they fetch nothing, and follow the reader's colour scheme."""

from __future__ import annotations

from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest

from riskkit.lab.notebook_report import FIGURE, to_page
from riskkit.lab.scheme import figure_page
from riskkit.lab.template import Theme, template
from tests.browser.pages import CHROMIUM, browser_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]

PAPER = "() => document.querySelector('.js-plotly-plot')._fullLayout.paper_bgcolor"
BODY = "() => getComputedStyle(document.body).backgroundColor"


def a_figure() -> go.Figure:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    return figure.update_layout(template=template(), title_text="A <line>", meta={"id": "line"})


def a_notebook_page(folder: Path) -> str:
    output = nbformat.v4.new_output("display_data", data={FIGURE: a_figure().to_plotly_json()})
    cells = [
        nbformat.v4.new_markdown_cell("# A title of its own"),
        nbformat.v4.new_code_cell("figure", outputs=[output]),
    ]
    path = folder / "own.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return to_page(path)


@pytest.mark.parametrize("kind", ["notebook", "figure"])
def test_a_page_follows_the_readers_scheme_and_stays_offline(kind: str, tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text(
        a_notebook_page(tmp_path) if kind == "notebook" else figure_page(a_figure())
    )
    papers = {theme: template(theme).layout.paper_bgcolor for theme in Theme}
    with browser_page() as (page, seen):
        page.emulate_media(color_scheme="dark")
        page.goto(page_file.as_uri())
        for theme in (Theme.DARK, Theme.LIGHT, Theme.DARK):
            page.emulate_media(color_scheme=theme.value)
            page.wait_for_function(f"() => ({PAPER})() === '{papers[theme]}'", timeout=240_000)
            channels = [int(papers[theme][i : i + 2], 16) for i in (1, 3, 5)]
            assert page.evaluate(BODY) == f"rgb({', '.join(map(str, channels))})"
        assert page.title() == (
            "A title of its own" if kind == "notebook" else "A <line> · riskkit"
        )
        assert [url for url in seen.outside if not url.startswith("file:")] == []
        assert seen.errors == []
