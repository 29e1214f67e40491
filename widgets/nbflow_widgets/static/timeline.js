// The timeline in the page, and what a person does with it. The last part of the module; packed.py names those before
// it. No text of a user's ever becomes markup.

const KEYS = "Calls: up and down choose one, left and right fold it, Enter shows it, slash finds, f follows the newest, "
  + "plus and minus zoom, 0 fits";
const FRAME_MS = 50; // while only time passes; what a person does is drawn at once

/** Draw a run into `el`; return what takes it away again. */
class Timeline {
  /** @param {Run} run @param {HTMLElement} el @param {(message: any) => void} send */
  constructor(run, el, send) {
    this.run = run;
    this.listing = new Listing(run);
    this.head = new Head(run, this.listing, {
      name: () => this.choose("0"),
      stop: () => send({ kind: "stop" }),
      out: () => this.then(this.paint.zoom(1 / 1.6)),
      in: () => this.then(this.paint.zoom(1.6)),
      fit: () => this.then(Object.assign(this.paint, { fitted: true, follows: true })),
      follow: () => this.then(this.follow()),
      path: () => this.then(this.mark(!this.paint.marks)),
      find: (text) => this.sift(() => { this.listing.text = text.trim().toLowerCase(); }),
      state: (states) => this.sift(() => this.toggle(states)),
      clear: () => { this.sift(() => this.listing.clear()); this.canvas.focus(); },
      rows: () => this.canvas.focus(),
    });
    this.canvas = h("canvas", "nbf-canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", KEYS);
    this.tip = h("div", "nbf-tip");
    this.tip.hidden = true;
    this.details = new Details(run, send, () => this.choose(this.paint.chosen));
    this.said = h("div", "nbf-said");
    this.said.setAttribute("aria-live", "polite");
    this.stage = h("div", "nbf-stage", "", this.canvas, this.tip);
    const { head, progress, filter } = this.head;
    this.root = h("div", "nbf-timeline", "", this.head.el, progress, filter, this.stage, this.details.el, this.said);
    keepKeys(this.root); // else Lab's single-key commands take the arrows and Enter
    el.append(this.root);
    this.paint = new Painter(run, this.listing, this.canvas, this.root);
    this.mark(true);
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
    this.told = (event) => { if (event.detail.run === this.run.head.run_id) this.reveal(event.detail); };
    window.addEventListener("nbflow-select", this.told); // a call graph says so
    canvas.onkeydown = (event) => {
      if (!this.key(event)) return;
      event.preventDefault();
      event.stopPropagation();
    };
  }

  close() {
    this.run.views.delete(this.update);
    window.removeEventListener("nbflow-select", this.told);
    cancelAnimationFrame(this.frame);
    for (const observer of [this.sized, this.seen, this.themed]) observer.disconnect();
    this.root.remove();
  }

  changed() {
    this.root.dataset.state = this.run.head.state;
    this.listing.stale = true;
    this.head.update();
    if (this.details.open) this.details.update();
    this.relist(false);
    this.then();
  }

  /** Bring the lines up to date; keep what is in sight where it is. @param {boolean} [now] else not too often */
  relist(now = true) {
    const { listing, paint } = this, top = listing.lines[Math.floor(paint.scroll / ROW)], part = paint.scroll % ROW;
    if (!listing.refresh(now)) return;
    const at = paint.scroll > 0 && !(paint.follows && this.run.live) ? listing.lines.indexOf(top) : -1;
    if (at >= 0) paint.scroll = at * ROW + part;
    this.head.sift();
    if (paint.wanted() !== paint.height || !paint.width) this.resize();
  }

  /** Change what is looked for. @param {() => void} change */
  sift(change) {
    change();
    this.listing.stale = true;
    this.paint.scroll = 0;
    this.relist();
    this.then();
  }

  /** Look for calls in these states alone; if for them already, for all. @param {string[]} states */
  toggle(states) {
    const { wanted } = this.listing, had = states.every((state) => wanted.has(state));
    for (const state of states) wanted[had ? "delete" : "add"](state);
  }

  /** Fold a line, or unfold it; return whether that made a difference. @param {Row|Group} line @param {boolean} open */
  fold(line, open) {
    if (!this.listing.fold(line, open)) return false;
    this.paint.follows = false;
    this.relist();
    this.said.textContent = `${line.name}, ${open ? "unfolded" : "folded"}`;
    return true;
  }

  follow() {
    this.paint.follows = true;
    const at = this.listing.lineOf(this.run.latest);
    if (at >= 0 && !this.run.live) Object.assign(this.paint, { scroll: at * ROW - this.paint.inner / 2 });
  }

  /** @param {boolean} marks whether the critical path is marked */
  mark(marks) {
    this.paint.marks = marks;
    this.head.path.setAttribute("aria-pressed", String(marks));
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
    this.relist(false);
    if (this.due || (moving && !this.run.held && time - this.last >= FRAME_MS)) {
      this.last = time;
      this.due = false;
      this.head.tick();
      this.head.follow.hidden = !this.run.live || this.paint.follows || !this.paint.stripWidth;
      this.paint.draw();
    }
    this.frame = moving || this.due || this.listing.stale ? requestAnimationFrame((next) => this.tick(next)) : 0;
  }

  /** Show a call, or hide it if it is shown; unfold a line that stands for many. @param {string} path */
  choose(path) {
    const line = this.listing.named(path), shown = this.paint.chosen === path && this.details.open;
    if (line?.group) {
      this.paint.chosen = path;
      this.fold(line, !line.open);
    } else if (shown) {
      this.details.hide();
      this.canvas.focus({ preventScroll: true });
    } else {
      this.paint.chosen = path;
      this.details.show(path);
    }
    this.then();
  }

