// Draws a run in the place of its static version, without a kernel: the last part of a twin, in notebooks that are
// trusted and in exported pages. It is given the timeline's module, its styles and the run, each as gzip in base64.
(async () => {
  const root = document.currentScript.previousElementSibling;
  const unpack = (text) => new Response(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]).stream()
    .pipeThrough(new DecompressionStream("gzip"))).text();
  const [code, css, run] = await Promise.all(PACKED.map(unpack)), { snapshot, details, codes } = JSON.parse(run);
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const module = await import(url);
  URL.revokeObjectURL(url);
  const heard = [], away = [["details", "are kept in the thread, not in this file"]];
  const told = ([label, text, forms]) => [label, typeof text === "number" ? codes[text] : text, forms]; // code stands there once
  const model = {
    get: (name) => (name === "snapshot" ? snapshot : undefined),
    on: (event, fn) => event === "msg:custom" && heard.push(fn),
    send: ({ kind, path }) => kind === "details"
      && heard.forEach((fn) => fn({ kind, path, items: (details[path] ?? away).map(told) })),
  };
  const style = document.createElement("style");
  style.textContent = css;
  root.replaceChildren(style);
  const widget = module.default();
  widget.initialize({ model });
  widget.render({ model, el: root });
})().catch(() => {}); // the static version stands where this can't be done
