// The line above the canvas: name, state, counts, time, buttons. The fourth part of the timeline's module.

const FEW = 5; // calls from which on they can be searched

/** @param {string} tag @param {string} name @param {string} [text] @param {...(Node|string)} children */
function h(tag, name, text = "", ...children) {
  const el = document.createElement(tag);
  el.className = name;
  if (text) el.textContent = text;
  el.append(...children);
  return el;
}

/** @param {string} text @param {string} title @param {() => void} onclick @param {string} [name] */
function button(text, title, onclick, name = "") {
  const el = h("button", `nbf-button ${name}`, text);
  Object.assign(el, { type: "button", title, onclick });
  el.setAttribute("aria-label", title);
  return el;
}

/** Name, state, counts, time and buttons of a run; the counts are buttons that show those calls alone. */
class Head {
  /** @param {Run} run @param {Listing} listing @param {Record<string, (given?: any) => void>} does */
  constructor(run, listing, does) {
    this.run = run;
    this.listing = listing;
    this.does = does;
    this.dot = h("span", "nbf-dot");
    this.name = button("", "Show the input and the result of the run", does.name, "nbf-name");
    this.thread = h("span", "nbf-muted");
    this.facts = h("span", "nbf-facts");
    /** @type {Map<string, HTMLElement>} */ this.chips = new Map();
    this.clock = h("span", "nbf-clock");
    this.left = h("span", "nbf-muted nbf-left");
    this.find = h("input", "nbf-find");
    Object.assign(this.find, { type: "search", placeholder: "Find", title: "Show calls with this in their name or arguments (/)" });
    this.find.setAttribute("aria-label", "Find calls by name or arguments");
    this.find.oninput = () => does.find(this.find.value);
    this.find.onkeydown = (event) => {
      if (!isForNotebook(event)) event.stopPropagation();
      if (event.key === "Escape") does.clear();
      if (event.key === "Enter" || event.key === "ArrowDown") does.rows();
    };
    this.stop = button("Stop", "Stop the run", () => this.stopping(does.stop), "nbf-stop");
    this.follow = button("Follow", "Follow the newest call (f)", does.follow);
    this.path = button("Critical path", "Mark the calls that bounded how long the run took", does.path, "nbf-path");
    this.zooms = [
      button("−", "Zoom out", does.out),
      button("+", "Zoom in", does.in),
      button("Fit", "Show the whole run", does.fit),
    ];
    const tools = h("span", "nbf-tools", "", this.find, this.follow, this.path, ...this.zooms, this.stop);
    this.progress = h("div", "nbf-progress");
    this.progress.setAttribute("role", "progressbar");
    this.el = h("div", "nbf-head", "", this.dot, this.name, this.thread, this.facts, this.left, this.clock, tools);
    this.shown = h("span", "", "");
    this.filter = h("div", "nbf-filter nbf-muted", "", this.shown, button("Clear", "Show all calls (Escape)", does.clear));
    this.filter.setAttribute("role", "status");
  }

  stopping(stop) {
    this.stop.disabled = true;
    this.stop.textContent = "Stopping…";
    stop();
  }

  update() {
    const { name, state, counts, total, thread_id: thread, stoppable } = this.run.head;
    this.dot.title = state;
    this.name.textContent = name;
    this.thread.textContent = thread ? `thread ${thread}` : "";
    this.count();
    this.stop.hidden = !stoppable;
    if (!stoppable) Object.assign(this.stop, { disabled: false, textContent: "Stop" });
    this.zooms.forEach((el) => { el.hidden = !total; });
    this.path.hidden = !this.run.bounded;
    this.find.hidden = total < FEW && !this.listing.filtered;
    this.progress.hidden = !total;
    this.progress.setAttribute("aria-valuemax", total);
    this.progress.setAttribute("aria-valuenow", this.run.finished);
    this.progress.replaceChildren(...this.run.states.listed.filter((key) => counts[key]).map((key) => {
      const part = h("span", "");
      part.style.cssText = `flex-grow:${counts[key]};background:var(--nbf-${key})`;
      return part;
    }));
    this.tick();
  }

  /** Write the counts; a button stays the same element, so that it can be clicked while they change. */
  count() {
    const words = this.words(), keys = JSON.stringify(words.map(([key]) => key)); // none is not the one without a name
    for (const [key, text] of words) {
      if (!this.chips.has(key)) this.chips.set(key, this.chip(key));
      const el = this.chips.get(key), pressed = String(this.sought(key).some((state) => this.listing.wanted.has(state)));
      if (el.textContent !== text) el.textContent = text;
      if (key) el.setAttribute("aria-pressed", pressed);
    }
    this.facts.title = words.map(([, text]) => text).join(" · ");
    if (keys === this.keys) return;
    this.keys = keys;
    this.facts.replaceChildren(...words.flatMap(([key], i) => [...(i ? [" · "] : []), this.chips.get(key)]));
  }

  chip(key) {
    const el = key ? button("", "Show these calls alone", () => this.does.state(this.sought(key)), "nbf-fact") : h("span", "");
    el.removeAttribute("aria-label"); // its words name it
    return el;
  }

  /** Return the states of the calls that a count is of. @param {string} key */
  sought(key) { return key === "finished" ? this.run.states.finished : [key]; }

  /** Return the counts: which calls, as `sought` takes it, and the words; empty for what is of the run itself. */
  words() {
    const { state, counts, total, questions, retried } = this.run.head;
    const words = total ? [["finished", `${number(this.run.finished)} of ${number(total)} done`]] : [];
    for (const key of ["running", "retrying", "waiting", "replayed", "cached", "reused", "failed", "sleeping", "stopped"]) {
      if (counts[key]) words.push([key, `${number(counts[key])} ${key}`]);
    }
    if (retried) words.push(["retried", `${number(retried)} retried`]);
    const asks = counts.asking ? "asking" : "";
    if (questions) words.push([asks, questions === 1 ? "asks a question" : `asks ${questions} questions`]);
    if (["failed", "sleeping", "stopped", "crashed", "goes on elsewhere"].includes(state) && !counts[state]) words.push(["", state]);
    return words;
  }

  /** Say what the filter shows. */
  sift() {
    const { listing, run } = this;
    this.filter.hidden = !listing.filtered;
    if (this.find.value.toLowerCase() !== listing.text) this.find.value = listing.text;
    const what = [...listing.wanted].filter((state) => state === "retried" || run.head.counts[state]).join(", ");
    this.shown.textContent = `${number(listing.found)} of ${number(run.list.length)} calls`
      + `${what ? `, ${what}` : ""}${listing.text ? `, with “${listing.text}”` : ""}`;
    this.count();
  }

  tick() {
    const { left } = this.run.head, live = this.run.live;
    const text = this.run.head.started ? duration(this.run.now()) : "";
    if (text !== this.clock.textContent) this.clock.textContent = text;
    const told = live && left ? `about ${about(left)} left, by the last run` : "";
    if (told !== this.left.textContent) this.left.textContent = told;
  }
}

/** Return a time as a guess is told: 40 s, 3 min, 2 h. @param {number} seconds */
function about(seconds) {
  if (seconds < 55) return `${Math.max(5, Math.round(seconds / 5) * 5)} s`;
  return seconds < 5400 ? `${Math.max(1, Math.round(seconds / 60))} min` : `${Math.round(seconds / 3600)} h`;
}
