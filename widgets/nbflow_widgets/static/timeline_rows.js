// Which lines a view shows: all calls, those that a filter finds, many of one name as one. The second part of the timeline's module.

const MANY = 50; // calls of one name under one caller, from which on they are one line
const APART = new Set(["failed", "asking", "crashed"]); // never folded together with others

/**
 * Many calls of one name under one caller, as one line; it has what a row has.
 * @typedef {Row & {group: true, members: Row[], open: boolean, counts: Record<string, number>}} Group
 */
let stamps = 0;

/** The lines of one view, made anew when the run, the filter or a fold has changed. */
class Listing {
  /** @param {Run} run */
  constructor(run) {
    this.run = run;
    this.text = "";
    /** States of calls that are looked for; `retried` too. @type {Set<string>} */ this.wanted = new Set();
    /** Paths of callers whose calls are hidden. @type {Set<string>} */ this.shut = new Set();
    /** Groups that are open. @type {Set<string>} */ this.opened = new Set();
    /** @type {Map<string, Group>} */ this.groups = new Map();
    /** @type {(Row|Group)[]} */ this.lines = [];
    /** @type {number[]} */ this.depths = [];
    this.found = 0; // calls that the filter finds
    this.stale = true;
    this.stamp = this.built = this.cost = 0;
  }

  get filtered() { return this.text !== "" || this.wanted.size > 0; }

  clear() {
    this.text = "";
    this.wanted.clear();
    this.stale = true;
  }

  /** Make the lines anew if they are out of date; return whether they were. @param {boolean} now else not too often */
  refresh(now = true) {
    const begun = performance.now();
    if (!this.stale || (!now && begun - this.built < 10 * this.cost)) return false;
    this.stale = false;
    this.stamp = ++stamps;
    this.mark();
    this.gather();
    this.lines = [];
    this.depths = [];
    this.walk(0, this.run.list.length, 0);
    this.built = performance.now();
    this.cost = this.built - begun;
    return true;
  }

  /** @param {Row} row */
  fits(row) {
    const { text, wanted } = this;
    if (wanted.size && !wanted.has(row.state) && !(wanted.has("retried") && row.attempt > 1)) return false;
    return !text || `${row.name}(${row.shown})`.toLowerCase().includes(text);
  }

  /** Mark what is found and its callers, what must be seen and its callers, and where the calls below each one end. */
  mark() {
    const { list, rows } = this.run, { stamp, filtered } = this;
    this.found = 0;
    for (let i = list.length - 1; i >= 0; i--) {
      const row = list[i], up = rows.get(row.parent);
      if (!filtered || this.fits(row)) { this.found += 1; row.seen = stamp; }
      if (APART.has(row.state)) row.loud = stamp;
      if (row.lasted !== stamp) row.last = i + 1;
      if (!up) continue;
      if (up.lasted !== stamp) { up.lasted = stamp; up.last = row.last; }
      if (row.seen === stamp) { up.seen = stamp; up.parts = stamp; }
      if (row.loud === stamp) up.loud = stamp;
    }
  }

  /** @param {Row} row */
  keyOf(row) { return `${row.parent} ${row.loud === this.stamp ? "!" : "="} ${row.name}`; }

  gather() {
    const { run, stamp, groups: before } = this, used = [];
    for (const row of run.list) {
      if (row.seen !== stamp) continue;
      const kin = row.kin ?? run.kinOf(row);
      if (kin.stamp !== stamp) used.push(Object.assign(kin, { stamp, members: [[], []], groups: [null, null] }));
      kin.members[+(row.loud === stamp)].push(row);
    }
    this.groups = new Map();
    for (const kin of used) {
      kin.members.forEach((members, loud) => {
        if (members.length < MANY) return;
        const key = this.keyOf(members[0]);
        this.groups.set(key, kin.groups[loud] = this.group(key, members, before.get(key)));
      });
    }
  }

