// The timeline in the page, and what a person does with it. The last part of the module: timeline_run.js,
// timeline_paint.js, timeline_head.js and timeline_output.js stand before it. No text of a user's ever becomes markup.

const FRAME_MS = 50; // while only time passes; what a person does is drawn at once

/** Draw a run into `el`; return what takes it away again. */
class Timeline {
  /** @param {Run} run @param {HTMLElement} el @param {(message: any) => void} send */
  constructor(run, el, send) {
    this.run = run;
    this.send = send;
    this.head = new Head(run, {
      name: () => this.choose("0"),
      stop: () => send({ kind: "stop" }),
      out: () => this.then(this.paint.zoom(1 / 1.6)),
      in: () => this.then(this.paint.zoom(1.6)),
      fit: () => this.then(Object.assign(this.paint, { fitted: true, follows: true })),
    });
    this.canvas = h("canvas", "nbf-canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Calls: arrow keys choose one, Enter shows it, plus and minus zoom, 0 fits");
    this.tip = h("div", "nbf-tip");
    this.panel = h("div", "nbf-details");
    this.tip.hidden = this.panel.hidden = true;
    this.said = h("div", "nbf-said");
    this.said.setAttribute("aria-live", "polite");
    this.stage = h("div", "nbf-stage", "", this.canvas, this.tip);
    this.root = h("div", "nbf-timeline", "", this.head.el, this.head.progress, this.stage, this.panel, this.said);
    this.root.dataset.lmSuppressShortcuts = "true"; // else Lab's single-key commands take the arrows and Enter
    el.append(this.root);
    this.paint = new Painter(run, this.canvas, this.root);
    this.frame = this.last = 0;
    this.due = this.inSight = true;
    this.drag = null;
    this.listen();
    this.update = () => this.changed();
    run.views.add(this.update);
    this.changed();
  }

