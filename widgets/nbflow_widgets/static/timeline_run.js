// What the page knows of a run: rows and a head, from a snapshot and deltas. The first part of the timeline's module.

/**
 * A call; times in milliseconds since the run began.
 * @typedef {{path: string, parent: string, name: string, kind: string, state: string, attempt: number,
 *   asked: number, start: number, end: number|null, shown: string, changed: boolean, printed: boolean, key: string, depth: number,
 *   at: number, seen?: number, loud?: number, lasted?: number, last?: number, parts?: number, kin?: Kin}} Row its last ones: see Listing
 * The calls of one name under one caller, as the listing that was made last sorts them.
 * @typedef {{stamp: number, members: Row[][], groups: any[]}} Kin
 * A batch, or all there is.
 * @typedef {{seq: number, rows: any[][], head: any, states?: States, chain?: Record<string, number>}} Batch
 * A fact of a call: its label, its text, and of a display its other forms by MIME type.
 * @typedef {[string, string, Record<string, string>?]} Item
 * The words for states of calls: as they are listed, by urgency, of those not ended, of those with a result.
 * @typedef {{listed: string[], urgent: string[], open: string[], finished: string[]}} States
 */
const FIELDS = ["path", "parent", "name", "kind", "state", "attempt", "asked", "start", "end", "shown", "changed", "printed"];

const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const padded = (n) => String(n).padStart(2, "0");
const number = (n) => n.toLocaleString("en");

/** Return a duration as people say it. @param {number} ms */
function duration(ms) {
  if (ms < 999.5) return `${ms < 9.95 ? Math.max(ms, 0).toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)}m ${padded(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${padded(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${padded(Math.floor((s % 86400) / 3600))}h`;
}

/** Return what sorts as positions do: 0.2 before 0.10, calls before branches. @param {string} path */
function sortKey(path) {
  const parts = path.split(".");
  return parts.map((p) => (p[0] === "b" ? `1${p.slice(1).padStart(7, "0")}` : `0${p.padStart(7, "0")}`)).join(".");
}

/** A run, shared by all views of one widget. */
class Run {
  constructor() {
    /** @type {Map<string, Row>} */ this.rows = new Map();
    /** All calls but the body, in the order of their positions. @type {Row[]} */ this.list = [];
    this.head = { name: "", state: "", thread_id: "", counts: {}, gaps: [], total: 0, started: 0, ended: null, now: 0 };
    /** Milliseconds of the critical path that calls have for themselves, by path. @type {Record<string, number>} */ this.chain = {};
    this.bounded = false; // whether there is one, and it leaves calls out; else it says nothing
    /** @type {States} */ this.states = { listed: [], urgent: [], open: [], finished: [] };
    /** By caller and name. @type {Map<string, Kin>} */ this.kins = new Map();
    this.seq = 0;
    this.skew = 0; // seconds by which this page's clock is ahead of the kernel's, the way included
    this.held = 0; // when time was held, because nothing is heard of the kernel; 0 while it goes on
    this.version = 0;
    this.gone = false; // whether calls of the list are not there any more
    /** The call that began last. @type {Row|null} */ this.latest = null;
    /** Called after each change. @type {Set<() => void>} */ this.views = new Set();
  }

  /** Take a snapshot in, unless more is known already. @param {Batch|null} data */
  replace(data) {
    if (!data || data.seq < this.seq || (data.seq === this.seq && this.version)) return;
    this.rows.clear();
    this.kins.clear();
    this.list = [];
    this.take(data);
  }

  /** Take a batch in; return false if one before it was missed. @param {Batch} data */
  delta(data) {
    if (data.seq <= this.seq) return true;
    if (data.seq !== this.seq + 1) return false;
    this.take(data);
    return true;
  }

  /** @param {Batch} data */
  take({ seq, rows, head, states, chain }) {
    if (states) this.states = states;
    this.chain = chain ?? {};
    const marked = Object.keys(this.chain).length;
    this.bounded = marked > 0 && marked < head.total;
    this.seq = seq;
    this.head = head;
    this.skew = Date.now() / 1000 - head.now;
    this.version += 1;
    let moved = false;
    for (const values of rows) moved = this.set(values) || moved;
    if (moved || !this.list.length) this.arrange();
    this.views.forEach((view) => view());
  }

  /** Keep a row; return whether rows came or went. @param {any[]} values */
  set(values) {
    const old = this.rows.get(values[0]);
    if (values[4] === "discarded") { this.gone = true; return this.rows.delete(values[0]); }
    const row = old || { key: sortKey(values[0]), depth: 0, at: 0 };
    FIELDS.forEach((field, i) => { row[field] = values[i]; });
    if (this.states.open.includes(row.state) && row.parent) this.latest = row;
    if (old) return false;
    this.rows.set(row.path, row);
    if (row.parent) this.list.push(row);
    return true;
  }

  /** @param {Row} row @returns {Kin} */
  kinOf(row) {
    const key = `${row.parent} ${row.name}`;
    if (!this.kins.has(key)) this.kins.set(key, { stamp: 0, members: [], groups: [] });
    return row.kin = this.kins.get(key);
  }

  arrange() {
    if (this.gone) this.list = this.list.filter((row) => this.rows.get(row.path) === row);
    this.gone = false;
    this.list.sort((a, b) => (a.key < b.key ? -1 : 1)); // quick, for what is in order already
    this.list.forEach((row, at) => {
      row.at = at;
      row.depth = row.parent === "0" ? 0 : (this.rows.get(row.parent)?.depth ?? -1) + 1;
    });
  }

  /** How many calls have their result. */
  get finished() { return this.states.finished.reduce((sum, state) => sum + (this.head.counts[state] || 0), 0); }

  get live() { return this.head.ended === null && this.head.state === "running"; }

  /** Return a time with the idle gaps before it left out. @param {number} ms */
  active(ms) {
    let idle = 0;
    for (const [from, to] of this.head.gaps) {
      const begin = this.since(from);
      if (begin < ms) idle += Math.max(0, Math.min(ms, this.since(to)) - begin);
    }
    return Math.max(0, ms - idle);
  }

  /** @param {number} seconds since 1970 */
  since(seconds) { return (seconds - this.head.started) * 1000; }

  /** Hold time, or let it go on. @param {boolean} held */
  hold(held) { this.held = held ? this.held || Date.now() / 1000 - this.skew : 0; }

  /** Return for how long the run has worked. */
  now() {
    const at = this.head.ended ?? (this.live ? this.held || Date.now() / 1000 - this.skew : this.head.now);
    return this.active(this.since(at));
  }

  /** @param {Row} row */
  begin(row) { return this.active(row.start); }

  /** @param {Row} row */
  end(row) { return row.end === null ? this.now() : this.active(row.end); }

  /** @param {Row} row */
  static state(row) {
    const facts = [row.state, row.attempt > 1 && `attempt ${row.attempt}`, row.changed && "changed its arguments"];
    return facts.filter(Boolean).join(", ");
  }
}
