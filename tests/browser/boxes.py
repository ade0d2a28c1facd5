"""Labels by their boxes: which run into each other, and which are cut off."""

from __future__ import annotations

from playwright.sync_api import Page

# A text's box is turned with it: two that stand aslant beside each other do not touch, though the
# upright rectangles around them do. A tenth of its height above and below holds no ink.
FAULTS = """() => {
  const corners = text => {
    const b = text.getBBox(), m = text.getScreenCTM(), slack = b.height / 10;
    return [[b.x, b.y + slack], [b.x + b.width, b.y + slack],
            [b.x + b.width, b.y + b.height - slack], [b.x, b.y + b.height - slack]]
      .map(([x, y]) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f]);
  };
  const apart = (one, other) => [one, other].some(shape => shape.some(([x, y], i) => {
    const [u, v] = shape[(i + 1) % 4], normal = [v - y, x - u];
    const length = Math.hypot(...normal) || 1;
    const along = points => points.map(p => (p[0] * normal[0] + p[1] * normal[1]) / length);
    const [a, b] = [along(one), along(other)];
    return Math.max(...a) <= Math.min(...b) + 0.5 || Math.max(...b) <= Math.min(...a) + 0.5;
  }));
  const faults = [];
  for (const plot of document.querySelectorAll('.rk-explorer .js-plotly-plot')) {
    const page = plot.getBoundingClientRect();
    const texts = [...plot.querySelectorAll('svg text')]
      .filter(t => t.textContent.trim() && !t.closest('.hoverlayer, .modebar')
        && getComputedStyle(t).visibility !== 'hidden' && t.getBBox().width > 0)
      .map(t => ({said: t.textContent, box: corners(t)}));
    texts.forEach((text, i) => {
      if (text.box.some(([x, y]) => x < page.left - 1 || x > page.right + 1
          || y < page.top - 1 || y > page.bottom + 1))
        faults.push(`cut off: ${text.said}`);
      for (const other of texts.slice(i + 1))
        if (!apart(text.box, other.box)) faults.push(`overlap: ${text.said} | ${other.said}`);
    });
  }
  for (const label of document.querySelectorAll(
      '.rk-explorer .widget-label, .rk-explorer .widget-readout, .rk-explorer button'))
    if (label.offsetParent && label.scrollWidth > label.clientWidth + 1)
      faults.push(`cut off: ${label.textContent}`);
  return faults;
}"""
FITTED = """() => [...document.querySelectorAll('.rk-explorer .js-plotly-plot')].every(plot =>
  plot._fullLayout.width === plot.parentElement.clientWidth
  && !plot.querySelector('.rk-waiting:not([hidden])'))"""


def label_faults(page: Page, width: int, height: int) -> list[str]:
    """What is wrong with the labels of every explorer in a page of this width."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function("width => window.innerWidth === width", arg=width, timeout=240_000)
    # Two frames later the page has been laid out anew, and the figures have been told.
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.wait_for_function(FITTED, timeout=240_000)
    return [f"{width} px, {fault}" for fault in page.evaluate(FAULTS)]
