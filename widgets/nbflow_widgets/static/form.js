// The keys of a form: Enter sends it, in a field of several lines with Ctrl or Cmd, and Escape leaves it. A form that has
// just appeared is given the focus, unless the person is at something else. It also counts down to the end of its time,
// and while it is out of sight a line at the bottom of the notebook says that it waits, and leads to it.

const TYPED = "input:not([type=radio]):not([type=checkbox]):not([type=file]), textarea, select, [contenteditable=true]";
const FIRST = "input:enabled, textarea:enabled, select:enabled, .nbflow-submit:enabled";

const onKey = (form) => (event) => {
  if (event.isComposing || event.shiftKey || event.altKey || form !== event.target.closest(".nbflow-form")) return;
  if (event.key === "Escape") {
    const notebook = form.closest(".jp-Notebook");
    event.target.blur();
    notebook?.focus({ preventScroll: true });
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.target.matches("input"))) {
    const scope = event.target.closest(".nbflow-reason") ?? form; // a reason is sent with the rejection
    scope.querySelector(".nbflow-submit:enabled")?.click();
  } else return;
  event.preventDefault();
  event.stopPropagation();
};

/** Whether a person waits for this form: types nowhere, has no cell run, and has chosen its cell or the one after it. */
const isAwaited = (form) => {
  if (document.activeElement?.closest(TYPED)) return false;
  const cell = form.closest(".jp-Cell"), notebook = form.closest(".jp-Notebook");
  if (!cell || !notebook) return true;
  const prompts = [...notebook.querySelectorAll(".jp-InputPrompt")];
  if (prompts.some((prompt) => prompt.textContent.includes("*") && !cell.contains(prompt))) return false;
  const chosen = notebook.querySelector(".jp-Cell.jp-mod-active");
  return !chosen || chosen === cell || chosen.previousElementSibling === cell;
};

/** The line at the bottom of a notebook that leads to the questions which are out of sight. */
class Hint {
  constructor(panel) {
    this.panel = panel;
    this.away = new Set();
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.title = "Go to the question";
    this.button.onclick = () => this.show();
    this.el = document.createElement("div");
    this.el.className = "nbf-hint";
    this.el.setAttribute("role", "status");
    this.el.append(this.button);
  }

  /** The question that is shown next: the first in the notebook. */
  get next() {
    return [...this.away].sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))[0];
  }

  set(form, isAway) {
    this.away[isAway ? "add" : "delete"](form);
    const count = this.away.size;
    if (!count) return this.el.remove();
    const middle = this.panel.getBoundingClientRect().top + this.panel.clientHeight / 2;
    const arrow = this.next.getBoundingClientRect().top < middle ? "↑" : "↓";
    this.button.textContent = `${arrow} ${count === 1 ? "1 question waits" : `${count} questions wait`}`;
    if (!this.el.isConnected) this.panel.append(this.el);
  }

  show() {
    const form = this.next;
    form.scrollIntoView({ block: "center" });
    form.querySelector(FIRST)?.focus({ preventScroll: true });
  }
}

const hints = (window.nbflowHints ??= new WeakMap()); // by notebook; each form loads this module anew

/** Tell where a form waits while it is out of sight; return what ends that. */
const watch = (form) => {
  const panel = form.closest(".jp-NotebookPanel");
  if (!panel) return () => {};
  if (!hints.has(panel)) hints.set(panel, new Hint(panel));
  const hint = hints.get(panel);
  const sight = new IntersectionObserver((entries) => hint.set(form, !entries.at(-1).isIntersecting));
  sight.observe(form);
  return () => {
    sight.disconnect();
    hint.set(form, false);
  };
};

const left = (seconds) => {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const [hours, ...rest] = parts, shown = hours ? [hours, ...rest] : rest;
  return shown.map((part, i) => String(part).padStart(i ? 2 : 1, "0")).join(":");
};

export default {
  render({ model, el }) {
    const line = document.createElement("div");
    line.className = "nbf-form-line nbf-help";
    line.setAttribute("role", "timer");
    el.append(line);
    let form, timer, unwatch = () => {}, isGone = false;
    const tick = () => {
      const until = model.get("until"), rest = until - Date.now() / 1000;
      line.hidden = !until;
      line.textContent = rest > 0 ? `Without an answer it goes on by itself in ${left(rest)}.` : "It goes on by itself now.";
    };
    const start = () => {
      clearInterval(timer);
      tick();
      if (model.get("until")) timer = setInterval(tick, 1000);
    };
    model.on("change:until", start);
    start();
    const keys = (event) => onKey(form)(event);
    const settle = () => {
      form = el.closest(".nbflow-form");
      form?.addEventListener("keydown", keys);
      if (form && !isGone) unwatch = watch(form);
      if (!form || !model.get("fresh")) return;
      model.send({ kind: "seen" }); // a page that is loaded later takes nobody's focus
      if (isAwaited(form)) form.querySelector(FIRST)?.focus({ preventScroll: true });
    };
    requestAnimationFrame(() => requestAnimationFrame(settle)); // once the form stands in the page, with its fields
    return () => {
      isGone = true;
      unwatch();
      clearInterval(timer);
      model.off("change:until", start);
      form?.removeEventListener("keydown", keys);
    };
  },
};
