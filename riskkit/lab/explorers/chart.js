// Draws a figure that the kernel keeps, in any number of views.
//
// A page gives a widget's module two seconds and drops every later message to that widget, for
// good. This module answers at once, and its own widget receives no message: the figure and
// plotly's source are texts of ordinary widgets, which a page always brings up to date.

const PATIENCE = 15_000; // milliseconds after which a page that still waits offers to begin anew
const NARROW = 560; // pixels below which a figure has one column
const HEAD = "window.PlotlyConfig ??= {MathJaxConfig: 'local'};\n"
  + "const module = {exports: {}}, exports = module.exports, define = undefined;\n";
const TAIL = "\nexport default module.exports;\n";

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

/** A layout with parts of it replaced: objects key by key, lists place by place. */
function patched(old, change) {
  if (change === null || typeof change !== "object" || old === undefined) return change;
  if (Array.isArray(old)) return old.map((part, i) => i in change ? patched(part, change[i]) : part);
  const found = { ...old };
  for (const key in change) found[key] = patched(old[key], change[key]);
  return found;
}

/** The widget that holds a text; a page that is restored may come to know it a little later. */
async function sheet(model, name) {
  for (let left = 200; ; left -= 1) {
    try {
      return await model.widget_manager.get_model(model.get(name));
    } catch (error) {
      if (left === 0) throw error;
      await pause(100);
    }
  }
}

async function load(model) {
  const source = (await sheet(model, "source")).get("text");
  const url = URL.createObjectURL(new Blob([HEAD, source, TAIL], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** plotly, imported once for all figures of a page; after a failure the next to ask tries again. */
function plotly(model) {
  const page = (globalThis.riskkitPlotly ??= {});
  const version = model.get("version");
  return (page[version] ??= load(model).catch(error => {
    delete page[version];
    throw error;
  }));
}

/** Names for who does not see: sliders take theirs from the label beside them. */
function nameSliders(root) {
  for (const row of root.querySelectorAll(".widget-inline-hbox")) {
    const label = row.querySelector(".widget-label")?.textContent.trim();
    const value = row.querySelector(".widget-readout")?.textContent.trim();
    for (const knob of label ? row.querySelectorAll(".noUi-handle") : []) {
      knob.setAttribute("aria-label", label);
      if (value) knob.setAttribute("aria-valuetext", value);
    }
  }
}

class View {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.words = el.appendChild(document.createElement("div"));
    this.words.className = "rk-words rk-waiting";
    this.plot = el.appendChild(document.createElement("div"));
    this.draw = this.draw.bind(this);
    this.plot.setAttribute("role", "img");
    this.follow = new MutationObserver(() => this.repaint());
    this.name = new MutationObserver(() => nameSliders(this.controls));
    this.resize = new ResizeObserver(() => this.fit());
    this.open();
  }

  async open() {
    this.say("Loading the figure …");
    const slow = setTimeout(() => this.offer("This page is slow: it is still loading."), PATIENCE);
    try {
      const [library, state] = await Promise.all([
        plotly(this.model), sheet(this.model, "figure"),
      ]);
      if (this.closed || this.state) return;
      [this.library, this.state] = [library, state];
    } catch (error) {
      this.offer(`The page could not load the figure (${error.message ?? error}).`);
      return;
    } finally {
      clearTimeout(slow);
    }
    this.state.on("change:text", this.draw);
    for (const place of [document.documentElement, document.body])
      this.follow.observe(place, { attributes: true });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.draw);
    await this.draw();
    this.resize.observe(this.el);
    this.controls = this.el.closest(".rk-explorer")?.querySelector(".rk-controls");
    if (!this.controls) return;
    nameSliders(this.controls);
    this.name.observe(this.controls, { childList: true, characterData: true, subtree: true });
  }

  close() {
    this.closed = true;
    this.state?.off("change:text", this.draw);
    this.scheme?.removeEventListener("change", this.draw);
    this.follow.disconnect();
    this.name.disconnect();
    this.resize.disconnect();
    this.library?.purge(this.plot);
  }

  /** The theme of the page around the figure: light ink means dark paper. */
  theme() {
    const ink = getComputedStyle(this.el).color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
    return ink[0] + ink[1] + ink[2] > 384 ? "dark" : "light";
  }

  repaint() {
    if (this.theme() !== this.painted) this.draw();
  }

  fit() {
    const width = this.el.isConnected ? this.el.clientWidth : 0;
    if (width > 0 && width !== this.plot._fullLayout?.width) this.draw();
  }

  async draw() {
    try {
      const { data, layout } = JSON.parse(this.state.get("text"));
      this.painted = this.theme();
      // What the reader zoomed or hid stays so.
      const own = { uirevision: "kept", template: this.model.get("templates")[this.painted] };
      const width = this.el.clientWidth || 700; // a page draws what is scrolled away, too
      const shape = width < NARROW ? patched(layout, this.model.get("narrow")) : layout;
      const config = { displaylogo: false };
      await this.library.react(this.plot, data, { ...shape, ...own, width }, config);
      const title = layout.title?.text ?? "";
      this.plot.setAttribute("aria-label", title.replace(/<br>/g, ". ").replace(/<[^>]*>/g, ""));
      this.say("");
    } catch (error) {
      this.offer(`The figure could not be drawn (${error.message ?? error}).`);
    }
  }

  say(text) {
    this.words.textContent = text;
    this.words.hidden = text === "";
  }

  offer(text) {
    this.say(`${text} `);
    const again = this.words.appendChild(document.createElement("button"));
    again.className = "jupyter-button rk-again";
    again.textContent = "Draw again";
    again.addEventListener("click", () => this.state ? this.draw() : this.open());
  }
}

export default {
  initialize({ model }) {
    plotly(model).catch(() => {}); // begun here, and awaited by whoever draws
  },
  render({ model, el }) {
    const view = new View(model, el);
    return () => view.close();
  },
};
