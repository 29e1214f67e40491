// One input of a form, with its label, help and complaint. What a person types goes to the kernel as messages, each
// with the whole value: they keep their order with the click that sends the form, where states may be held back.

const page = (window.nbflowPage ??= Math.random().toString(36).slice(2));
// Each widget loads this module anew, so what must be unique in the page is counted in the page.
const next = () => (window.nbflowEntries = (window.nbflowEntries ?? 0) + 1);

const make = (tag, className, text = "") => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
};

const PAUSE = 900; // ms without a key, after which what was typed is looked at

/** An input that is typed into; what it holds is a text, or null where the browser can't read it. */
class Line {
  constructor(view) {
    const { model } = view, kind = model.get("kind");
    this.node = make(kind === "area" ? "textarea" : "input", "nbf-input");
    if (kind !== "area") this.node.type = kind === "combo" ? "text" : kind;
    if (kind === "area") this.node.rows = model.get("rows");
    for (const name of ["min", "max", "step"]) if (model.get(name)) this.node[name] = model.get(name);
    if (kind === "combo") this.list(model.get("options"));
    if (model.get("code")) this.node.classList.add("nbf-code");
    this.node.placeholder = model.get("placeholder");
    this.node.autocomplete = "off";
    this.node.spellcheck = kind === "area" && !model.get("code");
    this.node.addEventListener("input", () => {
      view.typed(this.value);
      clearTimeout(this.pause);
      this.isNew = true;
      if (this.value) this.pause = setTimeout(() => this.rest(view), PAUSE); // a date that is typed half has no value
    });
    this.node.addEventListener("blur", () => this.rest(view));
    if (kind === "number") this.node.addEventListener("wheel", () => this.node.blur(), { passive: true }); // scrolling changes nothing
  }

  /** Have what was typed looked at: the person has paused, or has left the field. */
  rest(view) {
    clearTimeout(this.pause);
    if (!this.isNew || !this.node.isConnected) return;
    this.isNew = false;
    if (this.value !== "") view.model.send({ kind: "rest" });
  }

  list(options) {
    const list = make("datalist", "");
    list.id = `nbf-list-${next()}`;
    list.append(...options.map((text) => new Option("", text)));
    this.node.setAttribute("list", list.id);
    this.extra = [list];
  }

  get value() { return this.node.validity.badInput ? null : this.node.value; }
  set value(value) { if (value !== this.value) this.node.value = value ?? ""; }
  get inputs() { return [this.node]; }
}

/** Choices side by side or one below the other: radio buttons, a segmented switch, boxes to tick. */
class Choices {
  constructor(view) {
    const { model } = view, kind = model.get("kind");
    this.several = kind === "checks";
    this.node = make("div", `nbf-choices nbf-${kind}`);
    this.node.setAttribute("role", this.several ? "group" : "radiogroup");
    const name = `nbf-name-${next()}`;
    this.inputs = model.get("options").map((text) => {
      const label = make("label", "nbf-choice"), input = make("input", "");
      input.type = this.several ? "checkbox" : "radio";
      input.name = name;
      input.addEventListener("change", () => view.typed(this.value));
      label.append(input, make("span", "", text));
      this.node.append(label);
      return input;
    });
  }

  get value() {
    const ticked = this.inputs.flatMap((input, i) => (input.checked ? [i] : []));
    return this.several ? ticked : ticked[0] ?? null;
  }
  set value(value) { this.inputs.forEach((input, i) => { input.checked = this.several ? value?.includes(i) : value === i; }); }
}

class Select {
  constructor(view) {
    this.node = make("select", "nbf-input");
    this.node.append(new Option("choose …", ""), ...view.model.get("options").map((text, i) => new Option(text, i)));
    this.node.addEventListener("change", () => view.typed(this.value));
  }

  get value() { return this.node.value === "" ? null : Number(this.node.value); }
  set value(value) { this.node.value = value ?? ""; }
  get inputs() { return [this.node]; }
}

const PART = 4_000_000; // a server closes the connection over a message above 10 MiB

