// Draws the calls of a run. Python sends rows and the head; nothing is computed twice and nothing is innerHTML.
/** @typedef {{path: string, parent: string, name: string, kind: string, state: string, attempt: number,
 *   asked: number, start: number, end: number|null, shown: string, key: string, depth: number, at: number}} Row
 *   times in ms since the run began */
const FIELDS = ["path", "parent", "name", "kind", "state", "attempt", "asked", "start", "end", "shown"];
const ROW = 22, AXIS = 22, MOST = 14, MAP = 12, FRAME_MS = 50;
const OPEN = new Set(["waiting", "running", "retrying"]);
const ORDER = ["done", "replayed", "failed", "asking", "stopped", "retrying", "running", "waiting"];
const URGENT = ["failed", "asking", "retrying", "running", "stopped", "done", "replayed", "waiting"];
const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const pad = (n) => String(n).padStart(2, "0");

/** @param {number} ms */
function duration(ms) {
  if (ms < 999.5) return `${ms < 9.95 ? Math.max(ms, 0).toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)}m ${pad(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${pad(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${pad(Math.floor((s % 86400) / 3600))}h`;
}

/** Return what sorts as positions do: 0.2 before 0.10, calls before branches. @param {string} path */
const sortKey = (path) => path.split(".").map((p) => (p[0] === "b" ? `1${p.slice(1).padStart(7, "0")}` : `0${p.padStart(7, "0")}`)).join(".");

/** The run as it is known to this page; shared by all views of one widget. */
class Run {
  constructor() {
    /** @type {Map<string, Row>} */ this.rows = new Map();
    /** @type {Row[]} */ this.list = [];
    this.head = { state: "", counts: {}, gaps: [], total: 0, started: 0, ended: null, name: "" };
    this.seq = 0; this.skew = 0; this.version = 0; this.latest = null;
    this.views = new Set();
  }
  /** @param {{seq: number, rows: any[][], head: any}} data */
  replace(data) {
    if (!data || data.seq < this.seq || (data.seq === this.seq && this.version)) return;
    this.rows.clear(); this.list = [];
    this.take(data);
  }
  /** Take a batch in; return false if one before it was missed. @param {{seq: number, rows: any[][], head: any}} data */
  delta(data) {
    if (data.seq <= this.seq) return true;
    if (data.seq !== this.seq + 1) return false;
    this.take(data);
    return true;
  }
  take({ seq, rows, head }) {
    this.seq = seq; this.head = head; this.skew = Date.now() / 1000 - head.now; this.version++;
    let sort = false;
    for (const values of rows) {
      const old = this.rows.get(values[0]);
      if (values[4] === "discarded") { sort = this.rows.delete(values[0]) || sort; continue; }
      const row = old || { key: sortKey(values[0]), depth: 0, at: 0 };
      FIELDS.forEach((field, i) => { row[field] = values[i]; });
      if (!old) { this.rows.set(row.path, row); sort = true; }
      if (OPEN.has(row.state)) this.latest = row;
    }
    if (sort) this.arrange();
    this.views.forEach((view) => view());
  }
  arrange() {
    this.list = [...this.rows.values()].filter((row) => row.parent).sort((a, b) => (a.key < b.key ? -1 : 1));
    this.list.forEach((row, at) => { row.at = at; row.depth = row.parent === "0" ? 0 : (this.rows.get(row.parent)?.depth ?? -1) + 1; });
  }
  get live() { return this.head.ended === null && this.head.state === "running"; }
  /** Milliseconds since the run began, idle gaps left out. @param {number} ms */
  active(ms) {
    let idle = 0;
    for (const [from, to] of this.head.gaps) {
      const a = (from - this.head.started) * 1000, b = (to - this.head.started) * 1000;
      if (a < ms) idle += Math.max(0, Math.min(ms, b) - a);
    }
    return Math.max(0, ms - idle);
  }
  now() {
    const at = this.head.ended ?? (this.live ? Date.now() / 1000 - this.skew : this.head.now ?? 0);
    return this.active((at - this.head.started) * 1000);
  }
}

