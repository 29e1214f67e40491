// Draws a run on a canvas: labels, bars, the axis, the strip at the right. The third part of the timeline's module.

const ROW = 22, AXIS = 22, MOST = 14, STRIP = 12;
const STEPS = [6e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5, 864e5, 2592e5];
const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Only rows in sight are drawn, so that 10,000 cost what 14 do. */
class Painter {
  /** @param {Run} run @param {Listing} listing @param {HTMLCanvasElement} canvas @param {HTMLElement} root carries the colours */
  constructor(run, listing, canvas, root) {
    this.run = run;
    this.listing = listing;
    this.marks = true; // whether the critical path is marked
    this.canvas = canvas;
    this.root = root;
    this.pen = canvas.getContext("2d");
    this.strip = document.createElement("canvas");
    this.stripped = ""; // what the strip was drawn for
    this.theme = "";
    this.look = {};
    this.width = this.height = 0;
    this.from = 0; // what is in sight: milliseconds ...
    this.span = 1;
    this.scroll = 0; // ... and pixels
    this.fitted = this.follows = true;
    this.chosen = "";
    /** @type {Row|null} */ this.hovered = null;
  }

  get inner() { return Math.max(0, this.height - AXIS); }
  get tall() { return this.listing.lines.length * ROW; }
  get left() { return clamp(this.width * 0.3, 110, 300); }
  get stripWidth() { return this.tall > this.inner + 1 ? STRIP + 6 : 0; }
  get right() { return this.width - 12 - this.stripWidth; }
  get whole() { return Math.max(this.run.now() * (this.run.live ? 1.06 : 1.002), 1); }
  get scale() { return (this.right - this.left - 8) / this.span; }
  x(ms) { return this.left + 8 + (ms - this.from) * this.scale; }
  ms(x) { return this.from + (x - this.left - 8) / this.scale; }

  /** Return the row at a place of the canvas. @param {number} x @param {number} y */
  rowAt(x, y) {
    if (y < AXIS || x > this.width - this.stripWidth) return null;
    return this.listing.lines[Math.floor((y - AXIS + this.scroll) / ROW)] ?? null;
  }

  /** The height that the rows want. */
  wanted() {
    const { length } = this.listing.lines;
    return this.run.list.length ? AXIS + clamp(length, 1, MOST) * ROW + 4 : 0;
  }

  /** Return the line whose sign to fold it is at a place. @param {number} x @param {number} y */
  foldAt(x, y) {
    const line = this.rowAt(x, y), at = Math.floor((y - AXIS + this.scroll) / ROW);
    return line && this.listing.unfolded(line) !== null && Math.abs(x - this.indent(at)) < 9 ? line : null;
  }

  indent(at) { return 10 + Math.min(this.listing.depths[at], 8) * 14; }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  zoom(factor, x = (this.left + this.right) / 2) {
    const at = this.ms(x), whole = this.whole;
    this.span = clamp(this.span / factor, 0.5, whole);
    this.fitted = this.span >= whole * 0.999;
    this.from = clamp(at - (x - this.left - 8) / this.scale, 0, Math.max(0, whole - this.span));
  }

  pan(dx, dy) {
    if (dx && !this.fitted) this.from = clamp(this.from + dx / this.scale, 0, Math.max(0, this.whole - this.span));
    if (dy) this.scrollTo(this.scroll + dy);
  }

  scrollTo(y) {
    this.scroll = clamp(y, 0, Math.max(0, this.tall - this.inner));
    this.follows = false;
  }

