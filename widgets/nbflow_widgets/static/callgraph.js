// Shows a graph in the colours of the page, and selects the calls of a node in a timeline of the same run, if the
// page has one. It takes the place of the picture before it, in notebooks that are trusted and in exported pages.
(() => {
  KEYS
  const root = document.currentScript.previousElementSibling, { run, nodes, text } = TOLD;
  const source = new TextDecoder().decode(Uint8Array.from(atob(root.src.split(",")[1]), (c) => c.charCodeAt(0)));
  const drawn = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  const plain = new Set(["svg", "g", "title", "desc", "defs", "marker", "path", "polygon", "polyline", "ellipse", "rect", "text", "tspan"]);
  for (const part of [...drawn.querySelectorAll("*")]) if (!plain.has(part.localName)) part.remove();
  const svg = document.importNode(drawn, true);
  svg.style.cssText = root.style.cssText + ";height:auto;color:var(--jp-ui-font-color1,#1f2328)";
  svg.setAttribute("aria-label", root.alt);
  svg.querySelectorAll(":scope > title, :scope > g > title").forEach((title) => title.remove());
  for (const part of svg.querySelectorAll(`[fill="${text}"]`)) part.setAttribute("fill", "currentColor");
  const said = document.createElement("div");
  said.setAttribute("role", "status");
  said.style.cssText = "min-height:1.5em;font-size:12px;color:var(--jp-ui-font-color2,#666)";
  const told = "Choose a node to see its calls in the timeline.";
  said.textContent = told;
  const select = (node) => {
    const event = new CustomEvent("nbflow-select", { detail: { run, ...node, taken: 0 } });
    window.dispatchEvent(event);
    const many = node.size > 1 ? `${node.size.toLocaleString("en")} calls of ${node.name}` : node.name;
    said.textContent = event.detail.taken ? `The timeline shows ${many}.`
      : "This page has no timeline of this run: %nbflow timeline THREAD shows it.";
  };
  for (const part of svg.querySelectorAll("g.node")) {
    const node = nodes[part.querySelector("title")?.textContent];
    part.querySelector("title")?.remove();
    if (!node) continue;
    part.setAttribute("role", "button");
    part.setAttribute("tabindex", "0");
    part.setAttribute("aria-label", node.size > 1 ? `${node.name}, ${node.size} calls` : node.name);
    part.style.cursor = "pointer";
    part.addEventListener("click", () => select(node));
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      select(node);
    });
  }
  const box = document.createElement("div");
  box.className = "nbflow-callgraph";
  keepKeys(box);
  const scroll = document.createElement("div");
  scroll.style.overflowX = "auto";
  scroll.append(svg);
  box.append(scroll, ...(Object.keys(nodes).length ? [said] : []));
  root.replaceWith(box);
})();
