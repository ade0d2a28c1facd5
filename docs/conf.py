"""How Sphinx builds the site: `make docs`. Everything is read from this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

import riskkit

HERE = Path(__file__).parent

project = "riskkit"
author = "The riskkit authors"
project_copyright = "The riskkit authors, MIT licence"
version = release = riskkit.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["session/*", "Thumbs.db"]

# Notebooks run in the tests, where their headline is asserted: the gallery shows what they say.
nb_execution_mode = "off"
smartquotes = False  # an option is --prices, and not a dash
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings say types, with shapes and units
autodoc_member_order = "bysource"
suppress_warnings = ["toc.not_included"]  # docs/checked.py names such pages

html_theme = "pydata_sphinx_theme"
html_title = f"riskkit {version}"
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "header_links_before_dropdown": 8,
    "search_bar_text": "Search, such as liquidation delay",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_static_path = ["_static"]
html_css_files = ["site.css"]


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    translator.body.append(f"<div class='math'>{tex2mathml(node.astext(), as_block=True)}</div>")
    raise SkipNode


def _seen_from_here(app: Any, name: str, source: list[str]) -> None:
    """Links to pages of the repository's root, which are pages of the site too."""
    for root in ("CHANGELOG", "CONTRIBUTING", "ARCHITECTURE"):
        source[0] = source[0].replace(f"](../{root}.md)", f"](_made/{root.lower()}.md)")
    source[0] = source[0].replace("](../README.md", "](index.md")


def setup(app: Any) -> None:
    """Write the generated pages, and draw formulas without a network: browsers know MathML."""
    sys.path.insert(0, str(HERE))
    import made  # beside this file

    made.write(HERE / "_made")
    app.connect("source-read", _seen_from_here)
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
