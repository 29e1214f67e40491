// Displays of a call in its details: figures, tables. The sixth part of the timeline's module. What they are made of is
// a user's, so it becomes an image, which runs nothing, or stands in a frame of its own, which may run and load nothing.

const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:";

/** Return an element for a display; null if it is text alone. @param {Record<string, string>|undefined} forms @param {string} text */
function displayed(forms = {}, text) {
  const png = forms["image/png"], svg = forms["image/svg+xml"], html = forms["text/html"];
  if (png) return picture(`data:image/png;base64,${png.replace(/[^A-Za-z0-9+/=]/g, "")}`, text);
  if (svg) return picture(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, text);
  return html ? framed(html) : null;
}

function picture(source, text) {
  const el = h("img", "nbf-figure");
  el.src = source;
  el.alt = text;
  return el;
}

/** Return HTML in a frame without scripts, forms, links out of it and requests; in the colours of this page. */
function framed(html) {
  const el = h("iframe", "nbf-frame"), look = getComputedStyle(document.querySelector(".nbf-timeline") ?? document.body);
  const text = look.getPropertyValue("--nbf-text") || "#222", line = look.getPropertyValue("--nbf-border") || "#ccc";
  const style = `body{margin:4px;font:12px sans-serif;color:${text};background:transparent}a{pointer-events:none}`
    + `table{border-collapse:collapse}th,td{padding:2px 8px;border-bottom:1px solid ${line};text-align:right}`;
  const rows = (html.match(/<(tr|br|p|li|h\d|div)\b/gi) ?? []).length + html.split("\n").length / 12;
  el.setAttribute("sandbox", "");
  el.setAttribute("title", "a display of the call");
  el.referrerPolicy = "no-referrer";
  el.style.height = `${clamp(rows * 22 + 24, 46, 320)}px`;
  el.srcdoc = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">`
    + `<style>${style}</style><body>${html}`;
  return el;
}
