// What is known of one call, below the canvas, and its run again from there. The fifth part of the timeline's module.

/** The panel of one call. */
class Details {
  /** @param {Run} run @param {(message: any) => void} send @param {() => void} close */
  constructor(run, send, close) {
    this.run = run;
    this.send = send;
    this.close = close;
    this.path = "";
    this.chose = false; // whether a person said where the result goes
    this.el = h("div", "nbf-details");
    this.el.hidden = true;
    this.again = h("div", "nbf-again");
    this.forks = button("Run again from here", "", () => this.fork(false));
    this.forks.removeAttribute("aria-label"); // its words name it
    this.other = h("details", "nbf-other");
    this.value = h("input", "nbf-value");
    this.binds = h("input", "");
    this.named = h("label", "nbf-muted", "", this.binds);
    this.problem = h("div", "nbf-problem");
    this.other.append(h("summary", "", "with another result"), this.value, button("Run", "Run again with this result", () => this.fork(true)));
    this.value.placeholder = "a Python expression";
    this.value.setAttribute("aria-label", "What the call is to have returned, as a Python expression");
    this.value.onkeydown = (event) => { if (!isForNotebook(event)) event.stopPropagation(); if (event.key === "Enter") this.fork(true); };
    this.binds.type = "checkbox";
    this.binds.onchange = () => { this.chose = true; };
    this.problem.setAttribute("role", "alert");
    this.again.append(this.forks, this.other, this.named, this.problem);
  }

  get open() { return !this.el.hidden; }

  /** Show a call, as far as it is known here, and ask for the rest. @param {string} path */
  show(path) {
    if (path !== this.path) this.refuse("");
    this.path = path;
    this.el.hidden = false;
    this.fill([]);
    this.send({ kind: "details", path });
  }

  hide() { this.el.hidden = true; }

  /** Fill the panel with what is known here and what the kernel said. @param {Item[]} items */
  fill(items) {
    const { run } = this, row = run.rows.get(this.path);
    if (!row) return;
    const began = run.begin(row), took = `${duration(run.end(row) - began)}, began at ${duration(began)}`;
    const chip = h("span", "nbf-chip", Run.state(row));
    chip.style.setProperty("--nbf-chip", `var(--nbf-${row.state})`);
    const when = h("span", "nbf-muted", `${row.state === "waiting" ? "waits for its turn" : took} · call ${row.path}`);
    const close = button("×", "Close", this.close, "nbf-close");
    const kept = document.activeElement, typing = this.again.contains(kept) ? kept : null;
    this.el.replaceChildren(h("div", "nbf-title", "", h("b", "", row.name), chip, when, close));
    if (run.head.forks) this.el.append(this.again);
    typing?.focus();
    const known = items.length || !row.shown ? items : [["arguments", row.shown]];
    for (const [label, text, forms] of known) {
      const loud = /^(error|attempt|stopped)/.test(label) ? "nbf-text nbf-error" : "nbf-text";
      this.el.append(h("div", "nbf-label", label), displayed(forms, text) ?? h("pre", loud, text));
    }
    this.update();
  }

  /** Say whether the run can be run again now. */
  update() {
    const { forks, stoppable } = this.run.head, why = stoppable ? "Not while the run works" : "";
    if (!forks) return;
    const body = this.path === "0";
    this.forks.textContent = body ? "Run all again" : "Run again from here";
    this.forks.disabled = !!why;
    this.forks.title = why || "A new run of the thread: what came before this call is taken over, the rest runs";
    for (const el of this.other.querySelectorAll("button, input")) el.disabled = !!why;
    this.other.hidden = body;
    this.named.hidden = !forks.out;
    this.named.replaceChildren(this.binds, `bind the result to ${forks.out}`);
    if (!this.chose) this.binds.checked = !!forks.awaited && this.run.head.state !== "done"; // it has its value else
  }

  /** @param {boolean} replaces */
  fork(replaces) {
    this.refuse("");
    if (this.run.head.stoppable) { this.refuse("The run works; stop it first, or wait for its end."); return; }
    if (replaces && !this.value.value.trim()) { this.refuse("Write what the call is to have returned, such as 42 or 'yes'."); return; }
    const bind = this.binds.checked && !this.named.hidden;
    this.problem.textContent = "Begins …"; // until the kernel has said what came of it
    this.send({ kind: "fork", path: this.path, value: replaces ? this.value.value : null, bind });
  }

  /** Say why nothing was run again; nothing if it was. @param {string} problem */
  refuse(problem) { this.problem.textContent = problem; }
}