  listen() {
    this.sized = new ResizeObserver(() => { if (this.stage.clientWidth !== this.paint.width) this.resize(); });
    this.seen = new IntersectionObserver(([entry]) => { this.inSight = entry.isIntersecting; this.then(); });
    this.themed = new MutationObserver(() => this.then());
    this.sized.observe(this.stage);
    this.seen.observe(this.root);
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.onpointerdown = (event) => this.press(event);
    canvas.onpointermove = (event) => (this.drag ? this.pull(event) : this.hint(event));
    canvas.onpointerup = (event) => this.release(event);
    canvas.onpointercancel = () => { this.drag = null; };
    canvas.onpointerleave = () => { this.hover(null); };
    canvas.onkeydown = (event) => {
      if (!this.key(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
    };
  }

  close() {
    this.run.views.delete(this.update);
    cancelAnimationFrame(this.frame);
    for (const observer of [this.sized, this.seen, this.themed]) observer.disconnect();
    this.root.remove();
  }

  changed() {
    this.root.dataset.state = this.run.head.state;
    this.head.update();
    if (this.paint.wanted() !== this.paint.height || !this.paint.width) this.resize();
    this.then();
  }

  resize() {
    const height = this.paint.wanted();
    this.stage.style.height = `${height}px`;
    this.paint.resize(this.stage.clientWidth, height);
    this.paint.draw();
  }

  /** Draw at the next frame. */
  then() {
    this.due = true;
    if (!this.frame) this.frame = requestAnimationFrame((time) => this.tick(time));
  }

  tick(time) {
    const moving = this.run.live && this.inSight;
    this.run.hold(!!this.root.closest(".nbflow-card")?.querySelector(":scope > .nbflow-still")); // the keeper says so
    if (this.due || (moving && !this.run.held && time - this.last >= FRAME_MS)) {
      this.last = time;
      this.due = false;
      this.head.tick();
      this.paint.draw();
    }
    this.frame = moving || this.due ? requestAnimationFrame((next) => this.tick(next)) : 0;
  }

  /** Show a call, or hide it if it is shown. @param {string} path */
  choose(path) {
    const shown = this.paint.chosen === path && !this.panel.hidden;
    this.paint.chosen = shown ? "" : path;
    this.panel.hidden = shown;
    if (!shown) this.ask();
    this.then();
  }

  ask() {
    this.show([]);
    this.send({ kind: "details", path: this.paint.chosen });
  }

  /** Take the kernel's answer. @param {string} path @param {Item[]} items */
  details(path, items) {
    if (path === this.paint.chosen) this.show(items);
  }

  /** Fill the panel with what is known here and what the kernel said. @param {Item[]} items */
  show(items) {
    const { run } = this, row = run.rows.get(this.paint.chosen);
    if (!row) return;
    const began = run.begin(row), took = `${duration(run.end(row) - began)}, began at ${duration(began)}`;
    const chip = h("span", "nbf-chip", Run.state(row));
    chip.style.setProperty("--nbf-chip", `var(--nbf-${row.state})`);
    const when = h("span", "nbf-muted", `${row.state === "waiting" ? "waits for its turn" : took} · call ${row.path}`);
    const close = button("×", "Close", () => this.choose(row.path), "nbf-close");
    this.panel.replaceChildren(h("div", "nbf-title", "", h("b", "", row.name), chip, when, close));
    const known = items.length || !row.shown ? items : [["arguments", row.shown]];
    for (const [label, text, forms] of known) {
      const loud = /^(error|attempt|stopped)/.test(label) ? "nbf-text nbf-error" : "nbf-text";
      this.panel.append(h("div", "nbf-label", label), displayed(forms, text) ?? h("pre", loud, text));
    }
  }

  hover(row) {
    this.tip.hidden = !row;
    if (row !== this.paint.hovered) { this.paint.hovered = row; this.then(); }
  }

  hint(event) {
    const { run, tip } = this, row = this.paint.rowAt(event.offsetX, event.offsetY);
    this.hover(row);
    if (!row) return;
    const began = run.begin(row), waited = began - run.active(row.asked);
    const facts = [Run.state(row)];
    if (row.state !== "waiting") facts.push(duration(run.end(row) - began));
    if (row.printed) facts.push("has output");
    if (waited > 20) facts.push(`waited ${duration(waited)}`);
    const shown = h("span", "nbf-muted", row.shown ? ` (${row.shown})` : "");
    tip.replaceChildren(h("b", "", row.name), shown, h("div", "", facts.join(" · ")));
    const below = event.offsetY + 18, above = event.offsetY - tip.offsetHeight - 8;
    tip.style.left = `${clamp(event.offsetX + 14, 0, Math.max(0, this.paint.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${below + tip.offsetHeight > this.paint.height && above > 0 ? above : below}px`;
  }

  press(event) {
    const { width, stripWidth } = this.paint, strip = stripWidth > 0 && event.offsetX > width - stripWidth;
    this.drag = { x: event.offsetX, y: event.offsetY, moved: false, strip };
    this.canvas.setPointerCapture(event.pointerId);
    if (strip) this.jump(event.offsetY);
  }

  jump(y) {
    const { paint } = this;
    paint.scrollTo(((y - AXIS) / paint.inner) * paint.tall - paint.inner / 2);
    this.then();
  }

  pull(event) {
    if (this.drag.strip) { this.jump(event.offsetY); return; }
    const dx = event.offsetX - this.drag.x, dy = event.offsetY - this.drag.y;
    if (!this.drag.moved && Math.hypot(dx, dy) < 4) return;
    this.hover(null);
    this.paint.pan(-dx, -dy);
    this.drag = { x: event.offsetX, y: event.offsetY, moved: true, strip: false };
    this.then();
  }

  release(event) {
    const clicked = this.drag && !this.drag.moved && !this.drag.strip;
    const row = clicked ? this.paint.rowAt(event.offsetX, event.offsetY) : null;
    this.drag = null;
    if (row) this.choose(row.path);
  }

  wheel(event) {
    const { deltaX, deltaY, shiftKey } = event, { paint } = this, before = paint.scroll;
    if (event.ctrlKey || event.metaKey) paint.zoom(Math.exp(-deltaY / 240), event.offsetX);
    else if (shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) paint.pan(deltaX || deltaY, 0);
    else {
      paint.pan(0, deltaY);
      if (paint.scroll === before) return; // at its end, the notebook scrolls on
    }
    event.preventDefault();
    this.hint(event);
    this.then();
  }

  /** Do what a key means; return whether it means something. @param {string} key */
  key(key) {
    this.hover(null);
    const { paint } = this, step = { ArrowDown: 1, ArrowUp: -1, PageDown: MOST, PageUp: -MOST }[key];
    if (step) this.walk(step);
    else if (key === "Enter" && paint.chosen) this.choose(paint.chosen);
    else if (key === "Escape" && !this.panel.hidden) this.choose(paint.chosen);
    else if (key === "ArrowLeft" || key === "ArrowRight") paint.pan(key === "ArrowLeft" ? -60 : 60, 0);
    else if (key === "+" || key === "=") paint.zoom(1.6);
    else if (key === "-") paint.zoom(1 / 1.6);
    else if (key === "0") Object.assign(paint, { fitted: true, follows: true });
    else return false;
    this.then();
    return true;
  }

  /** Choose the call so many rows further on. @param {number} step */
  walk(step) {
    const { list, rows } = this.run, { paint } = this, from = rows.get(paint.chosen);
    if (!list.length) return;
    const row = list[from?.parent ? clamp(from.at + step, 0, list.length - 1) : 0];
    paint.chosen = row.path;
    if (!this.panel.hidden) this.ask();
    paint.scrollTo(clamp(paint.scroll, (row.at + 1) * ROW - paint.inner, row.at * ROW));
    this.said.textContent = `${row.name}, ${Run.state(row)}${row.printed ? ", has output" : ""}`;
  }
}

export default () => {
  const run = new Run();
  /** @type {Set<Timeline>} */ const shown = new Set();
  return {
    initialize({ model }) {
      run.replace(model.get("snapshot"));
      model.on("change:snapshot", () => run.replace(model.get("snapshot")));
      model.on("msg:custom", (message) => {
        if (message.kind === "delta" && !run.delta(message)) model.send({ kind: "again" });
        if (message.kind === "details") shown.forEach((view) => view.details(message.path, message.items));
      });
    },
    render({ model, el }) {
      const view = new Timeline(run, el, (message) => model.send(message));
      shown.add(view);
      return () => { shown.delete(view); view.close(); };
    },
  };
};
