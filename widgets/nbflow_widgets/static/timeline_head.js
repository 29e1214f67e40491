// The line above the canvas: name, state, counts, time, buttons. The third part of the timeline's module.

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

/** Name, state, counts, time and buttons of a run. */
class Head {
  /** @param {Run} run @param {Record<string, () => void>} does */
  constructor(run, does) {
    this.run = run;
    this.dot = h("span", "nbf-dot");
    this.name = button("", "Show the input and the result of the run", does.name, "nbf-name");
    this.thread = h("span", "nbf-muted");
    this.facts = h("span", "nbf-facts");
    this.clock = h("span", "nbf-clock");
    this.stop = button("Stop", "Stop the run", () => this.stopping(does.stop), "nbf-stop");
    this.zooms = [
      button("−", "Zoom out", does.out),
      button("+", "Zoom in", does.in),
      button("Fit", "Show the whole run", does.fit),
    ];
    const tools = h("span", "nbf-tools", "", ...this.zooms, this.stop);
    this.progress = h("div", "nbf-progress");
    this.progress.setAttribute("role", "progressbar");
    this.el = h("div", "nbf-head", "", this.dot, this.name, this.thread, this.facts, this.clock, tools);
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
    this.facts.textContent = this.facts.title = this.words().join(" · ");
    this.stop.hidden = !stoppable;
    if (!stoppable) Object.assign(this.stop, { disabled: false, textContent: "Stop" });
    this.zooms.forEach((el) => { el.hidden = !total; });
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

  words() {
    const { state, counts, total, questions, retried } = this.run.head;
    const words = total ? [`${number(this.run.finished)} of ${number(total)} done`] : [];
    for (const key of ["running", "retrying", "waiting", "replayed", "cached", "reused", "failed", "stopped"]) {
      if (counts[key]) words.push(`${number(counts[key])} ${key}`);
    }
    if (retried) words.push(`${number(retried)} retried`);
    if (questions) words.push(questions === 1 ? "asks a question" : `asks ${questions} questions`);
    if (["failed", "stopped", "crashed", "goes on elsewhere"].includes(state) && !counts[state]) words.push(state);
    return words;
  }

  tick() {
    const text = this.run.head.started ? duration(this.run.now()) : "";
    if (text !== this.clock.textContent) this.clock.textContent = text;
  }
}
