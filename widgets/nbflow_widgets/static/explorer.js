// A file as a tree: threads, runs, checkpoints, values. The kernel holds it all; the page draws the lines that it is sent
// and tells what a person does. No text of a user's ever becomes markup.

const KEYS = "Threads: up and down choose a line, right opens it, left closes it or goes to the one it stands in, slash finds";
const CHANGES = { new: "+", changed: "~", gone: "−", equal: "=", copied: "+" };

const make = (tag, className, text = "", ...children) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  element.append(...children);
  return element;
};
const next = () => (window.nbflowEntries = (window.nbflowEntries ?? 0) + 1);

class View {
  constructor(model, el) {
    this.model = model;
    this.name = `nbf-explorer-${next()}`;
    this.chosen = model.get("told").id ?? "";
    this.head = make("div", "nbf-x-head");
    this.find = make("input", "nbf-x-find");
    this.find.type = "search";
    this.find.placeholder = "Find threads and workflows";
    this.find.setAttribute("aria-label", this.find.placeholder);
    this.state = make("select", "nbf-x-state");
    this.state.setAttribute("aria-label", "State");
    this.state.append(...model.get("states").map((state) => new Option(state === "all" ? "any state" : state, state)));
    this.filter = make("div", "nbf-x-filter", "", this.find, this.state);
    this.tree = make("div", "nbf-x-tree");
    this.tree.tabIndex = 0;
    this.tree.setAttribute("role", "tree");
    this.tree.setAttribute("aria-label", KEYS);
    this.told = make("div", "nbf-x-told");
    this.told.setAttribute("aria-live", "polite");
    this.sure = make("div", "nbf-x-sure");
    this.sure.setAttribute("role", "alertdialog");
    this.said = make("div", "nbf-x-said");
    this.said.setAttribute("role", "status");
    this.root = make("div", "nbf-x", "",
      make("div", "nbf-x-top", "", this.head, this.filter), this.tree, this.said, this.sure, this.told);
    keepKeys(this.root);
    el.append(this.root);
    this.listen();
    this.find.value = model.get("find");
    for (const draw of [this.drawHead, this.drawRows, this.drawTold, this.drawSure, this.drawSaid]) draw.call(this);
  }