  colours() {
    const { listed } = this.run.states;
    const wanted = `${document.body.dataset.jpThemeName}${document.body.className}${listed.length}`;
    if (wanted === this.theme && this.look.text) return; // none before the page has taken the element in
    this.theme = wanted;
    this.stripped = "";
    const style = getComputedStyle(this.root), names = ["text", "muted", "line", "ground", "on", "select", ...listed];
    this.look = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--nbf-${name}`).trim()]));
    this.font = style.fontFamily;
  }

  draw() {
    const { pen, run } = this;
    this.colours();
    if (!this.height) return;
    if (this.fitted) { this.from = 0; this.span = this.whole; }
    const latest = this.follows && run.live && this.stripWidth ? this.listing.lineOf(run.latest) : -1;
    if (latest >= 0) this.scroll += (latest * ROW - this.inner * 0.6 - this.scroll) * 0.25;
    this.scroll = clamp(this.scroll, 0, Math.max(0, this.tall - this.inner));
    pen.clearRect(0, 0, this.width, this.height);
    pen.textBaseline = "middle";
    this.axis();
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS, this.width - this.stripWidth, this.inner);
    pen.clip();
    const { lines } = this.listing, end = Math.min(lines.length, Math.ceil((this.scroll + this.inner) / ROW));
    for (let i = Math.floor(this.scroll / ROW); i < end; i++) this.row(lines[i], AXIS + i * ROW - this.scroll, this.indent(i));
    if (!lines.length) this.text("No call fits the filter", 10, AXIS + ROW / 2, this.width, this.look.muted, 12);
    pen.restore();
    if (this.stripWidth) this.overview();
  }

  axis() {
    const { pen, look } = this;
    pen.font = `10px ${this.font}`;
    pen.textAlign = "center";
    pen.lineWidth = 1;
    const step = this.step(), end = this.from + this.span;
    for (let t = Math.ceil(this.from / step) * step; t <= end; t += step) {
      this.rule(this.x(t), look.line);
      const text = t ? duration(t).replace(/\.0(?= )/, "") : "0";
      pen.fillStyle = look.muted;
      if (this.x(t) < this.right - 8) pen.fillText(text, this.x(t), AXIS / 2 - 1);
    }
    for (const [from, to] of this.run.head.gaps) this.gap(this.run.active(this.run.since(from)), (to - from) * 1000);
  }

  /** Return a round number of milliseconds for about every 90 pixels. */
  step() {
    const rough = 90 / this.scale, power = 10 ** Math.floor(Math.log10(rough));
    const round = power * [1, 2, 5, 10].find((k) => k * power >= rough * 0.999);
    return rough > 3e4 ? STEPS.find((k) => k >= rough) ?? round : round;
  }

  rule(x, colour) {
    const { pen } = this, middle = Math.round(x) + 0.5;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.moveTo(middle, AXIS - 4);
    pen.lineTo(middle, this.height);
    pen.stroke();
  }

  /** Mark where the run did not run. */
  gap(at, ms) {
    const { pen, look } = this, x = this.x(at);
    if (x < this.left || x > this.right + 1) return;
    pen.setLineDash([2, 3]);
    this.rule(x, look.asking);
    pen.setLineDash([]);
    const text = `paused ${duration(ms)}`, half = pen.measureText(text).width / 2 + 4;
    const middle = clamp(x, this.left + half, this.right - half);
    pen.fillStyle = look.ground;
    pen.fillRect(middle - half, 2, 2 * half, AXIS - 6);
    pen.fillStyle = look.asking;
    pen.fillText(text, middle, AXIS / 2 - 1);
  }

  /** @param {Row|Group} row @param {number} y @param {number} indent */
  row(row, y, indent) {
    const { pen, look } = this, middle = y + ROW / 2;
    if (row.path === this.chosen || row === this.hovered) {
      pen.fillStyle = row.path === this.chosen ? look.select : look.line;
      pen.fillRect(0, y, this.width, ROW);
    }
    this.sign(indent, middle, look[row.state], this.listing.unfolded(row));
    pen.textAlign = "left";
    const room = this.left - indent - (row.printed ? 14 : 0);
    const used = this.text(row.name, indent + 10, middle, room - 14, look.text, 12);
    const shown = row.group ? `×${number(row.members.length)}` : row.shown;
    if (shown) this.text(shown, indent + 15 + used, middle, room - 23 - used, look.muted, 11);
    if (row.printed) this.lines(this.left - 10, middle);
    pen.save();
    pen.beginPath();
    pen.rect(this.left + 6, y, this.right - this.left, ROW);
    pen.clip();
    if (row.group) this.crowd(row, middle);
    else this.bar(row, middle);
    pen.restore();
  }

  /** Draw the sign of a line: a dot, or a triangle if it has others below it. @param {boolean|null} open */
  sign(x, y, colour, open) {
    const { pen } = this;
    pen.fillStyle = colour;
    pen.beginPath();
    if (open === null) pen.arc(x, y, 3.5, 0, 7);
    else for (const [dx, dy] of open ? [[-5, -3], [5, -3], [0, 4]] : [[-3, -5], [4, 0], [-3, 5]]) pen.lineTo(x + dx, y + dy);
    pen.fill();
  }

  /** Draw many calls in one line: each part of the time in the state that matters most there. @param {Group} group */
  crowd(group, middle) {
    const { pen, look, run } = this, room = this.right - this.left - 8, cells = Math.max(1, Math.min(150, Math.floor(room / 3)));
    const { urgent } = run.states, { worst, told } = this.listing.sum(group, this.from, this.span, cells);
    for (let i = 0, first = 0; i <= cells; i++) {
      if (i < cells && worst[i] === worst[first]) continue;
      if (worst[first] < urgent.length) {
        pen.fillStyle = look[urgent[worst[first]]];
        pen.fillRect(this.left + 8 + (first / cells) * room, middle - 6, ((i - first) / cells) * room, 12);
      }
      first = i;
    }
    const words = Object.entries(group.counts).map(([state, count]) => `${number(count)} ${state}`);
    const text = [told, ...(words.length > 1 || !told ? words : [])].filter(Boolean).join(" · ");
    pen.font = `11px ${this.font}`;
    const wide = Math.min(pen.measureText(text).width + 12, room - 4), to = this.x(run.end(group)), from = this.x(run.begin(group));
    const x = to + wide <= this.right ? to + 4 : from - wide > this.left ? from - wide - 4 : this.right - wide;
    if (x === this.right - wide) {
      pen.globalAlpha = 0.86;
      this.block(x, middle, wide, look.ground);
      pen.globalAlpha = 1;
    }
    this.text(text, x + 6, middle, wide - 8, look.text, 11);
  }

  /** Draw the mark of a call that has output: lines of text. */
  lines(x, middle) {
    const { pen, look } = this;
    pen.fillStyle = look.muted;
    [9, 6, 8].forEach((width, i) => pen.fillRect(x, Math.round(middle) - 4 + i * 3, width, 1));
  }

  /** Write a text, shortened to its room; return its width. */
  text(text, x, y, room, colour, size) {
    const { pen } = this;
    pen.font = `${size}px ${this.font}`;
    pen.fillStyle = colour;
    let width = pen.measureText(text).width, shown = text;
    if (width > room) {
      if (room < 14) return 0;
      shown = `${text.slice(0, Math.max(1, Math.floor((text.length * (room - 8)) / width)))}…`;
      width = pen.measureText(shown).width;
    }
    pen.fillText(shown, x, y + 0.5);
    return width;
  }

  /** @param {Row} row @param {number} middle */
  bar(row, middle) {
    const { pen, look, run } = this, waiting = row.state === "waiting", end = run.end(row);
    const asked = this.x(run.active(row.asked)), x = this.x(waiting ? end : run.begin(row));
    const width = waiting ? 0 : Math.max(3, this.x(end) - x);
    if (x - asked > 1) {
      pen.fillStyle = look.waiting;
      pen.fillRect(asked, middle - 1, x - asked, 2);
    }
    if (width) {
      this.block(x, middle, width, look[row.state]);
      if (row.state === "running" && run.live && !run.held && !CALM && width > 8) this.shimmer(x, middle, width);
      if (row.attempt > 1) this.block(x, middle, 3, look.retrying);
      if (this.marks && run.bounded && run.chain[row.path] !== undefined) this.under(x, middle, width);
    }
    this.say(row, waiting ? asked : x, x + width, middle, end - run.begin(row));
  }

  /** Mark a bar as a part of the critical path. */
  under(x, middle, width) {
    this.pen.fillStyle = this.look.text;
    this.pen.fillRect(x, middle + 7, width, 2);
  }

  block(x, middle, width, colour) {
    const { pen } = this;
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(x, middle - 6, width, 12, Math.min(3, width / 2));
    pen.fill();
  }

  shimmer(x, middle, width) {
    const at = x - 40 + ((performance.now() / 1600) % 1) * (width + 80);
    const glow = this.pen.createLinearGradient(at - 40, 0, at + 40, 0);
    glow.addColorStop(0, "#ffffff00");
    glow.addColorStop(0.5, "#ffffff45");
    glow.addColorStop(1, "#ffffff00");
    this.block(x, middle, width, glow);
  }

  /** Write the duration where there is room: after the bar, in it, before it. */
  say(row, from, to, middle, ms) {
    const { pen, look } = this, low = this.left + 8, high = this.right;
    if (to < low || from > high) return;
    const { state } = row, loud = { failed: " · failed", stopped: " · stopped" }[state] ?? "";
    const tries = (row.attempt > 1 ? ` · attempt ${row.attempt}` : "") + (row.changed ? " · changed its arguments" : "");
    const text = { waiting: "waits", asking: "asks", sleeping: "sleeps" }[state] ?? `${duration(ms)}${tries}${loud}`;
    pen.font = `11px ${this.font}`;
    const room = pen.measureText(text).width + 12, end = Math.min(to, high);
    const colour = state === "failed" || state === "asking" ? look[state] : look.muted;
    if (end + room <= high + 4) this.text(text, end + 6, middle, room, colour, 11);
    else if (state === "waiting") {
      pen.fillStyle = look.ground;
      pen.fillRect(high - room + 4, middle - 6, room, 12);
      this.text(text, high - room + 8, middle, room, colour, 11);
    } else if (end - Math.max(from, low) > room) this.text(text, end - room + 6, middle, room, look.on, 11);
    else if (from - room > low) this.text(text, from - room + 6, middle, room, colour, 11);
  }

  /** The whole run in a strip, each pixel in the state that matters most there; it is the scrollbar too. */
  overview() {
    const { pen, look, listing } = this, height = this.inner, x = this.width - STRIP;
    if (this.stripped !== `${listing.stamp} ${height}`) {
      this.stripped = `${listing.stamp} ${height}`;
      this.paintStrip(height);
    }
    pen.globalAlpha = 0.8;
    pen.drawImage(this.strip, x, AXIS, STRIP - 4, height);
    pen.globalAlpha = 1;
    const top = AXIS + (this.scroll / this.tall) * height, part = Math.max(8, (height / this.tall) * height);
    pen.fillStyle = look.select;
    pen.strokeStyle = look.text;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x - 2.5, Math.min(top, AXIS + height - part) + 0.5, STRIP + 1, part - 1, 3);
    pen.fill();
    pen.stroke();
  }

  paintStrip(height) {
    const rows = this.listing.lines, { urgent } = this.run.states, worst = new Array(height).fill(urgent.length);
    const deep = Math.max(1, Math.ceil(height / rows.length));
    rows.forEach((row, i) => {
      const top = Math.floor((i / rows.length) * height), rank = urgent.indexOf(row.state);
      for (let y = top; y < Math.min(top + deep, height); y++) worst[y] = Math.min(worst[y], rank);
    });
    this.strip.width = 1;
    this.strip.height = height;
    const pen = this.strip.getContext("2d");
    worst.forEach((rank, y) => {
      if (rank === urgent.length) return;
      pen.fillStyle = this.look[urgent[rank]];
      pen.fillRect(0, y, 1, 1);
    });
  }
}