/** @param {string} tag @param {string} name @param {string} [text] */
function h(tag, name, text = "", ...children) {
  const el = document.createElement(tag);
  el.className = name;
  if (text) el.textContent = text;
  el.append(...children);
  return el;
}
function button(text, title, onclick) {
  const el = h("button", "nbf-button", text);
  Object.assign(el, { type: "button", title, onclick });
  el.setAttribute("aria-label", title);
  return el;
}

/** Draw a run into `el`; return what takes it away again. @param {Run} run @param {HTMLElement} el @param {(m: any) => void} send */
function mount(run, el, send) {
  const dot = h("span", "nbf-dot"), name = button("", "Show the input and the result of the run", () => choose("0"));
  name.classList.add("nbf-name");
  const thread = h("span", "nbf-muted"), facts = h("span", "nbf-facts"), clock = h("span", "nbf-clock");
  const stop = button("Stop", "Stop the run", () => { stop.disabled = true; stop.textContent = "Stopping…"; send({ kind: "stop" }); });
  stop.classList.add("nbf-stop");
  const zoomIn = button("+", "Zoom in", () => zoom(1.6)), zoomOut = button("−", "Zoom out", () => zoom(1 / 1.6)), all = button("Fit", "Show the whole run", fit);
  const tools = h("span", "nbf-tools", "", zoomOut, zoomIn, all, stop);
  const progress = h("div", "nbf-progress"), canvas = h("canvas", "nbf-canvas"), tip = h("div", "nbf-tip"), said = h("div", "nbf-said");
  progress.setAttribute("role", "progressbar");
  Object.assign(canvas, { tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Timeline of calls: arrow keys choose a call, Enter shows it, plus and minus zoom, 0 shows all");
  said.setAttribute("aria-live", "polite");
  tip.hidden = true;
  const stage = h("div", "nbf-stage", "", canvas, tip), panel = h("div", "nbf-details");
  panel.hidden = true;
  const root = h("div", "nbf-timeline", "", h("div", "nbf-head", "", dot, name, thread, facts, clock, tools), progress, stage, panel, said);
  root.dataset.lmSuppressShortcuts = "true"; // Lab's single-key commands would take the arrows and Enter
  el.append(root);

  const ctx = canvas.getContext("2d"), mini = document.createElement("canvas");
  let width = 0, height = 0, t0 = 0, span = 0, fitted = true, scroll = 0, follow = true, chosen = "", hovered = null;
  let frame = 0, last = 0, dirty = true, theme = "", look = {}, minimap = -1, shownAt = true;

  function colours() {
    const style = getComputedStyle(root), read = (v) => style.getPropertyValue(v).trim();
    look = { font: style.fontFamily, text: read("--nbf-text"), muted: read("--nbf-muted"), line: read("--nbf-line"), ground: read("--nbf-ground"), on: read("--nbf-on"), accent: read("--nbf-accent"), select: read("--nbf-select") };
    for (const state of ORDER) look[state] = read(`--nbf-${state}`);
  }
  const gutter = () => clamp(width * 0.3, 110, 300);
  const inner = () => Math.max(0, height - AXIS);
  const tall = () => run.list.length * ROW;
  const strip = () => (tall() > inner() + 1 ? MAP + 6 : 0);
  const right = () => width - 12 - strip();
  const whole = () => Math.max(run.now() * (run.live ? 1.06 : 1.002), 1);
  const X = (ms) => gutter() + 8 + ((ms - t0) / span) * (right() - gutter() - 8);
  const T = (x) => t0 + ((x - gutter() - 8) / (right() - gutter() - 8)) * span;

  function size() {
    const ratio = window.devicePixelRatio || 1;
    width = stage.clientWidth;
    height = run.list.length ? AXIS + Math.min(run.list.length, MOST) * ROW + 4 : 0;
    stage.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw();
  }
  function head() {
    const { state, counts, total, thread_id: id, questions, retried, stoppable } = run.head;
    const finished = (counts.done || 0) + (counts.replayed || 0);
    root.dataset.state = state;
    dot.title = state; name.textContent = run.head.name; thread.textContent = id ? `thread ${id}` : "";
    const words = [`${finished.toLocaleString("en")} of ${total.toLocaleString("en")} done`];
    for (const key of ["running", "retrying", "waiting", "replayed", "failed", "stopped"]) if (counts[key]) words.push(`${counts[key].toLocaleString("en")} ${key}`);
    if (retried) words.push(`${retried} retried`);
    if (questions) words.push(questions === 1 ? "asks a question" : `asks ${questions} questions`);
    if (["stopped", "crashed"].includes(state) && !counts[state]) words.push(state);
    facts.textContent = words.join(" · ");
    stop.hidden = !stoppable;
    if (!stoppable) { stop.disabled = false; stop.textContent = "Stop"; }
    progress.replaceChildren(...ORDER.filter((key) => counts[key]).map((key) => {
      const part = h("span", "");
      part.style.cssText = `flex-grow:${counts[key]};background:var(--nbf-${key})`;
      return part;
    }));
    progress.setAttribute("aria-valuemax", total); progress.setAttribute("aria-valuenow", finished);
    progress.hidden = !total;
  }
  function update() {
    head();
    if (AXIS + Math.min(run.list.length, MOST) * ROW + 4 !== height) size();
    wake();
  }
  function wake() { dirty = true; if (!frame) frame = requestAnimationFrame(tick); }
  function tick(time) {
    frame = 0;
    const moving = run.live && shownAt;
    if (dirty || (moving && time - last >= FRAME_MS)) { last = time; dirty = false; draw(); }
    if (moving || dirty) frame = requestAnimationFrame(tick);
  }

  function draw() {
    const wanted = `${document.body.dataset.jpThemeName}${document.body.className}`;
    if (wanted !== theme || !look.text) { theme = wanted; minimap = -1; colours(); }
    clock.textContent = run.head.started ? duration(run.now()) : "";
    if (!height) return;
    if (fitted) { t0 = 0; span = whole(); }
    if (follow && run.live && run.latest && tall() > inner()) scroll += (run.latest.at * ROW - inner() * 0.6 - scroll) * 0.25;
    scroll = clamp(scroll, 0, Math.max(0, tall() - inner()));
    ctx.clearRect(0, 0, width, height);
    grid();
    const first = Math.floor(scroll / ROW), end = Math.min(run.list.length, Math.ceil((scroll + inner()) / ROW));
    ctx.save();
    ctx.beginPath(); ctx.rect(0, AXIS, width - strip(), inner()); ctx.clip();
    for (let i = first; i < end; i++) line(run.list[i], AXIS + i * ROW - scroll);
    ctx.restore();
    if (strip()) map();
  }
  function grid() {
    const rough = span / Math.max(2, (right() - gutter()) / 90), power = 10 ** Math.floor(Math.log10(rough));
    let step = power * [1, 2, 5, 10].find((k) => k * power >= rough);
    if (rough > 3e4) step = [6e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5, 864e5].find((k) => k >= rough) || step;
    ctx.font = `10px ${look.font}`; ctx.textBaseline = "middle"; ctx.textAlign = "center"; ctx.lineWidth = 1;
    for (let t = Math.ceil(t0 / step) * step; t <= t0 + span; t += step) {
      const x = Math.round(X(t)) + 0.5;
      ctx.strokeStyle = look.line; ctx.beginPath(); ctx.moveTo(x, AXIS - 4); ctx.lineTo(x, height); ctx.stroke();
      ctx.fillStyle = look.muted; if (x < right() - 8) ctx.fillText(t ? duration(t).replace(/\.0(?= )/, "") : "0", x, AXIS / 2 - 1);
    }
    for (const [from, to] of run.head.gaps) {
      const x = Math.round(X(run.active((from - run.head.started) * 1000))) + 0.5;
      if (x < gutter() || x > right()) continue;
      ctx.setLineDash([2, 3]); ctx.strokeStyle = look.asking; ctx.beginPath(); ctx.moveTo(x, AXIS - 4); ctx.lineTo(x, height); ctx.stroke(); ctx.setLineDash([]);
      const text = `paused ${duration((to - from) * 1000)}`, w = ctx.measureText(text).width + 8;
      ctx.fillStyle = look.ground; ctx.fillRect(clamp(x - w / 2, gutter(), right() - w), 2, w, AXIS - 6);
      ctx.fillStyle = look.asking; ctx.fillText(text, clamp(x, gutter() + w / 2, right() - w / 2), AXIS / 2 - 1);
    }
  }
  function cut(text, room) {
    const w = ctx.measureText(text).width;
    return w <= room ? text : room < 14 ? "" : `${text.slice(0, Math.max(1, Math.floor((text.length * (room - 8)) / w)))}…`;
  }
  /** @param {Row} row @param {number} y */
  function line(row, y) {
    const mid = y + ROW / 2, left = gutter();
    if (row.path === chosen || row === hovered) { ctx.fillStyle = row.path === chosen ? look.select : look.line; ctx.fillRect(0, y, width, ROW); }
    const indent = 10 + Math.min(row.depth, 8) * 14;
    ctx.fillStyle = look[row.state]; ctx.beginPath(); ctx.arc(indent, mid, 3.5, 0, 7); ctx.fill();
    ctx.font = `12px ${look.font}`; ctx.textAlign = "left"; ctx.textBaseline = "middle";
    const label = cut(row.name, left - indent - 14);
    ctx.fillStyle = look.text; ctx.fillText(label, indent + 10, mid + 0.5);
    const used = indent + 14 + ctx.measureText(label).width;
    ctx.font = `11px ${look.font}`; ctx.fillStyle = look.muted;
    if (row.shown) ctx.fillText(cut(row.shown, left - used - 8), used, mid + 0.5);
    bar(row, mid);
  }
  function bar(row, mid) {
    const from = run.active(row.start), to = row.end === null ? run.now() : run.active(row.end), low = gutter() + 8, high = right();
    ctx.save(); ctx.beginPath(); ctx.rect(low - 2, mid - ROW, high - low + 8, 2 * ROW); ctx.clip();
    const x = X(from), waits = X(row.state === "waiting" ? to : from), w = Math.max(row.state === "waiting" ? 0 : X(to) - x, row.state === "waiting" ? 0 : 3);
    const asked = X(run.active(row.asked));
    if (waits - asked > 1) { ctx.fillStyle = look.waiting; ctx.fillRect(asked, mid - 1, waits - asked, 2); }
    if (w) {
      ctx.fillStyle = look[row.state]; ctx.beginPath(); ctx.roundRect(x, mid - 6, w, 12, Math.min(3, w / 2)); ctx.fill();
      if (row.state === "running" && !CALM && w > 8) shimmer(x, w, mid);
      if (row.attempt > 1) { ctx.fillStyle = look.retrying; ctx.beginPath(); ctx.roundRect(x, mid - 6, Math.min(3, w), 12, 1.5); ctx.fill(); }
    }
    let text = row.state === "waiting" ? "waits" : duration(to - from);
    if (row.attempt > 1) text += ` · attempt ${row.attempt}`;
    if (["failed", "asking", "stopped"].includes(row.state)) text += ` · ${row.state === "asking" ? "asks" : row.state}`;
    ctx.font = `11px ${look.font}`;
    const room = ctx.measureText(text).width + 12, end = Math.min(Math.max(x + w, waits), high);
    if (end >= low && x <= high) {
      if (end + room <= high + 4) { ctx.fillStyle = row.state === "failed" || row.state === "asking" ? look[row.state] : look.muted; ctx.fillText(text, end + 6, mid + 0.5); }
      else if (end - Math.max(x, low) > room) { ctx.fillStyle = look.on; ctx.textAlign = "right"; ctx.fillText(text, end - 6, mid + 0.5); ctx.textAlign = "left"; }
      else if (x - room > low) { ctx.fillStyle = look.muted; ctx.fillText(text, x - room + 6, mid + 0.5); }
    }
    ctx.restore();
  }
  function shimmer(x, w, mid) {
    const at = x + ((performance.now() / 1600) % 1) * (w + 80) - 40, glow = ctx.createLinearGradient(at - 40, 0, at + 40, 0);
    glow.addColorStop(0, "#ffffff00"); glow.addColorStop(0.5, "#ffffff45"); glow.addColorStop(1, "#ffffff00");
    ctx.fillStyle = glow; ctx.beginPath(); ctx.roundRect(x, mid - 6, w, 12, 3); ctx.fill();
  }
  /** The whole run in a strip: each pixel the state that matters most there; also the scrollbar. */
  function map() {
    const tallness = inner(), x = width - MAP;
    if (minimap !== run.version || mini.height !== tallness) {
      minimap = run.version; mini.width = 1; mini.height = tallness;
      const pen = mini.getContext("2d"), worst = new Array(tallness).fill(99), n = run.list.length;
      const step = Math.max(1, Math.ceil(tallness / n));
      run.list.forEach((row, i) => { const p = Math.floor((i / n) * tallness); for (let k = p; k < Math.min(p + step, tallness); k++) worst[k] = Math.min(worst[k], URGENT.indexOf(row.state)); });
      worst.forEach((state, y) => { if (state < 99) { pen.fillStyle = look[URGENT[state]]; pen.fillRect(0, y, 1, 1); } });
    }
    ctx.globalAlpha = 0.75; ctx.drawImage(mini, x, AXIS, MAP - 2, tallness); ctx.globalAlpha = 1;
    ctx.strokeStyle = look.text; ctx.lineWidth = 1.5;
    ctx.strokeRect(x - 1, AXIS + (scroll / tall()) * tallness, MAP, Math.max(10, (tallness / tall()) * tallness));
  }

  function zoom(factor, x = (gutter() + right()) / 2) {
    const at = T(x), most = whole();
    span = clamp(span / factor, 0.5, most); fitted = span >= most * 0.999;
    t0 = clamp(at - ((x - gutter() - 8) / (right() - gutter() - 8)) * span, 0, Math.max(0, most - span));
    wake();
  }
  function fit() { fitted = true; follow = true; wake(); }
  function pan(dx, dy) {
    if (dx) { t0 = clamp(t0 + (dx / (right() - gutter())) * span, 0, Math.max(0, whole() - span)); if (span < whole() * 0.999) fitted = false; }
    if (dy) { scroll = clamp(scroll + dy, 0, Math.max(0, tall() - inner())); follow = false; }
    wake();
  }
  function choose(path) {
    chosen = chosen === path ? "" : path;
    panel.hidden = !chosen;
    if (chosen) { facts_of([]); send({ kind: "details", path: chosen }); }
    wake();
  }
  /** Fill the panel with what is known here and what Python said. @param {[string, string][]} items */
  function facts_of(items) {
    const row = run.rows.get(chosen);
    if (!row) return;
    const times = row.state === "waiting" ? "waits for its turn" : `${duration((row.end === null ? run.now() : run.active(row.end)) - run.active(row.start))}, began at ${duration(run.active(row.start))}`;
    const state = h("span", "nbf-chip", row.attempt > 1 ? `${row.state}, attempt ${row.attempt}` : row.state);
    state.style.setProperty("--nbf-chip", `var(--nbf-${row.state})`);
    const close = button("×", "Close", () => choose(chosen));
    close.classList.add("nbf-close");
    panel.replaceChildren(h("div", "nbf-title", "", h("b", "", row.name), state, h("span", "nbf-muted", `${times} · call ${row.path}`), close));
    const known = items.length ? items : row.shown ? [["arguments", row.shown]] : [];
    for (const [label, text] of known) panel.append(h("div", "nbf-label", label), h("pre", /^(error|attempt)/.test(label) ? "nbf-text nbf-error" : "nbf-text", text));
  }
  function at(event) {
    const y = event.offsetY - AXIS + scroll;
    return event.offsetY < AXIS || event.offsetX > width - strip() ? null : run.list[Math.floor(y / ROW)] ?? null;
  }
  function hint(event) {
    const row = at(event);
    if (row !== hovered) { hovered = row; wake(); }
    tip.hidden = !row;
    if (!row) return;
    const end = row.end === null ? run.now() : run.active(row.end), waited = run.active(row.start) - run.active(row.asked);
    const said = [row.attempt > 1 ? `${row.state}, attempt ${row.attempt}` : row.state, row.state === "waiting" ? "" : duration(end - run.active(row.start)), waited > 20 ? `waited ${duration(waited)}` : ""];
    tip.replaceChildren(h("b", "", row.name), h("span", "nbf-muted", row.shown ? ` (${row.shown})` : ""), h("div", "", said.filter(Boolean).join(" · ")));
    tip.style.left = `${clamp(event.offsetX + 14, 0, Math.max(0, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${event.offsetY + 18 + tip.offsetHeight > height ? event.offsetY - tip.offsetHeight - 8 : event.offsetY + 18}px`;
  }

  let drag = null;
  const jump = (event) => { scroll = clamp(((event.offsetY - AXIS) / inner()) * tall() - inner() / 2, 0, tall() - inner()); follow = false; wake(); };
  canvas.onpointerdown = (event) => {
    drag = { x: event.offsetX, y: event.offsetY, moved: false, map: strip() > 0 && event.offsetX > width - strip() };
    canvas.setPointerCapture(event.pointerId);
    if (drag.map) jump(event);
  };
  canvas.onpointermove = (event) => {
    if (!drag) return hint(event);
    if (drag.map) return jump(event);
    const dx = event.offsetX - drag.x, dy = event.offsetY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return undefined;
    tip.hidden = true; pan(-dx, -dy);
    drag = { x: event.offsetX, y: event.offsetY, moved: true, map: false };
    return undefined;
  };
  canvas.onpointerup = (event) => { const row = drag && !drag.moved && !drag.map ? at(event) : null; drag = null; if (row) choose(row.path); };
  canvas.onpointerleave = () => { hovered = null; tip.hidden = true; wake(); };
  canvas.addEventListener("wheel", (event) => {
    const { deltaX, deltaY, shiftKey } = event, before = scroll;
    if (event.ctrlKey || event.metaKey) zoom(Math.exp(-deltaY / 240), event.offsetX);
    else if (shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) { if (fitted) return; pan(deltaX || deltaY, 0); }
    else { pan(0, deltaY); if (scroll === before) return; hint(event); } // at its end the notebook scrolls on
    event.preventDefault();
  }, { passive: false });
  canvas.onkeydown = (event) => {
    const i = run.rows.get(chosen)?.at ?? -1, step = { ArrowDown: 1, ArrowUp: -1, PageDown: MOST, PageUp: -MOST }[event.key];
    if (step && run.list.length) {
      const row = run.list[clamp(chosen && chosen !== "0" ? i + step : 0, 0, run.list.length - 1)];
      if (row.path !== chosen) { chosen = row.path; if (!panel.hidden) { facts_of([]); send({ kind: "details", path: chosen }); } }
      pan(0, clamp(scroll, row.at * ROW - inner() + ROW, row.at * ROW) - scroll);
      said.textContent = `${row.name}, ${row.state}`;
    } else if (event.key === "Enter" && chosen) { const path = chosen; chosen = panel.hidden ? "" : path; choose(path); }
    else if (event.key === "Escape" && chosen) choose(chosen);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") pan(event.key === "ArrowLeft" ? -60 : 60, 0);
    else if (event.key === "+" || event.key === "=") zoom(1.6);
    else if (event.key === "-") zoom(1 / 1.6);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault(); event.stopPropagation();
  };

  const sized = new ResizeObserver(() => { if (stage.clientWidth !== width) size(); });
  const seen = new IntersectionObserver(([entry]) => { shownAt = entry.isIntersecting; if (shownAt) wake(); });
  const themed = new MutationObserver(wake);
  sized.observe(stage); seen.observe(root); themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });
  const view = Object.assign(update, { details: (path, items) => { if (path === chosen) facts_of(items); } });
  run.views.add(view);
  head(); size(); wake();
  return () => { run.views.delete(view); cancelAnimationFrame(frame); sized.disconnect(); seen.disconnect(); themed.disconnect(); root.remove(); };
}

export default () => {
  const run = new Run();
  return {
    initialize({ model }) {
      run.replace(model.get("snapshot"));
      model.on("change:snapshot", () => run.replace(model.get("snapshot")));
      model.on("msg:custom", (message) => {
        if (message.kind === "delta" && !run.delta(message)) model.send({ kind: "again" });
        if (message.kind === "details") run.views.forEach((view) => view.details(message.path, message.items));
      });
    },
    render({ model, el }) { return mount(run, el, (message) => model.send(message)); },
  };
};
