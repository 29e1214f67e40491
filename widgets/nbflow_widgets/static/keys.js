// Keys that are pressed in a part of the page which is nbflow's own. Plain ones are meant for it alone, and so are those
// that edit a text or send a form; any other chord with Ctrl (on a Mac Cmd) is the notebook's too: it saves, finds, ...

const OWN_CHORDS = new Set(["Enter", "Home", "End", "Backspace", "Delete", "Insert", "ArrowLeft", "ArrowRight",
  "ArrowUp", "ArrowDown", "Control", "Meta", "Shift", "a", "c", "v", "x", "y", "z", "V", "Z"]); // V and Z with Shift

/** Whether a key is for the notebook. @param {KeyboardEvent} event */
const isForNotebook = (event) => {
  const held = /Mac/.test(navigator.platform) ? event.metaKey : event.ctrlKey;
  return held && !event.altKey && !event.isComposing && !OWN_CHORDS.has(event.shiftKey ? event.key : event.key.replace(/^[A-Z]$/, (key) => key.toLowerCase()));
};

/** The part that keeps the keys which are pressed somewhere. @param {EventTarget|null} target */
const keeperOf = (target) =>
  target instanceof Element ? /** @type {HTMLElement|null} */ (target.closest("[data-nbflow-keys]")) : null;

/** Keep the notebook's keys away from an element, but for those that are meant for it. @param {HTMLElement} el */
const keepKeys = (el) => {
  el.dataset.lmSuppressShortcuts = el.dataset.nbflowKeys = "true";
  if (/** @type {any} */ (window).nbflowKeys) return; // each widget loads this module anew
  /** @type {any} */ (window).nbflowKeys = true;
  window.addEventListener("keydown", (event) => {
    const keeper = keeperOf(event.target);
    if (!keeper || !isForNotebook(event)) return;
    delete keeper.dataset.lmSuppressShortcuts;
    setTimeout(() => { keeper.dataset.lmSuppressShortcuts = "true"; }); // once everybody has seen the event
  }, true); // before the notebook sees it, in whichever phase it listens
  document.body.addEventListener("keydown", (event) => {
    // JupyterLab lets no line break and no undo into a field of a cell whose keys it has seen, be they suppressed.
    if (keeperOf(event.target) && !isForNotebook(event)) event.stopPropagation();
  });
};
