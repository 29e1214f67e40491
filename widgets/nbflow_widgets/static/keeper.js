// The keeper of a card: brings the twin into the notebook's file whenever that is saved, says what became of the
// kernel, and shows the twin again when the kernel is gone. An error of the cell that the run has since left behind is
// folded and marked so. `context` is JupyterLab's document context, which
// anywidget hands on with the widget manager; hosts without one are told by beats that the kernel lives.

const GONE = {
  restarting: "was restarted",
  autorestarting: "died",
  dead: "died",
  terminating: "was shut down",
};
const QUIET = 5; // seconds without a beat, as this page counts them: after a night's sleep the count goes on
const page = (window.nbflowPage ??= Math.random().toString(36).slice(2));

/** An error as an output that is folded, under words. */
const folded = (words, { ename, evalue, traceback }) => {
  const text = (traceback?.join("\n") || `${ename}: ${evalue}`).replace(/\x1b\[[0-9;]*m/g, "");
  const details = document.createElement("details"), summary = document.createElement("summary"), lines = document.createElement("pre");
  summary.textContent = words;
  summary.style.cssText = "color:var(--jp-ui-font-color2,#6b7280);font-size:12px;cursor:pointer";
  lines.textContent = text;
  details.append(summary, lines);
  return { "text/html": details.outerHTML, "text/plain": `${words}\n${ename}: ${evalue}` };
};

class Keeper {
  constructor(model) {
    this.model = model;
    this.card = model.get("card");
    this.twin = null; // the newest: {turn, html, text}
    this.gone = ""; // what became of the kernel
    this.lost = ""; // when, as people say it
    this.cut = false; // whether there is no connection
    this.quiet = 0;
    /** @type {Set<() => void>} */ this.views = new Set();
    this.undo = [];
    this.context = model.widget_manager?.context;
  }

  open() {
    const { model, context } = this, session = context?.sessionContext;
    this.on(session?.statusChanged, (_, status) => GONE[status] && this.lose(GONE[status]));
    this.on(session?.kernelChanged, (_, change) => change?.oldValue && this.lose("was shut down"));
    this.on(session?.connectionStatusChanged, (_, status) => this.reach(status === "connected"));
    this.on(context?.saveState, (_, state) => state === "started" && this.store());
    model.on("msg:custom", (message) => this.hear(message));
    model.on("change:settled", () => this.tell());
    model.on("change:overtaken", () => this.fold());
    this.fold();
    model.send({ kind: "hello", page, signals: !!session, area: !!document.querySelector(".jp-OutputArea") });
  }

  on(signal, slot) {
    if (!signal?.connect) return;
    signal.connect(slot);
    this.undo.push(() => signal.disconnect(slot));
  }

  close() {
    clearInterval(this.timer);
    this.undo.forEach((undo) => undo());
  }

  hear(message) {
    if (message.kind === "twin" && message.turn > (this.twin?.turn ?? 0)) this.twin = message;
    if (message.kind === "beat") this.timer ??= setInterval(() => this.count(), 1000);
    if (!this.quiet) return;
    this.quiet = 0;
    this.tell();
  }

  count() {
    this.quiet += 1;
    if (this.quiet >= QUIET) this.tell();
  }

  reach(connected) {
    this.cut = !connected;
    this.tell();
  }

  lose(how) {
    this.lost ||= new Date().toLocaleTimeString("en-GB");
    if (this.gone !== "died") this.gone = how; // a server says that it restarts what died
    this.store();
    this.tell();
  }

  tell() { this.views.forEach((view) => view()); }

  /** What is to be said of the kernel; empty if all is well. */
  get words() {
    if (this.model.get("settled")) return "";
    if (this.gone) return `The kernel ${this.gone} at ${this.lost}. What stands here is the last that it told.`;
    if (this.cut) return "There is no connection to the kernel. What stands here is the last that it told.";
    if (this.quiet < QUIET) return "";
    return `No news from the kernel for ${this.quiet} s: it is busy in one long call, or gone.`;
  }

  /** Fold the error with which the cell ended, and say that the run has gone on since. */
  fold() {
    const words = this.model.get("overtaken"), mark = `data-card="${this.card}"`;
    if (!words) return;
    for (const cell of this.context?.model?.cells ?? []) {
      const outputs = cell.outputs, all = Array.from({ length: outputs?.length ?? 0 }, (_, i) => outputs.get(i));
      if (!all.some((output) => String(output.data["text/html"] ?? "").includes(mark))) continue;
      all.forEach((output, i) => {
        if (output.type === "error") outputs.set(i, { output_type: "display_data", metadata: {}, data: folded(words, output.toJSON()) });
      });
    }
  }

  /** Bring the newest twin into the notebook, unless what stands there is as new. */
  store() {
    const { context, twin } = this, mark = `data-card="${this.card}" data-turn="`;
    if (!twin || !context?.model?.cells) return;
    for (const cell of context.model.cells) {
      const outputs = cell.outputs;
      for (let i = 0; i < (outputs?.length ?? 0); i++) {
        const output = outputs.get(i), html = String(output.data["text/html"] ?? ""), at = html.indexOf(mark);
        if (at < 0 || parseInt(html.slice(at + mark.length), 10) >= twin.turn) continue;
        const data = { ...output.data, "text/html": twin.html, "text/plain": twin.text };
        output.setData({ data, metadata: output.metadata });
      }
    }
  }
}

export default () => {
  let keeper;
  return {
    initialize({ model }) {
      keeper = new Keeper(model);
      keeper.open();
      return () => keeper.close();
    },
    render({ el }) {
      const line = document.createElement("div");
      line.className = "nbflow-line";
      line.setAttribute("role", "status");
      el.classList.add("nbflow-keeper");
      el.append(line);
      const show = () => {
        line.textContent = keeper.words;
        line.hidden = !keeper.words;
        el.classList.toggle("nbflow-gone", !!keeper.gone);
        el.classList.toggle("nbflow-still", !!keeper.words);
      };
      keeper.views.add(show);
      show();
      return () => keeper.views.delete(show);
    },
  };
};
