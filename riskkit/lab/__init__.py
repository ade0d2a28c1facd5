"""Figures, explorers and reports: the only room that draws."""

import sys

if "ipykernel" in sys.modules:  # a notebook, whose page has a theme of its own
    from riskkit.lab.on_page import follow_page

    follow_page()