  /** @param {string} key @param {Row[]} members @param {Group|undefined} old @returns {Group} */
  group(key, members, old) {
    const [first] = members, counts = {};
    let asked = Infinity, start = Infinity, end = 0;
    for (const row of members) {
      counts[row.state] = (counts[row.state] || 0) + 1;
      if (row.asked < asked) asked = row.asked;
      if (row.start < start) start = row.start;
      if (row.end === null) end = null;
      else if (end !== null && row.end > end) end = row.end;
    }
    const state = this.run.states.urgent.find((one) => counts[one]) ?? first.state;
    return Object.assign(old ?? { group: true, told: 0 }, {
      path: key, parent: first.parent, name: first.name, kind: first.kind, key: first.key, depth: first.depth, state, asked,
      start, end, members, counts, attempt: 1, shown: "", changed: false, printed: false, open: this.opened.has(key),
    });
  }

  walk(from, to, deeper) {
    const { list } = this.run;
    for (let i = from; i < to; i = list[i].last) {
      const row = list[i];
      if (row.seen !== this.stamp) continue;
      const group = row.kin.groups[+(row.loud === this.stamp)];
      if (!group) this.branch(row, i, deeper);
      else if (group.told !== this.stamp) {
        group.told = this.stamp;
        this.put(group, row.depth + deeper);
        if (group.open) for (const member of group.members) this.branch(member, member.at, deeper + 1);
      }
    }
  }

  branch(row, i, deeper) {
    this.put(row, row.depth + deeper);
    if (!this.shut.has(row.path)) this.walk(i + 1, row.last, deeper);
  }

  put(line, depth) {
    this.lines.push(line);
    this.depths.push(depth);
  }

  /** Return where a call is, or what hides it; -1 if nothing of it is shown. @param {Row|null|undefined} row */
  lineOf(row) {
    for (let one = row; one; one = this.run.rows.get(one.parent)) {
      const at = this.lines.indexOf(one);
      if (at >= 0) return at;
      const group = one.group ? null : this.groups.get(this.keyOf(one));
      if (group && this.lines.includes(group)) return this.lines.indexOf(group);
    }
    return -1;
  }

  /** Return the line of this path. @param {string} path @returns {Row|Group|undefined} */
  named(path) { return this.groups.get(path) ?? this.run.rows.get(path); }

  /** Whether a line has others below it: null if it has none, else whether they are shown. @param {Row|Group} line */
  unfolded(line) {
    if (line.group) return line.open;
    return line.parts === this.stamp ? !this.shut.has(line.path) : null;
  }

  /** Fold a line's calls away, or show them; return whether that made a difference. @param {Row|Group} line @param {boolean} open */
  fold(line, open) {
    const now = this.unfolded(line);
    if (now === null || now === open) return false;
    if (line.group) this.opened[open ? "add" : "delete"](line.path);
    else this.shut[open ? "delete" : "add"](line.path);
    this.stale = true;
    return true;
  }

  /** Return what is known of a group: how long its calls took, and in which states they are in each part of the time. */
  sum(group, from, span, cells) {
    const { run } = this, now = performance.now(), key = `${from} ${span} ${cells} ${run.version}`;
    const old = group.sums;
    if (old && (old.key === key || (run.live && now - old.at < 400 + 20 * old.cost))) return old;
    const { urgent } = run.states, worst = new Array(cells).fill(urgent.length), took = [];
    for (const row of group.members) {
      const begin = run.begin(row), end = run.end(row), rank = urgent.indexOf(row.state);
      if (row.end !== null && run.states.finished.includes(row.state)) took.push(end - begin);
      const last = Math.min(cells - 1, Math.floor(((end - from) / span) * cells));
      for (let i = Math.max(0, Math.floor(((begin - from) / span) * cells)); i <= last; i++) if (rank < worst[i]) worst[i] = rank;
    }
    took.sort((a, b) => a - b);
    const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
    const told = took.length ? `median ${duration(at(0.5))}, ${duration(at(0.05))} to ${duration(at(0.95))}` : "";
    group.sums = { key, at: now, cost: performance.now() - now, worst, told };
    return group.sums;
  }
}