  /** Show one call, or all of one name. @param {{path: string, name: string, size: number, taken: number}} wanted */
  reveal(wanted) {
    const { listing } = this, row = this.run.rows.get(wanted.path);
    if (!row || !this.root.isConnected) return;
    wanted.taken += 1;
    this.sift(() => {
      listing.clear();
      if (wanted.size > 1) listing.text = `${wanted.name}(`.toLowerCase();
      for (let up = this.run.rows.get(row.parent); up; up = this.run.rows.get(up.parent)) listing.shut.delete(up.path);
    });
    const group = listing.groups.get(listing.keyOf(row));
    if (group && wanted.size === 1) this.fold(group, true);
    this.select(Math.max(0, listing.lineOf(row)));
    if (wanted.size === 1) { this.paint.chosen = row.path; this.details.show(row.path); }
    this.root.scrollIntoView({ block: "nearest" });
    this.then();
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
    if (row.group) { this.hintOf(row, event); return; }
    const facts = [Run.state(row)];
    if (row.state !== "waiting") facts.push(duration(run.end(row) - began));
    if (row.printed) facts.push("has output");
    if (waited > 20) facts.push(`waited ${duration(waited)}`);
    const own = run.chain[row.path];
    if (own !== undefined) facts.push(own ? `${duration(own)} of the critical path` : "on the critical path");
    const shown = h("span", "nbf-muted", row.shown ? ` (${row.shown})` : "");
    tip.replaceChildren(h("b", "", row.name), shown, h("div", "", facts.join(" · ")));
    this.place(event);
  }

  /** Say what many calls in one line add up to. @param {Group} group */
  hintOf(group, event) {
    const counts = Object.entries(group.counts).map(([state, count]) => `${number(count)} ${state}`).join(" · ");
    const shown = h("span", "nbf-muted", ` ×${number(group.members.length)}`), sums = group.sums?.told;
    this.tip.replaceChildren(h("b", "", group.name), shown, h("div", "", counts), h("div", "", sums ? `${sums} (5 to 95 %)` : ""));
    this.place(event);
  }

  place(event) {
    const { tip } = this;
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
    const { offsetX: x, offsetY: y } = event, row = clicked ? this.paint.rowAt(x, y) : null;
    const folds = clicked ? this.paint.foldAt(x, y) : null;
    this.drag = null;
    if (folds) this.then(this.fold(folds, !this.listing.unfolded(folds)));
    else if (row) this.choose(row.path);
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

  /** Do what a key means; return whether it means something. @param {KeyboardEvent} event */
  key({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    if (ctrlKey || metaKey || altKey) return false;
    this.hover(null);
    const { paint } = this, step = { ArrowDown: 1, ArrowUp: -1, PageDown: MOST, PageUp: -MOST, Home: -1e9, End: 1e9 }[key];
    const side = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) this.walk(step);
    else if (side && shiftKey) paint.pan(side * 60, 0);
    else if (side) this.side(side > 0);
    else if (key === "Enter" && paint.chosen) this.choose(paint.chosen);
    else if (key === "Escape" && this.details.open) this.choose(this.details.path);
    else if (key === "Escape" && this.listing.filtered) this.sift(() => this.listing.clear());
    else if (key === "/" && !this.head.find.hidden) this.head.find.focus();
    else if (key === "f") this.follow();
    else if (key === "+" || key === "=") paint.zoom(1.6);
    else if (key === "-") paint.zoom(1 / 1.6);
    else if (key === "0") Object.assign(paint, { fitted: true, follows: true });
    else return false;
    this.then();
    return true;
  }

  /** Choose the call so many lines further on. @param {number} step */
  walk(step) {
    const { lines } = this.listing, { paint } = this, from = this.listing.lineOf(this.listing.named(paint.chosen));
    if (lines.length) this.select(from < 0 ? 0 : clamp(from + step, 0, lines.length - 1));
  }

  /** Unfold the chosen line, or go into it; fold it, or go to its caller. @param {boolean} right */
  side(right) {
    const { listing, paint } = this, at = listing.lineOf(listing.named(paint.chosen)), line = listing.lines[at];
    if (!line) { this.walk(0); return; }
    if (this.fold(line, right)) return;
    const depth = listing.depths[at];
    if (right && listing.depths[at + 1] > depth) this.select(at + 1);
    for (let i = at - 1; !right && i >= 0; i--) if (listing.depths[i] < depth) { this.select(i); return; }
  }

  /** Choose a line and bring it into sight. @param {number} at */
  select(at) {
    const { paint } = this, row = this.listing.lines[at];
    paint.chosen = row.path;
    if (this.details.open && !row.group) this.details.show(row.path);
    paint.scrollTo(clamp(paint.scroll, (at + 1) * ROW - paint.inner, at * ROW));
    const many = row.group ? `, ${number(row.members.length)} calls, ${row.open ? "unfolded" : "folded"}` : "";
    this.said.textContent = `${row.name}, ${Run.state(row)}${many}${row.printed ? ", has output" : ""}`;
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
        for (const { details } of shown) {
          if (message.path !== details.path) continue;
          if (message.kind === "details") details.fill(message.items);
          if (message.kind === "fork") details.refuse(message.problem);
        }
      });
    },
    render({ model, el }) {
      const view = new Timeline(run, el, (message) => model.send(message));
      shown.add(view);
      return () => { shown.delete(view); view.close(); };
    },
  };
};
