/** The keyboard in the text of a recording: playing and editing without a mouse. */
const BACK_MS = 2000;
const NO_TEXT_KEYS = "input, textarea, select, button, summary, a, video, dialog";

/**
 * Let keys below `root` do what `acts` has: toggle(), jump(stepMs), changeSpeed(step), edit(element), find(), replace(),
 * undo(), redo(), help(), playWord(element), isTyping().
 */
export function listenToKeys(root, text, acts) {
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const taken = acts.isTyping() ? whileTyping(event, acts) : whileReading(event, text, acts);
    if (taken) event.preventDefault();
  });
}

/** Tab plays and pauses; Escape has left the text before Tab goes on to the next control. */
function whileTyping(event, acts) {
  if (event.key !== "Tab") return false;
  if (event.shiftKey) acts.jump(-BACK_MS);
  else acts.toggle();
  return true;
}

function whileReading(event, text, acts) {
  if (event.ctrlKey || event.metaKey) return withControl(event, text, acts);
  if (event.target.matches(NO_TEXT_KEYS)) return false;
  const commands = {
    " ": () => acts.toggle(),
    "<": () => acts.changeSpeed(-1),
    ">": () => acts.changeSpeed(1),
    "?": () => acts.help(),
    e: () => acts.edit(event.target),
  };
  const act = commands[event.key] ?? inText(event, text, acts);
  act?.();
  return Boolean(act);
}

function withControl({ key, shiftKey, target }, text, acts) {
  if (target.matches("input, textarea")) return false;
  const commands = {
    f: () => acts.find(),
    h: () => acts.replace(),
    z: () => (shiftKey ? acts.redo() : acts.undo()),
    y: () => acts.redo(),
  };
  const act = commands[key.toLowerCase()];
  act?.();
  return Boolean(act);
}

/** Arrows go from word to word and from sentence to sentence. */
function inText({ key, target, shiftKey }, text, acts) {
  if (shiftKey || !text.contains(target)) return null;
  if (key === "Enter") return target.matches(".word") ? () => acts.playWord(target) : null;
  const next = {
    ArrowRight: () => neighbour(text, target, 1, ".word"),
    ArrowLeft: () => neighbour(text, target, -1, ".word"),
    ArrowDown: () => neighbour(text, target, 1, ".sentence")?.querySelector(".word"),
    ArrowUp: () => neighbour(text, target, -1, ".sentence")?.querySelector(".word"),
  }[key];
  return next ? () => next()?.focus() : null;
}

/** The next element of a kind in the order of the text, from `element` on; from the text itself the first one. */
function neighbour(text, element, step, kind) {
  const from = kind === ".sentence" ? (element.closest(".sentence") ?? text) : element;
  if (from === text) return text.querySelector(kind);
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_ELEMENT, (node) =>
    node.matches(kind) && node !== from ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP,
  );
  walker.currentNode = from;
  return step > 0 ? walker.nextNode() : walker.previousNode();
}