/** A file; its bytes go in parts, and the kernel says when it has all. */
class File {
  constructor(view) {
    this.node = make("div", "nbf-file");
    this.input = make("input", "");
    this.input.type = "file";
    this.input.accept = view.model.get("accept");
    this.note = make("span", "nbf-help");
    this.node.append(this.input, this.note);
    this.turn = 0;
    this.input.addEventListener("change", () => this.take(view).catch((error) => {
      view.typed(null);
      this.note.textContent = `The file can't be read: ${error.message}`;
    }));
  }

  async take(view) {
    const [file] = this.input.files, turn = ++this.turn;
    if (!file) return view.typed(null);
    const { name, size } = file;
    if (size > view.model.get("limit")) return view.typed({ name, size });
    this.note.textContent = `${name} is sent …`;
    for (let at = 0; at === 0 || at < size; at += PART) {
      const part = await file.slice(at, at + PART).arrayBuffer();
      if (turn !== this.turn) return; // another one was chosen
      view.model.send({ kind: "part", page, name, size, at }, undefined, [part]);
    }
  }

  get value() { return null; }
  set value(value) { this.note.textContent = value ? `${value.name}, ${value.size.toLocaleString("en")} bytes` : ""; }
  get inputs() { return [this.input]; }
}

const KINDS = { radio: Choices, toggle: Choices, checks: Choices, select: Select, file: File };

class View {
  constructor(model, peers, el) {
    Object.assign(this, { model, peers });
    this.body = new (KINDS[model.get("kind")] ?? Line)(this);
    const id = `nbf-entry-${next()}`, alone = !(this.body instanceof Choices) && !(this.body instanceof File);
    this.label = make(alone ? "label" : "div", "nbf-asked");
    this.label.id = `${id}-label`;
    if (alone) {
      this.body.node.id = id;
      this.label.htmlFor = id;
    } else this.body.node.setAttribute("aria-labelledby", this.label.id);
    this.help = make("div", "nbf-help");
    this.problem = make("div", "nbf-problem");
    this.problem.id = `${id}-problem`;
    this.problem.setAttribute("role", "alert");
    el.classList.add("nbf-entry");
    keepKeys(el);
    el.append(this.label, this.help, this.body.node, ...(this.body.extra ?? []), this.problem);
    this.body.value = model.get("value");
    this.draw();
  }

  draw() {
    const { model } = this, problem = model.get("problem");
    const show = (part, text) => { part.textContent = text; part.hidden = !text; };
    show(this.label, model.get("label"));
    this.label.classList.toggle("nbf-required", model.get("required"));
    show(this.help, model.get("help"));
    show(this.problem, problem);
    const named = this.body instanceof Choices ? this.body.node : this.body.inputs[0]; // each choice has its own name
    if (!model.get("label")) named.setAttribute("aria-label", model.get("aria"));
    for (const input of this.body.inputs) {
      input.disabled = model.get("disabled");
      input.setAttribute("aria-required", model.get("required"));
      input.setAttribute("aria-invalid", !!problem);
      if (problem) input.setAttribute("aria-describedby", this.problem.id);
    }
  }

  typed(value) {
    const given = new Date(value), at = isNaN(given) ? new Date() : given; // a time of day is one of today
    this.model.send({ kind: "typed", value, page, offset: -at.getTimezoneOffset() });
    for (const peer of this.peers) if (peer !== this) peer.body.value = value;
    if (this.body instanceof File) this.body.value = value;
  }
}

export default () => {
  const views = new Set();
  return {
    initialize({ model }) {
      const each = (job) => () => views.forEach(job);
      for (const name of ["label", "required", "help", "problem", "disabled"]) model.on(`change:${name}`, each((view) => view.draw()));
      model.on("change:value", each((view) => { view.body.value = model.get("value"); }));
      model.on("msg:custom", (message) => {
        if (message.kind === "value" && message.page !== page) views.forEach((view) => { view.body.value = message.value; });
      });
    },
    render({ model, el }) {
      const view = new View(model, views, el);
      views.add(view);
      model.send({ kind: "hello", page });
      return () => views.delete(view);
    },
  };
};
