"""House style: headings stand at their panels, legends out of the way, in light and dark."""

from __future__ import annotations

import pytest

from riskkit.lab.figures.coverage import coverage
from riskkit.lab.figures.trade_off import trade_off
from riskkit.lab.template import Theme


@pytest.mark.parametrize("theme", list(Theme))
def test_each_heading_stands_at_its_own_panel(theme: Theme) -> None:
    for figure in (trade_off("t", loan=False, theme=theme), coverage("c", theme=theme)):
        axes = ("", "2", "3", "4")
        for note, axis in zip(figure.layout.annotations, axes, strict=True):
            assert note.x == figure.layout[f"xaxis{axis}"].domain[0]
            assert note.y == figure.layout[f"yaxis{axis}"].domain[1]


def test_the_explorers_legend_has_room_for_six_rows_below_the_labels() -> None:
    """Two pins in a narrow page fill six; a legend that makes its own room is slow to redraw."""
    for figure in (trade_off("t", loan=False), coverage("c")):
        layout = figure.layout
        panels = layout.height - layout.margin.t - layout.margin.b
        labels = -layout.legend.y * panels
        assert (layout.legend.yref, layout.legend.yanchor) == ("paper", "top")
        assert labels > 40
        assert layout.margin.b - labels >= 6 * 1.6 * layout.legend.font.size


def test_traces_have_names_of_their_own() -> None:
    for figure in (trade_off("t", loan=True), coverage("c")):
        names = [trace.meta for trace in figure.data]
        assert len(set(names)) == len(names)
