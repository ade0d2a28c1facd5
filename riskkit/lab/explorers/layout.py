"""Where an explorer's parts stand, and how they look: numbers beside sliders, then the figure."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as w

#: From this width of the output on, controls stand beside the numbers and the figure.
STYLE = """<style>
.rk-explorer { container-type: inline-size; width: 100%; overflow: visible; }
.rk-explorer .rk-grid { display: grid; grid-template-columns: minmax(0, 1fr); gap: 4px 12px;
  grid-template-areas: "numbers" "controls" "figure" "below"; overflow: visible; margin: 0; }
@container (min-width: 820px) {
  .rk-explorer .rk-grid { grid-template-columns: 392px minmax(0, 1fr);
    grid-template-rows: auto auto 1fr;
    grid-template-areas: "controls numbers" "controls figure" "controls below"; }
}
.rk-explorer .rk-numbers { grid-area: numbers; min-width: 0; }
.rk-explorer .rk-controls { grid-area: controls; min-width: 0; max-width: 560px; }
.rk-explorer .rk-figure { grid-area: figure; min-width: 0; overflow: visible; }
.rk-explorer .rk-below { grid-area: below; min-width: 0; }
.rk-controls .widget-label { font-size: 12px; }
.rk-controls .widget-readout { min-width: 96px; font-size: 12px; text-align: right; }
.rk-controls .rk-window .widget-readout { min-width: 124px; }
.rk-controls .widget-toggle-buttons { display: flex; flex-flow: row nowrap; gap: 8px; }
.rk-controls .widget-toggle-buttons > .widget-label { flex: 0 0 168px; text-align: right;
  margin-right: 0; }
.rk-controls .rk-aside { margin-left: 176px; }
.rk-controls .rk-bad { opacity: 0.45; }
@keyframes rk-fade { to { opacity: 0.35; } }
.rk-stale .rk-shown { animation: rk-fade 0.12s 0.25s forwards; }
@keyframes rk-turn { to { transform: rotate(360deg); } }
.rk-spinner { display: inline-block; width: 10px; height: 10px; margin-right: 6px;
  border: 2px solid #8A8F98; border-top-color: transparent; border-radius: 50%;
  animation: rk-turn 0.9s linear infinite; }
.rk-explorer .widget-html-content { min-width: 0; }
.rk-words { font: 13px/1.5 Inter, Helvetica, Arial, sans-serif; overflow-x: auto; }
.rk-words table { border-collapse: collapse; margin: 0; }
.rk-words th, .rk-words td { padding: 2px 10px 2px 0; text-align: right; white-space: nowrap; }
.rk-words th { vertical-align: bottom; font-weight: 600; border-bottom: 1px solid #8A8F98; }
.rk-numbers .rk-words th { white-space: normal; line-height: 1.25; }
.rk-numbers .rk-words th:not(:first-child) { max-width: 128px; }
.rk-numbers .rk-words td { white-space: normal; }
.rk-words th:first-child, .rk-words td:first-child { text-align: left; }
.rk-words .rk-error { border-left: 4px solid #CC2936; padding: 4px 10px; }
.rk-words .rk-warn { border-left: 4px solid #E69F00; padding: 4px 10px; }
.rk-words pre { font-size: 12px; max-height: 320px; overflow: auto; margin: 4px 0; }
.rk-words code { font-size: 12px; overflow-wrap: anywhere; }
.rk-waiting { padding: 8px 0; min-height: 24px; }
.rk-waiting .rk-again { width: auto; }
</style>"""


def arrange(
    numbers: Sequence[w.Widget],
    controls: Sequence[w.Widget],
    chart: w.Widget,
    below: Sequence[w.Widget],
) -> w.Box:
    """The parts of an explorer in one box; `STYLE` says where each stands at which width."""
    # The chart stands in a box of its own: a page may drop what a chart is told after its birth.
    parts = {"numbers": numbers, "controls": controls, "figure": [chart], "below": below}
    boxes = []
    for name, widgets in parts.items():
        box = w.VBox(list(widgets))
        box.add_class(f"rk-{name}")
        boxes.append(box)
    for shown in (boxes[0], boxes[2]):
        shown.add_class("rk-shown")
    grid = w.Box(boxes)
    grid.add_class("rk-grid")
    whole = w.VBox([w.HTML(STYLE, layout={"display": "contents"}), grid])
    whole.add_class("rk-explorer")
    return whole