  listen() {
    const sift = () => this.send({ kind: "find", text: this.find.value, state: this.state.value });
    this.find.oninput = sift;
    this.state.onchange = sift;
    this.find.onkeydown = (event) => { if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); this.tree.focus(); this.walk(0); } };
    this.tree.onkeydown = (event) => { if (this.key(event)) { event.preventDefault(); event.stopPropagation(); } };
    this.tree.onclick = (event) => {
      const line = event.target.closest("[data-id]");
      if (!line) return;
      const row = this.row(line.dataset.id);
      if (event.target.closest(".nbf-x-fold")) this.turn(row);
      this.choose(row);
    };
    this.tree.ondblclick = (event) => {
      const line = event.target.closest("[data-id]");
      if (line && !event.target.closest(".nbf-x-fold")) this.turn(this.row(line.dataset.id));
    };
  }

  send(message) { this.model.send(message); }
  get rows() { return this.model.get("rows"); }
  row(id) { return this.rows.find((row) => row[0] === id); }

  drawHead() {
    this.head.textContent = this.model.get("head");
    this.filter.hidden = !this.model.get("filtered");
    this.state.value = this.model.get("state");
  }

  drawRows() {
    const top = this.tree.scrollTop, before = [...this.tree.children];
    const stood = before.findIndex((line) => line.dataset.id === this.chosen);
    this.tree.replaceChildren(...this.rows.map((row) => this.line(row)));
    this.tree.scrollTop = top;
    if (!this.mark() && stood >= 0) this.stay(stood, before[stood].classList.contains("nbf-x-more"));
  }

  /** Stay where the chosen line stood, which is gone, unless a filter hides it: it is told of still. */
  stay(stood, wasRead) {
    const row = this.rows[Math.min(stood, this.rows.length - 1)];
    if (wasRead) this.choose(row); // "reading …": what was read stands in its place
    else if (row && !this.model.get("told").id) { this.chosen = row[0]; this.mark(); }
  }

  line([id, depth, kind, name, text, state, change, open]) {
    const fold = make("span", "nbf-x-fold", open === null ? "" : open ? "▾" : "▸");
    const dot = state ? make("span", "nbf-x-dot") : make("span", "nbf-x-sign", CHANGES[change] ?? "");
    if (state) dot.dataset.state = state;
    const title = make("span", "nbf-x-name", name), facts = make("span", "nbf-x-facts");
    facts.textContent = [state, text].filter(Boolean).join(" · ");
    const line = make("div", `nbf-x-line nbf-x-${kind}`, "", fold, dot, title, facts);
    line.id = `${this.name}-${id}`;
    line.dataset.id = id;
    if (change) line.dataset.change = change;
    line.title = `${name}${facts.textContent ? `\n${facts.textContent}` : ""}`;
    line.style.paddingLeft = `${4 + depth * 18}px`;
    line.setAttribute("role", "treeitem");
    line.setAttribute("aria-level", String(depth + 1));
    line.setAttribute("aria-label", [name, change, state, text].filter(Boolean).join(", "));
    if (open !== null) line.setAttribute("aria-expanded", String(open));
    return line;
  }

  /** Show which line is chosen; return it. */
  mark() {
    let found = null;
    for (const line of this.tree.children) {
      const chosen = line.dataset.id === this.chosen;
      line.classList.toggle("nbf-x-chosen", chosen);
      line.setAttribute("aria-selected", String(chosen));
      if (chosen) found = line;
    }
    if (found) this.tree.setAttribute("aria-activedescendant", found.id);
    else this.tree.removeAttribute("aria-activedescendant");
    return found;
  }

  drawTold() {
    const { id, name, facts, actions } = this.model.get("told");
    this.told.hidden = !id;
    if (!id) { this.told.replaceChildren(); return; }
    if (!this.row(this.chosen)) { this.chosen = id; this.mark(); }
    const focused = this.told.contains(document.activeElement) ? document.activeElement.dataset.name : "";
    const bar = make("div", "nbf-x-actions", "", ...actions.map((action) => this.button(id, action)));
    const table = make("div", "nbf-x-list", "", ...facts.map(([label, text, change]) => {
      const term = make("span", "nbf-x-label", change ? `${CHANGES[change] ?? ""} ${label}` : label);
      const fact = make("div", "nbf-x-fact", "", term, make("span", "nbf-x-text", text));
      if (change) Object.assign(fact.dataset, { change });
      if (change) fact.title = change;
      return fact;
    }));
    this.told.replaceChildren(make("div", "nbf-x-title", name), bar, table);
    if (focused) this.told.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  button(id, [name, label, hint, can]) {
    const button = make("button", "nbf-x-button", label);
    button.type = "button";
    button.dataset.name = name;
    button.title = hint;
    button.setAttribute("aria-disabled", String(!can));
    button.onclick = () => (can ? this.send({ kind: "do", id, name }) : this.say(`${label}: ${hint}.`));
    return button;
  }

  drawSure() {
    const { id, name, text } = this.model.get("sure");
    this.sure.hidden = !id;
    if (!id) { this.sure.replaceChildren(); return; }
    const sure = make("button", "nbf-x-button nbf-x-danger", name === "delete" ? "Delete for good" : "Drop them");
    const keep = make("button", "nbf-x-button", "Keep");
    sure.onclick = () => this.send({ kind: "do", id, name, sure: true });
    keep.onclick = () => { this.send({ kind: "keep" }); this.tree.focus(); };
    this.sure.onkeydown = (event) => { if (event.key === "Escape") keep.click(); };
    this.sure.setAttribute("aria-label", text);
    this.sure.replaceChildren(make("span", "", text), make("span", "nbf-x-actions", "", keep, sure));
    keep.focus({ preventScroll: true });
  }

  drawSaid() {
    const { text, error } = this.model.get("said");
    this.say(text ?? "", error);
  }

  say(text, error = false) {
    this.said.textContent = text;
    this.said.hidden = !text;
    this.said.classList.toggle("nbf-x-error", !!error);
  }

  choose(row) {
    if (!row) return;
    this.chosen = row[0];
    this.mark()?.scrollIntoView({ block: "nearest" });
    if (row[2] !== "more") this.send({ kind: "choose", id: row[0] });
  }

  turn(row) {
    if (row && row[7] !== null) this.send({ kind: row[7] ? "close" : "open", id: row[0] });
  }

  walk(step) {
    const { rows } = this, at = rows.findIndex((row) => row[0] === this.chosen);
    if (rows.length) this.choose(rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]);
  }

  /** Do what a key means; return whether it means something. @param {KeyboardEvent} event */
  key({ key, ctrlKey, metaKey, altKey }) {
    if (ctrlKey || metaKey || altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 }[key];
    const { rows } = this, at = rows.findIndex((row) => row[0] === this.chosen), row = rows[at];
    if (step) this.walk(step);
    else if (key === "/" && !this.filter.hidden) this.find.focus();
    else if (key === "ArrowRight" && row) { if (row[7]) this.walk(1); else this.turn(row); }
    else if (key === "ArrowLeft" && row) {
      if (row[7]) this.turn(row);
      else for (let i = at - 1; i >= 0; i--) if (rows[i][1] < row[1]) { this.choose(rows[i]); break; }
    } else if ((key === "Enter" || key === " ") && row) this.turn(row);
    else return false;
    return true;
  }
}

export default () => {
  const views = new Set();
  return {
    initialize({ model }) {
      const draws = {
        rows: "drawRows", head: "drawHead", filtered: "drawHead", state: "drawHead", told: "drawTold", sure: "drawSure", said: "drawSaid",
      };
      for (const [name, draw] of Object.entries(draws)) model.on(`change:${name}`, () => views.forEach((view) => view[draw]()));
    },
    render({ model, el }) {
      const view = new View(model, el);
      views.add(view);
      return () => { views.delete(view); view.root.remove(); };
    },
  };
};
